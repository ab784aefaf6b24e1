//! `git http-backend` behind nginx, the usual way to serve repositories.

use std::fmt::Write;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::Connection;
use crate::server::free_address;

/// nginx with fcgiwrap, which runs `git http-backend` for each request.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    children: Vec<Child>,
    _directory: tempfile::TempDir,
}

impl Backend {
    /// Serves every repository below a directory, read-only and to anybody.
    pub(crate) fn start(repositories: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let socket = directory.path().join("fcgi.sock");
        let configuration = directory.path().join("nginx.conf");
        fs_err::write(&configuration, nginx_conf(directory.path(), address, &socket, repositories)?)?;
        let mut fcgi = Command::new("fcgiwrap");
        // As many at a time as our own server runs.
        fcgi.args(["-c", "32", "-s"]).arg(format!("unix:{}", socket.display()));
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(directory.path()).arg("-c").arg(&configuration);
        let mut backend = Self { address, children: Vec::new(), _directory: directory };
        for command in [&mut fcgi, &mut nginx] {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
            let missing = "nginx or fcgiwrap is missing: apt-get install nginx-light fcgiwrap";
            backend.children.push(command.spawn().context(missing)?);
        }
        backend.wait(&socket)?;
        Ok(backend)
    }

    fn wait(&self, socket: &Path) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !socket.exists() || Connection::open(self.address).is_err() {
            if Instant::now() > deadline {
                bail!("nginx does not listen on {}", self.address);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Asked as a group: fcgiwrap leaves its children behind, and nginx ends its own only when it is asked.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-s", "TERM", "--", &group]).status();
            let _ = child.wait();
        }
    }
}

fn nginx_conf(directory: &Path, address: SocketAddr, socket: &Path, repositories: &Path) -> Result<String> {
    let directory = directory.display();
    let temporary =
        ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"].iter().fold(String::new(), |mut text, kind| {
            let _ = writeln!(text, "  {kind}_temp_path {directory}/{kind};");
            text
        });
    // Workers of root's nginx are another user's, who can't enter our directory.
    let user = if is_root()? { "user root;\n" } else { "" };
    Ok(format!(
        "{user}daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
worker_processes auto;
events {{ worker_connections 512; }}
http {{
{temporary}  access_log off;
  client_max_body_size 0;
  sendfile on;
  tcp_nopush on;
  server {{
    listen {address};
    location / {{
      fastcgi_pass unix:{socket};
      fastcgi_read_timeout 600s;
      fastcgi_param SCRIPT_FILENAME {program};
      fastcgi_param GIT_PROJECT_ROOT {repositories};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }}
  }}
}}
",
        socket = socket.display(),
        program = http_backend()?.display(),
        repositories = repositories.display(),
    ))
}

fn http_backend() -> Result<PathBuf> {
    let output = Command::new("git").arg("--exec-path").output()?;
    let program = Path::new(String::from_utf8(output.stdout)?.trim()).join("git-http-backend");
    anyhow::ensure!(program.exists(), "there is no {}", program.display());
    Ok(program)
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}
