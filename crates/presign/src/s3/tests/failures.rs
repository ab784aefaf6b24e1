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
    insta::assert_snapshot!(answers, @r"
    the object store refuses: there is no bucket `uploads-bucket` at http://minio:9000; create it, or check WORKSTEAD_S3_BUCKET and WORKSTEAD_S3_ENDPOINT
    the object store refuses: the clock of this machine differs too much from that of http://minio:9000; set both clocks by NTP
    the object store refuses: http://minio:9000 does not know the access key; check AWS_ACCESS_KEY_ID, or where else the credentials come from
    the object store refuses: http://minio:9000 finds another signature; check AWS_SECRET_ACCESS_KEY; a proxy before the store must pass the Host header as it is
    the object store refuses: the temporary credentials for http://minio:9000 ended or are not valid; renew AWS_SESSION_TOKEN, or give the server a role that renews them
    the object store refuses: http://minio:9000 denies s3:PutObject for the bucket `uploads-bucket` (Access Denied.); check the credentials, and give them the permissions listed in docs/STORES.md
    the object store refuses: http://minio:9000 denies s3:PutObject for the bucket `uploads-bucket`; check the credentials, and give them the permissions listed in docs/STORES.md
    the object store refuses: the bucket `uploads-bucket` lies in another region; set WORKSTEAD_S3_REGION to the bucket's region
    the object store refuses: the bucket `uploads-bucket` lies in another region (the region 'us-east-1' is wrong; expecting 'eu-central-1'); set WORKSTEAD_S3_REGION to the bucket's region
    the object store refuses: an object of `uploads-bucket` lies in an archive and can't be read; let no lifecycle rule of the bucket move objects below uploads/ to an archive
    the object store is not available: http://minio:9000 answered 503 SlowDown (Reduce your request rate.)
    the object store is not available: http://minio:9000 answered 507 XMinioStorageFull (Storage backend has reached its minimum free drive threshold.)
    the object store failed: http://minio:9000 got other content than was sent
    the object store refuses: http://minio:9000 answered s3:PutObject with 418 Teapot (xxx); look the code up in the store's manual; docs/STORES.md says what the server needs of a store
    ");
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
    insta::assert_snapshot!(errors.join("\n"), @r"
    the object store is not available: https://minio:9000 refuses connections
    the object store is not available: https://minio:9000 did not answer in time
    the object store is not available: https://minio:9000 can't be talked to (connection reset)
    the object store is not available: https://minio:9000 has a host name that can't be resolved here
    the object store refuses: the certificate of https://minio:9000 is not trusted (invalid peer certificate: UnknownIssuer); give the server the store's authority by SSL_CERT_FILE, or the store a certificate for that name
    the object store refuses: https://minio:9000 does not speak TLS; write http:// instead of https:// in WORKSTEAD_S3_ENDPOINT, or let the store speak TLS
    the object store refuses: there are no credentials: none in the environment, in profile files, by web identity, of the container or of the instance; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the server a role; docs/STORES.md lists the ways
    the object store refuses: the credentials could not be had: their service did not answer in time; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the server a role; docs/STORES.md lists the ways
    the object store refuses: the credentials could not be had (AccessDenied: not authorized to assume the role); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the server a role; docs/STORES.md lists the ways
    ");
}
