//! Archives written byte by byte, also those that no library would write.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Builds a tar archive from raw headers.
#[derive(Debug, Default, Clone)]
pub(super) struct TarBuilder {
    bytes: Vec<u8>,
}

/// One header before it becomes bytes.
pub(super) struct RawHeader {
    pub(super) name: Vec<u8>,
    pub(super) flag: u8,
    pub(super) size: Vec<u8>,
    pub(super) link: Vec<u8>,
    /// Magic and version: `ustar\0` `00`, or GNU's `ustar  \0`.
    pub(super) magic: [u8; 8],
    pub(super) prefix: Vec<u8>,
    /// Added to the right checksum.
    pub(super) wrong_by: u64,
}

impl RawHeader {
    pub(super) fn new(name: impl AsRef<[u8]>, flag: u8, size: u64) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            flag,
            size: format!("{size:011o}\0").into_bytes(),
            link: Vec::new(),
            magic: *b"ustar\x0000",
            prefix: Vec::new(),
            wrong_by: 0,
        }
    }

    fn block(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        // Modes, owners and times that must not matter.
        put(100, b"0107777\0");
        put(108, b"0001750\0");
        put(124, &self.size);
        put(136, b"77777777777\0");
        put(148, b"        ");
        put(156, &[self.flag]);
        put(157, &self.link);
        put(257, &self.magic);
        put(345, &self.prefix);
        let sum = block.iter().map(|&byte| u64::from(byte)).sum::<u64>() + self.wrong_by;
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

impl TarBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn raw(mut self, header: &RawHeader, data: &[u8]) -> Self {
        self.bytes.extend(header.block());
        self.bytes.extend(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub(super) fn member(self, name: impl AsRef<[u8]>, flag: u8, data: &[u8]) -> Self {
        self.raw(&RawHeader::new(name, flag, data.len() as u64), data)
    }

    pub(super) fn file(self, name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        self.member(name, b'0', data.as_ref())
    }

    pub(super) fn directory(self, name: impl AsRef<[u8]>) -> Self {
        self.member(name, b'5', b"")
    }

    pub(super) fn long_name(self, name: impl AsRef<[u8]>) -> Self {
        let data = [name.as_ref(), b"\0"].concat();
        self.member("././@LongLink", b'L', &data)
    }

    pub(super) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.member("./PaxHeaders/x", b'x', &pax_records(records))
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// Returns the archive without an end.
    pub(super) fn open_end(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns the archive with its two blocks of zeros.
    pub(super) fn tar(self) -> Vec<u8> {
        self.bytes(&[0; 1024]).open_end()
    }

    /// Returns the whole bundle.
    pub(super) fn bundle(self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

/// Writes pax records with their lengths.
pub(super) fn pax_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        data.extend([length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat());
    }
    data
}

pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}
