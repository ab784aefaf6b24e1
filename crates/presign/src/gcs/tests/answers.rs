//! What a store's answers become.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::stand_in::Reply;
use super::*;

fn error(status: u16, reason: &str, message: &str) -> Reply {
    let errors = json!([{ "domain": "global", "reason": reason, "message": message }]);
    Reply::json(status, &json!({ "error": { "code": status, "message": message, "errors": errors } }))
}

fn head(server: &StandIn) -> Result<Option<ObjectInfo>, StoreError> {
    Setting::at(server).store().head(&key())
}

fn object(size: &str) -> serde_json::Value {
    json!({
        "name": "uploads/ws-1/up-1.tar.gz", "size": size, "generation": "7",
        "timeCreated": "2030-01-01T00:00:00.000Z",
    })
}

fn frozen() -> ObjectInfo {
    let modified_at = "2030-01-01T00:00:00Z".parse().unwrap();
    ObjectInfo { size: 5, modified_at, version: Some("7".to_owned()) }
}

#[test]
fn a_refusal_says_its_cure() {
    let denied = "uploads@x.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage \
        object. Permission 'storage.objects.get' denied on resource (or it may not exist).";
    let old = Reply::Whole(401, "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n", "{}".to_owned());
    let replies = [
        error(403, "forbidden", denied),
        error(403, "accountDisabled", "The billing account is disabled. secret-echo"),
        error(404, "notFound", "The specified bucket does not exist."),
        error(401, "authError", "Invalid Credentials secret-echo"),
        old,
        error(400, "invalid", "secret-echo"),
        Reply::Whole(302, "Location: https://elsewhere.example.com/\r\n", String::new()),
        Reply::Whole(200, "", "<html>secret-echo</html>".to_owned()),
        error(403, "a reason with secret-echo", ""),
    ];
    let texts: Vec<_> = replies
        .map(|reply| match head(&StandIn::always(reply)).unwrap_err() {
            error @ StoreError::Refused { .. } => error.to_string(),
            other => panic!("{other:?}"),
        })
        .into();
    // How far this machine's clock is from 2030 changes.
    insta::with_settings!({ filters => [("clock is [0-9]+ minutes (behind|ahead of)", "clock is [far off]")] }, {
        insta::assert_snapshot!(texts.join("\n"), @"
        the object store refuses: the service account lacks the permission storage.objects.get on the bucket `bucket-1`; grant it the role roles/storage.objectUser on that bucket
        the object store refuses: access to the bucket `bucket-1` is forbidden (accountDisabled); grant the service account the role roles/storage.objectUser on that bucket, and see that its project is active
        the object store refuses: the bucket `bucket-1` does not exist; make it, or correct WORKSTEAD_GCS_BUCKET
        the object store refuses: the server's credentials are not accepted (authError); see that the key of GOOGLE_APPLICATION_CREDENTIALS was not deleted or disabled
        the object store refuses: this machine's clock is [far off] Google's; set the clock right, best by NTP
        the object store refuses: it answers 400 (invalid) for the bucket `bucket-1`; check WORKSTEAD_GCS_BUCKET and WORKSTEAD_GCS_ENDPOINT
        the object store refuses: the endpoint answers with a redirect (302); correct WORKSTEAD_GCS_ENDPOINT
        the object store refuses: it answers with something else than the JSON API of Google Cloud Storage; correct WORKSTEAD_GCS_ENDPOINT
        the object store refuses: access to the bucket `bucket-1` is forbidden; grant the service account the role roles/storage.objectUser on that bucket, and see that its project is active
        ");
    });
}

#[test]
fn a_store_that_is_down_is_asked_three_times() {
    for reply in [error(503, "backendError", ""), error(429, "rateLimitExceeded", ""), error(500, "", "")] {
        let server = StandIn::always(reply);
        let result = head(&server);
        assert!(matches!(result, Err(StoreError::Unavailable { .. })), "{result:?}");
        assert_eq!(server.requests().len(), 3);
    }
    let server = StandIn::always(error(403, "forbidden", ""));
    head(&server).unwrap_err();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_store_that_hangs_or_is_not_there_is_unavailable() {
    let server = StandIn::always(Reply::Silence);
    let mut setting = Setting::at(&server);
    setting.patience.silence = Duration::from_millis(50);
    let hangs = setting.store().head(&key()).unwrap_err();
    setting.config.endpoint = Some(Url::parse("http://127.0.0.1:9").unwrap());
    let absent = setting.store().head(&key()).unwrap_err();
    insta::assert_snapshot!(format!("{hangs}\n{absent}"), @"
    the object store is not available: it does not answer in time
    the object store is not available: its connection broke (connection refused)
    ");
}

#[test]
fn a_write_is_sent_again_whole() {
    let tries = AtomicUsize::new(0);
    let server = StandIn::start(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => error(503, "backendError", ""),
        _ => Reply::json(200, &object("5")),
    });
    let setting = Setting::at(&server);
    let file = setting.directory.path().join("bundle");
    fs_err::write(&file, "12345").unwrap();
    let sha256 = hex::decode("5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5").unwrap();
    let sha256 = sha256.try_into().unwrap();
    let info = setting.store().put(&key(), &file, sha256).unwrap();
    assert_eq!(info, frozen());
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!((request.method.as_str(), request.body.as_slice()), ("POST", b"12345".as_slice()));
        insta::allow_duplicates! {
            insta::assert_snapshot!(request.path, @"/upload/storage/v1/b/bucket-1/o?uploadType=media&fields=name,size,generation,timeCreated&name=uploads%2Fws-1%2Fup-1.tar.gz");
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_not_kept() {
    let server = StandIn::start(|request| match request.method.as_str() {
        "DELETE" => Reply::Whole(204, "", String::new()),
        _ => Reply::json(200, &object("5")),
    });
    let setting = Setting::at(&server);
    let file = setting.directory.path().join("bundle");
    fs_err::write(&file, "12345").unwrap();
    let error = setting.store().put(&key(), &file, [0; 32]).unwrap_err();
    insta::assert_snapshot!(error, @"the object store failed: `uploads/ws-1/up-1.tar.gz` was changed while it was sent");
    assert_eq!(server.requests().last().unwrap().method, "DELETE");
}

#[test]
fn an_object_is_read_as_it_was_sealed_or_not_at_all() {
    let read = |reply: Reply| {
        let mut text = String::new();
        let mut reader = Setting::at(&StandIn::always(reply)).store().open(&key(), &frozen())?;
        reader.read_to_string(&mut text).map_err(StoreError::of_read)?;
        Ok::<_, StoreError>(text)
    };
    assert_eq!(read(Reply::Whole(200, "x-goog-generation: 7\r\n", "12345".to_owned())).unwrap(), "12345");
    let cases = [
        Reply::Broken(5, "123"),
        Reply::Whole(200, "", "123".to_owned()),
        Reply::Whole(200, "", "1234567".to_owned()),
        // A proxy in between may drop the condition.
        Reply::Whole(200, "x-goog-generation: 8\r\n", "12345".to_owned()),
        error(412, "conditionNotMet", ""),
        error(404, "notFound", "No such object: bucket-1/uploads/ws-1/up-1.tar.gz"),
        Reply::Whole(200, "x-goog-stored-content-encoding: gzip\r\n", "12345".to_owned()),
    ];
    let texts: Vec<_> = cases.map(|reply| read(reply).unwrap_err().to_string()).into();
    insta::assert_snapshot!(texts.join("\n"), @"
    the object store is not available: its connection broke (unexpected end of file)
    the object store is not available: the object broke off 2 bytes before its end
    `uploads/ws-1/up-1.tar.gz` was changed while it was read
    `uploads/ws-1/up-1.tar.gz` was changed while it was read
    `uploads/ws-1/up-1.tar.gz` was changed while it was read
    nothing was uploaded under `uploads/ws-1/up-1.tar.gz`
    the object store failed: `uploads/ws-1/up-1.tar.gz` was sent with a Content-Encoding header, which must not be there
    ");
}

#[test]
fn a_check_sees_a_clock_that_is_wrong() {
    let server =
        StandIn::start(|request| match (request.method.as_str(), request.path.contains("prefix=")) {
            ("DELETE", _) => Reply::Whole(204, "", String::new()),
            (_, true) => Reply::json(200, &json!({ "items": [object("9")] })),
            _ => Reply::Whole(200, "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n", object("9").to_string()),
        });
    let error = Setting::at(&server).store().check().unwrap_err().to_string();
    assert!(error.contains("clock") && error.contains("NTP"), "{error}");
    assert_eq!(server.requests().last().unwrap().method, "DELETE");
}

#[test]
fn a_public_endpoint_that_is_not_reached_is_a_warning() {
    let server =
        StandIn::start(|request| match (request.method.as_str(), request.path.contains("prefix=")) {
            ("DELETE", _) => Reply::Whole(204, "", String::new()),
            (_, true) => Reply::json(200, &json!({ "items": [object("9")] })),
            _ => Reply::json(200, &object("9")),
        });
    let mut setting = Setting::at(&server);
    let well = setting.store().examine();
    assert!(well.failure.is_none() && well.warnings.is_empty(), "{well:?}");
    setting.config.public_endpoint = Some(Url::parse("http://127.0.0.1:9").unwrap());
    let seen = setting.store().examine();
    assert!(seen.failure.is_none(), "{seen:?}");
    insta::assert_snapshot!(seen.warnings.join("\n"), @"the public endpoint can't be used from here (the object store is not available: its connection broke (connection refused)); signed URLs work only for clients that can");
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_with_its_cure() {
    let error =
        answer::broken(io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: Expired"));
    assert!(matches!(&error, StoreError::Refused { cure, .. } if cure.contains("certificate")), "{error:?}");
}
