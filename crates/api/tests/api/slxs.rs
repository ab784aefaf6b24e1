//! SLXs: the list with its filters, numbers, one SLX and its files.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};
use workstead_core::path::RepoPath;

use crate::app::{ADMIN, BASE, Files, TestApp, sample};

const SLXS: &str = "/api/v3/workspaces/abc/slxs";

/// A workspace with a builder's SLXs.
async fn with_sample(count: usize) -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", count), Value::Null).await.expect(200);
    app
}

fn file(path: &str, text: &str) -> (RepoPath, bytes::Bytes) {
    (RepoPath::parse(path).unwrap(), text.to_owned().into())
}

fn slx(name: &str, spec: &str) -> (RepoPath, bytes::Bytes) {
    let text = format!(
        "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: abc--{name}\n  labels: {{workspace: abc, slx: abc--{name}}}\nspec:\n{spec}"
    );
    file(&format!("slxs/{name}/slx.yaml"), &text)
}

fn runbook(name: &str) -> (RepoPath, bytes::Bytes) {
    let text = format!(
        "apiVersion: runwhen.com/v1\nkind: Runbook\nmetadata:\n  name: abc--{name}\n  labels: {{workspace: abc, slx: abc--{name}}}\nspec:\n  location: loc-1 # ours\n  codeBundle: {{repoUrl: https://example.com/x.git, ref: main, pathToRobot: a/runbook.robot}}\n"
    );
    file(&format!("slxs/{name}/runbook.yaml"), &text)
}

/// A workspace with a few SLXs that differ in what filters look at.
async fn with_few() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    let files = Files::from([
        file(
            "workspace.yaml",
            "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {name: abc}\nspec: {}\n",
        ),
        slx(
            "api",
            "  alias: The API\n  owners: [ann@example.com]\n  tags:\n  - {name: team, value: core}\n  - {name: resource_type, value: pod}\n  additionalContext: {resourcePath: kubernetes/prod/api}\n",
        ),
        slx(
            "db",
            "  alias: Database\n  statement: All queries answer\n  owners: [bob@example.com, ann@example.com]\n  tags:\n  - {name: team, value: data}\n  additionalContext: {resourcePath: kubernetes/production}\n",
        ),
        slx("web", "  alias: Web\n"),
        runbook("api"),
    ]);
    app.upload(ADMIN, "abc", &files, Value::Null).await.expect(200);
    app
}

fn column(page: &Value, key: &str) -> Vec<Value> {
    page["results"].as_array().unwrap().iter().map(|row| row[key].clone()).collect()
}

async fn names(app: &TestApp, query: &str) -> String {
    let page = app.get(&format!("{SLXS}?{query}")).await.expect(200);
    let names = column(&page, "shortName");
    assert_eq!(page["count"], names.len());
    names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// The number of each SLX by short name.
async fn numbers(app: &TestApp) -> BTreeMap<String, i64> {
    let page = app.get(&format!("{SLXS}?page_size=1000")).await.expect(200);
    let number = |row: &Value| (row["shortName"].as_str().unwrap().to_owned(), row["id"].as_i64().unwrap());
    page["results"].as_array().unwrap().iter().map(number).collect()
}

#[tokio::test]
async fn a_row_tells_what_clients_read() {
    let app = with_few().await;
    let page = app.get(&format!("{SLXS}?limit=1")).await.expect(200);
    insta::assert_json_snapshot!(page, {".results[].createdAt" => "[time]"}, @r#"
    {
      "count": 3,
      "next": "https://ws.example/api/v3/workspaces/abc/slxs?limit=1&offset=1",
      "previous": null,
      "results": [
        {
          "id": 1,
          "name": "abc--api",
          "shortName": "api",
          "alias": "The API",
          "tags": [
            {
              "name": "team",
              "value": "core"
            },
            {
              "name": "resource_type",
              "value": "pod"
            }
          ],
          "hasSli": false,
          "hasSlo": false,
          "hasRunbook": true,
          "spec": {
            "alias": "The API",
            "owners": [
              "ann@example.com"
            ],
            "tags": [
              {
                "name": "team",
                "value": "core"
              },
              {
                "name": "resource_type",
                "value": "pod"
              }
            ],
            "additionalContext": {
              "resourcePath": "kubernetes/prod/api"
            }
          },
          "createdAt": "[time]"
        }
      ]
    }
    "#);
    let one = app.get(&format!("{SLXS}/api")).await.expect(200);
    assert_eq!(one, page["results"][0]);
    assert_eq!(app.get(&format!("{SLXS}/abc--api/")).await.expect(200), one);
}

#[tokio::test]
async fn three_hundred_come_over_pages() {
    let app = with_sample(300).await;
    let mut seen = Vec::new();
    let mut offset = 0;
    loop {
        let page = app.get(&format!("{SLXS}?limit=100&offset={offset}")).await.expect(200);
        assert_eq!(page["count"], 300);
        seen.extend(column(&page, "shortName"));
        offset = seen.len();
        if page["next"].is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 300);
    assert!(seen.is_sorted_by_key(|name| name.as_str().unwrap().to_owned()));
    // Who knows no pages gets as many as a page can hold.
    let plain = app.get(SLXS).await.expect(200);
    assert_eq!(column(&plain, "shortName"), seen[..250]);
    assert_eq!(plain["next"], "https://ws.example/api/v3/workspaces/abc/slxs?page=2&page_size=250");
    let second = app.get(&format!("{SLXS}?page=2&page_size=250")).await.expect(200);
    assert_eq!(column(&second, "shortName"), seen[250..]);
    assert_eq!(column(&app.get(&format!("{SLXS}?limit=1000")).await.expect(200), "id").len(), 250);
    assert_eq!(column(&app.get(&format!("{SLXS}?offset=300")).await.expect(200), "id"), [] as [Value; 0]);
    insta::assert_snapshot!(app.get(&format!("{SLXS}?page=3")).await.error(404), @"no_such_page: the list has no page 3");
    insta::assert_snapshot!(app.get(&format!("{SLXS}?limit=0")).await.error(400), @r#"invalid_parameter: the parameter limit is "0", expected a whole number from 1"#);
}

#[tokio::test]
async fn a_list_is_filtered() {
    let app = with_few().await;
    for (query, expected) in [
        ("", "api db web"),
        ("search=", "api db web"),
        ("search=QUERIES", "db"),
        ("search=nothing", ""),
        ("tags=team:core", "api"),
        ("tags=team", "api db"),
        ("tags=team,resource_type%3Dpod", "api"),
        ("tags=team&tags=resource_type:pod", "api"),
        ("tags=team:core,team:data", ""),
        ("owners=ANN@example.com", "api db"),
        ("owners=bob@example.com,x@example.com", "db"),
        ("owners=ann@example.com&search=data", "db"),
        ("resource_type=Pod", "api"),
        ("resource_path_prefix=kubernetes/prod", "api"),
        ("resource_path_prefix=/kubernetes/", "api db"),
    ] {
        assert_eq!(names(&app, query).await, expected, "{query}");
    }
    let page = app.get(&format!("{SLXS}?limit=1&owners=ann@example.com")).await.expect(200);
    assert_eq!((&page["count"], page["results"][0]["shortName"].as_str()), (&json!(2), Some("api")));
    assert_eq!(
        page["next"],
        "https://ws.example/api/v3/workspaces/abc/slxs?owners=ann%40example.com&limit=1&offset=1"
    );
}

#[tokio::test]
async fn numbers_stay() {
    let app = with_sample(30).await;
    let before = numbers(&app).await;
    assert_eq!(before.values().copied().collect::<std::collections::BTreeSet<_>>().len(), 30);
    // One goes and comes again under its name, another comes anew.
    let files = sample("abc", 30);
    let gone = before.keys().next().unwrap();
    let prefix = format!("slxs/{gone}/");
    let fewer: Files = files
        .iter()
        .filter(|(path, _)| !path.as_str().starts_with(&prefix))
        .map(|(path, text)| (path.clone(), text.clone()))
        .collect();
    app.upload(ADMIN, "abc", &fewer, json!({ "pruneStaleSlxs": true })).await.expect(200);
    assert!(!numbers(&app).await.contains_key(gone));
    app.upload(ADMIN, "abc", &sample("abc", 31), Value::Null).await.expect(200);
    let mut after = numbers(&app).await;
    assert_eq!(after.len(), 31);
    let new = after.keys().find(|name| !before.contains_key(*name)).unwrap().clone();
    assert_eq!(after.remove(&new), Some(31));
    assert_eq!(after, before);
    // Neither a start nor an index that fell behind changes them.
    let app = app
        .restart_after(async |database| {
            sqlx::query("UPDATE workspaces SET revision = NULL").execute(database).await.unwrap();
        })
        .await;
    let restarted = numbers(&app).await;
    assert_eq!(restarted.len(), 31);
    assert!(before.iter().all(|(name, number)| restarted.get(name) == Some(number)));
    // What is not in the index gets its number when it is asked for.
    app.sql("DELETE FROM slx_ids").await;
    assert_eq!(numbers(&app).await.len(), 31);
    assert_eq!(app.get(&format!("{SLXS}/{gone}")).await.expect(200)["id"], 1);
}

#[tokio::test]
async fn numbers_belong_to_one_workspace() {
    let app = with_sample(3).await;
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    assert_eq!(numbers(&app).await.into_values().collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let app = with_few().await;
    let bearer = format!("Bearer {ADMIN}");
    for path in [SLXS.to_owned(), format!("{SLXS}/api"), format!("{SLXS}/api/runbook")] {
        let first = app.get(&path).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(tag, format!("\"{}\"", app.git(&["rev-parse", "main"]).trim()));
        let again =
            app.with(Method::GET, &path, &[("authorization", &bearer), ("if-none-match", &tag)], "").await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), tag);
        app.patch(&format!("{BASE}/abc"), json!({ "displayName": path })).await.expect(200);
        let other =
            app.with(Method::GET, &path, &[("authorization", &bearer), ("if-none-match", &tag)], "").await;
        assert_eq!(other.status, 200);
        // The old revision can still be read.
        let old = app.get(&format!("{path}?ref={}", tag.trim_matches('"'))).await;
        assert_eq!(old.header("etag"), tag);
        assert_eq!(old.expect(200), first.expect(200));
    }
    // A tag of one address is no proof that there is another.
    let tag = app.get(SLXS).await.header("etag").to_owned();
    let path = format!("{SLXS}/nothing");
    app.with(Method::GET, &path, &[("authorization", &bearer), ("if-none-match", &tag)], "").await.error(404);
    app.get(&format!("{SLXS}?ref=nothing")).await.error(404);
}

#[tokio::test]
async fn files_are_read_as_json() {
    let app = with_few().await;
    let runbook = app.get(&format!("{SLXS}/api/runbook")).await.expect(200);
    insta::assert_json_snapshot!(runbook, @r#"
    {
      "name": "abc--api",
      "shortName": "api",
      "spec": {
        "location": "loc-1",
        "codeBundle": {
          "repoUrl": "https://example.com/x.git",
          "ref": "main",
          "pathToRobot": "a/runbook.robot"
        }
      }
    }
    "#);
    assert_eq!(app.get(&format!("{SLXS}/abc--api/runbook/")).await.expect(200), runbook);
    insta::assert_snapshot!(app.get(&format!("{SLXS}/api/sli")).await.error(404), @"file_not_found: SLX api of workspace abc has no sli.yaml");
    insta::assert_snapshot!(app.get(&format!("{SLXS}/debugslx/runbook")).await.error(404), @r#"slx_not_found: workspace abc has no SLX "debugslx""#);
    for absent in ["..%2Fapi", "a%2Fb", "api%2Fslx.yaml", "API", "%00"] {
        app.get(&format!("{SLXS}/{absent}")).await.error(404);
    }
}

#[tokio::test]
async fn a_spec_is_never_null() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let bare = |kind: &str| {
        format!(
            "apiVersion: runwhen.com/v1\nkind: {kind}\nmetadata:\n  name: abc--x\n  labels: {{workspace: abc, slx: abc--x}}\nspec: {{}}\n"
        )
    };
    let files = Files::from([
        file(
            "workspace.yaml",
            "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {name: abc}\nspec: {}\n",
        ),
        file("slxs/x/slx.yaml", &bare("ServiceLevelX")),
        file("slxs/x/runbook.yaml", &bare("Runbook")),
    ]);
    app.upload(ADMIN, "abc", &files, Value::Null).await.expect(200);
    let slx = app.get(&format!("{SLXS}/x")).await.expect(200);
    assert_eq!((&slx["spec"], &slx["alias"], &slx["tags"]), (&json!({}), &json!("x"), &json!([])));
    let runbook = app.get(&format!("{SLXS}/x/runbook")).await.expect(200);
    assert_eq!(runbook, json!({ "name": "abc--x", "shortName": "x", "spec": {} }));
}

#[tokio::test]
async fn readers_read_and_strangers_see_nothing() {
    let app = with_few().await;
    let permissions = json!([{ "user": "reader@example.com", "role": "readonly" }]);
    app.patch(&format!("{BASE}/abc"), json!({ "permissions": permissions })).await.expect(200);
    let reader = app.user("reader@example.com").await;
    let stranger = app.user("stranger@example.com").await;
    for path in [SLXS.to_owned(), format!("{SLXS}/api"), format!("{SLXS}/api/runbook")] {
        app.ask(&reader, Method::GET, &path, Value::Null).await.expect(200);
        app.ask(&stranger, Method::GET, &path, Value::Null).await.error(404);
        app.ask("nonsense", Method::GET, &path, Value::Null).await.error(401);
    }
}
