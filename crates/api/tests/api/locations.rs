//! `authorizedlocations`, `locations` and `codecollections`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};

const ABC: &str = "/api/v3/workspaces/abc";

async fn register(app: &TestApp, workspace: &str, location: &str) {
    let path = format!("{BASE}/{workspace}/runner-token?location={location}");
    let token = app.get(&path).await.expect(200);
    let token = token["token"].as_str().unwrap();
    app.ask(token, Method::POST, "/api/v3/runners/register", json!({})).await.expect(201);
}

#[tokio::test]
async fn locations_are_those_enabled_and_those_of_runners() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let path = format!("{ABC}/authorizedlocations");
    assert_eq!(app.get(&path).await.expect(200), json!([]));
    app.patch(ABC, json!({ "enabledLocations": ["loc-2", "loc-1"] })).await.expect(200);
    register(&app, "abc", "loc-1").await;
    register(&app, "abc", "zone").await;
    app.sql("UPDATE runners SET last_heartbeat = 1 WHERE location = 'zone'").await;
    insta::assert_json_snapshot!(app.get(&path).await.expect(200), @r#"
    [
      {
        "name": "loc-2",
        "value": "loc-2",
        "type": "private",
        "health": "unknown"
      },
      {
        "name": "loc-1",
        "value": "loc-1",
        "type": "private",
        "health": "healthy"
      },
      {
        "name": "zone",
        "value": "zone",
        "type": "private",
        "health": "stale"
      }
    ]
    "#);
}

#[tokio::test]
async fn all_locations_are_those_of_visible_workspaces() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    for (name, location) in [("abc", "b"), ("abd", "a")] {
        let body =
            json!({ "name": name, "enabledLocations": [location, "shared"], "owner": "ann@example.com" });
        app.post(BASE, body).await.expect(201);
    }
    app.post(BASE, json!({ "name": "other", "enabledLocations": ["hidden"] })).await.expect(201);
    register(&app, "abc", "shared").await;
    register(&app, "other", "hidden-too").await;
    let ask =
        async |token: &str, path: &str| app.ask(token, Method::GET, path, Value::Null).await.expect(200);
    let names = |page: &Value| {
        let rows = page["results"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let page = ask(&ann, "/api/v3/locations").await;
    assert_eq!(names(&page), ["a", "b", "shared"]);
    assert_eq!((&page["count"], &page["results"][2]["health"]), (&json!(3), &json!("healthy")));
    let page = ask(&ann, "/api/v3/locations?page_size=2&page=2").await;
    assert_eq!(names(&page), ["shared"]);
    assert_eq!(page["previous"], "https://ws.example/api/v3/locations?page=1&page_size=2");
    let all = app.get("/api/v3/locations").await.expect(200);
    assert_eq!(names(&all), ["a", "b", "hidden", "hidden-too", "shared"]);
    let stranger = app.user("stranger@example.com").await;
    assert_eq!(ask(&stranger, "/api/v3/locations").await["count"], 0);
    app.ask(&stranger, Method::GET, &format!("{ABC}/authorizedlocations"), Value::Null).await.error(404);
}

#[tokio::test]
async fn code_collections_come_from_a_setting() {
    let app = TestApp::start().await;
    insta::assert_snapshot!(app.get("/api/v3/codecollections").await.expect(200), @r#"{"count":0,"next":null,"previous":null,"results":[]}"#);
    let setting = "rw-generic=https://git.example/rw-generic.git,a=http://git.example/a";
    let app = TestApp::start_with(&[("WORKSTEAD_CODECOLLECTIONS", setting)]).await;
    let user = app.user("ann@example.com").await;
    let answer = app.ask(&user, Method::GET, "/api/v3/codecollections", Value::Null).await.expect(200);
    insta::assert_json_snapshot!(answer["results"], @r#"
    [
      {
        "name": "a",
        "repo_web_url": "http://git.example/a"
      },
      {
        "name": "rw-generic",
        "repo_web_url": "https://git.example/rw-generic.git"
      }
    ]
    "#);
    app.with(Method::GET, "/api/v3/codecollections", &[], "").await.error(401);
}
