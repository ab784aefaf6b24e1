use jiff::{SignedDuration, Timestamp};
use workstead_presign::Provider;
use workstead_test_stores::{Garage, Proxy, Rights, Rule};

use crate::store::*;

const CONTENT: &[u8] = b"a bundle, as far as the store cares";

#[test]
fn a_client_puts_what_it_declared() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    let signed = store.sign_put(&key, &declared(CONTENT)).unwrap();
    assert_eq!((signed.provider, signed.method), (Provider::Minio, "PUT"));
    let names: Vec<_> = signed.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Content-Length", "Content-Type", "x-amz-checksum-sha256"]);
    assert_eq!(signed.headers[0].1, CONTENT.len().to_string());
    assert_eq!(send_signed(&signed, CONTENT), 200);
    let sealed = store.seal(&key).unwrap();
    assert_eq!(sealed.size, CONTENT.len() as u64);
    assert!(sealed.modified_at.duration_since(Timestamp::now()).abs() < SignedDuration::from_mins(1));
    assert_eq!(store.head(&key).unwrap(), Some(sealed.clone()));
    assert_eq!(read(&store, &key, &sealed).unwrap(), CONTENT);
}

#[test]
fn who_declared_nothing_may_put_again() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    let signed = store.sign_put(&key, &conditions()).unwrap();
    assert_eq!(signed.headers, [("Content-Type".to_owned(), "application/gzip".to_owned())]);
    for content in [&b"one"[..], b"the second"] {
        assert_eq!(send_signed(&signed, content), 200);
        let sealed = store.seal(&key).unwrap();
        assert_eq!(read(&store, &key, &sealed).unwrap(), content);
    }
}

#[test]
fn nothing_but_what_was_signed_is_taken() {
    let Some(garage) = Garage::start() else { return };
    garage.create_bucket("others");
    garage.allow(garage.key(), "others", Rights::ReadWrite);
    let (store, key) = (store(&garage), key("up-1"));
    let signed = store.sign_put(&key, &declared(CONTENT)).unwrap();
    let url = signed.url.expose();
    let put = |url: &str, headers: &[(String, String)], body: &[u8]| send("PUT", url, headers, body);
    let without =
        |name: &str| signed.headers.iter().filter(|(given, _)| given != name).cloned().collect::<Vec<_>>();
    let with = |name: &str, value: &str| [without(name), vec![(name.to_owned(), value.to_owned())]].concat();
    let tampered = CONTENT.to_ascii_uppercase();
    let refused = [
        ("tampered bytes", put(url, &signed.headers, &tampered), 400),
        ("fewer bytes", put(url, &signed.headers, &CONTENT[1..]), 403),
        ("more bytes", put(url, &signed.headers, &[CONTENT, b"!"].concat()), 403),
        ("no checksum", put(url, &without("x-amz-checksum-sha256"), &tampered), 400),
        ("another checksum", put(url, &with("x-amz-checksum-sha256", &"A".repeat(44)), CONTENT), 403),
        ("no type", put(url, &without("Content-Type"), CONTENT), 400),
        ("another type", put(url, &with("Content-Type", "text/html"), CONTENT), 403),
        ("another key", put(&url.replace("/up-1.", "/up-2."), &signed.headers, CONTENT), 403),
        ("another workspace", put(&url.replace("/ws-1/", "/ws-2/"), &signed.headers, CONTENT), 403),
        (
            "another bucket",
            put(&url.replace("/uploads/uploads/", "/others/uploads/"), &signed.headers, CONTENT),
            403,
        ),
        (
            "a longer life",
            put(&url.replace("X-Amz-Expires=9", "X-Amz-Expires=99"), &signed.headers, CONTENT),
            403,
        ),
        ("a forged signature", put(&forged(url), &signed.headers, CONTENT), 403),
        ("no signature", put(url.split('?').next().unwrap(), &signed.headers, CONTENT), 403),
    ];
    let wrong: Vec<_> = refused.iter().filter(|(_, status, wanted)| status != wanted).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(store.list_older_than(Timestamp::MAX).unwrap().objects, []);
    // After all that the URL still works.
    assert_eq!(send_signed(&signed, CONTENT), 200);
}

#[test]
fn a_url_reads_and_deletes_nothing() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    put(&store, &key, CONTENT).unwrap();
    // Without a length, which these methods don't send, it is the signature that decides.
    let signed = store.sign_put(&key, &conditions()).unwrap();
    for method in ["GET", "HEAD", "DELETE"] {
        assert_eq!(send(method, signed.url.expose(), &signed.headers, b""), 403, "{method}");
    }
    assert_eq!(store.head(&key).unwrap().unwrap().size, CONTENT.len() as u64);
}

/// Changes the last digit of the signature.
fn forged(url: &str) -> String {
    let start = url.find("X-Amz-Signature=").unwrap() + "X-Amz-Signature=".len();
    let digit = if url[start..].starts_with('0') { "1" } else { "0" };
    format!("{}{digit}{}", &url[..start], &url[start + 1..])
}

#[test]
fn a_url_ends() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    let earlier = Timestamp::now() - SignedDuration::from_mins(10);
    let until = |minutes: i64| {
        let expires_at = earlier + SignedDuration::from_mins(minutes);
        let conditions = workstead_presign::PutConditions { expires_at, ..declared(CONTENT) };
        store.sign_put_at(&key, &conditions, earlier).unwrap()
    };
    assert_eq!(send_signed(&until(9), CONTENT), 400);
    assert_eq!(store.head(&key).unwrap(), None);
    assert_eq!(send_signed(&until(15), CONTENT), 200);
}

#[test]
fn clients_use_the_public_endpoint_and_the_server_the_other() {
    let Some(garage) = Garage::start() else { return };
    let mut proxy = Proxy::start(&garage.endpoint());
    let mut config = config(&garage);
    config.public_endpoint = Some(url(&proxy.endpoint()));
    let (store, key) = (workstead_presign::S3Store::new(config).unwrap(), key("up-1"));
    let signed = store.sign_put(&key, &declared(CONTENT)).unwrap();
    assert!(
        signed.url.expose().starts_with(&format!("{}/uploads/uploads/ws-1/up-1.tar.gz?", proxy.endpoint()))
    );
    assert_eq!(proxy.counts().connections, 0);
    assert_eq!(send_signed(&signed, CONTENT), 200);
    assert_eq!(proxy.counts().connections, 1);
    // Through the other name, the signature is another.
    let through_internal = signed.url.expose().replace(&proxy.endpoint(), &garage.endpoint());
    assert_eq!(send("PUT", &through_internal, &signed.headers, CONTENT), 403);
    proxy.set(Rule::refuse());
    assert_eq!(read(&store, &key, &store.seal(&key).unwrap()).unwrap(), CONTENT);
}
