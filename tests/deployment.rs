//! Images, Compose, the Helm chart and the manifests for k3s, by the tools that need neither an engine nor a cluster.

mod chart;
mod compose;
mod confined;
mod hardened;
mod images;
mod k3s;
mod policies;
mod programs;
mod refusals;
mod schema;

use serde_json::Value;
use workstead_core::yaml::parse;

use crate::support::repository_root;

/// Variables that the libraries of the stores read.
const STANDARD: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

fn read(path: &str) -> String {
    fs_err::read_to_string(repository_root().join(path)).unwrap()
}

fn read_yaml(path: &str) -> Value {
    parse(&read(path)).unwrap_or_else(|errors| panic!("{path}: {errors:?}")).to_json()
}

fn is_variable(name: &str) -> bool {
    let settings = workstead_api::settings::SETTINGS;
    settings.iter().any(|setting| setting.name == name) || STANDARD.contains(&name)
}

/// Returns a list's texts.
#[track_caller]
fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// Returns an object's keys.
#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
