//! One direction of one connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::rule::Flow;
use super::state::State;

/// Which way bytes go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    ToStore,
    ToClient,
}

/// How many pieces a second has for a rule that throttles.
const PIECES_PER_SECOND: u64 = 50;

/// What became of some bytes.
enum Fate {
    /// So many went on.
    Passed(usize),
    /// The connection is over.
    Ended,
}

/// Carries bytes until one side ends.
pub(crate) fn pump(
    state: &State,
    connection: u64,
    direction: Direction,
    mut source: TcpStream,
    mut target: TcpStream,
) {
    let mut carrier = Carrier { state, connection, direction, turn: 0, passed: 0 };
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = source.read(&mut buffer);
        let Some(length) = read.as_ref().ok().copied().filter(|length| *length > 0) else {
            return carrier.finish(read.is_ok(), &target);
        };
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            match carrier.carry(rest, &mut target) {
                Fate::Passed(bytes) => rest = &rest[bytes..],
                Fate::Ended => return state.end(connection),
            }
        }
    }
}

/// What it knows of the way so far.
struct Carrier<'a> {
    state: &'a State,
    connection: u64,
    direction: Direction,
    turn: u64,
    /// Bytes since the rule was set.
    passed: u64,
}

impl Carrier<'_> {
    /// Carries some of the bytes as the rule of this moment wants it.
    fn carry(&mut self, bytes: &[u8], target: &mut TcpStream) -> Fate {
        let (turn, flow) = self.state.flow(self.connection, self.direction);
        if self.turn != turn {
            (self.turn, self.passed) = (turn, 0);
        }
        let Some(flow) = flow else {
            self.state.swallow(self.connection, bytes.len() as u64);
            return Fate::Passed(bytes.len());
        };
        if self.passed == 0 && !flow.delay.is_zero() && !self.pause(Some(flow.delay)) {
            return Fate::Ended;
        }
        let length = self.allowed(&flow, bytes.len());
        if length > 0 {
            if target.write_all(&bytes[..length]).is_err() {
                return Fate::Ended;
            }
            self.passed += length as u64;
            self.state.count_bytes(self.direction, length as u64);
            if let Some(limit) = flow.bytes_per_second {
                let limit = u32::try_from(limit.get()).unwrap_or(u32::MAX);
                self.pause(Some(Duration::from_secs(length as u64) / limit));
            }
        }
        let goes_on = if flow.cut_after.is_some_and(|cut| self.passed >= cut) {
            !self.state.cut(turn)
        } else {
            flow.hold_after.is_none_or(|hold| self.passed < hold) || self.pause(None)
        };
        if goes_on { Fate::Passed(length) } else { Fate::Ended }
    }

    fn pause(&self, time: Option<Duration>) -> bool {
        self.state.pause(self.turn, self.connection, time)
    }

    /// Returns how many bytes may go on at once.
    fn allowed(&self, flow: &Flow, length: usize) -> usize {
        let piece = flow.bytes_per_second.map(|limit| (limit.get() / PIECES_PER_SECOND).max(1));
        let left = |end: Option<u64>| end.map(|end| end.saturating_sub(self.passed));
        let limits = [piece, left(flow.cut_after), left(flow.hold_after)];
        limits
            .into_iter()
            .flatten()
            .fold(length, |least, limit| least.min(limit.try_into().unwrap_or(usize::MAX)))
    }

    /// Tells the target that the source has said all it had to say, or is gone.
    fn finish(&self, is_orderly: bool, target: &TcpStream) {
        let (_, flow) = self.state.flow(self.connection, self.direction);
        match (flow, self.direction) {
            // The client of a black hole does not see its store go.
            (None, Direction::ToClient) => self.state.finish(self.connection),
            (Some(_), _) if is_orderly && target.shutdown(Shutdown::Write).is_ok() => {
                self.state.finish(self.connection);
            }
            _ => self.state.end(self.connection),
        }
    }
}
