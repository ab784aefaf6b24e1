//! A server as a child process, stopped when the test ends, however it ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take before the test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The token that tests start servers with.
pub(crate) const ADMIN_TOKEN: &str = "wst_e2e_0123456789abcdefghijklmnopqrstuv";

/// What a test may want to be different.
#[derive(Default)]
pub(crate) struct ServerOptions {
    /// More settings.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Whether the server makes its admin token itself.
    pub(crate) own_token: bool,
    /// A program to run the server under, with its arguments.
    pub(crate) under: Vec<String>,
}

/// A running server.
pub(crate) struct TestServer {
    child: Option<Child>,
    /// Where it keeps everything; the log of each run lies beside it.
    pub(crate) root: TempDir,
    /// Its address, without a slash at the end.
    pub(crate) url: String,
    /// Its admin's token.
    pub(crate) token: String,
    /// Everything that it wrote to standard output before it was ready.
    pub(crate) greeting: Vec<String>,
    runs: usize,
}

impl TestServer {
    /// Starts a server with nothing but the defaults.
    pub(crate) fn start() -> Self {
        Self::start_with(&ServerOptions::default())
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn start_with(options: &ServerOptions) -> Self {
        let mut server = Self {
            child: None,
            root: tempfile::tempdir().unwrap(),
            url: String::new(),
            token: ADMIN_TOKEN.to_owned(),
            greeting: Vec::new(),
            runs: 0,
        };
        server.run(options);
        server
    }

    /// Starts it again on the same data.
    pub(crate) fn run(&mut self, options: &ServerOptions) {
        assert!(self.child.is_none(), "the server still runs");
        self.runs += 1;
        let log = fs_err::File::create(self.log_path(self.runs)).unwrap();
        let mut command = match options.under.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(workstead());
                command
            }
            None => Command::new(workstead()),
        };
        cleaned(&mut command, self.root.path());
        command
            .arg("serve")
            .env("WORKSTEAD_DATA_DIR", self.data_dir())
            .env("WORKSTEAD_LISTEN", "127.0.0.1:0")
            .env("WORKSTEAD_LOG", "debug")
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log.into_parts().0));
        if !options.own_token {
            command.env("WORKSTEAD_ADMIN_TOKEN", ADMIN_TOKEN);
        }
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        self.child = Some(child);
        self.greeting.clear();
        for line in stdout.lines() {
            let line = line.unwrap();
            self.greeting.push(line.clone());
            if let Some((_, token)) = line.split_once("shown only this once: ") {
                token.clone_into(&mut self.token);
            }
            if let Some(url) = line.strip_prefix("listening on ") {
                url.clone_into(&mut self.url);
                self.wait_until_ready();
                return;
            }
        }
        panic!("the server did not start:\n{}\n{}", self.greeting.join("\n"), self.log());
    }

    fn wait_until_ready(&self) {
        let since = Instant::now();
        while self.get_anonymous("/readyz").status != 200 {
            assert!(since.elapsed() < PATIENCE, "the server is not ready:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Returns a new directory that goes with the server.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs_err::create_dir_all(&path).unwrap();
        path
    }

    /// Returns the bare repositories that the server keeps.
    pub(crate) fn repositories(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.data_dir()];
        while let Some(directory) = open.pop() {
            if directory.join("HEAD").is_file() && directory.join("objects").is_dir() {
                found.push(directory);
                continue;
            }
            let entries = fs_err::read_dir(&directory).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()));
        }
        found
    }

    /// Returns the only repository.
    pub(crate) fn repository(&self) -> PathBuf {
        let mut all = self.repositories();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn log_path(&self, run: usize) -> PathBuf {
        self.root.path().join(format!("server-{run}.log"))
    }

    /// Returns what all runs wrote to standard error.
    pub(crate) fn log(&self) -> String {
        (1..=self.runs).map(|run| fs_err::read_to_string(self.log_path(run)).unwrap_or_default()).collect()
    }

    /// Returns the process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Returns the most memory that the process has held so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        // The shell has `kill` built in, where a slim machine has no program of that name.
        let sent =
            Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let since = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if since.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server did not end:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end and waits.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Runs a command of the binary against the server, with the token in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(workstead());
        cleaned(&mut command, self.root.path())
            .args(arguments)
            .env("WORKSTEAD_SERVER", &self.url)
            .env("WORKSTEAD_TOKEN", &self.token)
            .output()
            .unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                eprintln!("--- log of the server ---\n{}", self.log());
            }
        }
    }
}

/// Returns the binary under test.
pub(crate) fn workstead() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_workstead"))
}

/// Returns the root of the sources.
pub(crate) fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the search path, the one thing that children take from this process.
pub(crate) fn path_variable() -> String {
    std::env::var("PATH").unwrap()
}

/// Gives a child an environment that no machine has a part in.
pub(crate) fn cleaned<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command
        .env_clear()
        .env("PATH", path_variable())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
}
