//! An emulator of Google Cloud Storage.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::process::Process;
use crate::tools::Tool;
use crate::{http, ports};

#[cfg(test)]
mod tests;

const TOOL: Tool = Tool {
    directory: "gcp-storage-emulator-2026.7.19",
    name: "gcp-storage-emulator",
    program: "bin/python",
    path: "WORKSTEAD_TEST_GCS_PYTHON",
    without: "WORKSTEAD_TEST_WITHOUT_GCS",
};

/// What runs the emulator and adds what it lacks.
const LAUNCHER: &str = include_str!("../gcs_emulator.py");

/// How often it starts with another port, when another process took its own meanwhile.
const ATTEMPTS: usize = 5;

/// `gcp-storage-emulator` with a bucket; it asks for no credentials and checks no signature.
pub struct GcsEmulator {
    process: Option<Process>,
    root: TempDir,
    python: PathBuf,
    port: u16,
}

impl GcsEmulator {
    /// Starts it and returns it when it is ready, or nothing if the tests run without it.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let python = TOOL.find()?;
        let mut failure = String::new();
        for _ in 0..ATTEMPTS {
            let [port] = ports::free();
            let root = tempfile::tempdir().expect("a temporary directory");
            fs_err::write(root.path().join("gcs_emulator.py"), LAUNCHER)
                .expect("the launcher can be written");
            let mut emulator = Self { process: None, root, python: python.clone(), port };
            match emulator.run() {
                Ok(()) => return Some(emulator),
                Err(error) => failure = error,
            }
        }
        panic!("the GCS emulator did not start in {ATTEMPTS} attempts, the last of which: {failure}");
    }

    fn run(&mut self) -> Result<(), String> {
        let root = self.root.path();
        let mut command = Command::new(&self.python);
        command.env_clear().env("HOME", root).env("LC_ALL", "C.UTF-8").env("PYTHONUNBUFFERED", "1");
        command.arg(root.join("gcs_emulator.py")).arg(self.port.to_string());
        command.arg(root.join("data")).arg(self.bucket());
        let mut process = Process::start("the GCS emulator", &mut command, root.join("log"));
        let bucket = format!("{}/storage/v1/b/{}", self.endpoint(), self.bucket());
        process.wait_until(|| http::status(&bucket) == Some(200))?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it, as an outage does.
    pub fn stop(&mut self) {
        self.process.take().expect("the GCS emulator runs");
    }

    /// Starts it again on the same data and port.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the GCS emulator still runs");
        if let Err(error) = self.run() {
            panic!("the GCS emulator did not start again: {error}");
        }
    }

    /// Returns the address that stands for `https://storage.googleapis.com`, of both its interfaces.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the first bucket, which is empty at the beginning.
    pub fn bucket(&self) -> &'static str {
        "uploads"
    }

    /// Makes another bucket.
    pub fn create_bucket(&self, name: &str) {
        let url = format!("{}/storage/v1/b", self.endpoint());
        http::ask(&url, None, &json!({ "name": name })).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Returns what all its runs wrote.
    pub fn log(&self) -> String {
        fs_err::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}
