use std::io::{Read, Write};
use std::net::TcpListener;

use jiff::{SignedDuration, Timestamp};
use workstead_presign::{S3Config, S3Store, StoreError};
use workstead_test_stores::{Garage, GarageKey, Rights};

use crate::store::*;

/// Examines and returns the failure and the warnings, with what changes from run to run made equal.
fn examine(config: S3Config) -> String {
    let replaced: Vec<_> = [&config.endpoint, &config.public_endpoint]
        .into_iter()
        .flatten()
        .map(|url| url.as_str().trim_end_matches('/').to_owned())
        .zip(["<endpoint>", "<public>"])
        .collect();
    let seen = S3Store::new(config).unwrap().examine();
    let failure = seen.failure.map_or_else(|| "well".to_owned(), |error| error.to_string());
    let mut text = [vec![failure], seen.warnings].concat().join("\n");
    let day = Timestamp::now().strftime("%Y%m%d").to_string();
    text = text.replace(&day, "<day>");
    for (url, name) in replaced {
        text = text.replace(&url, name);
    }
    text
}

#[test]
fn a_store_that_works_has_nothing_to_tell() {
    let Some(garage) = Garage::start() else { return };
    assert_eq!(examine(config(&garage)), "well");
    store(&garage).check().unwrap();
    assert_eq!(store(&garage).list_older_than(Timestamp::MAX).unwrap().objects, []);
    let left = garage.cli(&["bucket", "info", garage.bucket()]);
    let left = String::from_utf8(left.stdout).unwrap();
    assert!(left.lines().any(|line| line.starts_with("Objects:") && line.ends_with(" 0")), "{left}");
}

#[test]
fn what_an_operator_got_wrong_is_said() {
    let Some(garage) = Garage::start() else { return };
    let with_rights = |rights| {
        let key = garage.create_key();
        garage.allow(&key, garage.bucket(), rights);
        config_with(&garage, &key)
    };
    let good = garage.key();
    insta::assert_snapshot!(examine(with_rights(Rights::ReadOnly)), @"the object store refuses: <endpoint> denies s3:PutObject for the bucket `uploads` (Forbidden: Operation is not allowed for this key.); check the credentials, and give them the permissions listed in docs/STORES.md");
    insta::assert_snapshot!(examine(with_rights(Rights::WriteOnly)), @"the object store refuses: <endpoint> denies s3:GetObject for the bucket `uploads` (Forbidden: Operation is not allowed for this key.); check the credentials, and give them the permissions listed in docs/STORES.md");
    insta::assert_snapshot!(examine(config_with(&garage, &garage.create_key())), @"the object store refuses: <endpoint> denies s3:PutObject for the bucket `uploads` (Forbidden: Operation is not allowed for this key.); check the credentials, and give them the permissions listed in docs/STORES.md");
    let wrong_secret = GarageKey { secret: "0".repeat(64), ..good.clone() };
    insta::assert_snapshot!(examine(config_with(&garage, &wrong_secret)), @"the object store refuses: <endpoint> denies s3:PutObject for the bucket `uploads` (Forbidden: Invalid signature); check the credentials, and give them the permissions listed in docs/STORES.md");
    let unknown = GarageKey { id: "GK0123456789abcdef01234567".to_owned(), ..good.clone() };
    insta::assert_snapshot!(examine(config_with(&garage, &unknown)), @"the object store refuses: <endpoint> denies s3:PutObject for the bucket `uploads` (Forbidden: No such key: GK0123456789abcdef01234567); check the credentials, and give them the permissions listed in docs/STORES.md");
    let absent = S3Config { bucket: "absent".to_owned(), ..config(&garage) };
    insta::assert_snapshot!(examine(absent.clone()), @"the object store refuses: there is no bucket `absent` at <endpoint>; create it, or check WORKSTEAD_S3_BUCKET and WORKSTEAD_S3_ENDPOINT");
    let elsewhere = S3Config { region: "eu-central-1".to_owned(), ..config(&garage) };
    insta::assert_snapshot!(examine(elsewhere), @"the object store refuses: the bucket `uploads` lies in another region (Authorization header malformed, unexpected scope: '<day>/eu-central-1/s3/aws4_request', expected: '<day>/garage/s3/aws4_request'); set WORKSTEAD_S3_REGION to the bucket's region");
    let tls = url(&garage.endpoint().replace("http:", "https:"));
    insta::assert_snapshot!(examine(S3Config { endpoint: Some(tls), ..config(&garage) }), @"the object store refuses: <endpoint> does not speak TLS; write http:// instead of https:// in WORKSTEAD_S3_ENDPOINT, or let the store speak TLS");
    let nowhere = S3Config { endpoint: Some(url("http://store.invalid")), ..config(&garage) };
    insta::assert_snapshot!(examine(nowhere), @"the object store is not available: <endpoint> has a host name that can't be resolved here");
    // An absent bucket is no absent object.
    let absent = S3Store::new(absent).unwrap();
    assert!(matches!(absent.head(&key("up-1")), Err(StoreError::Refused { .. })));
    assert!(matches!(absent.seal(&key("up-1")), Err(StoreError::Refused { .. })));
}

#[test]
fn a_public_endpoint_is_looked_at_but_decides_nothing() {
    let (Some(garage), Some(stranger)) = (Garage::start(), Garage::start()) else { return };
    let public = |public: &str| S3Config { public_endpoint: Some(url(public)), ..config(&garage) };
    assert_eq!(examine(public(&garage.endpoint().replace("127.0.0.1", "localhost"))), "well");
    insta::assert_snapshot!(examine(public("http://127.0.0.1:1")), @r"
    well
    the public endpoint can't be used from here (<public> refuses connections); signed URLs work only for clients that can
    ");
    insta::assert_snapshot!(examine(public("https://store.invalid")), @r"
    well
    the public endpoint can't be used from here (<public> has a host name that can't be resolved here); signed URLs work only for clients that can
    ");
    // Another store does not know the keys, as one behind a proxy that changes names finds other signatures.
    insta::assert_snapshot!(examine(public(&stranger.endpoint())), @r"
    well
    the public endpoint <public> refuses what this server signs; a proxy there must pass the Host header and the path as they are
    ");
}

/// Answers every request by an empty 200 with a date; a real store's clock can't be set for one process.
fn store_with_clock(ahead: SignedDuration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match client.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&buffer[..count]),
                }
            }
            let date = (Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
            let head =
                format!("HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = client.write_all(head.as_bytes());
        }
    });
    endpoint
}

#[test]
fn clocks_are_compared() {
    let check = |minutes: i64| {
        let endpoint = store_with_clock(SignedDuration::from_mins(minutes));
        let keys = GarageKey { id: "id".to_owned(), secret: "secret".to_owned() };
        let config = S3Config {
            endpoint: Some(url(&endpoint)),
            credentials: credentials(&keys),
            ..S3Config::new("uploads", "us-east-1")
        };
        let text = S3Store::new(config)
            .unwrap()
            .check()
            .map_err(|error| error.to_string().replace(&endpoint, "<endpoint>"));
        text.map_err(|text| text.replace("601", "600").replace("599", "600"))
    };
    assert_eq!(check(0), Ok(()));
    assert_eq!(check(4), Ok(()));
    insta::assert_snapshot!(check(10).unwrap_err(), @"the object store refuses: the clock of this machine is 600 seconds behind that of <endpoint>; set both by NTP, or signed URLs are refused or end early");
    insta::assert_snapshot!(check(-10).unwrap_err(), @"the object store refuses: the clock of this machine is 600 seconds ahead of that of <endpoint>; set both by NTP, or signed URLs are refused or end early");
}
