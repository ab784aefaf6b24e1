//! A store of the emulator's bucket, with an account made for the test.

use std::path::PathBuf;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use workstead_presign::{GcsConfig, GcsStore, ObjectInfo, ObjectKey, PutConditions, StoreError};
use workstead_test_stores::GcsEmulator;

pub(super) struct Account {
    directory: TempDir,
    pub(super) config: GcsConfig,
}

impl Account {
    pub(super) fn at(emulator: &GcsEmulator) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = STANDARD.encode(key.as_der().unwrap().as_ref());
        let json = json!({
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "1",
            "private_key": format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"),
            "client_email": "uploads@project-1.iam.gserviceaccount.com",
        });
        let file = directory.path().join("key.json");
        fs_err::write(&file, json.to_string()).unwrap();
        let config = GcsConfig {
            endpoint: Some(emulator.endpoint().parse().unwrap()),
            credentials_file: Some(file),
            ..GcsConfig::new(emulator.bucket())
        };
        Self { directory, config }
    }

    pub(super) fn store(&self) -> GcsStore {
        GcsStore::new(self.config.clone()).unwrap()
    }

    pub(super) fn put(
        &self,
        store: &GcsStore,
        key: &ObjectKey,
        content: &[u8],
    ) -> Result<ObjectInfo, StoreError> {
        store.put(key, &self.file(content), Sha256::digest(content).into())
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let file = self.directory.path().join("bundle");
        fs_err::write(&file, content).unwrap();
        file
    }
}

pub(super) fn key(workspace: &str, upload: &str) -> ObjectKey {
    ObjectKey::new(workspace, upload).unwrap()
}

pub(super) fn read(store: &GcsStore, key: &ObjectKey, frozen: &ObjectInfo) -> Result<Vec<u8>, StoreError> {
    let mut content = Vec::new();
    std::io::copy(&mut store.open(key, frozen)?, &mut content).map_err(StoreError::of_read)?;
    Ok(content)
}

pub(super) fn conditions(max_bytes: u64) -> PutConditions {
    let expires_at = Timestamp::now() + SignedDuration::from_mins(5);
    PutConditions { size: None, sha256: None, max_bytes, expires_at }
}
