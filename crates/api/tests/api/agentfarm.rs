//! What agents are told: the language model from three levels, and no secret.

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp};

const PARAMS: &str = "/api/v3/workspaces/abc/agentfarm-params";
const PLATFORM: &str = r#"{"DEFAULT": {"model": "platform", "apiKey": "geheim-1"}, "EMBEDDING": {"model": "platform-embedding", "token": "geheim-2"}}"#;

/// Writes `spec.llmConfig` as a push does.
fn in_git(app: &TestApp, llm: &str) {
    let bare = app.repository();
    let directory = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .current_dir(directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["clone", "-q", bare.to_str().unwrap(), "."]);
    let file = directory.path().join("workspace.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nspec:"), "{text}");
    let text = text.replace("\nspec: {}\n", "\nspec:\n").replacen(
        "\nspec:\n",
        &format!("\nspec:\n  llmConfig: {llm}\n"),
        1,
    );
    std::fs::write(&file, text).unwrap();
    git(&["commit", "-qam", "x"]);
    git(&["push", "-q", "origin", "HEAD:main"]);
}

async fn with_all_levels() -> TestApp {
    let app = TestApp::start_with(&[("WORKSTEAD_LLM_CONFIG", PLATFORM)]).await;
    app.create("abc").await;
    in_git(&app, "{CHAT: {model: workspace, apiKey: geheim-3, headers: {Authorization: geheim-4}}}");
    let llm = json!({ "CHAT": { "model": "organization" }, "BACKGROUND": { "model": "organization", "clientSecret": "geheim-5" } });
    app.post("/api/v3/organizations", json!({ "name": "acme", "displayName": "Acme", "llmConfig": llm }))
        .await
        .expect(201);
    app.put("/api/v3/organizations/acme/workspaces/abc", Value::Null).await.expect(204);
    app.restart_after(async |_| {}).await
}

#[tokio::test]
async fn each_category_is_looked_for_on_each_level() {
    let app = with_all_levels().await;
    let mut table = String::new();
    for category in ["DEFAULT", "CHAT", "BACKGROUND", "EMBEDDING"] {
        let answer = app.get(&format!("{PARAMS}?llm_category={category}")).await;
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!text.contains("geheim"), "{text}");
        let params = answer.expect(200);
        writeln!(table, "{category}: {} {}", params["llmConfigSource"], params["llmConfig"]).unwrap();
    }
    insta::assert_snapshot!(table, @r#"
    DEFAULT: "platform" {"model":"platform"}
    CHAT: "workspace" {"model":"workspace","headers":{}}
    BACKGROUND: "organization" {"model":"organization"}
    EMBEDDING: "platform" {"model":"platform-embedding"}
    "#);
}

#[tokio::test]
async fn all_is_told_that_an_agent_needs() {
    let app = with_all_levels().await;
    let params = app.get(&format!("{PARAMS}?llm_category=CHAT")).await.expect(200);
    insta::assert_json_snapshot!(params, {".organization.id" => "[id]"}, @r#"
    {
      "llmConfig": {
        "model": "workspace",
        "headers": {}
      },
      "llmConfigSource": "workspace",
      "llmCategory": "CHAT",
      "organization": {
        "id": "[id]",
        "name": "acme",
        "displayName": "Acme"
      },
      "permissions": {
        "role": "admin",
        "permissions": [
          "readonly",
          "readandrun",
          "readandrunwithassistant",
          "readwrite",
          "admin"
        ]
      },
      "repoUrl": "https://ws.example/git/abc.git",
      "branch": "main"
    }
    "#);
}

#[tokio::test]
async fn without_any_level_there_is_none() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let permissions = json!({ "permissions": [{ "user": "ann@example.com", "role": "readandrun" }] });
    app.patch(&format!("{BASE}/abc"), permissions).await.expect(200);
    let ann = app.user("ann@example.com").await;
    let params = app.ask(&ann, Method::GET, PARAMS, Value::Null).await.expect(200);
    insta::assert_snapshot!(params, @r#"{"llmConfig":{},"llmConfigSource":"none","llmCategory":"DEFAULT","organization":{},"permissions":{"role":"readandrun","permissions":["readonly","readandrun"]},"repoUrl":"https://ws.example/git/abc.git","branch":"main"}"#);
    let stranger = app.user("stranger@example.com").await;
    app.ask(&stranger, Method::GET, PARAMS, Value::Null).await.error(404);
    let unknown = app.ask(ADMIN, Method::GET, &format!("{PARAMS}?llm_category=chat"), Value::Null).await;
    insta::assert_snapshot!(unknown.error(422), @r#"unknown_category: the category "chat" is not known; choose one of DEFAULT, CHAT, BACKGROUND, EMBEDDING"#);
}
