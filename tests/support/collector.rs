//! A stand-in for a collector of traces: OTLP over HTTP, and nothing else of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use super::server::PATIENCE;

/// Takes what servers send until the test ends.
pub(crate) struct Collector {
    /// Where it listens, for `WORKSTEAD_OTLP_ENDPOINT`.
    pub(crate) url: String,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    requests: Vec<ExportTraceServiceRequest>,
    /// The heads and bodies as they came.
    raw: Vec<Vec<u8>>,
}

impl Collector {
    /// Listens on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Taken::default()));
        let shared = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || while take(&stream, &shared).is_some() {});
            }
        });
        Self { url, taken }
    }

    /// Returns all spans that came so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let scopes = taken.requests.iter().flat_map(|request| &request.resource_spans);
        scopes.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Returns what is said of who sends.
    pub(crate) fn resource(&self) -> Vec<KeyValue> {
        let taken = self.taken.lock().unwrap();
        let resources = taken.requests.iter().flat_map(|request| &request.resource_spans);
        resources
            .filter_map(|spans| spans.resource.clone())
            .flat_map(|resource| resource.attributes)
            .collect()
    }

    /// Tells whether a text stands in anything that came, heads included.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let taken = self.taken.lock().unwrap();
        taken.raw.iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    /// Tells whether a text stands in a name or an attribute. For short texts: ids are random bytes, in which any may stand.
    pub(crate) fn tells(&self, text: &str) -> bool {
        // Ids are shown as numbers.
        format!("{:?}{:?}", self.spans(), self.resource()).contains(text)
    }

    /// Waits for a span of a name.
    #[track_caller]
    pub(crate) fn wait_for(&self, name: &str) -> Span {
        self.wait_until(name, |span| span.name == name)
    }

    /// Waits for a span that is as wanted.
    #[track_caller]
    pub(crate) fn wait_until(&self, name: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        let since = Instant::now();
        loop {
            let spans = self.spans();
            if let Some(span) = spans.iter().find(|span| wanted(span)) {
                return span.clone();
            }
            let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
            assert!(since.elapsed() < PATIENCE, "no span {name} came, only {names:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Returns an attribute as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let value = attributes.iter().find(|attribute| attribute.key == key);
    match value.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Takes one request of a connection and answers it; nothing at its end.
fn take(stream: &TcpStream, taken: &Mutex<Taken>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[begin..].trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let mut taken = taken.lock().unwrap();
    taken.requests.push(request);
    taken.raw.extend([head.into_bytes(), body]);
    drop(taken);
    let mut stream = stream;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
        .ok()
}
