//! What Google does with a signed request, written from its description of V4 signatures and nothing of its crate's:
//! <https://cloud.google.com/storage/docs/authentication/canonical-requests> and `…/signatures`.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::KEY;

/// A request as it reaches the store.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    /// Names and values, decoded.
    pub(super) query: BTreeMap<String, String>,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
}

impl Sent {
    /// Makes the request of a client that was given a URL and headers.
    pub(super) fn new(method: &str, url: &str, headers: &[(String, String)]) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let (host, rest) = rest.split_once('/').unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        let query = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (decoded(name), decoded(value))
        });
        let headers = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        Self {
            method: method.to_owned(),
            host: host.to_owned(),
            path: format!("/{path}"),
            query: query.collect(),
            headers: headers.chain([("host".to_owned(), host.to_owned())]).collect(),
        }
    }

    /// Returns what the signature must be of.
    pub(super) fn string_to_sign(&self) -> String {
        let mut query = self.query.clone();
        query.remove("X-Goog-Signature");
        let query: Vec<_> =
            query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let signed = &self.query["X-Goog-SignedHeaders"];
        let line = |name: &str| format!("{name}:{}", self.headers.get(name).map_or("", String::as_str));
        let headers: Vec<_> = signed.split(';').map(line).collect();
        let headers = format!("{}\n", headers.join("\n"));
        let payload = self.headers.get("x-goog-content-sha256").map_or("UNSIGNED-PAYLOAD", String::as_str);
        let request = [&self.method, &self.path, &query.join("&"), &headers, signed, payload].join("\n");
        let hash = hex::encode(digest::digest(&digest::SHA256, request.as_bytes()));
        let date = &self.query["X-Goog-Date"];
        format!("GOOG4-RSA-SHA256\n{date}\n{}/auto/storage/goog4_request\n{hash}", &date[..8])
    }

    /// Tells whether the store would take the request for one that the test's account signed.
    pub(super) fn is_signed(&self) -> bool {
        let signature = hex::decode(&self.query["X-Goog-Signature"]).unwrap();
        let public: &PublicKey = KEY.public_key();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref());
        public.verify(self.string_to_sign().as_bytes(), &signature).is_ok()
    }
}

/// RFC 3986: all but letters, digits and `-._~` as `%XX`.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
