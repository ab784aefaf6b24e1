use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::upload::SignedUpload;

fn sign(config: S3Config, conditions: &PutConditions) -> SignedUpload {
    S3Store::new(config).unwrap().sign_put_at(&key(), conditions, now()).unwrap()
}

/// Shows a signed upload with each part of its query on a line.
fn shown(signed: &SignedUpload) -> String {
    let url = signed.url.expose().replace(['?', '&'], "\n  ");
    let headers: Vec<_> = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{} {} {url}\n{}until {}", signed.provider, signed.method, headers.concat(), signed.expires_at)
}

#[test]
fn aws_has_the_bucket_in_the_host_name() {
    insta::assert_snapshot!(shown(&sign(aws(), &declared())), @r"
    s3 PUT https://uploads-bucket.s3.eu-central-1.amazonaws.com/uploads/ws-1/up-1.tar.gz
      x-id=PutObject
      X-Amz-Algorithm=AWS4-HMAC-SHA256
      X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20300101%2Feu-central-1%2Fs3%2Faws4_request
      X-Amz-Date=20300101T000000Z
      X-Amz-Expires=900
      X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256
      X-Amz-Signature=26f35996f2f15f7a203574bdcdb519e5e27bc4bfb91363a0eee7ae7b6312520d
    Content-Length: 7
    Content-Type: application/gzip
    x-amz-checksum-sha256: BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
    until 2030-01-01T00:15:00Z
    ");
}

#[test]
fn an_endpoint_has_the_bucket_in_the_path() {
    insta::assert_snapshot!(shown(&sign(minio(), &conditions())), @r"
    minio PUT http://minio.store.svc:9000/uploads-bucket/uploads/ws-1/up-1.tar.gz
      x-id=PutObject
      X-Amz-Algorithm=AWS4-HMAC-SHA256
      X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20300101%2Feu-central-1%2Fs3%2Faws4_request
      X-Amz-Date=20300101T000000Z
      X-Amz-Expires=900
      X-Amz-SignedHeaders=content-type%3Bhost
      X-Amz-Signature=c20244969324c0dde70fe62cfae267ecc1526c5db7f63a6f5c69ffad15a466c5
    Content-Type: application/gzip
    until 2030-01-01T00:15:00Z
    ");
}

#[test]
fn urls_name_the_public_endpoint() {
    let public_endpoint = Some(url("https://minio.example.com"));
    let at = |config: S3Config| {
        let signed = sign(config, &conditions());
        signed.url.expose().split_once('?').unwrap().0.to_owned()
    };
    let both = S3Config { public_endpoint: public_endpoint.clone(), ..minio() };
    assert_eq!(at(both.clone()), "https://minio.example.com/uploads-bucket/uploads/ws-1/up-1.tar.gz");
    let host_style = S3Config { path_style: Some(false), ..both };
    assert_eq!(at(host_style), "https://uploads-bucket.minio.example.com/uploads/ws-1/up-1.tar.gz");
    let only_public = S3Config { public_endpoint, ..aws() };
    assert_eq!(at(only_public), "https://minio.example.com/uploads-bucket/uploads/ws-1/up-1.tar.gz");
    let aws_by_path = S3Config { path_style: Some(true), ..aws() };
    let path = "/uploads-bucket/uploads/ws-1/up-1.tar.gz";
    assert_eq!(at(aws_by_path), format!("https://s3.eu-central-1.amazonaws.com{path}"));
    assert_eq!(
        at(S3Config { endpoint: Some(url("http://minio:9000/")), ..aws() }),
        format!("http://minio:9000{path}")
    );
}

/// Signs by the letter of the protocol what a signed upload says that it signed.
fn signature_by_hand(signed: &SignedUpload) -> (String, String) {
    let url = Url::parse(signed.url.expose()).unwrap();
    let mut query: BTreeMap<_, _> = url
        .query()
        .unwrap()
        .split('&')
        .map(|part| part.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let given = query.remove("X-Amz-Signature").unwrap();
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap()),
        None => url.host_str().unwrap().to_owned(),
    };
    let mut headers: BTreeMap<_, _> =
        signed.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    headers.insert("host".to_owned(), host);
    // Exactly the headers that the client is told, and the host, are signed.
    let names = headers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(query["X-Amz-SignedHeaders"], names.join("%3B"));
    let lines = |pairs: &BTreeMap<String, String>, between: &str| {
        pairs.iter().map(|(name, value)| format!("{name}{between}{value}")).collect::<Vec<_>>()
    };
    let canonical = format!(
        "PUT\n{}\n{}\n{}\n\n{}\nUNSIGNED-PAYLOAD",
        url.path(),
        lines(&query, "=").join("&"),
        lines(&headers, ":").join("\n"),
        names.join(";")
    );
    let scope = "20300101/eu-central-1/s3/aws4_request";
    let text = format!(
        "AWS4-HMAC-SHA256\n20300101T000000Z\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical.as_bytes()))
    );
    let hmac = |secret: &[u8], text: &str| {
        Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(text).finalize().into_bytes().to_vec()
    };
    let mut derived = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        derived = hmac(&derived, part);
    }
    (given, hex::encode(hmac(&derived, &text)))
}

#[test]
fn signatures_are_those_of_the_protocol() {
    for config in [aws(), minio(), S3Config { path_style: Some(false), ..minio() }] {
        for conditions in [conditions(), declared()] {
            let (given, by_hand) = signature_by_hand(&sign(config.clone(), &conditions));
            assert_eq!(given, by_hand, "{config:?} {conditions:?}");
        }
    }
}

#[test]
fn a_url_lives_as_long_as_it_says() {
    let until = |expires_at: &str| {
        let conditions = PutConditions { expires_at: expires_at.parse().unwrap(), ..conditions() };
        let signed = sign(minio(), &conditions);
        let url = Url::parse(signed.url.expose()).unwrap();
        let (_, seconds) = url.query_pairs().find(|(name, _)| name == "X-Amz-Expires").unwrap();
        format!("{seconds} s, until {}", signed.expires_at)
    };
    insta::assert_snapshot!(until("2030-01-01T00:00:10.5Z"), @"10 s, until 2030-01-01T00:00:10Z");
    // Neither the protocol nor the SDK knows a life of no time, or of more than a week.
    insta::assert_snapshot!(until("2029-01-01T00:00:00Z"), @"1 s, until 2030-01-01T00:00:01Z");
    insta::assert_snapshot!(until("2031-01-01T00:00:00Z"), @"604800 s, until 2030-01-08T00:00:00Z");
}

#[test]
fn nothing_that_is_printed_has_a_secret() {
    let store = S3Store::new(minio()).unwrap();
    let signed = store.sign_put_at(&key(), &declared(), now()).unwrap();
    let (_, query) = signed.url.expose().split_once('?').unwrap();
    let printed = format!("{store:?} {:#?} {signed:?} {}", minio(), signed.url);
    assert!(printed.contains("uploads-bucket"));
    for secret in [SECRET, query, "X-Amz-Signature"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// Keys of a role: they end, and URLs with them.
#[test]
fn a_url_ends_with_temporary_keys() {
    let store = S3Store::new(aws()).unwrap();
    let sign = || store.sign_put_at(&key(), &conditions(), now()).unwrap().expires_at;
    assert_eq!(sign().to_string(), "2030-01-01T00:15:00Z");
    store.credentials.set_expires_at("2030-01-01T00:05:00Z".parse().unwrap());
    assert_eq!(sign().to_string(), "2030-01-01T00:05:00Z");
}
