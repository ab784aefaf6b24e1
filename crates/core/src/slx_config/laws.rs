//! What holds of any payload and any file.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::check::check_file;
use crate::name::{SlxName, WorkspaceName};
use crate::yaml::edit::tests::{any_json, any_text};
use crate::yaml::{Node, parse};

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

fn any_texts() -> impl Strategy<Value = Json> {
    prop::collection::vec(any_text(), 0..4).prop_map(Json::from)
}

/// Any of some fields, the first of which is always sent.
fn any_fields(
    first: (&'static str, Json),
    fields: Vec<(&'static str, BoxedStrategy<Json>)>,
) -> impl Strategy<Value = Map<String, Json>> {
    let one = |(name, value): (&'static str, BoxedStrategy<Json>)| {
        prop::option::of(value).prop_map(move |value| Some((name.to_owned(), value?)))
    };
    let fields: Vec<_> = fields.into_iter().map(one).collect();
    fields.prop_map(move |sent| {
        let first = (first.0.to_owned(), first.1.clone());
        std::iter::once(first).chain(sent.into_iter().flatten()).collect()
    })
}

fn any_slx() -> impl Strategy<Value = Map<String, Json>> {
    let fields = vec![
        ("alias", any_text().prop_map(Json::from).boxed()),
        ("statement", any_text().prop_map(Json::from).boxed()),
        ("owners", any_texts().boxed()),
        ("tags", any_pairs("value").boxed()),
        ("imageUrl", any_text().prop_map(Json::from).boxed()),
        ("additional_context", any_context().boxed()),
    ];
    any_fields(("name", json!("demo--web")), fields)
}

/// An object whose known members have the types that they must have.
fn any_context() -> impl Strategy<Value = Json> {
    (any_text(), any_texts(), any_object()).prop_map(|(path, hierarchy, mut others)| {
        others["resourcePath"] = path.into();
        others["hierarchy"] = hierarchy;
        others
    })
}

fn any_code() -> Vec<(&'static str, BoxedStrategy<Json>)> {
    vec![
        ("runner_uuid", any_filled().boxed()),
        ("codeBundleRepoUrl", any_filled().boxed()),
        ("code_bundle_ref", any_text().prop_map(Json::from).boxed()),
        ("code_bundle_path", any_filled().boxed()),
        ("config_provided", any_pairs("value").boxed()),
        ("secretsProvided", any_pairs("workspace_key").boxed()),
    ]
}

fn any_runbook() -> impl Strategy<Value = Map<String, Json>> {
    let mut fields = any_code();
    fields.push(("requirements", any_object().boxed()));
    any_fields(("slx_id", json!(1)), fields)
}

fn any_sli() -> impl Strategy<Value = Map<String, Json>> {
    let mut fields = any_code();
    fields.push(("display_units_long", any_text().prop_map(Json::from).boxed()));
    fields.push(("description", any_text().prop_map(Json::from).boxed()));
    fields.push(("interval_seconds", (1..=i64::MAX).prop_map(Json::from).boxed()));
    fields.push(("intervalStrategy", any_text().prop_map(Json::from).boxed()));
    fields.push((
        "alert_config",
        any_text().prop_map(|persona| json!({"tasks": {"persona": persona}})).boxed(),
    ));
    any_fields(("slxId", json!("1")), fields)
}

fn any_slo() -> impl Strategy<Value = Map<String, Json>> {
    let mut fields: Vec<_> = any_code().into_iter().filter(|(name, _)| name.contains("ode")).collect();
    fields.push(("objective", (-1e9..1e9).prop_map(Json::from).boxed()));
    fields.push(("threshold", any::<i64>().prop_map(Json::from).boxed()));
    fields.push(("slo_spec_type", any_text().prop_map(Json::from).boxed()));
    any_fields(("slx_id", json!(1)), fields)
}

fn apply<P: SyncPayload>(payload: &P, existing: Option<&str>) -> Result<String, ApplyError> {
    let (workspace, slx) = (WorkspaceName::parse("demo").unwrap(), SlxName::parse("web").unwrap());
    payload.apply(SlxTarget { workspace: &workspace, slx: &slx }, existing)
}

/// Applies fields and returns the text, which is valid, and stays as it is when they come again.
fn applied<P: SyncPayload>(
    fields: &Map<String, Json>,
    existing: Option<&str>,
) -> Result<Option<(P, String)>, TestCaseError> {
    let payload = P::parse(fields).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let text = match apply(&payload, existing) {
        Ok(text) => text,
        Err(ApplyError::Payload(error)) => {
            let is_missing = error.problems.iter().all(|problem| problem.code == "missing_field");
            prop_assert!(existing.is_none() && is_missing, "{}", error);
            return Ok(None);
        }
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    prop_assert_eq!(&apply(&payload, Some(&text)).unwrap(), &text);
    let path = P::FILE.path(&SlxName::parse("web").unwrap()).unwrap();
    let problems = check_file(&WorkspaceName::parse("demo").unwrap(), &path, text.as_bytes());
    prop_assert_eq!(problems, [], "{}", text);
    Ok(Some((payload, text)))
}

/// What a list of a file says, as text.
fn written(text: &str, key: &str, field: &str) -> Vec<(String, String)> {
    let root = parse(text).unwrap();
    let as_text = |node: &Node| crate::workspace_file::text(node).unwrap_or_default().to_owned();
    let items = root.at(&["spec", key]).map(Node::items).unwrap_or_default();
    items.iter().map(|item| (as_text(item.get("name").unwrap()), as_text(item.get(field).unwrap()))).collect()
}

proptest! {
    #[test]
    fn a_runbook_is_written_kept_and_written_again_without_a_change(fields in any_runbook(), is_new in any::<bool>()) {
        let existing = (!is_new).then_some(RUNBOOK);
        let Some((payload, text)) = applied::<RunbookPayload>(&fields, existing)? else { return Ok(()) };
        if !is_new {
            prop_assert!(text.starts_with("# Head.\n") && text.ends_with("# Tail.\n"), "{}", text);
            prop_assert!(text.contains("fullSlxName: long # identity") && text.contains("  people: [keep, this]\n"));
        }
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
    fn every_payload_is_valid_and_written_again_without_a_change(
        one in any_slx(), other in any_slx(), sli in any_sli(), slo in any_slo(),
    ) {
        let first = applied::<SlxPayload>(&one, None)?;
        if let Some((_, text)) = first {
            let Some((payload, text)) = applied::<SlxPayload>(&other, Some(&text))? else { return Ok(()) };
            let details = SlxDetails::read(&parse(&text).unwrap());
            if let Some(tags) = &payload.tags {
                prop_assert_eq!(&details.tags, tags);
            }
            if let Some(alias) = payload.alias.as_ref().filter(|alias| !alias.is_empty()) {
                prop_assert_eq!(details.alias.as_ref(), Some(alias));
            }
        }
        applied::<SliPayload>(&sli, None)?;
        applied::<SloPayload>(&slo, None)?;
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
