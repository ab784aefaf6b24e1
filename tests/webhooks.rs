//! A push, told to a receiver that checks it as docs/WEBHOOKS.md shows, over the end of the server.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{ServerOptions, TestServer, repository_root};

/// How long anything may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_mins(1);
const WORKSPACE: &str = "shop";
const SECRET: &str = "a-secret-of-the-receiver";

/// A request that came.
struct Came {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Takes requests, and answers with these statuses, one after the other.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<Came>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, came) = channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut headers = BTreeMap::new();
            reader.read_line(&mut String::new()).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(':') else { break };
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            let mut body = vec![0; headers["content-length"].parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").unwrap();
            send.send(Came { headers, body }).unwrap();
        }
    });
    (url, came)
}

/// Checks a request by the receiver of the documentation.
fn is_good(came: &Came, secret: &str) -> bool {
    let page = fs_err::read_to_string(repository_root().join("docs/WEBHOOKS.md")).unwrap();
    let (_, rest) = page.split_once("```python\n").unwrap();
    let (program, _) = rest.split_once("```").unwrap();
    let ask = "import json, sys\n\
        class Headers(dict):\n    def __getitem__(self, name): return super().__getitem__(name.lower())\n\
        headers = Headers(json.loads(sys.argv[1]))\n\
        print(is_good(sys.argv[2], headers, sys.stdin.buffer.read()))\n";
    let mut python = Command::new("python3")
        .args(["-c", &format!("{program}\n{ask}"), &json!(came.headers).to_string(), secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&came.body).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim() == "True"
}

/// Waits until the only delivery was answered, and returns it.
fn answered(server: &TestServer, webhook: &str, status: u16) -> Value {
    let begun = Instant::now();
    loop {
        let page = server.get(&format!("{webhook}/deliveries")).expect(200).json;
        let delivery = page["results"][0].clone();
        if delivery["lastStatus"] == status {
            assert_eq!(page["count"], 1);
            return delivery;
        }
        assert!(begun.elapsed() < PATIENCE, "{page}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_push_reaches_the_receiver_although_both_ends_fail() {
    let environment = vec![
        ("WORKSTEAD_EGRESS_ALLOW", "127.0.0.1".to_owned()),
        ("WORKSTEAD_EGRESS_ALLOW_HTTP", "true".to_owned()),
    ];
    let options = ServerOptions { environment, ..ServerOptions::default() };
    let mut server = TestServer::start_with(&options);
    server.create(WORKSPACE);
    let (url, requests) = receiver(&[500, 200]);
    let webhooks = format!("/api/v3/workspaces/{WORKSPACE}/webhooks");
    let fields = json!({"url": url, "events": ["push"], "secret": SECRET});
    let made = server.post(&webhooks, &fields).expect(201);
    let webhook = format!("{webhooks}/{}", made.field("id"));

    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("notes.md", "hello");
    let commit = clone.commit("take notes");
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let first = requests.recv_timeout(PATIENCE).unwrap();
    let delivery = answered(&server, &webhook, 500);
    assert_eq!(delivery["status"], "pending");

    server.signal("KILL");
    server.wait();
    server.run(&options);
    let id = delivery["id"].as_str().unwrap();
    server.post(&format!("{webhook}/deliveries/{id}/redeliver"), &Value::Null).expect(202);
    let second = requests.recv_timeout(PATIENCE).unwrap();
    assert_eq!(answered(&server, &webhook, 200)["status"], "delivered");

    for came in [&first, &second] {
        assert_eq!((came.headers["x-workstead-delivery"].as_str(), &came.body), (id, &first.body));
        assert!(is_good(came, SECRET) && !is_good(came, "another-secret-of-all"));
    }
    let event: Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!((&event["event"], &event["workspace"]), (&json!("push"), &json!(WORKSPACE)));
    assert_eq!(event["data"]["refs"][0]["after"], json!(commit));
}
