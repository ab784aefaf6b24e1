//! Somebody else's repository behind `git http-backend`, on a port of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Git, TestServer, cleaned};

/// How it behaves.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// `user:password` that it asks for.
    pub(crate) credentials: Option<String>,
    /// Where it redirects everybody to.
    pub(crate) redirect: Option<String>,
    /// Whether it serves files and no protocol.
    pub(crate) dumb: bool,
    /// How long it thinks before it answers.
    pub(crate) delay: Duration,
}

/// A bare repository and the host before it.
pub(crate) struct Upstream {
    /// The repository.
    pub(crate) directory: PathBuf,
    port: u16,
    manners: Arc<Mutex<Manners>>,
    asked: Arc<Mutex<Vec<String>>>,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Upstream {
    /// Makes an empty repository of this name and serves it.
    pub(crate) fn start(server: &TestServer, name: &str) -> Self {
        let directory = server.root.path().join("upstreams").join(format!("{name}.git"));
        fs_err::create_dir_all(&directory).unwrap();
        let git = server.git(&directory);
        git.ok(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        git.ok(&["config", "http.receivepack", "true"]);
        let mut upstream =
            Self { directory, port: 0, manners: Arc::default(), asked: Arc::default(), running: None };
        upstream.begin();
        upstream
    }

    /// Begins, or begins again where it was.
    pub(crate) fn begin(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let ended = Arc::new(AtomicBool::new(false));
        let root = self.directory.parent().unwrap().to_owned();
        let (end, manners, asked) = (Arc::clone(&ended), Arc::clone(&self.manners), Arc::clone(&self.asked));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (root, manners, asked) =
                    (root.clone(), manners.lock().unwrap().clone(), Arc::clone(&asked));
                // A client that hangs up has nobody to answer.
                std::thread::spawn(move || {
                    stream.ok().and_then(|stream| answer(stream, &root, &manners, &asked))
                });
            }
        });
        self.running = Some((ended, thread));
    }

    /// Goes away: connections are refused.
    pub(crate) fn end(&mut self) {
        let Some((ended, thread)) = self.running.take() else { return };
        ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        thread.join().unwrap();
    }

    /// Changes how it behaves.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap());
    }

    /// Returns the repository's address.
    pub(crate) fn url(&self) -> String {
        let name = self.directory.file_name().unwrap().to_str().unwrap();
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Returns what was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Returns where a branch is.
    pub(crate) fn head(&self, server: &TestServer, branch: &str) -> String {
        let output = server.git(&self.directory).run(&["rev-parse", "--verify", "--quiet", branch]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Clones it from the disk, past the host.
    pub(crate) fn clone_to(&self, server: &TestServer, name: &str) -> Git {
        let target = server.root.path().join(name);
        let source = self.directory.display().to_string();
        server.git(server.root.path()).ok(&["clone", "--quiet", &source, &target.display().to_string()]);
        server.git(&target)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request's head and body.
#[derive(Default)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut text = String::new();
            reader.read_line(&mut text).ok().filter(|count| *count > 0)?;
            Some(text.trim_end().to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self { method, path: path.to_owned(), query: query.to_owned(), ..Self::default() };
        loop {
            let text = line()?;
            let Some((name, value)) = text.split_once(':') else { break };
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if request.header("transfer-encoding") == "chunked" {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim(), 16).ok()?;
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).ok()?;
                if size == 0 {
                    break;
                }
                request.body.extend_from_slice(&chunk[..size]);
            }
        } else {
            let length = request.header("content-length").parse().unwrap_or(0);
            request.body = vec![0; length];
            reader.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

fn answer(mut stream: TcpStream, root: &Path, manners: &Manners, asked: &Mutex<Vec<String>>) -> Option<()> {
    let request = Request::read(&stream)?;
    asked.lock().unwrap().push(format!("{} {}", request.method, request.path));
    std::thread::sleep(manners.delay);
    let wanted = manners.credentials.as_ref().map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    if wanted.is_some_and(|wanted| wanted != request.header("authorization")) {
        let head = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"up\"\r\n";
        return write!(stream, "{head}content-length: 0\r\nconnection: close\r\n\r\n").ok();
    }
    if let Some(target) = &manners.redirect {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: {target}{}?{}\r\n", request.path, request.query);
        return write!(stream, "{head}content-length: 0\r\nconnection: close\r\n\r\n").ok();
    }
    let mut backend = Command::new("git");
    cleaned(&mut backend, root)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "somebody")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", if manners.dumb { "" } else { &request.query })
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding"))
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = backend.spawn().ok()?;
    let (mut stdin, body) = (child.stdin.take()?, request.body);
    let feeding = std::thread::spawn(move || stdin.write_all(&body));
    let mut said = Vec::new();
    child.stdout.take()?.read_to_end(&mut said).ok()?;
    let _ = (feeding.join(), child.wait());
    let end = said.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&said[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let rest: Vec<&str> = head.lines().filter(|line| !line.starts_with("Status: ")).collect();
    let body = &said[end + 4..];
    let length = body.len();
    let rest = rest.join("\r\n");
    let head =
        format!("HTTP/1.1 {status}\r\n{rest}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()
}
