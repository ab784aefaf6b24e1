//! Pages of workspaces.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};

#[tokio::test]
async fn workspaces_are_listed_by_name_in_pages() {
    let app = TestApp::start().await;
    for name in ["cc", "aa", "ee", "bb", "dd"] {
        app.create(name).await;
    }
    let page = app.get(&format!("{BASE}?page_size=2&page=2&x=1")).await.expect(200);
    insta::assert_json_snapshot!(page, {".results[].createdAt" => "[time]", ".results[].updatedAt" => "[time]"}, @r#"
    {
      "count": 5,
      "next": "https://ws.example/api/v3/workspaces/?x=1&page=3&page_size=2",
      "previous": "https://ws.example/api/v3/workspaces/?x=1&page=1&page_size=2",
      "results": [
        {
          "name": "cc",
          "displayName": null,
          "owner": "admin@example.com",
          "enabledLocations": [],
          "createdAt": "[time]",
          "updatedAt": "[time]"
        },
        {
          "name": "dd",
          "displayName": null,
          "owner": "admin@example.com",
          "enabledLocations": [],
          "createdAt": "[time]",
          "updatedAt": "[time]"
        }
      ]
    }
    "#);
    let names = |page: &Value| {
        page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&app.get(BASE).await.expect(200)), ["aa", "bb", "cc", "dd", "ee"]);
    assert_eq!(names(&app.get(&format!("{BASE}/?limit=2&offset=3")).await.expect(200)), ["dd", "ee"]);
    insta::assert_snapshot!(app.get(&format!("{BASE}?page=4&page_size=2")).await.error(404), @"no_such_page: the list has no page 4");
    insta::assert_snapshot!(app.get(&format!("{BASE}?page=x")).await.error(400), @r#"invalid_parameter: the parameter page is "x", expected a whole number from 1"#);
    for far in [
        format!("{BASE}?limit=10&offset=9223372036854775807"),
        format!("{BASE}/aa/uploads?limit=10&offset=9223372036854775807"),
    ] {
        let page = app.get(&far).await.expect(200);
        assert_eq!((&page["results"], &page["next"]), (&json!([]), &Value::Null), "{far}");
    }
}

#[tokio::test]
async fn a_list_follows_what_is_changed() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let token = app.user("member@example.com").await;
    let count = async || app.ask(&token, Method::GET, BASE, Value::Null).await.expect(200)["count"].clone();
    assert_eq!(count().await, 0);
    let change = json!({ "displayName": "X", "enabledLocations": ["l1"], "permissions": [{"user": "Member@Example.com", "role": "readonly"}] });
    app.patch("/api/v3/workspaces/abc", change).await.expect(200);
    assert_eq!(count().await, 1);
    let row = app.get(BASE).await.expect(200)["results"][0].clone();
    assert_eq!((&row["displayName"], &row["enabledLocations"]), (&json!("X"), &json!(["l1"])));
    app.patch("/api/v3/workspaces/abc", json!({ "displayName": "Y" })).await.expect(200);
    assert_eq!(count().await, 1);
    app.patch("/api/v3/workspaces/abc", json!({ "permissions": [] })).await.expect(200);
    assert_eq!(count().await, 0);
    app.patch("/api/v3/workspaces/abc", json!({ "owner": "MEMBER@example.com" })).await.expect(200);
    assert_eq!(count().await, 1);
    app.post(BASE, json!({ "name": "def", "owner": "member@example.com" })).await.expect(201);
    assert_eq!(count().await, 2);
    app.delete("/api/v3/workspaces/abc").await.expect(204);
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn a_list_follows_who_is_in_a_group() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let token = app.user("member@example.com").await;
    let count = async || app.ask(&token, Method::GET, BASE, Value::Null).await.expect(200)["count"].clone();
    let role = json!({ "permissions": [{ "group": "team", "role": "readonly" }] });
    app.patch("/api/v3/workspaces/abc", role).await.expect(200);
    assert_eq!(count().await, 0);
    app.post("/api/v3/groups", json!({ "name": "team" })).await.expect(201);
    let member = "/api/v3/groups/team/members/member@example.com";
    app.put(member, Value::Null).await.expect(200);
    assert_eq!(count().await, 1);
    app.delete(member).await.expect(204);
    assert_eq!(count().await, 0);
    app.put(member, Value::Null).await.expect(200);
    assert_eq!(count().await, 1);
    app.delete("/api/v3/groups/team").await.expect(204);
    assert_eq!(count().await, 0);
}
