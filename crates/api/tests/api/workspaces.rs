//! `/workspaces` and `/workspaces/{workspace}`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

const ABC: &str = "/api/v3/workspaces/abc";

#[tokio::test]
async fn a_workspace_is_created_with_its_repository() {
    let app = TestApp::start().await;
    let body = json!({ "name": "abc", "displayName": "A B C", "enabledLocations": ["loc-1"], "configProvided": {"K": "v"} });
    let answer = app.post(BASE, body).await;
    assert_eq!(answer.header("location"), "https://ws.example/api/v3/workspaces/abc");
    let tag = answer.header("etag").to_owned();
    let created = answer.expect(201);
    assert_eq!(tag, format!("\"{}\"", created["revision"].as_str().unwrap()));
    insta::assert_json_snapshot!(created, {".revision" => "[commit]", ".createdAt" => "[time]", ".updatedAt" => "[time]"}, @r#"
    {
      "name": "abc",
      "displayName": "A B C",
      "owner": "admin@example.com",
      "enabledLocations": [
        "loc-1"
      ],
      "configProvided": {
        "K": "v"
      },
      "secretsProvided": {},
      "slxGroups": {},
      "slxRelationships": [],
      "permissions": [],
      "createdAt": "[time]",
      "updatedAt": "[time]",
      "spec": {
        "displayName": "A B C",
        "enabledLocations": [
          "loc-1"
        ],
        "configProvided": [
          {
            "name": "K",
            "value": "v"
          }
        ]
      },
      "alias": "A B C",
      "repoUrl": "https://ws.example/git/abc.git",
      "branch": "main",
      "revision": "[commit]"
    }
    "#);
    assert_eq!(app.get(ABC).await.expect(200), created);
    assert_eq!(app.git(&["ls-tree", "--name-only", "main"]), "README.md\nworkspace.yaml\n");
    insta::assert_snapshot!(app.git(&["show", "main:workspace.yaml"]), @r#"
    apiVersion: runwhen.com/v1
    kind: Workspace
    metadata:
      name: abc
      labels:
        workspace: abc
    spec:
      displayName: A B C
      enabledLocations:
      - loc-1
      configProvided:
      - name: K
        value: v
    "#);
    let log = app.git(&["log", "-1", "--format=%an <%ae>%n%B", "main"]);
    assert!(
        log.starts_with("admin@example.com <admin@example.com>\nCreate workspace abc\n\nRequest-Id: "),
        "{log}"
    );
}

#[tokio::test]
async fn a_bad_creation_says_why_and_leaves_nothing() {
    let app = TestApp::start().await;
    app.create("taken").await;
    let mut errors = Vec::new();
    for body in [
        json!({ "name": "taken" }),
        json!({}),
        json!({ "name": 7 }),
        json!({ "name": "Bad_Name" }),
        json!({ "name": "a" }),
        json!({ "name": "upload-status" }),
        json!({ "name": "good", "displayNam": "x" }),
        json!({ "name": "good", "enabledLocations": "loc" }),
        json!({ "name": "good", "owner": "nobody" }),
        json!({ "name": "good", "permissions": [{"user": "a@b.c", "role": "king"}] }),
    ] {
        let answer = app.post(BASE, body).await;
        let status = answer.status.as_u16();
        errors.push(format!("{status} {}", answer.error(status)));
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    409 workspace_exists: there is a workspace taken already; choose another name
    422 missing_field: the field name is missing, expected the workspace's name
    422 invalid_field: the field name is 7, expected a string
    422 invalid_name: workspace name "Bad_Name" may hold only lower-case letters a-z, digits and hyphens
    422 invalid_name: workspace name "a" must have 2 to 63 characters
    422 invalid_name: workspace name "upload-status" is reserved for a route of the API
    422 unknown_field: the field `displayNam` is not known; did you mean `displayName`?
    422 wrong_type: `/enabledLocations` is a string, not a list of strings
    422 invalid_field: the field owner is "nobody", expected an e-mail address
    422 invalid_content: workspace.yaml:11:11: `spec.permissions[0].role` names an unknown role "king" [unknown_role]
    "#);
    assert_eq!(app.get(BASE).await.expect(200)["count"], 1);
}

#[tokio::test]
async fn a_known_answer_is_not_sent_again() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let first = app.get(ABC).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("vary"), "Authorization, Accept");
    let bearer = format!("Bearer {ADMIN}");
    let again = app.with(Method::GET, ABC, &[("authorization", &bearer), ("if-none-match", &tag)], "").await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), tag);
    app.patch(ABC, json!({ "displayName": "X" })).await.expect(200);
    app.with(Method::GET, ABC, &[("authorization", &bearer), ("if-none-match", &tag)], "").await.expect(200);
}

#[tokio::test]
async fn a_patch_is_one_hunk_and_one_commit() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let bearer = format!("Bearer {ADMIN}");
    let headers =
        [("authorization", bearer.as_str()), ("x-request-id", "req-1"), ("x-runwhen-mcp-tool", "tool one")];
    let patched =
        app.with(Method::PATCH, ABC, &headers, r#"{"configProvided": {"A": "1"}, "displayName": "X"}"#).await;
    let patched = patched.expect(200);
    assert_eq!(patched["configProvided"], json!({ "A": "1" }));
    assert_eq!(app.get(ABC).await.expect(200), patched);
    insta::assert_snapshot!(app.git(&["log", "-1", "--format=%an%n%B", "main"]), @r#"
    admin@example.com
    Change displayName, configProvided

    Request-Id: req-1
    Tool: tool one
    "#);
    insta::assert_snapshot!(app.git(&["diff", "--stat", "main~1", "main"]), @r#"
    workspace.yaml | 4 ++++
    1 file changed, 4 insertions(+)
    "#);
    app.patch(ABC, json!({ "configProvided": { "A": null, "B": "2" } })).await.expect(200);
    assert_eq!(app.get(ABC).await.expect(200)["configProvided"], json!({ "B": "2" }));
}

#[tokio::test]
async fn what_get_returned_is_accepted_back_without_a_commit() {
    let app = TestApp::start().await;
    app.post(BASE, json!({ "name": "abc", "slxGroups": {"g": {"slxs": ["one"], "dependsOn": []}}, "permissions": [{"user": "a@b.c", "role": "readonly"}] })).await.expect(201);
    let object = app.get(ABC).await.expect(200);
    assert_eq!(app.put(ABC, object.clone()).await.expect(200), object);
    assert_eq!(app.patch(ABC, object.clone()).await.expect(200), object);
    assert_eq!(app.patch(ABC, json!({})).await.expect(200), object);
    assert_eq!(app.commits(), 1);
}

#[tokio::test]
async fn a_put_resets_what_it_leaves_out_but_never_permissions() {
    let app = TestApp::start().await;
    let body = json!({ "name": "abc", "displayName": "X", "enabledLocations": ["l"], "permissions": [{"user": "a@b.c", "role": "readonly"}] });
    let before = app.post(BASE, body).await.expect(201);
    let after = app.put(ABC, json!({ "configProvided": {"K": "v"} })).await.expect(200);
    assert_eq!(after["displayName"], Value::Null);
    assert_eq!(after["enabledLocations"], json!([]));
    assert_eq!(after["configProvided"], json!({ "K": "v" }));
    assert_eq!((&after["permissions"], &after["owner"]), (&before["permissions"], &before["owner"]));
}

#[tokio::test]
async fn a_write_against_another_revision_fails() {
    let app = TestApp::start().await;
    let first = app.create("abc").await["revision"].as_str().unwrap().to_owned();
    let second = app.patch(ABC, json!({ "displayName": "2" })).await.expect(200);
    let bearer = format!("Bearer {ADMIN}");
    let write = async |method: Method, commit: &str, body: &str| {
        app.with(method, ABC, &[("authorization", &bearer), ("if-match", &format!("\"{commit}\""))], body)
            .await
    };
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let error = write(method, &first, "{}").await.error(412);
        assert!(error.starts_with("revision_changed: the branch is at "), "{error}");
    }
    write(Method::PATCH, second["revision"].as_str().unwrap(), r#"{"displayName": "3"}"#).await.expect(200);
    assert_eq!(app.get(ABC).await.expect(200)["displayName"], "3");
}

#[tokio::test]
async fn history_is_read_by_reference() {
    let app = TestApp::start().await;
    let first = app.create("abc").await["revision"].as_str().unwrap().to_owned();
    app.patch(ABC, json!({ "displayName": "2" })).await.expect(200);
    let old = app.get(&format!("{ABC}?ref={first}")).await;
    assert_eq!(old.header("etag"), format!("\"{first}\""));
    let old = old.expect(200);
    assert_eq!((&old["displayName"], old["revision"].as_str()), (&Value::Null, Some(first.as_str())));
    assert_eq!(app.get(&format!("{ABC}?ref={}", &first[..12])).await.expect(200), old);
    assert_eq!(app.get(&format!("{ABC}?ref=main")).await.expect(200)["displayName"], "2");
    insta::assert_snapshot!(app.get(&format!("{ABC}?ref=nothing")).await.error(404), @r#"revision_not_found: no branch, tag or commit "nothing""#);
}

#[tokio::test]
async fn bad_changes_are_refused_whole() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let mut errors = Vec::new();
    for body in [
        json!({ "displayName": "ok", "enabledLocation": ["x"] }),
        json!({ "displayName": "ok", "slxGroups": {"g": {"slxs": "no"}} }),
        json!({ "owner": null }),
    ] {
        errors.push(app.patch(ABC, body).await.error(422));
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    unknown_field: the field `enabledLocation` is not known; did you mean `enabledLocations`?
    wrong_type: `/slxGroups/g/slxs` is a string, not a list of strings
    invalid_field: the field owner is null, expected an e-mail address
    "#);
    let body = app.patch(ABC, json!({ "nope": 1 })).await.expect(422);
    insta::assert_json_snapshot!(body["errors"], @r#"
    [
      {
        "path": "",
        "line": 0,
        "column": 0,
        "pointer": "/nope",
        "code": "unknown_field",
        "message": "the field `nope` is not known",
        "hint": "the fields are `displayName`, `enabledLocations`, `configProvided`, `secretsProvided`, `slxGroups`, `slxRelationships`, `permissions`"
      }
    ]
    "#);
    assert_eq!(app.commits(), 1);
}

#[tokio::test]
async fn the_owner_is_kept_beside_git() {
    let app = TestApp::start().await;
    let before = app.create("abc").await;
    let same = app.patch(ABC, json!({ "owner": "ADMIN@example.com" })).await;
    assert_eq!(same.header("etag"), format!("\"{}\"", before["revision"].as_str().unwrap()));
    let changed = app.patch(ABC, json!({ "owner": "new@example.com" })).await;
    let tag = changed.header("etag").to_owned();
    let changed = changed.expect(200);
    assert_eq!(changed["owner"], "new@example.com");
    assert_eq!(changed["revision"], before["revision"]);
    // Whoever has the old answer gets the new one.
    assert_ne!(tag, format!("\"{}\"", before["revision"].as_str().unwrap()));
    let bearer = format!("Bearer {ADMIN}");
    app.with(
        Method::PATCH,
        ABC,
        &[("authorization", &bearer), ("if-match", &tag)],
        r#"{"displayName": "X"}"#,
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn deletion_is_complete_and_the_name_is_free_again() {
    let app = TestApp::start().await;
    let first = app.create("abc").await;
    app.patch(ABC, json!({ "displayName": "old" })).await.expect(200);
    let answer = app.delete(ABC).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    insta::assert_snapshot!(app.get(ABC).await.error(404), @r#"workspace_not_found: there is no workspace "abc" that you may see"#);
    app.delete(ABC).await.error(404);
    assert_eq!(app.get(BASE).await.expect(200)["count"], 0);
    let second = app.create("abc").await;
    assert_eq!(second["displayName"], Value::Null);
    assert_ne!(first["revision"], Value::Null);
    assert_eq!(app.commits(), 1);
}

#[tokio::test]
async fn who_is_overtaken_by_a_deletion_is_told_so() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.get(ABC).await.expect(200);
    app.delete_underneath().await;
    let change = json!({ "displayName": "late" });
    insta::assert_snapshot!(app.patch(ABC, change.clone()).await.error(404), @r#"workspace_not_found: there is no workspace "abc" that you may see"#);
    app.put(ABC, change).await.error(404);
    app.upload(crate::app::ADMIN, "abc", &crate::app::sample("abc", 1), Value::Null).await.error(404);
}

#[tokio::test]
async fn patches_at_the_same_time_all_land() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let patches =
        (0..12).map(|number| app.patch(ABC, json!({ "configProvided": { format!("K{number}"): "v" } })));
    for answer in futures_util::future::join_all(patches).await {
        answer.expect(200);
    }
    let object = app.get(ABC).await.expect(200);
    assert_eq!(object["configProvided"].as_object().unwrap().len(), 12);
    assert_eq!(app.commits(), 13);
    app.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn an_index_that_fails_does_not_undo_a_commit() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.sql(
        "CREATE TRIGGER broken BEFORE UPDATE OF revision ON workspaces BEGIN SELECT RAISE(ABORT, 'broken'); END",
    )
    .await;
    let body = json!({ "displayName": "X", "owner": "next@example.com" });
    let answer = app.patch(&format!("{BASE}/abc"), body).await.expect(200);
    assert_eq!((&answer["displayName"], &answer["owner"]), (&json!("X"), &json!("next@example.com")));
    let uploaded = app.upload(ADMIN, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    let message = uploaded["message"].as_str().unwrap();
    assert!(message.ends_with(": 1 SLX added, 0 changed, 0 pruned"), "{message}");
    app.sql("DROP TRIGGER broken").await;
    let app = app.restart_after(async |_| {}).await;
    assert_eq!(app.get(BASE).await.expect(200)["results"][0]["displayName"], "X");
}
