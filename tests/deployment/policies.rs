//! The policies of buckets: least rights, and the same in all places.

use serde_json::Value;

use super::{keys, read, read_yaml, texts};

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_server_s_user_may_use_one_bucket_s_uploads_and_nothing_else() {
    let minio = json("deploy/minio/user-policy.json");
    assert_eq!(minio, json("deploy/policies/s3-role.json"), "MinIO and S3 give the same rights");
    for statement in minio["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{action}");
            let on_objects = action.ends_with("Object");
            let resource = if on_objects { "arn:aws:s3:::BUCKET/uploads/*" } else { "arn:aws:s3:::BUCKET" };
            assert_eq!(texts(&statement["Resource"]), [resource], "{action}");
        }
    }
    let role = read_yaml("deploy/policies/gcs-role.yaml");
    let mut permissions = texts(&role["includedPermissions"]);
    permissions.retain(|permission| !permission.starts_with("storage.objects."));
    assert!(permissions.is_empty(), "{permissions:?}");
}

#[test]
fn the_policy_of_a_bucket_only_takes_rights_away() {
    for statement in json("deploy/policies/s3-bucket.json")["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Deny");
        assert!(statement["Condition"].is_object(), "without a condition nobody could do anything");
    }
}

#[test]
fn objects_live_longer_than_the_server_keeps_them_and_only_uploads_die() {
    let hours = ["WORKSTEAD_UPLOAD_RETENTION_HOURS", "WORKSTEAD_UPLOAD_FAILED_RETENTION_HOURS"].map(|name| {
        let setting = workstead_api::settings::SETTINGS.iter().find(|one| one.name == name);
        setting.unwrap().default.parse::<u64>().unwrap()
    });
    let hours = hours[0].max(hours[1]);
    for path in ["deploy/minio/lifecycle.json", "deploy/policies/s3-lifecycle.json"] {
        let rule = &json(path)["Rules"][0];
        assert_eq!(rule["Filter"]["Prefix"], "uploads/", "{path}");
        assert!(rule["Expiration"]["Days"].as_u64().unwrap() * 24 > 2 * hours, "{path}");
    }
    let condition = &json("deploy/policies/gcs-lifecycle.json")["lifecycle"]["rule"][0]["condition"];
    assert_eq!(texts(&condition["matchesPrefix"]), ["uploads/"]);
    assert!(condition["age"].as_u64().unwrap() * 24 > 2 * hours);
}

#[test]
fn browsers_may_only_put() {
    let s3 = &json("deploy/policies/s3-cors.json")["CORSRules"][0];
    let gcs = &json("deploy/policies/gcs-cors.json")[0];
    assert_eq!(texts(&s3["AllowedMethods"]), ["PUT"]);
    assert_eq!(texts(&gcs["method"]), ["PUT"]);
    // What a signed URL asks for, and nothing else.
    assert_eq!(texts(&s3["AllowedHeaders"]), ["content-type", "content-length", "x-amz-checksum-sha256"]);
    let signed = ["content-type", "x-goog-content-length-range", "x-goog-content-sha256"];
    assert_eq!(texts(&gcs["responseHeader"]), signed);
    for origin in texts(&s3["AllowedOrigins"]).into_iter().chain(texts(&gcs["origin"])) {
        assert!(origin.starts_with("https://") && !origin.contains('*'), "{origin}");
    }
    assert!(!keys(gcs).is_empty());
}
