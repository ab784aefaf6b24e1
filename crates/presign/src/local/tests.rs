mod objects;
mod urls;

use std::io::Read;

use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;

const NOW: &str = "2030-01-01T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::new("ws-1", "up-1").unwrap()
}

fn conditions() -> PutConditions {
    PutConditions {
        size: None,
        sha256: None,
        max_bytes: 10,
        expires_at: now() + SignedDuration::from_mins(15),
    }
}

struct Test {
    directory: TempDir,
    store: LocalStore,
}

impl Test {
    fn new() -> Self {
        Self::at("https://workstead.example.com/base/")
    }

    fn at(public_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("objects");
        let store = LocalStore::new(root, [7; 32], Url::parse(public_url).unwrap());
        Self { directory, store }
    }

    /// Signs and returns the path and query, as a server without the base path sees them.
    fn sign(&self, conditions: &PutConditions) -> String {
        let signed = self.store.sign_put(&key(), conditions);
        signed.url.expose().strip_prefix("https://workstead.example.com/base").unwrap().to_owned()
    }

    fn permit(&self, conditions: &PutConditions) -> PutPermit {
        self.store.verify_put(&self.sign(conditions), now()).unwrap()
    }

    fn put(&self, conditions: &PutConditions, content: &[u8]) -> Result<ObjectInfo, RefusedPut> {
        let mut writer = self.store.writer(&self.permit(conditions))?;
        for chunk in content.chunks(3) {
            writer.write(chunk)?;
        }
        writer.finish()
    }

    fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        self.store.open(&key()).unwrap().read_to_end(&mut content).unwrap();
        content
    }

    /// Lists all files of the store, temporary ones as `.put-`.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![self.directory.path().join("objects/uploads")];
        while let Some(directory) = open.pop() {
            for entry in fs_err::read_dir(&directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.push(if name.starts_with(".put-") { ".put-" } else { name }.to_owned());
                }
            }
        }
        files.sort();
        files
    }
}

fn refusal<T>(result: Result<T, RefusedPut>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}
