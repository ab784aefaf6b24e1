//! An HTTP server on loopback that answers as a test says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A status, headers as lines, and a body.
    Whole(u16, &'static str, String),
    /// The body's announced length, and the part of it after which the connection ends.
    Broken(usize, &'static str),
    /// Nothing, for as long as the client waits.
    Silence,
}

impl Reply {
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Whole(status, "Content-Type: application/json\r\n", body.to_string())
    }
}

/// The server; it lives as long as the test's process.
pub(super) struct StandIn {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl StandIn {
    pub(super) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        Self { address, requests }
    }

    /// Answers everything alike.
    pub(super) fn always(reply: Reply) -> Self {
        Self::start(move |_| reply.clone())
    }

    pub(super) fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).unwrap()
    }

    /// Returns the same without a slash at its end.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some(request) = read(&mut reader) else { return };
    seen.lock().unwrap().push(request.clone());
    let mut stream = stream;
    // A client that has gone does not listen.
    let _ = match answer(&request) {
        Reply::Whole(status, headers, body) => {
            let size = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {size}\r\n{headers}\r\n{body}"
            )
        }
        Reply::Broken(size, body) => {
            write!(stream, "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n{body}")
        }
        // Ends when the client closes its side.
        Reply::Silence => reader.read_to_end(&mut Vec::new()).map(|_| ()),
    };
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().map(|_| text.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let size = headers.get("content-length").map_or(0, |size| size.parse().unwrap());
    let mut body = vec![0; size];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}
