//! What an agent gives to the MCP servers, and what Git must hold of it, whatever the release.

use serde_json::{Value, json};

const TASK: &str = "main() {\n  echo '[]' >&3\n}\n";
const TASK_BASE64: &str = "bWFpbigpIHsKICBlY2hvICdbXScgPiYzCn0K";
/// The script of an SLI.
pub(super) const PROBE: &str = "main() {\n  echo 1 >&3\n}\n";
const PROBE_BASE64: &str = "bWFpbigpIHsKICBlY2hvIDEgPiYzCn0K";
const ICON: &str = "https://storage.googleapis.com/runwhen-nonprod-shared-images/icons/prompt_suggestion.svg";
const GENERIC: &str = "https://github.com/runwhen-contrib/rw-generic-codecollection.git";

/// What an agent gives to commit a task that uses everything that a task may have.
pub(super) fn task(name: &str) -> Value {
    json!({
        "slx_name": name,
        "alias": "Cart: Health",
        "statement": "The cart should answer # and \"quickly\", whatever the load on the rest of the shop is that day",
        "script": TASK,
        "task_title": "Check the cart",
        "interpreter": "bash",
        "env_vars": {"NAMESPACE": "prod", "STRICT": "no", "BUILD": "012", "EMPTY": ""},
        "secret_vars": {"kubeconfig": "k8s:file@secret/kubeconfig:kubeconfig"},
        "tags": [{"name": "team", "value": "sre"}, {"name": "team", "value": "on"}],
        "resource_path": "kubernetes/prod/cart",
        "hierarchy": ["team"],
        "runtime_vars": [{
            "name": "WINDOW", "description": "How far back", "default": "5m",
            "validation": {"type": "regex", "pattern": "^[0-9]+m$"},
        }],
    })
}

/// Returns the arguments with others over them.
pub(super) fn with(mut arguments: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        arguments[name] = value.clone();
    }
    arguments
}

/// Returns where a code bundle lies.
pub(super) fn code_bundle(repository: &str, path: &str) -> Value {
    json!({"repoUrl": repository, "ref": "main", "pathToRobot": path})
}

/// The configuration that the variables of [`task`] become.
fn variables() -> Vec<Value> {
    let map = r#"{"NAMESPACE": "prod", "STRICT": "no", "BUILD": "012", "EMPTY": ""}"#;
    vec![
        json!({"name": "CONFIG_ENV_MAP", "value": map}),
        json!({"name": "SECRET_ENV_MAP", "value": "[\"kubeconfig\"]"}),
        json!({"name": "NAMESPACE", "value": "prod"}),
        json!({"name": "STRICT", "value": "no"}),
        json!({"name": "BUILD", "value": "012"}),
        json!({"name": "EMPTY", "value": ""}),
    ]
}

/// What [`task`] becomes in `slx.yaml`.
pub(super) fn task_slx() -> Value {
    json!({
        "alias": "Cart: Health",
        "imageURL": ICON,
        "statement": "The cart should answer # and \"quickly\", whatever the load on the rest of the shop is that day",
        "owners": ["admin@localhost"],
        "tags": [
            {"name": "team", "value": "sre"},
            {"name": "team", "value": "on"},
            {"name": "access", "value": "read-write"},
            {"name": "data", "value": "logs-bulk"},
        ],
        "additionalContext": {"resourcePath": "custom/kubernetes/prod/cart", "hierarchy": ["team"]},
    })
}

/// What [`task`] becomes in `runbook.yaml`.
pub(super) fn task_runbook() -> Value {
    let mut configuration = vec![
        json!({"name": "TASK_TITLE", "value": "Check the cart"}),
        json!({"name": "GEN_CMD", "value": TASK_BASE64}),
        json!({"name": "INTERPRETER", "value": "bash"}),
    ];
    configuration.extend(variables());
    json!({
        "location": "location-01",
        "codeBundle": code_bundle(GENERIC, "codebundles/tool-builder/runbook.robot"),
        "configProvided": configuration,
        "secretsProvided": [
            {"name": "kubeconfig", "workspaceKey": "k8s:file@secret/kubeconfig:kubeconfig"},
        ],
        "runtimeVarsProvided": [{
            "name": "WINDOW", "description": "How far back", "default": "5m",
            "validation": {"type": "regex", "pattern": "^[0-9]+m$"},
        }],
    })
}

/// What every SLI of the clients has.
pub(super) fn indicator(code_bundle: &Value, configuration: &[Value]) -> Value {
    json!({
        "locations": ["location-01"],
        "displayUnitsLong": "OK",
        "displayUnitsShort": "ok",
        "intervalSeconds": 300,
        "intervalStrategy": "intermezzo",
        "alertConfig": {"tasks": {"persona": "eager-edgar", "sessionTTL": "10m"}},
        "codeBundle": code_bundle,
        "configProvided": configuration,
    })
}

/// What [`PROBE`] becomes beside [`task`], in `sli.yaml`.
pub(super) fn probe_sli() -> Value {
    let mut configuration = vec![
        json!({"name": "GEN_CMD", "value": PROBE_BASE64}),
        json!({"name": "INTERPRETER", "value": "bash"}),
    ];
    configuration.extend(variables());
    let spec = indicator(&code_bundle(GENERIC, "codebundles/tool-builder/sli.robot"), &configuration);
    with(
        spec,
        &json!({"secretsProvided": [
            {"name": "kubeconfig", "workspaceKey": "k8s:file@secret/kubeconfig:kubeconfig"},
        ]}),
    )
}
