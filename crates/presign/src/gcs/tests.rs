//! The store against stand-ins that this file makes; the emulator's tests are in `tests/gcs.rs`.

mod answers;
mod canonical;
mod credentials;
mod stand_in;
mod urls;

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;

use self::stand_in::StandIn;
use super::*;

const EMAIL: &str = "uploads@project-1.iam.gserviceaccount.com";

/// The key of all tests' service accounts, made anew in each run.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn key() -> ObjectKey {
    ObjectKey::new("ws-1", "up-1").unwrap()
}

fn conditions() -> PutConditions {
    PutConditions {
        size: None,
        sha256: None,
        max_bytes: 1000,
        expires_at: Timestamp::now() + SignedDuration::from_mins(15),
    }
}

/// Returns what a key file of Google's holds.
fn key_json() -> serde_json::Value {
    let der = KEY.as_der().unwrap();
    let lines: Vec<_> = STANDARD
        .encode(der.as_ref())
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    json!({
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": "0123456789abcdef",
        "private_key": pem,
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

/// What a test changes of a store.
struct Setting {
    directory: TempDir,
    config: GcsConfig,
    services: Services,
    patience: Patience,
}

impl Setting {
    /// A store with a key file, and nothing that reaches out of this machine.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = GcsConfig::new("bucket-1");
        let nowhere = "http://127.0.0.1:9".to_owned();
        let services = Services { iam: nowhere.clone(), metadata: Some(nowhere), well_known: None };
        let patience = Patience {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(10),
            pauses: &[Duration::ZERO, Duration::ZERO],
            attempts: Duration::from_mins(1),
        };
        let mut setting = Self { directory, config, services, patience };
        setting.config.credentials_file = Some(setting.file(&key_json().to_string()));
        setting
    }

    /// A store whose bucket a stand-in has.
    fn at(server: &StandIn) -> Self {
        let mut setting = Self::new();
        setting.config.endpoint = Some(server.url());
        setting
    }

    /// Writes the file of the credentials.
    fn file(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("credentials.json");
        fs_err::write(&path, text).unwrap();
        path
    }

    fn store(&self) -> GcsStore {
        GcsStore::with(self.config.clone(), self.services.clone(), self.patience).unwrap()
    }
}
