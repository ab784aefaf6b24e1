//! A proxy of bytes that plays a bad network.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use self::pump::{Direction, pump};
pub use self::rule::Rule;
pub use self::state::Counts;
use self::state::State;
use crate::ports;

mod pump;
mod rule;
mod state;
#[cfg(test)]
mod tests;

/// A port of 127.0.0.1 that stands before another one and does what a [`Rule`] says.
pub struct Proxy {
    address: SocketAddr,
    target: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy that passes everything to the port of an address like `http://127.0.0.1:80`.
    pub fn start(target: &str) -> Self {
        let authority = target.strip_prefix("http://").unwrap_or(target).trim_end_matches('/');
        let target = authority.parse().unwrap_or_else(|_| panic!("{target} is not http://<ip>:<port>"));
        let (listener, port) = ports::listen();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut proxy = Self { address, target, state: Arc::default(), accepting: None };
        proxy.accept(listener);
        proxy
    }

    /// Returns the address to use instead of the target's.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what it does from now on, for open connections too.
    ///
    /// When this returns from a rule that refuses connections, no new one succeeds and none is open.
    pub fn set(&mut self, rule: Rule) {
        let refuses = rule.refuses;
        self.state.set(rule);
        if refuses {
            self.close();
        } else if self.accepting.is_none() {
            self.accept(TcpListener::bind(self.address).expect("the proxy's port is still free"));
        }
    }

    /// Cuts all open connections once; new ones follow the rule.
    pub fn cut_connections(&self) {
        self.state.cut_all();
    }

    /// Returns what has gone through so far.
    ///
    /// Connections are counted before anything of theirs goes on, bytes after they went: who has just got some may
    /// find them missing for a moment, and asks by [`Proxy::wait_until`] for all of them.
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// Waits until the counts are as wanted and returns them; panics after a minute.
    #[track_caller]
    pub fn wait_until(&self, wanted: impl FnMut(&Counts) -> bool) -> Counts {
        self.state.wait_until(wanted)
    }

    fn accept(&mut self, listener: TcpListener) {
        let (state, target) = (Arc::clone(&self.state), self.target);
        self.accepting = Some(std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if state.is_closed() {
                    break;
                }
                connect(&state, client, target);
            }
        }));
    }

    /// Closes the port and all connections.
    fn close(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.state.close();
        // Wakes the thread from its wait for a connection.
        let _ = TcpStream::connect(self.address);
        accepting.join().expect("the proxy's thread does not panic");
        self.state.cut_all();
        self.state.reopen();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

/// Joins a client with the target by one thread for each direction.
fn connect(state: &Arc<State>, client: TcpStream, target: SocketAddr) {
    let Ok(server) = TcpStream::connect(target) else {
        // The target is down: the client sees an end where it would see a refusal.
        state.count_connection();
        return;
    };
    let again = |stream: &TcpStream| stream.try_clone().expect("a connection can be cloned");
    for stream in [&client, &server] {
        // Without this, small pieces wait for each other.
        let _ = stream.set_nodelay(true);
    }
    let connection = state.add(again(&client), again(&server));
    let (up, down) = (Arc::clone(state), Arc::clone(state));
    let (client_again, server_again) = (again(&client), again(&server));
    std::thread::spawn(move || pump(&up, connection, Direction::ToStore, client, server));
    std::thread::spawn(move || pump(&down, connection, Direction::ToClient, server_again, client_again));
}
