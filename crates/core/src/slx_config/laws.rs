//! What holds of any payload and any file.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::check::check_file;
use crate::name::{SlxName, WorkspaceName};
use crate::yaml::edit::tests::{any_json, any_text};
use crate::yaml::parse;

/// A runbook as people and builders leave it.
const RUNBOOK: &str = "# Head.\napiVersion: runwhen.com/v1\nkind: Runbook\nmetadata:\n  name: demo--web\n  labels: {slx: demo--web, workspace: demo}\n  annotations:\n    fullSlxName: long # identity\nspec:\n  location: loc-1 # near\n  codeBundle: {repoUrl: 'https://example.com/a.git', ref: main, pathToRobot: a.robot}\n  configProvided:\n  # First.\n  - name: a\n    value: 30\n    note: mine\n  - name: b\n    value: 'x'\n  secretsProvided: []\n  people: [keep, this]\n# Tail.\n";

fn any_pairs(field: &'static str) -> impl Strategy<Value = Json> {
    let name = prop_oneof![3 => "[a-d]", 1 => any_text().prop_filter("a name", |name| !name.is_empty())];
    let value = prop_oneof![2 => any_text(), 1 => "30|x|no|~|null|1e3"];
    let pair = (name, value).prop_map(move |(name, value)| json!({"name": name, field: value}));
    prop::collection::vec(pair, 0..5).prop_map(Json::from)
}

/// An object whose numbers are such as clients may send.
fn any_object() -> impl Strategy<Value = Json> {
    prop::collection::vec((any_text(), any_json()), 0..3)
        .prop_map(|members| Json::Object(members.into_iter().collect()))
}

fn any_filled() -> impl Strategy<Value = Json> {
    any_text().prop_filter("not empty", |text| !text.is_empty()).prop_map(Json::from)
}

/// Fields of a runbook, each of which may be there.
fn any_runbook() -> impl Strategy<Value = Map<String, Json>> {
    let some = |field: BoxedStrategy<Json>| prop::option::of(field);
    (
        some(any_filled().boxed()),
        some(any_filled().boxed()),
        some(any_text().prop_map(Json::from).boxed()),
        some(any_filled().boxed()),
        some(any_pairs("value").boxed()),
        some(any_pairs("workspace_key").boxed()),
        some(any_object().boxed()),
    )
        .prop_map(|(runner, url, reference, path, config, secrets, requirements)| {
            let fields = [
                ("runner_uuid", runner),
                ("code_bundle_repo_url", url),
                ("code_bundle_ref", reference),
                ("code_bundle_path", path),
                ("config_provided", config),
                ("secretsProvided", secrets),
                ("requirements", requirements),
            ];
            let sent = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            std::iter::once(("slx_id".to_owned(), json!(1))).chain(sent).collect()
        })
}

fn apply(payload: &RunbookPayload, existing: Option<&str>) -> Result<String, ApplyError> {
    let (workspace, slx) = (WorkspaceName::parse("demo").unwrap(), SlxName::parse("web").unwrap());
    payload.apply(SlxTarget { workspace: &workspace, slx: &slx }, existing)
}

/// What a file says of the fields of a payload, as text.
fn written(text: &str, key: &str, field: &str) -> Vec<(String, String)> {
    let root = parse(text).unwrap();
    let as_text = |node: &crate::yaml::Node| crate::workspace_file::text(node).unwrap_or_default().to_owned();
    let items = root.at(&["spec", key]).map(crate::yaml::Node::items).unwrap_or_default();
    items.iter().map(|item| (as_text(item.get("name").unwrap()), as_text(item.get(field).unwrap()))).collect()
}

proptest! {
    #[test]
    fn a_payload_is_written_kept_and_written_again_without_a_change(fields in any_runbook(), is_new in any::<bool>()) {
        let payload = RunbookPayload::parse(&fields).unwrap();
        let text = match apply(&payload, (!is_new).then_some(RUNBOOK)) {
            Ok(text) => text,
            Err(ApplyError::Payload(error)) => {
                prop_assert!(is_new && error.problems.iter().all(|problem| problem.code == "missing_field"));
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(&apply(&payload, Some(&text)).unwrap(), &text);
        if !is_new {
            prop_assert!(text.starts_with("# Head.\n") && text.ends_with("# Tail.\n"), "{}", text);
            prop_assert!(text.contains("fullSlxName: long # identity") && text.contains("  people: [keep, this]\n"));
        }
        let path = SlxFile::Runbook.path(&SlxName::parse("web").unwrap()).unwrap();
        let workspace = WorkspaceName::parse("demo").unwrap();
        prop_assert_eq!(check_file(&workspace, &path, text.as_bytes()), []);
        if let Some(config) = &payload.config_provided {
            let sent: Vec<_> = config.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
            prop_assert_eq!(written(&text, "configProvided", "value"), sent);
        }
        if let Some(secrets) = &payload.secrets_provided {
            let sent: Vec<_> = secrets.iter().map(|it| (it.name.clone(), it.workspace_key.clone())).collect();
            prop_assert_eq!(written(&text, "secretsProvided", "workspaceKey"), sent);
        }
        let root = parse(&text).unwrap().to_json();
        if let Some(runner) = &payload.runner_uuid {
            prop_assert_eq!(&root["spec"]["location"], &json!(runner));
        }
        if let Some(requirements) = payload.requirements.as_ref().filter(|members| !members.is_empty()) {
            prop_assert_eq!(&root["spec"]["requirements"], &Json::Object(requirements.clone()));
        }
    }

    #[test]
    fn no_payload_panics(fields in prop::collection::vec((any_text(), any_json()), 0..6), known in any_json(), key in 0_usize..24) {
        let keys = ["name", "alias", "statement", "owners", "tags", "image_url", "imageUrl", "imageURL", "additional_context",
            "slx_id", "slxId", "runner_uuid", "code_bundle_repo_url", "config_provided", "secretsProvided", "requirements",
            "runtime_vars_provided", "interval_seconds", "alertConfig", "objective", "threshold", "operand", "sloSpecType", "description"];
        let mut payload: Map<String, Json> = fields.into_iter().collect();
        payload.insert(keys[key].to_owned(), known);
        drop((SlxPayload::parse(&payload), RunbookPayload::parse(&payload)));
        drop((SliPayload::parse(&payload), SloPayload::parse(&payload)));
    }
}
