//! Git's pkt-line framing (gitprotocol-common), as far as the server must look into it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Most bytes of one packet with its length.
const MAX_PACKET_BYTES: usize = 65_520;
/// Most bytes of a push's report that are kept back.
const MAX_HELD_BYTES: usize = 8 << 20;

/// Why the output of `receive-pack` could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PacketError {
    /// The four digits of a length are not such.
    #[error("git wrote a packet with the length {0:?}")]
    Length(String),
    /// The report is larger than any report should be.
    #[error("git wrote a report of more than {MAX_HELD_BYTES} bytes")]
    TooLong,
}

/// What `git index-pack` says of a pack beyond `receive.maxInputSize`.
const TOO_LARGE: &[u8] = b"pack exceeds maximum allowed size";

/// Returns a packet of progress, which `git` shows to people as `remote: <text>`.
pub(crate) fn progress_line(text: &str) -> Bytes {
    Bytes::from(format!("{:04x}\x02{text}\n", text.len() + 6))
}

/// Returns the line that begins a list of references below protocol version 2, with its flush packet.
pub(crate) fn service_line(subcommand: &str) -> Bytes {
    let payload = format!("# service=git-{subcommand}\n");
    Bytes::from(format!("{:04x}{payload}0000", payload.len() + 4))
}

/// Splits what `receive-pack` writes: progress passes, the report waits.
///
/// The report tells the client that its references moved. It must not be told before the
/// server has made directories durable and has read the new references, so it is kept back until
/// the process has ended. Progress and errors (bands 2 and 3) and keep-alives go out at once. A
/// client without the side-band capability gets no progress, hence everything is report then.
#[derive(Debug, Default)]
pub(crate) struct ReportHold {
    partial: BytesMut,
    held: BytesMut,
    is_too_large: bool,
}

impl ReportHold {
    /// Takes what was read and returns what may be sent on now.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<Bytes, PacketError> {
        self.partial.extend_from_slice(chunk);
        let mut passing = BytesMut::new();
        while let Some(length) = packet_length(&self.partial)? {
            if self.partial.len() < length {
                break;
            }
            let packet = self.partial.split_to(length);
            if is_passing(&packet) {
                self.is_too_large |= has(&packet, TOO_LARGE);
                passing.put(packet);
            } else {
                self.held.put(packet);
            }
        }
        if self.held.len() > MAX_HELD_BYTES {
            return Err(PacketError::TooLong);
        }
        Ok(passing.freeze())
    }

    /// Tells whether there is no report yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.partial.is_empty()
    }

    /// Tells whether Git complained of a pack beyond the limit, to a client that shows such lines.
    pub(crate) fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// Returns the report, with an unfinished packet if there is one.
    pub(crate) fn finish(mut self) -> Bytes {
        self.held.put(self.partial);
        self.held.freeze()
    }
}

/// Reads the length of the next packet; special packets (`0000` to `0002`) are their four digits.
fn packet_length(bytes: &[u8]) -> Result<Option<usize>, PacketError> {
    let Some(mut digits) = bytes.get(..4) else { return Ok(None) };
    let wrong = || PacketError::Length(String::from_utf8_lossy(&bytes[..4]).into_owned());
    let mut raw = [0; 2];
    hex::decode_to_slice(digits, &mut raw).map_err(|_| wrong())?;
    digits = &raw;
    match usize::from(digits.get_u16()) {
        0..=2 => Ok(Some(4)),
        length @ 4..=MAX_PACKET_BYTES => Ok(Some(length)),
        _ => Err(wrong()),
    }
}

fn has(packet: &[u8], text: &[u8]) -> bool {
    packet.windows(text.len()).any(|window| window == text)
}

/// Tells whether a packet is progress, an error or a keep-alive.
fn is_passing(packet: &[u8]) -> bool {
    matches!(packet.get(4), Some(2 | 3)) || packet == b"0005\x01"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        [format!("{:04x}", payload.len() + 4).as_bytes(), payload].concat()
    }

    #[test]
    fn the_service_line_is_what_http_backend_writes() {
        assert_eq!(&service_line("upload-pack")[..], b"001e# service=git-upload-pack\n0000");
        assert_eq!(&service_line("receive-pack")[..], b"001f# service=git-receive-pack\n0000");
    }

    #[test]
    fn progress_passes_and_the_report_waits_however_it_is_cut() {
        let progress = packet(b"\x02remote: 50%\n");
        let error = packet(b"\x03fatal");
        let keep_alive = packet(b"\x01");
        let report = packet(b"\x01000eunpack ok\n");
        let all = [&progress[..], &report, &keep_alive, &error, b"0000"].concat();
        for cut in 1..all.len() {
            let mut hold = ReportHold::default();
            let mut passed = Vec::new();
            for chunk in all.chunks(cut) {
                passed.extend_from_slice(&hold.push(chunk).unwrap());
            }
            assert_eq!(passed, [&progress[..], &keep_alive, &error].concat(), "cut at {cut}");
            assert_eq!(hold.finish(), [&report[..], b"0000"].concat(), "cut at {cut}");
        }
    }

    #[test]
    fn without_side_band_everything_waits() {
        let mut hold = ReportHold::default();
        let report = [packet(b"unpack ok\n"), packet(b"ok refs/heads/main\n"), b"0000".to_vec()].concat();
        assert!(hold.push(&report).unwrap().is_empty());
        assert!(hold.push(b"00").unwrap().is_empty());
        assert_eq!(hold.finish(), [&report[..], b"00"].concat());
    }

    #[test]
    fn bad_lengths_and_endless_reports_are_refused() {
        for bad in [&b"zzzz"[..], b"0003", b"fff1"] {
            assert!(matches!(ReportHold::default().push(bad), Err(PacketError::Length(_))), "{bad:?}");
        }
        let mut hold = ReportHold::default();
        let line = packet(&vec![b'u'; MAX_PACKET_BYTES - 4]);
        let result = (0..200).map(|_| hold.push(&line)).find(Result::is_err);
        assert_eq!(result, Some(Err(PacketError::TooLong)));
    }
}
