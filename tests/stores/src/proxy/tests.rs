use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::*;

/// Sends back every byte that comes.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                std::io::copy(&mut &stream, &mut &stream).map(|_| stream.shutdown(Shutdown::Write))
            });
        }
    });
    format!("http://{address}")
}

fn connected(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream
}

/// Sends bytes, and returns what comes back until the end.
fn exchange(proxy: &Proxy, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connected(proxy);
    let mut back = Vec::new();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut back);
    back
}

/// Returns whether a connection answers.
fn answers(stream: &mut TcpStream) -> bool {
    let mut back = [0; 4];
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut back).is_ok()
}

#[test]
fn passes_and_counts() {
    let proxy = Proxy::start(&echo());
    let bytes: Vec<u8> = (0..200_000_u32).map(|index| index as u8).collect();
    assert_eq!(exchange(&proxy, &bytes), bytes);
    let counts = proxy.wait_until(|counts| counts.open == 0);
    let expected = Counts { connections: 1, to_store: 200_000, to_client: 200_000, ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn refuses_and_comes_back_on_the_same_port() {
    let mut proxy = Proxy::start(&echo());
    let mut open = connected(&proxy);
    assert!(answers(&mut open));
    proxy.set(Rule::refuse());
    assert_eq!(TcpStream::connect(proxy.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(!answers(&mut open));
    proxy.set(Rule::pass());
    assert_eq!(exchange(&proxy, b"again"), b"again");
}

#[test]
fn cuts_after_just_so_many_bytes() {
    let mut proxy = Proxy::start(&echo());
    proxy.set(Rule::pass().cut_to_store(100_001));
    let back = exchange(&proxy, &vec![7; 200_000]);
    assert!(back.len() <= 100_001);
    let counts = proxy.wait_until(|counts| counts.open == 0);
    assert_eq!((counts.to_store, counts.cuts), (100_001, 1));
    proxy.set(Rule::pass().cut_to_client(10));
    assert_eq!(exchange(&proxy, &[7; 200]).len(), 10);
    proxy.set(Rule::pass().cut_to_store(0));
    assert_eq!(exchange(&proxy, b"x"), b"");
}

#[test]
fn cuts_so_many_times() {
    let mut proxy = Proxy::start(&echo());
    proxy.set(Rule::pass().cut_to_client(3).times(2));
    let lengths: Vec<_> = (0..4).map(|_| exchange(&proxy, b"longer").len()).collect();
    assert_eq!(lengths, [3, 3, 6, 6]);
    assert_eq!(proxy.counts().cuts, 2);
}

#[test]
fn a_black_hole_says_nothing_and_loses_what_it_took() {
    let mut proxy = Proxy::start(&echo());
    let mut before = connected(&proxy);
    assert!(answers(&mut before));
    proxy.set(Rule::black_hole());
    let mut lost = connected(&proxy);
    lost.write_all(b"lost").unwrap();
    before.write_all(b"lost too").unwrap();
    let counts = proxy.wait_until(|counts| (counts.swallowed, counts.to_store) == (12, 4));
    assert_eq!(counts.open, 2);
    proxy.set(Rule::pass());
    let mut fresh = connected(&proxy);
    assert!(answers(&mut fresh));
    lost.write_all(b"still").unwrap();
    proxy.wait_until(|counts| (counts.swallowed, counts.to_client) == (17, 8));
    lost.set_nonblocking(true).unwrap();
    assert_eq!(lost.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lost);
    proxy.wait_until(|counts| counts.open == 2);
}

#[test]
fn holds_until_told_otherwise() {
    let mut proxy = Proxy::start(&echo());
    proxy.set(Rule::pass().hold_to_store(1000));
    let mut stream = connected(&proxy);
    stream.write_all(&[7; 5000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let counts = proxy.wait_until(|counts| (counts.to_store, counts.to_client) == (1000, 1000));
    assert_eq!(counts.open, 1);
    proxy.set(Rule::pass());
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert_eq!(back.len(), 5000);
}

#[test]
fn a_held_connection_can_be_cut() {
    let mut proxy = Proxy::start(&echo());
    proxy.set(Rule::pass().hold_to_client(2));
    let mut stream = connected(&proxy);
    stream.write_all(b"abcd").unwrap();
    proxy.wait_until(|counts| counts.to_client == 2);
    proxy.cut_connections();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert_eq!(back, b"ab");
}

#[test]
fn delays_and_throttles() {
    let mut proxy = Proxy::start(&echo());
    proxy.set(Rule::pass().delay(Duration::from_millis(20)));
    let since = Instant::now();
    assert_eq!(exchange(&proxy, b"late"), b"late");
    assert!(since.elapsed() >= Duration::from_millis(40), "one delay each way");
    proxy.set(Rule::pass().bytes_per_second(10_000));
    let since = Instant::now();
    assert_eq!(exchange(&proxy, &[7; 1000]).len(), 1000);
    assert!(since.elapsed() >= Duration::from_millis(100), "a tenth of a second's bytes");
}

#[test]
fn ends_connections_to_a_target_that_is_down() {
    // Nothing listens on the port of tcpmux, and no test may take it.
    let proxy = Proxy::start("http://127.0.0.1:1/");
    assert_eq!(exchange(&proxy, b"x"), b"");
}

#[test]
fn ends_all_when_it_is_dropped() {
    let proxy = Proxy::start(&echo());
    let address = proxy.address;
    let mut open = connected(&proxy);
    assert!(answers(&mut open));
    drop(proxy);
    assert!(!answers(&mut open));
    assert!(TcpStream::connect(address).is_err());
}
