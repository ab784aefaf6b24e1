use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::*;
use crate::{Proxy, Rule};

/// Sends a request signed by a key to an address, and returns the status and the body.
fn send(
    base: &str,
    key: &GarageKey,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(u16, String), ureq::Error> {
    let hmac = |secret: &[u8], text: &str| {
        Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(text).finalize().into_bytes()
    };
    let host = base.strip_prefix("http://").unwrap();
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, hash, signed) = (&time[..8], "UNSIGNED-PAYLOAD", "host;x-amz-content-sha256;x-amz-date");
    let headers = format!("host:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{time}\n");
    let canonical = hex::encode(Sha256::digest(format!("{method}\n{path}\n\n{headers}\n{signed}\n{hash}")));
    let scope = format!("{day}/{}/s3/aws4_request", Garage::REGION);
    let secret = hmac(format!("AWS4{}", key.secret).as_bytes(), day);
    let secret =
        [Garage::REGION, "s3", "aws4_request"].iter().fold(secret, |secret, part| hmac(&secret, part));
    let signature = hex::encode(hmac(&secret, &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}")));
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{base}{path}"))
        .header("x-amz-content-sha256", hash)
        .header("x-amz-date", &time)
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={signed},Signature={signature}",
                key.id
            ),
        );
    let mut response = http::agent().run(request.body(body.to_owned()).unwrap())?;
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}

#[test]
fn keeps_what_a_signed_request_puts() {
    let Some(garage) = Garage::start() else { return };
    let (base, path) = (garage.endpoint(), format!("/{}/a", garage.bucket()));
    assert_eq!(send(&base, garage.key(), "PUT", &path, "one").unwrap(), (200, String::new()));
    assert_eq!(send(&base, garage.key(), "GET", &path, "").unwrap(), (200, "one".to_owned()));
    let stranger = garage.create_key();
    assert_eq!(send(&base, &stranger, "GET", &path, "").unwrap().0, 403);
    garage.allow(&stranger, garage.bucket(), Rights::ReadOnly);
    assert_eq!(send(&base, &stranger, "GET", &path, "").unwrap().0, 200);
    assert_eq!(send(&base, &stranger, "PUT", &path, "two").unwrap().0, 403);
    assert_eq!(send(&base, &stranger, "GET", "/missing/a", "").unwrap().0, 404);
}

#[test]
fn keeps_nothing_of_an_upload_that_the_proxy_cuts() {
    let Some(garage) = Garage::start() else { return };
    let (base, path) = (garage.endpoint(), format!("/{}/a", garage.bucket()));
    let mut proxy = Proxy::start(&base);
    proxy.set(Rule::pass().cut_to_store(10_000).times(1));
    let large = "7".repeat(50_000);
    assert!(send(&proxy.endpoint(), garage.key(), "PUT", &path, &large).is_err());
    assert_eq!(send(&base, garage.key(), "GET", &path, "").unwrap().0, 404);
    assert_eq!(send(&proxy.endpoint(), garage.key(), "PUT", &path, &large).unwrap().0, 200);
    assert_eq!(send(&base, garage.key(), "GET", &path, "").unwrap().1, large);
}

fn listed(garage: &Garage) -> String {
    let output = garage.cli(&["bucket", "list"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn rights(garage: &Garage, key: &GarageKey) -> Value {
    let known = garage.ask(&format!("GetKeyInfo?id={}", key.id), &Value::Null);
    known["buckets"].as_array().unwrap().iter().map(|bucket| bucket["permissions"].clone()).collect()
}

#[test]
fn starts_with_a_bucket_and_a_key() {
    let Some(garage) = Garage::start() else { return };
    assert!(listed(&garage).contains(garage.bucket()));
    assert_eq!(rights(&garage, garage.key()), json!([{ "read": true, "write": true, "owner": false }]));
    assert!(!garage.key().secret.is_empty());
}

#[test]
fn keeps_its_data_through_an_outage() {
    let Some(mut garage) = Garage::start() else { return };
    let endpoint = garage.endpoint();
    garage.stop();
    assert_eq!(http::status(&endpoint), None);
    garage.restart();
    assert_eq!(garage.endpoint(), endpoint);
    assert_eq!(http::status(&endpoint), Some(403));
    assert!(listed(&garage).contains(garage.bucket()));
}

#[test]
fn gives_and_takes_rights() {
    let Some(garage) = Garage::start() else { return };
    garage.create_bucket("another");
    let key = garage.create_key();
    assert_eq!(rights(&garage, &key), json!([]));
    garage.allow(&key, "another", Rights::ReadOnly);
    assert_eq!(rights(&garage, &key), json!([{ "read": true, "write": false, "owner": false }]));
    garage.deny(&key, "another");
    garage.allow(&key, garage.bucket(), Rights::WriteOnly);
    assert_eq!(rights(&garage, &key), json!([{ "read": false, "write": true, "owner": false }]));
}

#[test]
fn two_run_side_by_side() {
    let (Some(one), Some(two)) = (Garage::start(), Garage::start()) else { return };
    one.create_bucket("of-one");
    assert!(listed(&one).contains("of-one"));
    assert!(!listed(&two).contains("of-one"));
}
