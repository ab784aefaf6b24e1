//! The schema of the chart's values: complete, and with the settings that the server has.

use serde_json::Value;
use workstead_api::settings::SETTINGS;

use super::chart::CHART;
use super::hardened::has_room_for_the_largest_bundle;
use super::programs::JSON_SCHEMA;
use super::{keys, read_yaml};
use crate::support::repository_root;

/// Settings that the chart makes from values of its own; those of the stores and of metrics are too.
const FROM_VALUES: [&str; 13] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "WORKSTEAD_DATA_DIR",
    "WORKSTEAD_GCS_BUCKET",
    "WORKSTEAD_LISTEN",
    "WORKSTEAD_METRICS_LISTEN",
    "WORKSTEAD_S3_BUCKET",
    "WORKSTEAD_S3_ENDPOINT",
    "WORKSTEAD_S3_PATH_STYLE",
    "WORKSTEAD_S3_PUBLIC_ENDPOINT",
    "WORKSTEAD_S3_REGION",
    "WORKSTEAD_PUBLIC_URL",
    "WORKSTEAD_SHUTDOWN_GRACE",
    "WORKSTEAD_TRUSTED_PROXIES",
];

fn path() -> std::path::PathBuf {
    repository_root().join(CHART).join("values.schema.json")
}

fn schema() -> Value {
    serde_json::from_str(&fs_err::read_to_string(path()).unwrap()).unwrap()
}

#[test]
fn settings_are_those_of_the_server_and_secrets_are_apart() {
    let mut plain = Vec::new();
    let mut secret = Vec::new();
    for setting in SETTINGS {
        if setting.secret {
            secret.push(setting.name);
        } else if !FROM_VALUES.contains(&setting.name) {
            plain.push(setting.name);
        }
    }
    secret.sort_unstable();
    let mut expected = schema();
    expected["properties"]["settings"]["propertyNames"]["enum"] = plain.into();
    expected["properties"]["secretSettings"]["propertyNames"]["enum"] = secret.into();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(path(), format!("{expected:#}\n")).unwrap();
        return;
    }
    assert!(
        schema() == expected,
        "values.schema.json lists other settings than the server has; write it anew by \
         UPDATE_DOCS=1 cargo test -p workstead --test e2e deployment"
    );
}

/// Compares what values there are with what values are described, downwards.
fn same_names(place: &str, values: &Value, schema: &Value) {
    let (Some(values), Some(described)) = (values.as_object(), schema["properties"].as_object()) else {
        return;
    };
    assert_eq!(schema["additionalProperties"], false, "{place} takes names that nobody knows");
    for (name, value) in values {
        let of_name = described.get(name).unwrap_or_else(|| panic!("the schema lacks {place}{name}"));
        same_names(&format!("{place}{name}."), value, of_name);
    }
    // Fields of Kubernetes that we set none of.
    let optional = ["global", "claims", "initialDelaySeconds", "timeoutSeconds"];
    for name in described.keys() {
        let is_there = values.contains_key(name) || optional.contains(&name.as_str());
        assert!(is_there, "values.yaml lacks {place}{name}");
    }
}

#[test]
fn every_value_is_described_and_every_described_one_is_there() {
    same_names("", &read_yaml(&format!("{CHART}/values.yaml")), &schema());
    assert!(keys(&schema()["properties"]).len() > 30);
}

#[test]
fn the_default_limit_has_room_for_the_largest_bundle() {
    let values = read_yaml(&format!("{CHART}/values.yaml"));
    let unpacked = values["settings"]["WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES"].as_str().unwrap();
    has_room_for_the_largest_bundle(values["resources"]["limits"]["memory"].as_str().unwrap(), unpacked);
}

#[test]
fn the_schema_is_a_schema() {
    if !JSON_SCHEMA.is_here() {
        return;
    }
    JSON_SCHEMA.passes(&["--check-metaschema".into(), path()]);
    JSON_SCHEMA.refuses(
        &["--check-metaschema"],
        r#"{"type": "text", "$schema": "http://json-schema.org/draft-07/schema#"}"#,
    );
}
