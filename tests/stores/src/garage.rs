//! Garage, an S3 store.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::tools::Tool;
use crate::{http, ports};

#[cfg(test)]
mod tests;

const TOOL: Tool = Tool {
    directory: "garage",
    name: "garage",
    program: "bin/garage",
    path: "WORKSTEAD_TEST_GARAGE",
    without: "WORKSTEAD_TEST_WITHOUT_GARAGE",
};

/// How often it starts with other ports, when another process took one of them meanwhile.
const ATTEMPTS: usize = 5;

/// One node of Garage with a bucket and a key.
pub struct Garage {
    process: Option<Process>,
    root: TempDir,
    program: PathBuf,
    ports: [u16; 3],
    admin_token: String,
    bucket: String,
    key: GarageKey,
}

/// An access key.
#[derive(Clone)]
pub struct GarageKey {
    /// Its public half.
    pub id: String,
    /// Its secret half, of a store that lives as long as one test.
    pub secret: String,
}

/// What a key may do with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything that Workstead needs.
    ReadWrite,
    /// Reading only.
    ReadOnly,
    /// Writing only.
    WriteOnly,
}

impl Garage {
    /// The region that requests are signed for.
    pub const REGION: &str = "garage";

    /// Starts a node and returns it when it is ready, or nothing if the tests run without Garage.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let program = TOOL.find()?;
        let mut failure = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(&program) {
                Ok(garage) => return Some(garage),
                Err(error) => failure = error,
            }
        }
        panic!("garage did not start in {ATTEMPTS} attempts, the last of which: {failure}");
    }

    fn try_start(program: &Path) -> Result<Self, String> {
        let mut garage = Self {
            process: None,
            root: tempfile::tempdir().expect("a temporary directory"),
            program: program.to_owned(),
            ports: ports::free(),
            admin_token: random_hex(),
            bucket: "uploads".to_owned(),
            key: GarageKey { id: String::new(), secret: String::new() },
        };
        garage.write_configuration();
        garage.run()?;
        garage.create_bucket("uploads");
        garage.key = garage.create_key();
        garage.allow(&garage.key, "uploads", Rights::ReadWrite);
        Ok(garage)
    }

    fn write_configuration(&self) {
        let [s3, admin, rpc] = self.ports;
        let (root, secret, token) = (self.root.path().display(), random_hex(), &self.admin_token);
        let text = format!(
            r#"metadata_dir = "{root}/meta"
data_dir = "{root}/data"
db_engine = "sqlite"
metadata_fsync = false
data_fsync = false
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"

[s3_api]
s3_region = "{region}"
api_bind_addr = "127.0.0.1:{s3}"

[admin]
api_bind_addr = "127.0.0.1:{admin}"
admin_token = "{token}"
"#,
            region = Self::REGION,
        );
        write_secret(&self.configuration(), &text);
    }

    fn configuration(&self) -> PathBuf {
        self.root.path().join("garage.toml")
    }

    fn run(&mut self) -> Result<(), String> {
        let mut command = self.command();
        command.args(["server", "--single-node"]);
        let mut process = Process::start("garage", &mut command, self.root.path().join("log"));
        let [s3, admin, _] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        // The store itself answers a request without a signature by 403.
        process.wait_until(|| {
            http::status(&format!("{admin}/health")) == Some(200)
                && http::status(&format!("{s3}/")) == Some(403)
        })?;
        self.process = Some(process);
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", self.root.path()).env("RUST_LOG", "garage=info,garage_api_s3=debug");
        command.arg("-c").arg(self.configuration());
        command
    }

    /// Kills the node, as an outage does.
    pub fn stop(&mut self) {
        self.process.take().expect("garage runs");
    }

    /// Starts the node again on the same data and ports.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "garage still runs");
        if let Err(error) = self.run() {
            panic!("garage did not start again: {error}");
        }
    }

    /// Returns the address of the S3 interface, which wants the bucket in the path.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Returns the first bucket, which is empty at the beginning.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the first key, which may read and write the first bucket.
    pub fn key(&self) -> &GarageKey {
        &self.key
    }

    /// Makes another bucket, which no key may use yet.
    pub fn create_bucket(&self, name: &str) {
        self.ask("CreateBucket", &json!({ "globalAlias": name }));
    }

    /// Makes another key, which may use no bucket yet.
    pub fn create_key(&self) -> GarageKey {
        let made = self.ask("CreateKey", &json!({ "name": "test" }));
        GarageKey { id: text(&made, "accessKeyId"), secret: text(&made, "secretAccessKey") }
    }

    /// Gives a key rights to a bucket.
    pub fn allow(&self, key: &GarageKey, bucket: &str, rights: Rights) {
        let (read, write) = (rights != Rights::WriteOnly, rights != Rights::ReadOnly);
        self.set_rights("AllowBucketKey", key, bucket, read, write);
    }

    /// Takes a key all its rights to a bucket, as an operator does who rotates keys.
    pub fn deny(&self, key: &GarageKey, bucket: &str) {
        self.set_rights("DenyBucketKey", key, bucket, true, true);
    }

    fn set_rights(&self, change: &str, key: &GarageKey, bucket: &str, read: bool, write: bool) {
        let found = self.ask("ListBuckets", &Value::Null);
        let is_named =
            |one: &&Value| one["globalAliases"].as_array().is_some_and(|all| all.contains(&json!(bucket)));
        let found = found.as_array().and_then(|all| all.iter().find(is_named));
        let id = text(found.unwrap_or_else(|| panic!("garage has no bucket {bucket}")), "id");
        let permissions = json!({ "read": read, "write": write });
        self.ask(change, &json!({ "bucketId": id, "accessKeyId": key.id, "permissions": permissions }));
    }

    fn ask(&self, operation: &str, body: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}/v2/{operation}", self.ports[1]);
        http::ask(&url, Some(&self.admin_token), body).unwrap_or_else(|error| panic!("garage: {error}"))
    }

    /// Runs a command of its command line against the node.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("garage can be run")
    }

    /// Returns what all its runs wrote.
    pub fn log(&self) -> String {
        fs_err::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

/// Writes a file that only its owner may read; Garage refuses others.
fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs_err::write(path, text).expect("the configuration can be written");
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode can be set");
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

fn random_hex() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}
