//! As whom the server speaks, and how it signs where there is no key.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use serde_json::Value;

use super::canonical::Sent;
use super::stand_in::{Reply, Request};
use super::*;

const TOKEN: &str = "ya29.a-token-of-the-stand-in";
const SIGNER: &str = "signer@project-2.iam.gserviceaccount.com";

/// Signs as the IAM service does for an account whose key is the test's.
fn sign_blob(request: &Request, email: &str) -> Reply {
    let path = format!("/v1/projects/-/serviceAccounts/{email}:signBlob");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", path.as_str()));
    assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let payload = STANDARD.decode(body["payload"].as_str().unwrap()).unwrap();
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &payload, &mut signature).unwrap();
    Reply::json(200, &json!({ "keyId": "1", "signedBlob": STANDARD.encode(signature) }))
}

/// A metadata server of a machine that runs as this account.
fn metadata(email: &'static str) -> StandIn {
    StandIn::start(move |request| {
        assert_eq!(request.headers["metadata-flavor"], "Google");
        let path = request.path.split('?').next().unwrap();
        let flavor = "Metadata-Flavor: Google\r\n";
        match path {
            "/computeMetadata/v1/instance/service-accounts/default/token" => {
                let body = json!({ "access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer" });
                Reply::Whole(
                    200,
                    "Metadata-Flavor: Google\r\nContent-Type: application/json\r\n",
                    body.to_string(),
                )
            }
            "/computeMetadata/v1/instance/service-accounts/default/email" => {
                Reply::Whole(200, flavor, email.to_owned())
            }
            _ => Reply::Whole(404, flavor, String::new()),
        }
    })
}

/// A store without any key, as on GKE.
fn without_key(metadata: &StandIn, iam: &StandIn) -> Setting {
    let mut setting = Setting::new();
    setting.config.credentials_file = None;
    setting.services.metadata = Some(metadata.base());
    setting.services.iam = iam.base();
    setting
}

fn is_signed(setting: &Setting) -> bool {
    let signed = setting.store().sign_put(&key(), &conditions()).unwrap();
    Sent::new(signed.method, signed.url.expose(), &signed.headers).is_signed()
}

fn refusal(setting: &Setting) -> String {
    setting.store().sign_put(&key(), &conditions()).unwrap_err().to_string()
}

#[test]
fn signs_by_iam_as_the_account_of_the_machine() {
    let (metadata, iam) = (metadata(EMAIL), StandIn::start(|request| sign_blob(request, EMAIL)));
    let setting = without_key(&metadata, &iam);
    assert!(is_signed(&setting));
    setting.store().credentials.check_signer().unwrap();
    assert_eq!(iam.requests().len(), 2);
}

#[test]
fn signs_by_iam_as_another_account() {
    let (metadata, iam) = (metadata(EMAIL), StandIn::start(|request| sign_blob(request, SIGNER)));
    let mut setting = without_key(&metadata, &iam);
    setting.config.signer = Some(SIGNER.to_owned());
    assert!(is_signed(&setting));
}

#[test]
fn signs_by_iam_as_a_workload_of_another_cloud() {
    let sts = StandIn::start(|request| {
        assert!(String::from_utf8_lossy(&request.body).contains("the-workloads-own-token"));
        Reply::json(
            200,
            &json!({
                "access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            }),
        )
    });
    let iam = StandIn::start(|request| sign_blob(request, SIGNER));
    let mut setting = Setting::new();
    setting.services.iam = iam.base();
    let subject = setting.directory.path().join("token");
    fs_err::write(&subject, "the-workloads-own-token").unwrap();
    setting.file(&json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/k3s",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/v1/token", sts.base()),
        "credential_source": { "file": subject },
    }).to_string());
    insta::assert_snapshot!(refusal(&setting), @"the object store refuses: the server's credentials name no service account that could sign; set WORKSTEAD_GCS_SIGNER to the e-mail address of one, and let the server sign as it (roles/iam.serviceAccountTokenCreator)");
    setting.config.signer = Some(SIGNER.to_owned());
    assert!(is_signed(&setting));
}

#[test]
fn signs_by_iam_as_an_account_that_is_impersonated() {
    // Google's own signer would take the key of the source for this, and the URL would be of no use.
    let tokens = StandIn::start(|request| {
        assert!(request.headers["authorization"].starts_with("Bearer ey"));
        Reply::json(200, &json!({ "accessToken": TOKEN, "expireTime": "2100-01-01T00:00:00Z" }))
    });
    let iam = StandIn::start(|request| sign_blob(request, SIGNER));
    let mut setting = Setting::new();
    setting.services.iam = iam.base();
    let url = format!("{}/v1/projects/-/serviceAccounts/{SIGNER}:generateAccessToken", tokens.base());
    let json = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": url,
        "source_credentials": key_json(),
    });
    setting.file(&json.to_string());
    assert!(is_signed(&setting));
    assert_eq!(iam.requests().len(), 1);
}

#[test]
fn says_why_iam_does_not_sign() {
    let denied = Reply::json(
        403,
        &json!({ "error": {
        "code": 403, "status": "PERMISSION_DENIED",
        "message": "Permission 'iam.serviceAccounts.signBlob' denied on resource (or it may not exist).",
    } }),
    );
    let absent = Reply::json(
        404,
        &json!({ "error": { "code": 404, "status": "NOT_FOUND", "message": "secret-echo" } }),
    );
    let down = Reply::Whole(503, "", "secret-echo".to_owned());
    let strange = Reply::json(200, &json!({ "signedBlob": "no base64!" }));
    let metadata = metadata(EMAIL);
    let texts: Vec<_> = [denied, absent, down, strange]
        .map(|reply| refusal(&without_key(&metadata, &StandIn::always(reply))))
        .into();
    insta::assert_snapshot!(texts.join("\n"), @"
    the object store refuses: the server lacks the permission iam.serviceAccounts.signBlob on `uploads@project-1.iam.gserviceaccount.com`, or the IAM Service Account Credentials API is off (PERMISSION_DENIED); enable that API, and grant the server's account the role roles/iam.serviceAccountTokenCreator on that account, itself included
    the object store refuses: the service account `uploads@project-1.iam.gserviceaccount.com` does not exist; correct WORKSTEAD_GCS_SIGNER
    the object store is not available: signBlob answers 503
    the object store is not available: signBlob answers without a signature
    ");
}

#[test]
fn asks_iam_again_when_it_is_down_for_a_moment() {
    let (metadata, tried) = (metadata(EMAIL), AtomicBool::new(false));
    let iam = StandIn::start(move |request| {
        if tried.swap(true, Ordering::Relaxed) {
            sign_blob(request, EMAIL)
        } else {
            Reply::Whole(503, "", String::new())
        }
    });
    assert!(is_signed(&without_key(&metadata, &iam)));
    assert_eq!(iam.requests().len(), 2);
}

#[test]
fn an_identity_pool_is_nobody_who_could_sign() {
    let iam = StandIn::start(|request| sign_blob(request, SIGNER));
    let setting = without_key(&metadata("project-1.svc.id.goog"), &iam);
    insta::assert_snapshot!(refusal(&setting), @"the object store refuses: the server's credentials name no service account that could sign; set WORKSTEAD_GCS_SIGNER to the e-mail address of one, and let the server sign as it (roles/iam.serviceAccountTokenCreator)");
    assert!(iam.requests().is_empty());
}

#[test]
fn says_what_is_wrong_with_the_file() {
    let setting = Setting::new();
    let without = |name: &str| {
        let mut json = key_json();
        json.as_object_mut().unwrap().remove(name);
        json.to_string()
    };
    let mut wrong_key = key_json();
    wrong_key["private_key"] = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".into();
    let files = ["secret".to_owned(), without("type"), without("client_email"), wrong_key.to_string()];
    let mut texts: Vec<_> = files
        .iter()
        .map(|text| {
            setting.file(text);
            refusal(&setting)
        })
        .collect();
    fs_err::remove_file(setting.directory.path().join("credentials.json")).unwrap();
    texts.push(refusal(&setting));
    insta::assert_snapshot!(texts.join("\n"), @"
    the object store refuses: the file of Google's credentials is not JSON; set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file that the server can read
    the object store refuses: the file of Google's credentials has a `type` that is none of service_account, external_account, impersonated_service_account, authorized_user; set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file that the server can read
    the object store refuses: the file of Google's credentials is not complete; set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file that the server can read
    the object store refuses: the file of Google's credentials has a private key that can't be used; set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file that the server can read
    the object store refuses: the file of Google's credentials can't be read (entity not found); set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file that the server can read
    ");
}

#[test]
fn a_file_that_is_put_right_is_taken_without_a_restart() {
    let setting = Setting::new();
    setting.file("{}");
    let store = setting.store();
    assert!(store.sign_put(&key(), &conditions()).is_err());
    setting.file(&key_json().to_string());
    store.sign_put(&key(), &conditions()).unwrap();
}

#[test]
fn credentials_that_google_refused_are_found_anew() {
    let answers = Arc::new(Mutex::new(vec![
        Reply::json(200, &json!({ "items": [] })),
        Reply::json(401, &json!({ "error": { "errors": [{ "reason": "authError" }] } })),
    ]));
    let server = StandIn::start(move |_| answers.lock().unwrap().pop().unwrap());
    let setting = Setting::at(&server);
    let store = setting.store();
    assert!(matches!(store.list_older_than(Timestamp::MAX), Err(StoreError::Refused { .. })));
    let mut other = key_json();
    other["client_email"] = SIGNER.into();
    setting.file(&other.to_string());
    store.list_older_than(Timestamp::MAX).unwrap();
    let signed = store.sign_put(&key(), &conditions()).unwrap();
    assert!(signed.url.expose().contains("signer%40project-2"));
}

#[test]
fn works_from_async_code_and_is_dropped_there() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let setting = Setting::new();
        let store = setting.store();
        store.sign_put(&key(), &conditions()).unwrap();
        drop(store);
    });
}
