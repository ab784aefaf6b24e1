//! What a receiver can check: that this server sent it, and when.

use aws_lc_rs::hmac::{self, HMAC_SHA256};

/// The key that a webhook's secret is.
pub(super) fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, secret.as_bytes())
}

/// Signs a body, as `X-Workstead-Signature` says it.
pub(super) fn of_body(key: &hmac::Key, body: &str) -> String {
    written(&hmac::sign(key, body.as_bytes()))
}

/// Signs a body with the id of its delivery and the time of the attempt, as `X-Workstead-Timed-Signature` says it.
///
/// No body begins with an id and a dot, so neither signature can be taken for the other.
pub(super) fn of_attempt(key: &hmac::Key, delivery_id: &str, seconds: i64, body: &str) -> String {
    written(&hmac::sign(key, format!("{delivery_id}.{seconds}.{body}").as_bytes()))
}

fn written(tag: &hmac::Tag) -> String {
    format!("sha256={}", hex::encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_rfc_4231_and_github_do() {
        // RFC 4231, test case 2.
        insta::assert_snapshot!(of_body(&key("Jefe"), "what do ya want for nothing?"), @"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        // GitHub's documentation of validating webhook deliveries.
        insta::assert_snapshot!(of_body(&key("It's a Secret to Everybody"), "Hello, World!"), @"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    }

    #[test]
    fn the_example_of_the_documentation_is_right() {
        let page = include_str!("../../../../docs/WEBHOOKS.md");
        let signed = of_body(&key("It's a Secret to Everybody"), "Hello, World!");
        assert!(page.contains(&format!("`{signed}`")));
    }

    #[test]
    fn the_other_signature_is_good_for_one_time_and_delivery() {
        let key = key("Jefe");
        let signed = of_attempt(&key, "a", 1, "{}");
        assert_eq!(signed, of_body(&key, "a.1.{}"));
        assert_ne!(signed, of_attempt(&key, "b", 1, "{}"));
        assert_ne!(signed, of_attempt(&key, "a", 2, "{}"));
    }
}
