//! Signed URLs: what they allow, and that Google would take them.

use secrecy::ExposeSecret;

use super::canonical::Sent;
use super::*;

/// Makes another request of one that was signed.
type Forgery = fn(&mut Sent);

fn sign(conditions: &PutConditions) -> (SignedUpload, Sent) {
    let signed = Setting::new().store().sign_put(&key(), conditions).unwrap();
    let sent = Sent::new(signed.method, signed.url.expose(), &signed.headers);
    (signed, sent)
}

#[test]
fn a_signed_upload_is_one_that_google_takes() {
    let (signed, sent) = sign(&conditions());
    assert!(sent.is_signed(), "{}", sent.string_to_sign());
    assert_eq!((signed.method, signed.provider, signed.max_bytes), ("PUT", Provider::Gcs, 1000));
    insta::assert_snapshot!(signed.url, @"https://storage.googleapis.com/bucket-1/uploads/ws-1/up-1.tar.gz?…");
    insta::assert_debug_snapshot!(signed.headers, @r#"
    [
        (
            "Content-Type",
            "application/gzip",
        ),
        (
            "x-goog-content-length-range",
            "0,1000",
        ),
    ]
    "#);
    let query = |name: &str| sent.query[name].as_str();
    assert_eq!(query("X-Goog-Algorithm"), "GOOG4-RSA-SHA256");
    assert_eq!(query("X-Goog-SignedHeaders"), "content-type;host;x-goog-content-length-range");
    let date = query("X-Goog-Date");
    assert_eq!(query("X-Goog-Credential"), format!("{EMAIL}/{}/auto/storage/goog4_request", &date[..8]));
    assert_eq!(sent.query.len(), 6, "{:?}", sent.query.keys());
}

#[test]
fn a_url_lives_as_long_as_it_should() {
    let now = Timestamp::now();
    for (seconds, most) in [(900, 900), (-5, 1), (LONGEST_LIFE + 60, LONGEST_LIFE)] {
        let expires_at = now + SignedDuration::from_secs(seconds);
        let (_, sent) = sign(&PutConditions { expires_at, ..conditions() });
        let life: i64 = sent.query["X-Goog-Expires"].parse().unwrap();
        // The clock goes on while it is signed.
        assert!((most - 5..=most).contains(&life) && life > 0, "{seconds}: {life}");
        assert!(sent.is_signed());
    }
}

#[test]
fn declared_size_and_hash_are_signed() {
    let (signed, sent) = sign(&PutConditions { size: Some(77), sha256: Some([0xab; 32]), ..conditions() });
    assert!(sent.is_signed());
    let headers: Vec<_> = signed.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    insta::assert_snapshot!(headers.join("\n"), @"
    Content-Type: application/gzip
    x-goog-content-length-range: 77,77
    x-goog-content-sha256: abababababababababababababababababababababababababababababababab
    ");
    insta::assert_snapshot!(sent.query["X-Goog-SignedHeaders"], @"content-type;host;x-goog-content-length-range;x-goog-content-sha256");
}

#[test]
fn nothing_else_is_allowed_by_it() {
    let (_, sent) = sign(&PutConditions { size: Some(77), sha256: Some([0xab; 32]), ..conditions() });
    let forgeries: [(&str, Forgery); 9] = [
        ("another method", |sent| sent.method = "GET".to_owned()),
        ("deletion", |sent| sent.method = "DELETE".to_owned()),
        ("another key", |sent| sent.path = sent.path.replace("up-1", "up-2")),
        ("another bucket", |sent| sent.path = sent.path.replace("bucket-1", "bucket-2")),
        ("a longer life", |sent| drop(sent.query.insert("X-Goog-Expires".to_owned(), "604800".to_owned()))),
        ("another size", |sent| {
            sent.headers.insert("x-goog-content-length-range".to_owned(), "0,9999999".to_owned());
        }),
        ("another content", |sent| {
            sent.headers.insert("x-goog-content-sha256".to_owned(), "00".repeat(32));
        }),
        ("any content", |sent| drop(sent.headers.remove("x-goog-content-sha256"))),
        ("another type", |sent| drop(sent.headers.insert("content-type".to_owned(), "text/html".to_owned()))),
    ];
    assert!(sent.is_signed());
    for (name, forge) in forgeries {
        let mut forged = sent.clone();
        forge(&mut forged);
        assert!(!forged.is_signed(), "{name}");
    }
}

#[test]
fn urls_are_for_the_public_endpoint() {
    let url = |text: &str| Some(Url::parse(text).unwrap());
    let mut setting = Setting::new();
    setting.config.endpoint = url("https://storage-internal.p.googleapis.com");
    let sign = |setting: &Setting| {
        let signed = setting.store().sign_put(&key(), &conditions()).unwrap();
        let sent = Sent::new(signed.method, signed.url.expose(), &signed.headers);
        assert!(sent.is_signed());
        sent.host
    };
    assert_eq!(sign(&setting), "storage-internal.p.googleapis.com");
    setting.config.public_endpoint = url("https://storage.googleapis.com/");
    assert_eq!(sign(&setting), "storage.googleapis.com");
}

#[test]
fn nothing_secret_is_shown() {
    let setting = Setting::new();
    let store = setting.store();
    let signed = store.sign_put(&key(), &conditions()).unwrap();
    let token = store.credentials.token().unwrap();
    let shown = format!("{store:?} {signed:?} {token:?}");
    let pem = key_json()["private_key"].as_str().unwrap().to_owned();
    let signature = signed.url.expose().rsplit_once('=').unwrap().1.to_owned();
    for secret in [pem.lines().nth(1).unwrap(), &signature, token.expose_secret()] {
        assert!(!shown.contains(secret));
    }
    assert!(shown.contains(EMAIL));
}
