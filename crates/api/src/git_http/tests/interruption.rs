//! Clients that go away, wait, or talk nonsense.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::host::{Host, commit, git, noise, processes_naming};
use crate::git_http::limits::GitLimits;

const AUTHORIZATION: &str = "Authorization: Bearer s3cret\r\n";

/// Sends the head of a POST.
async fn post(host: &Host, service: &str, further: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    let head = format!(
        "POST /git/demo.git/{service} HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\
         Content-Type: application/x-{service}-request\r\nTransfer-Encoding: chunked\r\n{further}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn send_chunk(stream: &mut TcpStream, content: &[u8]) {
    let framed = [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat();
    stream.write_all(&framed).await.unwrap();
}

fn packet(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// Waits until the server has a process for the repository.
async fn wait_until_busy(host: &Host) {
    while processes_naming(host.repository().to_str().unwrap()) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes a client's push as bytes: commands and pack.
async fn push_request(host: &Host, options: &[String]) -> Vec<u8> {
    host.seed(&[("file", b"0")]).await;
    let clone = host.clone_to("clone", &[]).await;
    commit(&clone, &[("large", &noise(2 << 20))]).await;
    let old = git(&clone, &["rev-parse", "HEAD~"]).await.success();
    let new = git(&clone, &["rev-parse", "HEAD"]).await.success();
    git(&clone, &["pack-objects", "-q", "--all", "../push"]).await.success();
    let entries = fs_err::read_dir(host.root.path()).unwrap().filter_map(Result::ok);
    let pack =
        entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    let capabilities = "report-status side-band-64k push-options";
    let command = format!("{} {} refs/heads/main\0{capabilities}", old.trim(), new.trim());
    let options: String = options.iter().map(|option| packet(option)).collect();
    let beginning = format!("{}0000{options}0000", packet(&command));
    [beginning.as_bytes(), &fs_err::read(pack).unwrap()].concat()
}

#[tokio::test]
async fn options_that_no_program_can_be_given_refuse_the_push() {
    let host = Host::start().await;
    // More than the system passes to a program, so that the hook can't be run. A push must not go on without it.
    let request = push_request(&host, &vec!["x".repeat(60_000); 45]).await;
    let head = git(host.repository(), &["rev-parse", "main"]).await.success();
    let before = host.object_files();
    let mut stream = post(&host, "git-receive-pack", "Connection: close\r\n").await;
    send_chunk(&mut stream, &request).await;
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("pre-receive hook declined"), "{answer}");
    assert_eq!(git(host.repository(), &["rev-parse", "main"]).await.success(), head);
    assert_eq!(host.object_files(), before);
    assert!(host.seen().judged.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_push_leaves_nothing() {
    let host = Host::start().await;
    let request = push_request(&host, &[]).await;
    let before = host.object_files();
    let mut stream = post(&host, "git-receive-pack", "").await;
    send_chunk(&mut stream, &request[..request.len() / 2]).await;
    wait_until_busy(&host).await;
    while !host.object_files().iter().any(|path| path.to_string_lossy().contains("incoming")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    host.wait_until_idle().await;
    while *host.seen().finished.lock().unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(host.object_files(), before);
    assert!(host.seen().judged.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_stops_reading_a_clone_is_dropped() {
    let limits = GitLimits { max_idle: Duration::from_millis(500), ..GitLimits::default() };
    let host = Host::with_limits(limits).await;
    host.seed(&[("large", &noise(24 << 20))]).await;
    let head = git(host.repository(), &["rev-parse", "main"]).await.success();
    let want = packet(&format!("want {}", head.trim()));
    let mut stream = post(&host, "git-upload-pack", "").await;
    send_chunk(&mut stream, format!("{want}0000{}", packet("done\n")).as_bytes()).await;
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut beginning = [0; 1000];
    stream.read_exact(&mut beginning).await.unwrap();
    assert!(beginning.starts_with(b"HTTP/1.1 200"));
    // The connection stays open, unread.
    host.wait_until_idle().await;
    drop(stream);

    let mut stream = post(&host, "git-upload-pack", "").await;
    send_chunk(&mut stream, format!("{want}0000{}", packet("done\n")).as_bytes()).await;
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    stream.read_exact(&mut beginning).await.unwrap();
    drop(stream);
    host.wait_until_idle().await;
}

#[tokio::test]
async fn the_number_and_the_life_of_processes_are_bounded() {
    let limits = GitLimits {
        max_processes: 1,
        queue_time: Duration::from_millis(50),
        max_time: Duration::from_secs(2),
        ..GitLimits::default()
    };
    let host = Host::with_limits(limits).await;
    host.seed(&[("file", b"0")]).await;
    let mut waiting = post(&host, "git-upload-pack", "").await;
    wait_until_busy(&host).await;
    let said = git(host.root.path(), &["ls-remote", &host.url()]).await.failure();
    assert!(said.contains("503"), "{said}");
    // The one that says nothing is ended, and its place is free again.
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("`git` took longer than 2 seconds"), "{answer}");
    git(host.root.path(), &["ls-remote", &host.url()]).await.success();
}

#[tokio::test]
async fn nonsense_is_answered_with_an_error() {
    let host = Host::start().await;
    let cases: [(&str, &[u8], &str); 3] = [
        ("", b"nonsense", "and no answer: fatal: protocol error: bad line length character: nons"),
        ("Content-Encoding: gzip\r\n", b"nonsense", "the request's body is not valid gzip"),
        ("Content-Encoding: br\r\n", b"", "the request's content encoding must be gzip or none"),
    ];
    for (header, body, expected) in cases {
        let mut stream = post(&host, "git-upload-pack", &format!("{header}Connection: close\r\n")).await;
        if !body.is_empty() {
            send_chunk(&mut stream, body).await;
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with(expected), "{answer}");
    }
}
