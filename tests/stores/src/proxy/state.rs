//! What the threads of a proxy share.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::pump::Direction;
use super::rule::{Flow, Rule};
use crate::process::PATIENCE;

/// What has gone through a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Those of them that are open.
    pub open: u64,
    /// Bytes that the store was sent.
    pub to_store: u64,
    /// Bytes that clients were sent.
    pub to_client: u64,
    /// Connections that the rule cut.
    pub cuts: u64,
    /// Bytes that vanished in a black hole.
    pub swallowed: u64,
}

/// The rule, the connections and the counts.
#[derive(Default)]
pub(crate) struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    rule: Rule,
    /// How many rules there were: counts of bytes begin anew with each.
    turn: u64,
    closed: bool,
    counts: Counts,
    open: HashMap<u64, Connection>,
}

/// A client and the store.
struct Connection {
    streams: [TcpStream; 2],
    /// How many of its two directions have ended as they should.
    finished: u8,
    /// Whether a black hole took some of its bytes.
    is_lost: bool,
}

impl Connection {
    fn shut(&self) {
        for stream in &self.streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no thread of a proxy panics")
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    pub(crate) fn set(&self, rule: Rule) {
        self.change(|inner| {
            inner.rule = rule;
            inner.turn += 1;
        });
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    #[track_caller]
    pub(crate) fn wait_until(&self, mut wanted: impl FnMut(&Counts) -> bool) -> Counts {
        let since = Instant::now();
        let mut inner = self.lock();
        while !wanted(&inner.counts) {
            let counts = inner.counts;
            let left = PATIENCE.saturating_sub(since.elapsed());
            if left.is_zero() {
                drop(inner);
                panic!("the proxy waits in vain, with {counts:?}");
            }
            inner = self.changed.wait_timeout(inner, left).expect("no thread of a proxy panics").0;
        }
        inner.counts
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(crate) fn close(&self) {
        self.change(|inner| inner.closed = true);
    }

    pub(crate) fn reopen(&self) {
        self.change(|inner| inner.closed = false);
    }

    pub(crate) fn count_connection(&self) {
        self.change(|inner| inner.counts.connections += 1);
    }

    /// Counts a connection and returns its number.
    pub(crate) fn add(&self, client: TcpStream, server: TcpStream) -> u64 {
        self.change(|inner| {
            inner.counts.connections += 1;
            let number = inner.counts.connections;
            inner.open.insert(number, Connection { streams: [client, server], finished: 0, is_lost: false });
            inner.counts.open = inner.open.len() as u64;
            number
        })
    }

    /// Ends a connection.
    pub(crate) fn end(&self, connection: u64) {
        self.change(|inner| {
            inner.open.remove(&connection).iter().for_each(Connection::shut);
            inner.counts.open = inner.open.len() as u64;
        });
    }

    /// Ends a connection when its other direction has finished too.
    pub(crate) fn finish(&self, connection: u64) {
        self.change(|inner| {
            if let Some(open) = inner.open.get_mut(&connection) {
                open.finished += 1;
                if open.finished == 2 {
                    inner.open.remove(&connection);
                }
            }
            inner.counts.open = inner.open.len() as u64;
        });
    }

    pub(crate) fn cut_all(&self) {
        self.change(|inner| {
            inner.open.drain().for_each(|(_, connection)| connection.shut());
            inner.counts.open = 0;
        });
    }

    /// Counts a cut and says whether it still was the rule's to make.
    pub(crate) fn cut(&self, turn: u64) -> bool {
        self.change(|inner| {
            if inner.turn != turn || inner.rule.cuts_left == Some(0) {
                return false;
            }
            inner.counts.cuts += 1;
            if let Some(left) = &mut inner.rule.cuts_left {
                *left -= 1;
            }
            true
        })
    }

    pub(crate) fn count_bytes(&self, direction: Direction, bytes: u64) {
        self.change(|inner| match direction {
            Direction::ToStore => inner.counts.to_store += bytes,
            Direction::ToClient => inner.counts.to_client += bytes,
        });
    }

    /// Counts bytes that go no further, whose connection is useless from now on.
    pub(crate) fn swallow(&self, connection: u64, bytes: u64) {
        self.change(|inner| {
            inner.counts.swallowed += bytes;
            if let Some(open) = inner.open.get_mut(&connection) {
                open.is_lost = true;
            }
        });
    }

    /// Returns the turn and what now holds for a direction: nothing in a black hole.
    pub(crate) fn flow(&self, connection: u64, direction: Direction) -> (u64, Option<Flow>) {
        let inner = self.lock();
        let is_lost = inner.open.get(&connection).is_none_or(|open| open.is_lost);
        if inner.rule.swallows || is_lost {
            return (inner.turn, None);
        }
        let flow = match direction {
            _ if inner.rule.cuts_left == Some(0) => Flow::default(),
            Direction::ToStore => inner.rule.to_store,
            Direction::ToClient => inner.rule.to_client,
        };
        (inner.turn, Some(flow))
    }

    /// Waits for a time, or for ever if there is none, but no longer than the rule lasts.
    ///
    /// Returns whether the connection is still open.
    pub(crate) fn pause(&self, turn: u64, connection: u64, time: Option<Duration>) -> bool {
        let since = Instant::now();
        let mut inner = self.lock();
        while inner.turn == turn && inner.open.contains_key(&connection) {
            let left = time.map_or(PATIENCE, |time| time.saturating_sub(since.elapsed()));
            if left.is_zero() {
                break;
            }
            inner = self.changed.wait_timeout(inner, left).expect("no thread of a proxy panics").0;
        }
        inner.open.contains_key(&connection)
    }
}
