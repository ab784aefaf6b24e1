//! How a server ends: it finishes what it has begun, unless it is asked twice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{ServerOptions, TestServer};

/// Opens a request of which the server has the first half.
fn half_a_patch(server: &TestServer, workspace: &str, body: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let head = format!(
        "PATCH /api/v3/workspaces/{workspace} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        server.token,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The answer to `Expect` shows that a handler waits for the body.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

fn wait_until_refusing(server: &TestServer) {
    let address = server.url.strip_prefix("http://").unwrap();
    let since = Instant::now();
    while TcpStream::connect(address).is_ok() && server.get_anonymous("/readyz").status == 200 {
        assert!(since.elapsed() < Duration::from_secs(30), "it still takes work:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_write_in_flight_is_finished_and_acknowledged() {
    let mut server = TestServer::start();
    server.create("shop");
    let body = json!({"displayName": "Finished"}).to_string();
    let mut stream = half_a_patch(&server, "shop", &body);
    server.signal("TERM");
    wait_until_refusing(&server);
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}\n{}", server.log());
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    server.run(&ServerOptions::default());
    let object = server.get("/api/v3/workspaces/shop").expect(200);
    assert_eq!(object.field("displayName"), "Finished");
}

#[test]
fn both_signals_end_an_idle_server_with_zero() {
    for signal in ["TERM", "INT"] {
        let mut server = TestServer::start();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}: {}", server.log());
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = TestServer::start();
    server.create("shop");
    let _stream = half_a_patch(&server, "shop", "{\"displayName\": \"never sent\"}");
    server.signal("TERM");
    wait_until_refusing(&server);
    let since = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(1), "{}", server.log());
    assert!(since.elapsed() < Duration::from_secs(10));
}
