use std::error::Error;
use std::fmt;
use std::io;

use aws_credential_types::provider::error::CredentialsError;

use super::*;
use crate::error::StoreError;
use crate::s3::connection;

fn call<'a>(endpoint: &'a Url, key: Option<&'a ObjectKey>) -> Call<'a> {
    Call { permission: "s3:PutObject", bucket: "uploads-bucket", endpoint: Some(endpoint), key }
}

#[test]
fn answers_of_a_store_say_what_to_do() {
    let (endpoint, key) = (url("http://minio:9000"), key());
    let about = |status, code, message| call(&endpoint, None).refused(status, code, message).to_string();
    let answers = [
        about(404, "NoSuchBucket", "The specified bucket does not exist"),
        about(403, "RequestTimeTooSkewed", "The difference between the request time and ..."),
        about(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist: AKIA"),
        about(403, "SignatureDoesNotMatch", "The request signature we calculated"),
        about(400, "ExpiredToken", "The provided token has expired."),
        about(403, "AccessDenied", "Access\nDenied."),
        about(403, "", ""),
        about(301, "PermanentRedirect", ""),
        about(
            400,
            "AuthorizationHeaderMalformed",
            "the region 'us-east-1' is wrong; expecting 'eu-central-1'",
        ),
        about(403, "InvalidObjectState", ""),
        about(503, "SlowDown", "Reduce your request rate."),
        about(507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."),
        about(400, "BadDigest", ""),
        about(418, "Teapot", &"x".repeat(1000)),
    ];
    let answers = answers.map(|text| text.replace(&"x".repeat(200), "xxx")).join("\n");
    insta::assert_snapshot!(answers, @"");
    let about_key = |status, code| call(&endpoint, Some(&key)).refused(status, code, "");
    assert!(matches!(about_key(404, "NoSuchKey"), StoreError::Missing { .. }));
    assert!(matches!(about_key(404, ""), StoreError::Missing { .. }));
    assert!(matches!(about_key(412, "PreconditionFailed"), StoreError::Changed { .. }));
    assert!(matches!(about_key(404, "NoSuchBucket"), StoreError::Refused { .. }));
    assert!(about_key(503, "").is_temporary());
}

/// An error as the SDK nests them.
#[derive(Debug)]
struct Nested(Box<dyn Error + 'static>);

impl fmt::Display for Nested {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("dispatch failure")
    }
}

impl Error for Nested {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

#[test]
fn no_answer_says_why() {
    let endpoint = url("https://minio:9000");
    let why = |error: Box<dyn Error>| {
        connection::failure(&call(&endpoint, None), &Nested(Box::new(Nested(error)))).to_string()
    };
    let errors = [
        why(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused))),
        why(Box::new(io::Error::from(io::ErrorKind::TimedOut))),
        why(Box::new(io::Error::from(io::ErrorKind::ConnectionReset))),
        why("dns error: failed to lookup address information".into()),
        why("invalid peer certificate: UnknownIssuer".into()),
        why("received corrupt message of type InvalidContentType".into()),
        why(Box::new(CredentialsError::not_loaded("nothing configured"))),
        why(Box::new(CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)))),
        why(Box::new(CredentialsError::provider_error("AccessDenied: not authorized to assume\nthe role"))),
    ];
    insta::assert_snapshot!(errors.join("\n"), @"");
}
