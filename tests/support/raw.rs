//! HTTP as no well-meaning client writes it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TestServer;

impl TestServer {
    /// Opens a connection whose reads give up after a while.
    pub(crate) fn open(&self) -> TcpStream {
        let stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends bytes as they are and returns all that comes back; the request must ask for the connection's end.
    pub(crate) fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.open();
        // A server that has read enough may close while this still writes.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Returns the header by which `git` shows the admin's token.
    pub(crate) fn basic(&self) -> String {
        format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("git:{}", self.token)))
    }
}
