//! Ports that stay free while a store is down.

use std::net::TcpListener;

use rand::RngExt;

/// Below what Linux gives to outgoing connections, so that none of those takes a port between an outage and its end.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Returns a listener on a port that was free, and the port.
pub(crate) fn listen() -> (TcpListener, u16) {
    let mut random = rand::rng();
    for _ in 0..1000 {
        let port = random.random_range(RANGE);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return (listener, port);
        }
    }
    panic!("a thousand ports of 127.0.0.1 from {} to {} are all taken", RANGE.start, RANGE.end);
}

/// Returns different ports that are free now.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    // All are held until the last is found; another process may still be faster than the store.
    let held: [_; N] = std::array::from_fn(|_| listen());
    held.map(|(_, port)| port)
}
