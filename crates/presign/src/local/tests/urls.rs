//! What a signed URL says, and which ones are refused.

use proptest::prelude::*;

use super::super::signature::Claims;
use super::*;

#[test]
fn a_signed_upload_says_all_that_a_client_needs_and_hides_its_query() {
    let test = Test::new();
    let exact = PutConditions { size: Some(5), sha256: Some([0xab; 32]), ..conditions() };
    let signed = test.store.sign_put(&key(), &exact);
    insta::with_settings!({filters => vec![("id=[0-9a-f]{32}", "id=<id>"), ("signature=[0-9a-f]{64}", "signature=<hmac>")]}, {
        insta::assert_snapshot!(signed.url.expose(), @"https://workstead.example.com/base/uploads/local/uploads/ws-1/up-1.tar.gz?expires=1893456900&max=10&size=5&sha256=abababababababababababababababababababababababababababababababab&id=<id>&signature=<hmac>");
    });
    insta::assert_debug_snapshot!(signed, @r#"
    SignedUpload {
        method: "PUT",
        url: SecretUrl(https://workstead.example.com/base/uploads/local/uploads/ws-1/up-1.tar.gz?…),
        headers: [
            (
                "Content-Type",
                "application/gzip",
            ),
            (
                "Content-Length",
                "5",
            ),
        ],
        provider: Local,
        expires_at: 2030-01-01T00:15:00Z,
        max_bytes: 10,
    }
    "#);
    assert!(!format!("{:?}", test.store).contains("[7, 7"));
}

#[test]
fn a_permit_holds_what_was_signed() {
    let test = Test::new();
    let exact = PutConditions { size: Some(5), sha256: Some([0xab; 32]), ..conditions() };
    assert_eq!(test.permit(&exact), PutPermit { key: key(), conditions: exact.clone() });
    let with_base = format!("/base{}", test.sign(&exact));
    assert!(test.store.verify_put(&with_base, now()).is_ok(), "with the public URL's path in front");
    let root = Test::at("http://127.0.0.1:8080");
    let signed = root.store.sign_put(&key(), &exact);
    let path = signed.url.expose().strip_prefix("http://127.0.0.1:8080").unwrap();
    assert!(path.starts_with("/uploads/local/uploads/ws-1/"), "{path}");
    assert!(root.store.verify_put(path, now()).is_ok());
}

#[test]
fn two_urls_of_one_key_differ() {
    let test = Test::new();
    assert_ne!(test.sign(&conditions()), test.sign(&conditions()));
}

#[test]
fn an_expired_url_is_refused() {
    let test = Test::new();
    let url = test.sign(&conditions());
    let last = conditions().expires_at - SignedDuration::from_nanos(1);
    assert!(test.store.verify_put(&url, last).is_ok());
    let refused = test.store.verify_put(&url, conditions().expires_at);
    insta::assert_snapshot!(refusal(refused), @"the upload URL expired at 2030-01-01T00:15:00Z; ask for a new one");
}

#[test]
fn a_tampered_url_is_refused() {
    let test = Test::new();
    let exact = PutConditions { size: Some(5), sha256: Some([0xab; 32]), ..conditions() };
    let url = test.sign(&exact);
    let changes = [
        ("ws-1", "ws-2"),
        ("up-1", "up-2"),
        ("max=10", "max=11"),
        ("expires=1893456900", "expires=1893456901"),
        ("size=5", "size=6"),
        ("&size=5", ""),
        ("sha256=ab", "sha256=ac"),
        ("id=0", "id=1"),
    ];
    for (from, to) in changes {
        let tampered = url.replace(from, to);
        assert_ne!(tampered, url, "{from}");
        let refused = test.store.verify_put(&tampered, now());
        assert!(matches!(refused, Err(RefusedPut::BadSignature)), "{from}: {refused:?}");
    }
}

#[test]
fn another_servers_key_and_another_method_are_refused() {
    let test = Test::new();
    let url = test.sign(&conditions());
    let other = LocalStore::new("/nonexistent".into(), [8; 32], Url::parse("https://x.example.com").unwrap());
    assert!(matches!(other.verify_put(&url, now()), Err(RefusedPut::BadSignature)));

    let claims = Claims::new(key(), &conditions());
    let secret = SecretBox::new(Box::new([7; 32]));
    let query = claims.signed_query("GET", &secret);
    let refused = test.store.verify_put(&format!("/uploads/local/{}?{query}", key()), now());
    insta::assert_snapshot!(refusal(refused), @"the upload URL's signature does not match: use the URL exactly as it was given, with PUT");
    let query = claims.signed_query("PUT", &secret);
    assert!(test.store.verify_put(&format!("/uploads/local/{}?{query}", key()), now()).is_ok());
}

#[test]
fn a_malformed_url_is_refused() {
    let test = Test::new();
    let url = test.sign(&conditions());
    let signature = url.rsplit_once('=').unwrap().1;
    for bad in [
        "",
        "/",
        "/uploads/local/",
        "/uploads/local/uploads/ws-1/up-1.tar.gz",
        &url.replace("/uploads/local/", "/uploads/local/../"),
        &url.replace("ws-1", "ws-1/.."),
        &url.replace("ws-1", "%77s-1"),
        &url.replace("max=10", "max=+10"),
        &url.replace("max=10", "max="),
        &url.replace("max=10&", ""),
        &url.replace("max=10", "max=10&max=10"),
        &url.replace("max=10", "max=10&x=y"),
        &url.replace("max=10", "max=99999999999999999999"),
        &url.replace("expires=1893456900", "expires=9999999999999999999"),
        &url.replace(signature, &signature[1..]),
        &url.replace(signature, "zz"),
        &format!("{url}&"),
    ] {
        let refused = test.store.verify_put(bad, now());
        assert!(matches!(refused, Err(RefusedPut::Malformed(_))), "{bad}: {refused:?}");
    }
}

#[test]
fn headers_must_be_the_signed_ones() {
    let test = Test::new();
    let check = |conditions: &PutConditions, content_type, length| {
        test.permit(conditions).check_headers(|name| match name {
            "content-type" => content_type,
            "content-length" => length,
            _ => None,
        })
    };
    let exact = PutConditions { size: Some(5), ..conditions() };
    let gzip = Some("application/gzip");
    assert!(check(&exact, gzip, Some("5")).is_ok());
    assert!(check(&conditions(), gzip, None).is_ok());
    assert!(check(&conditions(), gzip, Some("10")).is_ok());
    insta::assert_snapshot!(refusal(check(&conditions(), None, None)), @r#"the header Content-Type must be "application/gzip" and is missing"#);
    insta::assert_snapshot!(refusal(check(&conditions(), Some("text/plain"), None)), @r#"the header Content-Type must be "application/gzip" and is "text/plain""#);
    insta::assert_snapshot!(refusal(check(&exact, gzip, Some("6"))), @r#"the header Content-Length must be "5" and is "6""#);
    insta::assert_snapshot!(refusal(check(&exact, gzip, None)), @r#"the header Content-Length must be "5" and is missing"#);
    insta::assert_snapshot!(refusal(check(&conditions(), gzip, Some("11"))), @"the upload has at least 11 bytes, more than the limit of 10 (setting WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES)");
}

proptest! {
    #[test]
    fn no_single_changed_byte_of_a_url_is_taken(position in any::<prop::sample::Index>(), byte in 0x21_u8..0x7f) {
        let test = Test::new();
        let url = test.sign(&PutConditions { size: Some(5), sha256: Some([0xab; 32]), ..conditions() });
        let mut bytes = url.clone().into_bytes();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        // Hexadecimal digits mean the same in either case.
        let same = changed.eq_ignore_ascii_case(&url);
        prop_assert!(same || test.store.verify_put(&changed, now()).is_err(), "{}", changed);
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}", tail in "\\PC{0,80}") {
        let test = Test::new();
        prop_assert!(test.store.verify_put(&text, now()).is_err());
        let routed = format!("/uploads/local/{text}?{tail}");
        prop_assert!(test.store.verify_put(&routed, now()).is_err());
    }
}
