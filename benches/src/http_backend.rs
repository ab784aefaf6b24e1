//! `git http-backend` behind nginx, as git-http-backend(1) shows it: the peer of clones.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::peers::run;
use crate::server::free_address;

/// How many requests it answers at once.
const CHILDREN: &str = "8";

/// nginx and the processes that run the CGI program, ended with this.
pub(crate) struct HttpBackend {
    children: Vec<Child>,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl HttpBackend {
    /// Serves a copy of a bare repository.
    pub(crate) fn start(repository: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let root = directory.path();
        run(Command::new("cp").arg("-r").arg(repository).arg(root.join("bench.git")))?;
        let address = free_address()?;
        let socket = format!("unix:{}", root.join("fcgi.sock").display());
        fs_err::write(root.join("nginx.conf"), configuration(root, address, &socket))?;
        let quiet = |command: &mut Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let wrap = quiet(Command::new("fcgiwrap").args(["-c", CHILDREN, "-s", &socket]));
        let wrap = wrap.context("failed to start fcgiwrap (Debian's package fcgiwrap)")?;
        let mut backend = Self { children: vec![wrap], address, directory };
        let root = backend.directory.path();
        let nginx = quiet(Command::new("nginx").arg("-c").arg(root.join("nginx.conf")).arg("-p").arg(root));
        backend.children.push(nginx.context("failed to start nginx (Debian's package nginx-light)")?);
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                bail!("nginx does not listen on {address}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(backend)
    }

    /// Returns the repository's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/bench.git", self.address)
    }
}

impl Drop for HttpBackend {
    fn drop(&mut self) {
        for child in &mut self.children {
            // nginx and fcgiwrap end their own children when they are asked to, not when they are killed.
            let _ = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }
}

fn configuration(root: &Path, address: SocketAddr, socket: &str) -> String {
    let root = root.display();
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = write!(temporary, "{kind}_temp_path {root}/{kind}; ");
    }
    format!(
        "daemon off; worker_processes 2; pid {root}/nginx.pid; error_log {root}/error.log;
events {{}}
http {{ access_log off; {temporary}
  server {{ listen {address}; client_max_body_size 0;
    location / {{
      fastcgi_pass {socket};
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL \"\";
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
    }}
  }}
}}
"
    )
}
