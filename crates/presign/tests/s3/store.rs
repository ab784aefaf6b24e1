//! Stores on Garage, and what clients put there.

use std::io::Read;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use url::Url;
use workstead_presign::{
    ObjectInfo, ObjectKey, Patience, PutConditions, S3Config, S3Credentials, S3Store, SignedUpload,
    StoreError,
};
use workstead_test_stores::{Garage, GarageKey};

/// Describes Garage's bucket as a server would, with little patience.
pub(crate) fn config(garage: &Garage) -> S3Config {
    config_with(garage, garage.key())
}

pub(crate) fn config_with(garage: &Garage, key: &GarageKey) -> S3Config {
    S3Config {
        endpoint: Some(url(&garage.endpoint())),
        credentials: credentials(key),
        ..S3Config::new(garage.bucket(), Garage::REGION)
    }
}

pub(crate) fn credentials(key: &GarageKey) -> S3Credentials {
    S3Credentials::Fixed { access_key_id: key.id.clone(), secret_access_key: key.secret.as_str().into() }
}

/// Less than anybody would have in earnest, so that a test of waiting is short.
pub(crate) fn impatient() -> Patience {
    Patience {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(500),
        stall: Duration::from_secs(1),
    }
}

pub(crate) fn store(garage: &Garage) -> S3Store {
    S3Store::new(config(garage)).unwrap()
}

pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

pub(crate) fn key(upload_id: &str) -> ObjectKey {
    ObjectKey::new("ws-1", upload_id).unwrap()
}

pub(crate) fn sha256(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// Conditions that declare nothing.
pub(crate) fn conditions() -> PutConditions {
    PutConditions {
        size: None,
        sha256: None,
        max_bytes: 1 << 20,
        expires_at: Timestamp::now() + SignedDuration::from_mins(15),
    }
}

/// Conditions that declare size and hash.
pub(crate) fn declared(content: &[u8]) -> PutConditions {
    PutConditions { size: Some(content.len() as u64), sha256: Some(sha256(content)), ..conditions() }
}

/// Puts a file of the server's own.
pub(crate) fn put(store: &S3Store, key: &ObjectKey, content: &[u8]) -> Result<ObjectInfo, StoreError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), content).unwrap();
    store.put(key, file.path(), sha256(content))
}

pub(crate) fn read(store: &S3Store, key: &ObjectKey, sealed: &ObjectInfo) -> Result<Vec<u8>, StoreError> {
    let mut content = Vec::new();
    store.open(key, sealed)?.read_to_end(&mut content).map_err(StoreError::of_read)?;
    Ok(content)
}

/// Sends a body as a plain HTTP client does, and returns the status.
pub(crate) fn send(method: &str, url: &str, headers: &[(String, String)], body: &[u8]) -> u16 {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        // The client counts for itself.
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, value);
        }
    }
    let answer = match method {
        "PUT" => agent.run(request.body(body).unwrap()),
        _ => agent.run(request.body(()).unwrap()),
    };
    answer.unwrap().status().as_u16()
}

/// Puts a body exactly as the signed upload says.
pub(crate) fn send_signed(signed: &SignedUpload, body: &[u8]) -> u16 {
    send(signed.method, signed.url.expose(), &signed.headers, body)
}
