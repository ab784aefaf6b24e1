//! The formats for programs.

use serde_json::{Value, json};
use workstead_core::check::Rule;

use crate::support::{Clone, Content, slx_yaml, workspace_files};

/// A workspace below the top, with an error that has a place, one that has none, and a warning.
fn mistakes() -> Clone {
    let mut files = workspace_files("shop", &["cart"]);
    files.insert("slxs/Zürich, 1%/slx.yaml".to_owned(), slx_yaml("shop", "other"));
    files.insert(
        "slxs/lost/sli.yaml".to_owned(),
        slx_yaml("shop", "lost").replace("ServiceLevelX", "ServiceLevelIndicator"),
    );
    files.insert(
        "workspace.yaml".to_owned(),
        files["workspace.yaml"].replace("    - cart\n", "    - cart\n    - gone\n"),
    );
    let files: Content =
        files.into_iter().map(|(path, text)| (format!("workspaces/shop/{path}"), text)).collect();
    Clone::with(&files)
}

#[test]
fn github_gets_a_command_for_each_problem() {
    let run = mistakes().workstead(&["validate", "workspaces/shop", "--format", "github"]).ends(1);
    insta::assert_snapshot!(run.stdout.trim_end(), @r#"
    ::error file=workspaces/shop/slxs/Zürich%2C 1%25/slx.yaml,line=4,col=9,title=wrong_name::`metadata.name` is "shop--other", but must be "shop--Zürich, 1%25"%0Ahint: write the directory's name behind `shop--`, or rename the directory to "other"
    ::error file=workspaces/shop/slxs/Zürich%2C 1%25/slx.yaml,line=6,col=10,title=wrong_label::`metadata.labels.slx` is "shop--other", but must be "shop--Zürich, 1%25"%0Ahint: write the directory's name behind `shop--`, or rename the directory to "other"
    ::error file=workspaces/shop/slxs/lost/sli.yaml,title=slx_missing::the SLX "lost" has a sli.yaml but no slx.yaml%0Ahint: add slxs/lost/slx.yaml, or remove the directory
    ::warning file=workspaces/shop/workspace.yaml,line=12,col=7,title=unknown_slx::the SLX "gone" that is named here does not exist%0Ahint: add the SLX, or remove the name
    "#);
}

#[test]
fn json_is_one_document_of_a_known_shape() {
    let run = mistakes().workstead(&["validate", "workspaces/shop", "--format", "json"]).ends(1);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["directory"], "workspaces/shop");
    let counts = ["files", "errors", "warnings"].map(|key| report[key].as_u64().unwrap());
    assert_eq!(counts, [4, 3, 1], "{report}");
    let place = report["problems"].as_array().unwrap().iter().find(|problem| problem["code"] == "wrong_name");
    assert_eq!(
        *place.unwrap(),
        json!({
            "severity": "error",
            "path": "slxs/Zürich, 1%/slx.yaml",
            "line": 4,
            "column": 9,
            "pointer": "/metadata/name",
            "code": "wrong_name",
            "message": "`metadata.name` is \"shop--other\", but must be \"shop--Zürich, 1%\"",
            "hint": "write the directory's name behind `shop--`, or rename the directory to \"other\"",
        })
    );
    // The older name of the flag.
    let same = mistakes().workstead(&["validate", "workspaces/shop", "--output", "json"]).ends(1);
    assert_eq!(same.stdout, run.stdout);
}

#[test]
fn sarif_names_rules_and_places_in_the_repository() {
    let run = mistakes().workstead(&["validate", "workspaces/shop", "--format", "sarif"]).ends(1);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&log["version"], log["runs"].as_array().unwrap().len()), (&json!("2.1.0"), 1));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Rule::ALL.len());
    assert!(rules.iter().all(|rule| rule["help"]["text"].is_string() && rule["helpUri"].is_string()));
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("workspaces/shop/") && uri.is_ascii(), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
    }
    let wrong = results.iter().find(|result| result["ruleId"] == "wrong_name").unwrap();
    let place = &wrong["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "workspaces/shop/slxs/Z%C3%BCrich,%201%25/slx.yaml");
    assert_eq!(place["region"], json!({ "startLine": 4, "startColumn": 9 }));
    assert_eq!(results.iter().filter(|result| result["level"] == "warning").count(), 1);
    // Nothing wrong is a run without results.
    let clean = Clone::with(&workspace_files("shop", &["cart"]));
    let log: Value =
        serde_json::from_str(&clean.workstead(&["validate", "--format", "sarif"]).ends(0).stdout).unwrap();
    assert_eq!(log["runs"][0]["results"], json!([]));
}
