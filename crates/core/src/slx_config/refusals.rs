//! What is refused, and how clients are told.

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::tests::parse;
use super::*;
use crate::workspace_file::FieldProblem;

fn refused<P: SyncPayload + std::fmt::Debug>(payload: &Json) -> String {
    let error = parse::<P>(payload).unwrap_err();
    let problem = |problem: &FieldProblem| {
        let hint = problem.hint.as_deref().unwrap_or("-");
        format!("{} {}: {} ({hint})", problem.code, problem.pointer, problem.message)
    };
    let problems: Vec<_> = error.problems.iter().map(problem).collect();
    format!("{error}\nunknown: {:?}\n{}", error.unknown_keys, problems.join("\n"))
}

#[test]
fn unknown_keys_are_listed_with_the_nearest_known() {
    let payload = json!({
        "slx_id": 7, "runner_uid": "x", "Config_Provided": [],
        "secrets_provided": [{"name": "a", "workspaceKeys": "b", "workspace_key": "c"}], "a/b": 1,
    });
    assert_snapshot!(refused::<RunbookPayload>(&payload), @r#"
    RunbookModel has no field `secrets_provided.0.workspaceKeys`, `runner_uid`, `Config_Provided`, `a/b`
    unknown: ["secrets_provided.0.workspaceKeys", "runner_uid", "Config_Provided", "a/b"]
    unknown_field /payload/secrets_provided/0/workspaceKeys: RunbookModel has no field `secrets_provided.0.workspaceKeys` (did you mean `workspaceKey`?)
    unknown_field /payload/runner_uid: RunbookModel has no field `runner_uid` (did you mean `runner_uuid`?)
    unknown_field /payload/Config_Provided: RunbookModel has no field `Config_Provided` (did you mean `config_provided`?)
    unknown_field /payload/a~1b: RunbookModel has no field `a/b` (the fields are `slx_id`, `runner_uuid`, `code_bundle_repo_url`, `code_bundle_ref`, `code_bundle_path`, `config_provided`, `secrets_provided`, `requirements`, `runtime_vars_provided`)
    "#);
}

#[test]
fn wrong_types_name_the_field_and_what_it_should_be() {
    let payload = json!({
        "name": 12, "alias": true, "statement": ["x"], "owners": "a@example.com",
        "tags": [{"name": "a", "value": 1}, "b", {"value": "c"}, {"name": "", "value": "d"}, {"name": "n", "value": null}],
        "additional_context": [],
    });
    assert_snapshot!(refused::<SlxPayload>(&payload), @r#"
    `/payload/name` is the number 12, not a string; write it in quotes: "12" (and 8 more)
    unknown: []
    wrong_type /payload/name: `/payload/name` is the number 12, not a string (write it in quotes: "12")
    wrong_type /payload/alias: `/payload/alias` is the boolean true, not a string (write it in quotes: "true")
    wrong_type /payload/statement: `/payload/statement` is a list, not a string (send a string)
    wrong_type /payload/owners: `/payload/owners` is a string, not a list of strings (send a list of strings)
    wrong_type /payload/tags/0/value: `/payload/tags/0/value` is the number 1, not a string (write it in quotes: "1")
    wrong_type /payload/tags/1: `/payload/tags/1` is a string, not {"name": ..., "value": ...} (send {"name": ..., "value": ...})
    missing_field /payload/tags/2/name: `/payload/tags/2` has no `name` (add it, a string)
    empty_value /payload/tags/3/name: `/payload/tags/3/name` is empty (name it)
    wrong_type /payload/additional_context: `/payload/additional_context` is a list, not an object (send an object)
    "#);
    let payload = json!({
        "slx_id": "x", "interval_seconds": 1.5, "alert_config": {"a": [18_446_744_073_709_551_615_u64]}, "runner_uuid": "",
        "config_provided": {}, "display_units_long": "a", "displayUnitsLong": "b",
    });
    assert_snapshot!(refused::<SliPayload>(&payload), @r#"
    `/payload/slx_id` is a string, not an integer; send an integer (and 5 more)
    unknown: []
    wrong_type /payload/slx_id: `/payload/slx_id` is a string, not an integer (send an integer)
    empty_value /payload/runner_uuid: `/payload/runner_uuid` is empty (give it a value, or leave it out)
    conflicting_fields /payload/displayUnitsLong: `display_units_long` and `displayUnitsLong` are the same field with different values (send only one of them)
    wrong_type /payload/interval_seconds: `/payload/interval_seconds` is the number 1.5, not a positive integer (send a positive integer)
    wrong_type /payload/config_provided: `/payload/config_provided` is an object, not a list of {"name": ..., "value": ...} (send a list of {"name": ..., "value": ...})
    wrong_type /payload/alert_config/a/0: `/payload/alert_config/a/0` is the number 18446744073709551615, not a number of at most 64 bits with a sign (send a number of at most 64 bits with a sign)
    "#);
    assert_snapshot!(refused::<RunbookPayload>(&json!({"runtime_vars_provided": [{"default": "x"}, "y", {"name": ""}]})), @r"
    the payload has no `slx_id`; send the `resourceId` that slxs/sync-typed answered (and 3 more)
    unknown: []
    missing_field /payload/slx_id: the payload has no `slx_id` (send the `resourceId` that slxs/sync-typed answered)
    wrong_type /payload/runtime_vars_provided/0: `/payload/runtime_vars_provided/0` is an object, not an object with a `name` (send an object with a `name`)
    wrong_type /payload/runtime_vars_provided/1: `/payload/runtime_vars_provided/1` is a string, not an object with a `name` (send an object with a `name`)
    wrong_type /payload/runtime_vars_provided/2/name: `/payload/runtime_vars_provided/2/name` is a string, not a string that is not empty (send a string that is not empty)
    ");
    assert_snapshot!(refused::<SloPayload>(&json!({"slx_id": 1.5, "objective": "99"})), @r"
    `/payload/slx_id` is the number 1.5, not an integer; send an integer (and 1 more)
    unknown: []
    wrong_type /payload/slx_id: `/payload/slx_id` is the number 1.5, not an integer (send an integer)
    wrong_type /payload/objective: `/payload/objective` is a string, not a number (send a number)
    ");
}

#[test]
fn problems_end_at_a_limit() {
    let payload = json!({"name": "web", "owners": vec![1; 5000]});
    assert_eq!(parse::<SlxPayload>(&payload).unwrap_err().problems.len(), 100);
    let long = parse::<SlxPayload>(&json!({"name": "web", "x".repeat(5000): 1})).unwrap_err();
    assert!(long.to_string().len() < 200 && long.problems[0].pointer.len() < 200, "{long}");
    let payload = Json::Object((0..5000).map(|number| (format!("key{number}"), Json::Null)).collect());
    let error = parse::<SlxPayload>(&payload).unwrap_err();
    assert_eq!(error.unknown_keys.len(), 99);
    assert_snapshot!(error, @"SLXModel has no field `key0`, `key1`, `key2`, `key3`, `key4` (and 94 more)");
}
