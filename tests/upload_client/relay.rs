//! A relay in front of the real server: it counts what passes, fails as it is told, and can be a store of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use ureq::http::Method;

use crate::support::send;

/// What goes wrong with a request.
pub(super) enum Fault {
    /// It is answered here: status, a header, body.
    Answer(u16, (&'static str, &'static str), &'static str),
    /// The connection is cut when that much of its body has come.
    CutBody(usize),
    /// The server does what it is asked, and the answer is lost.
    CutAnswer,
    /// The server does what it is asked, and meanwhile the answer is 202.
    Queue,
}

/// A request that came, wholly or in part.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// The path with its query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

struct Told {
    server: String,
    /// Method, part of the path, and what goes wrong; each but once.
    faults: Mutex<Vec<(&'static str, &'static str, Fault)>>,
    /// Where the store of the answers is.
    store: Mutex<Option<String>>,
    seen: Mutex<Vec<Seen>>,
}

pub(super) struct Relay {
    pub(super) url: String,
    told: Arc<Told>,
}

impl Relay {
    /// Begins to listen in front of a server.
    pub(super) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (faults, store, seen) = (Mutex::default(), Mutex::default(), Mutex::default());
        let told = Arc::new(Told { server: server.to_owned(), faults, store, seen });
        let shared = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let told = Arc::clone(&shared);
                // A connection that breaks is what the tests are about.
                thread::spawn(move || told.serve(stream).ok());
            }
        });
        Self { url, told }
    }

    /// Lets the next such request go wrong.
    pub(super) fn fail(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.told.faults.lock().unwrap().push((method, part, fault));
    }

    /// Lets signed addresses name a store elsewhere, or this relay as one.
    pub(super) fn have_store(&self, elsewhere: Option<&str>) {
        let url = elsewhere.unwrap_or(&self.url).to_owned();
        self.told.store.lock().unwrap().replace(url);
    }

    /// Returns the requests of a method whose path has a part.
    pub(super) fn seen(&self, method: &str, part: &str) -> Vec<Seen> {
        let seen = self.told.seen.lock().unwrap();
        let fits = |one: &&Seen| one.method == method && one.target.contains(part);
        seen.iter().filter(fits).cloned().collect()
    }

    /// Returns how many addresses were asked for, bundles put and completions asked for.
    pub(super) fn counts(&self) -> [usize; 3] {
        let opened = self.seen("GET", "/upload?").len();
        [opened, self.seen("PUT", "/uploads/").len(), self.seen("POST", "/complete").len()]
    }
}

impl Told {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut seen = Seen { method, target, headers, body: Vec::new() };
        if seen.method == "CONNECT" {
            self.note(&seen);
            return self.tunnel(stream);
        }
        let fault = self.fault(&seen);
        if !seen.header("expect").is_empty() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = seen.header("content-length").parse().unwrap_or(0);
        let most = if let Some(Fault::CutBody(most)) = fault { most } else { length };
        reader.take(most.min(length) as u64).read_to_end(&mut seen.body)?;
        self.note(&seen);
        let (status, header, body) = match fault {
            Some(Fault::CutBody(_)) => return stream.shutdown(Shutdown::Both),
            Some(Fault::CutAnswer) => {
                forward(&self.server, &seen);
                return stream.shutdown(Shutdown::Both);
            }
            Some(Fault::Answer(status, header, body)) => (status, header, body.to_owned()),
            Some(Fault::Queue) => (202, ("x", "y"), self.queue(seen)),
            None => {
                let (status, body) = self.pass(&seen);
                (status, ("x", "y"), body)
            }
        };
        let head = format!(
            "HTTP/1.1 {status} Told\r\n{}: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            header.0,
            header.1,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())
    }

    fn note(&self, seen: &Seen) {
        self.seen.lock().unwrap().push(seen.clone());
    }

    fn fault(&self, seen: &Seen) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let fits =
            |(method, part, _): &(&str, &str, Fault)| *method == seen.method && seen.target.contains(part);
        let at = faults.iter().position(fits)?;
        Some(faults.remove(at).2)
    }

    /// Lets a request through, and gives signed addresses the store's host.
    fn pass(&self, seen: &Seen) -> (u16, String) {
        let (status, body) = forward(&self.server, seen);
        let store = self.store.lock().unwrap().clone();
        let mut json: Value = serde_json::from_str(&body).unwrap_or_default();
        let by_server = seen.target.contains("via=server");
        let Some((store, path)) = store.filter(|_| !by_server).zip(json["url"].as_str().and_then(path_of))
        else {
            return (status, body);
        };
        json["url"] = json!(format!("{store}{path}"));
        json["provider"] = json!("s3");
        (status, json.to_string())
    }

    /// Does in the background what it is asked, and says where to ask after it.
    fn queue(&self, seen: Seen) -> String {
        let id = seen.target.split('/').rev().nth(1).unwrap_or_default().to_owned();
        let server = self.server.clone();
        thread::spawn(move || forward(&server, &seen));
        let status = format!("{}/api/v3/workspaces/upload-status/{id}", self.server);
        json!({ "task_id": id, "status": "queued", "statusUrl": status }).to_string()
    }

    /// Is a proxy: whatever host is asked for, the server is behind it.
    fn tunnel(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut server = TcpStream::connect(self.server.trim_start_matches("http://"))?;
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || std::io::copy(&mut from_client, &mut to_server).ok());
        std::io::copy(&mut server, &mut client)?;
        client.shutdown(Shutdown::Both)
    }
}

fn path_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    Some(format!("/{}", rest.split_once('/')?.1))
}

/// Asks the server as the client asked, but that what is left out is not told.
fn forward(server: &str, seen: &Seen) -> (u16, String) {
    let method = Method::from_bytes(seen.method.as_bytes()).unwrap();
    let headers: Vec<(&str, &str)> = ["authorization", "content-type"]
        .into_iter()
        .map(|name| (name, seen.header(name)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    // A server may not know it; what it answers without is the same.
    let target = seen.target.replace("&via=server", "");
    let body = (seen.method != "GET").then_some(seen.body.as_slice());
    let answer = send(method, &format!("{server}{target}"), &headers, body);
    (answer.status, answer.text)
}
