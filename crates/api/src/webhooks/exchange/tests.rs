//! Exchanges with receivers of every manner, over TCP.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::auth::client_address::Network;
use crate::egress::{Egress, Resolver, Rules};

/// Knows one name, which no other resolver does.
#[derive(Debug)]
struct Hosts;

impl Resolver for Hosts {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        assert_eq!(name, "receiver.invalid");
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

/// Takes connections one after the other, answers each the same, and tells what it read.
fn receiver(answer: &'static [u8]) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, requests) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                let mut piece = [0; 1024];
                let read = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            // Whoever hung up does not want it.
            let _ = stream.write_all(answer);
            if told.send(String::from_utf8(request).unwrap()).is_err() {
                return;
            }
            if answer.is_empty() {
                // Says nothing until the other end gives up.
                let _ = stream.read(&mut [0; 1]);
            }
        }
    });
    (port, requests)
}

async fn destination(port: u16) -> Destination {
    let rules = Rules { networks: vec![Network::parse("127.0.0.1").unwrap()], http: true };
    let egress = Egress::with(rules, Arc::new(Hosts));
    let target = egress.target(&format!("http://receiver.invalid:{port}/hook?key=geheim")).unwrap();
    egress.check(&target).await.unwrap()
}

fn message() -> Message {
    Message {
        delivery_id: "d".to_owned(),
        kind: "commit",
        seconds: 7,
        secret: SecretString::from("0123456789abcdef"),
        body: "{}".to_owned(),
    }
}

async fn exchange(port: u16) -> Exchanged {
    let (destination, message) = (destination(port).await, message());
    let sending = move || send(&destination, &message.headers(), &message.body, Duration::from_millis(400));
    tokio::task::spawn_blocking(sending).await.unwrap()
}

fn said(exchanged: &Exchanged) -> String {
    exchanged.error.as_ref().map_or("fine".to_owned(), |error| format!("{}: {}", error.code, error.detail))
}

#[tokio::test]
async fn a_request_goes_to_the_checked_address_with_all_that_the_receiver_checks() {
    let (port, requests) = receiver(b"HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nthank you");
    let exchanged = exchange(port).await;
    assert_eq!(
        (exchanged.status, said(&exchanged), exchanged.answer.as_deref()),
        (Some(202), "fine".to_owned(), Some("thank"))
    );
    let request = requests.recv().unwrap().to_lowercase();
    for line in [
        "post /hook?key=geheim http/1.1",
        &format!("host: receiver.invalid:{port}"),
        concat!("user-agent: workstead/", env!("CARGO_PKG_VERSION")),
        "content-type: application/json",
        "content-length: 2",
        "x-workstead-event: commit",
        "x-workstead-delivery: d",
        "x-workstead-timestamp: 7",
        &format!("x-workstead-signature: {}", signature::of_body(&signature::key("0123456789abcdef"), "{}")),
    ] {
        assert!(request.lines().any(|sent| sent == line), "{line} is not in {request}");
    }
    assert!(!request.contains("accept-encoding") && request.matches("user-agent").count() == 1, "{request}");
}

#[tokio::test]
async fn no_redirect_is_followed() {
    for head in [
        &b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 308 Permanent Redirect\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (port, requests) = receiver(head);
        let exchanged = exchange(port).await;
        assert!(said(&exchanged).starts_with("redirected: the receiver answered 30"), "{exchanged:?}");
        requests.recv().unwrap();
        assert!(requests.try_recv().is_err());
    }
}

#[tokio::test]
async fn every_other_failure_is_named_without_the_url() {
    let answers: [(&[u8], &str); 4] = [
        (
            b"HTTP/1.1 503 Busy\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n",
            "refused: the receiver answered 503",
        ),
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", "refused: the receiver answered 410"),
        (
            b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
            "no_http: the receiver answered with something that is no answer of HTTP",
        ),
        (b"", "timeout: the receiver did not answer within 0 seconds"),
    ];
    for (answer, expected) in answers {
        let (port, _requests) = receiver(answer);
        let exchanged = exchange(port).await;
        assert_eq!(said(&exchanged), expected);
        assert_eq!(exchanged.wait.is_some(), expected.ends_with("503"));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failed = said(&exchange(port).await);
    assert!(failed.starts_with("connection_failed: ") && !failed.contains("geheim"), "{failed}");
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept() {
    let (port, _requests) = receiver(b"HTTP/1.1 200 OK\r\n\r\n\xff endless");
    // It ends by the time, since the receiver keeps the connection open.
    let exchanged = exchange(port).await;
    assert_eq!((exchanged.status, said(&exchanged).as_str()), (Some(200), "fine"));
    assert_eq!(exchanged.answer.as_deref(), Some("\u{fffd} endless"));
    let mut long = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    long.resize(long.len() + 100_000, b'x');
    let (port, _requests) = receiver(long.leak());
    assert_eq!(exchange(port).await.answer.map(|answer| answer.len()), Some(4096));
}

#[test]
fn the_log_of_headers_is_an_object() {
    let logged = headers_json(&message().headers());
    assert!(
        logged.contains(r#""X-Workstead-Delivery":"d""#) && !logged.contains("0123456789abcdef"),
        "{logged}"
    );
}
