mod failures;
mod urls;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::*;
use crate::upload::PutConditions;

/// The pair that AWS's own documents use.
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn now() -> Timestamp {
    "2030-01-01T00:00:00.9Z".parse().unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::new("ws-1", "up-1").unwrap()
}

fn aws() -> S3Config {
    let credentials =
        S3Credentials::Fixed { access_key_id: KEY_ID.to_owned(), secret_access_key: SECRET.into() };
    S3Config { credentials, ..S3Config::new("uploads-bucket", "eu-central-1") }
}

fn minio() -> S3Config {
    S3Config { endpoint: Some(url("http://minio.store.svc:9000")), ..aws() }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn conditions() -> PutConditions {
    PutConditions {
        size: None,
        sha256: None,
        max_bytes: 10,
        expires_at: now() + SignedDuration::from_mins(15),
    }
}

fn declared() -> PutConditions {
    PutConditions { size: Some(7), sha256: Some([7; 32]), ..conditions() }
}
