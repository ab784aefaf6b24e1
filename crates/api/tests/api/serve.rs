//! A real socket: starting, stopping, and clients that do not look before they send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use workstead_api::{Server, Settings, StartError};

struct Running {
    address: SocketAddr,
    token: String,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

fn settings(directory: &std::path::Path) -> Settings {
    let data = directory.join("data").display().to_string();
    Settings::from_lookup(|name| match name {
        "WORKSTEAD_DATA_DIR" => Some(data.clone()),
        "WORKSTEAD_LISTEN" => Some("127.0.0.1:0".to_owned()),
        "WORKSTEAD_SHUTDOWN_GRACE" => Some("20".to_owned()),
        _ => None,
    })
    .unwrap()
}

async fn start(directory: &std::path::Path) -> Running {
    let mut server = Server::bind(settings(directory)).await.unwrap();
    let token = server.take_new_admin_token().unwrap().expose_secret().to_owned();
    assert_eq!(server.public_url().as_str(), format!("http://{}/", server.address()));
    let (stop, stopped) = oneshot::channel();
    let address = server.address();
    let ended = tokio::spawn(async move {
        let signal = async {
            let _ = stopped.await;
        };
        server.run(signal).await.unwrap();
    });
    Running { address, token, stop, ended }
}

/// Sends bytes and returns all that comes back until the server closes.
fn exchange(address: SocketAddr, pieces: &[&[u8]]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    for piece in pieces {
        stream.write_all(piece)?;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let second = Server::bind(settings(directory.path())).await.unwrap_err();
    assert!(matches!(second, StartError::DataDir(_)), "{second}");
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
    let mut again = Server::bind(settings(directory.path())).await.unwrap();
    // The token is shown once.
    assert!(again.take_new_admin_token().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_at_shutdown_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let Running { address, token, stop, ended } = start(directory.path()).await;
    let body = r#"{"name": "abc"}"#;
    let head = format!(
        "POST /api/v3/workspaces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    // The server works on the request when it asks for the body.
    let asked = tokio::task::spawn_blocking(move || {
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut go_on).map(|()| (stream, go_on))
    });
    let (mut stream, go_on) = asked.await.unwrap().unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    stop.send(()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    let answer = answer.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    ended.await.unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_all_before_looking_still_reads_the_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let address = running.address;
    let body = vec![b'x'; 4 << 20];
    let head = format!(
        "POST /api/v3/workspaces/abc/upload HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wst_bad\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer =
        tokio::task::spawn_blocking(move || exchange(address, &[head.as_bytes(), &body])).await.unwrap();
    let answer = answer.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("invalid_token"), "{answer}");
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
}
