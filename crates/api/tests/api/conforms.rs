//! Whether an answer is what the description of the API says.

use serde_json::Value;

use crate::app::{Answer, TestApp};

/// Asserts that a JSON answer of a GET conforms to its schema in `/api/openapi.json`.
pub(crate) async fn assert_conforms(app: &TestApp, path: &str, answer: &Answer) {
    let description = app.get("/api/openapi.json").await.expect(200);
    let content = &description["paths"][path]["get"]["responses"][answer.status.as_str()]["content"];
    let schema = &content["application/json"]["schema"];
    assert!(schema.is_object(), "{path} has no schema for {}", answer.status);
    let mut problems = Vec::new();
    check(&description, schema, &answer.json(), "$", &mut problems);
    assert!(problems.is_empty(), "{path}: {problems:#?}");
}

/// Checks the words that our schemas use; any other fails the test, so that none goes unchecked.
fn check(description: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    for (word, rule) in schema.as_object().expect("a schema") {
        match word.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
                let schema = &description["components"]["schemas"][name];
                assert!(schema.is_object(), "no schema {name}");
                check(description, schema, value, at, problems);
            }
            "type" => {
                let fits = |kind: &Value| match kind.as_str().unwrap() {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "string" => value.is_string(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("no type {other}"),
                };
                let fits = rule.as_array().map_or_else(|| fits(rule), |kinds| kinds.iter().any(fits));
                if !fits {
                    problems.push(format!("{at} is {value}, not {rule}"));
                }
            }
            "oneOf" | "anyOf" => {
                let fits = |schema: &&Value| {
                    let mut own = Vec::new();
                    check(description, schema, value, at, &mut own);
                    own.is_empty()
                };
                if rule.as_array().unwrap().iter().filter(fits).count() != 1 {
                    problems.push(format!("{at} is {value}, which fits none of {rule}"));
                }
            }
            "enum" => {
                if !rule.as_array().unwrap().contains(value) {
                    problems.push(format!("{at} is {value}, not one of {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap().iter().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        problems.push(format!("{at} has no {name}"));
                    }
                }
            }
            "properties" => {
                for (name, found) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(schema) => check(description, schema, found, &format!("{at}.{name}"), problems),
                        None => problems.push(format!("{at} has {name}, which is not described")),
                    }
                }
            }
            "additionalProperties" => {
                for (name, found) in value.as_object().into_iter().flatten() {
                    if schema["properties"].get(name).is_none() {
                        check(description, rule, found, &format!("{at}.{name}"), problems);
                    }
                }
            }
            "propertyNames" => assert_eq!(rule, &serde_json::json!({ "type": "string" }), "{at}"),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(description, rule, item, &format!("{at}[{index}]"), problems);
                }
            }
            "minimum" => {
                if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap()) {
                    problems.push(format!("{at} is {value}, less than {rule}"));
                }
            }
            "description" | "format" => {}
            other => panic!("{at}: the word {other} is not checked"),
        }
    }
}
