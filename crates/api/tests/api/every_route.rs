//! Every route with every kind of caller: the table of routes says which there are and by which rule.

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, Answer, BASE, TestApp};

const ROLES: [&str; 5] = ["readonly", "readandrun", "readandrunwithassistant", "readwrite", "admin"];

/// What a caller is to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The rule lets it through; what comes then is the handler's.
    Through,
    NotSignedIn,
    Forbidden,
    Invisible,
}

/// The least role for each action, written once more by hand: a new action without a rule here fails the test.
fn least_role(action: &str) -> &'static str {
    match action {
        "Read" | "Examine" | "Fetch" => "readonly",
        "Write" | "Upload" | "MakeUploadToken" => "readwrite",
        // Staff only, whatever the role.
        "SetMirror" => "staff",
        "ManageRunners" | "WriteSecrets" | "Integrate" | "Delete" => "admin",
        other => panic!("what does the action {other} need?"),
    }
}

#[expect(clippy::match_same_arms, clippy::similar_names, reason = "the order of the arms is their meaning")]
fn expected(rule: &str, caller: &str) -> Verdict {
    let rank = |role: &str| ROLES.iter().position(|known| *known == role);
    match (rule, caller) {
        ("public", _) => Verdict::Through,
        (_, "none" | "garbage" | "expired") => Verdict::NotSignedIn,
        ("runner", "runner token") => Verdict::Through,
        // A runner's token is no user's, and the other way round.
        ("runner", _) | (_, "runner token") => Verdict::Forbidden,
        ("any_token", _) | (_, "staff") => Verdict::Through,
        ("person" | "staff", "upload token" | "git token") => Verdict::Forbidden,
        ("person", _) => Verdict::Through,
        ("staff", _) => Verdict::Forbidden,
        (_, "stranger") => Verdict::Invisible,
        ("workspace:SetMirror", _) => Verdict::Forbidden,
        ("workspace:Upload", "upload token") | (_, "owner") => Verdict::Through,
        (_, "upload token" | "git token") => Verdict::Forbidden,
        (rule, role) => {
            let action =
                rule.strip_prefix("workspace:").unwrap_or_else(|| panic!("the rule {rule} is unknown"));
            let least = rank(least_role(action)).unwrap();
            if rank(role).unwrap_or_else(|| panic!("the caller {role} is unknown")) >= least {
                Verdict::Through
            } else {
                Verdict::Forbidden
            }
        }
    }
}

fn verdict(answer: &Answer) -> Verdict {
    let code = |code: &str| answer.json()["code"] == code;
    match answer.status.as_u16() {
        401 => Verdict::NotSignedIn,
        403 if ["role_too_low", "token_scope", "staff_only"].iter().any(|known| code(known)) => {
            Verdict::Forbidden
        }
        404 if code("workspace_not_found") => Verdict::Invisible,
        _ => Verdict::Through,
    }
}

/// A route as the description has it.
struct Route {
    method: Method,
    path: String,
    rule: String,
    takes_body: bool,
}

async fn routes(app: &TestApp) -> Vec<Route> {
    let description = app.with(Method::GET, "/api/openapi.json", &[], "").await.expect(200);
    let paths = description["paths"].as_object().unwrap().clone();
    let mut routes = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let rule = operation["x-workstead-rule"].as_str().unwrap_or_else(|| panic!("{path} has no rule"));
            routes.push(Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                rule: rule.to_owned(),
                takes_body: operation.get("requestBody").is_some(),
            });
        }
    }
    routes
}

/// The address of a route in the workspace, with ids that nothing has.
fn address(path: &str) -> String {
    let fill = |part: &str| match part {
        "{workspace}" => "abc".to_owned(),
        "{user}" | "{runner}" => "999999".to_owned(),
        parameter if parameter.starts_with('{') => "x1".to_owned(),
        literal => literal.to_owned(),
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// Makes the workspace when it is not there: some routes take it away.
async fn ensure_workspace(app: &TestApp) {
    if app.get(&format!("{BASE}/abc")).await.status == 200 {
        return;
    }
    let permissions = ROLES.map(|role| json!({ "user": format!("{role}@roles.example"), "role": role }));
    let body = json!({ "name": "abc", "owner": "owner@roles.example", "permissions": permissions });
    app.post(BASE, body).await.expect(201);
}

async fn token_of(app: &TestApp, caller: &str, made: &[(String, String)]) -> Option<String> {
    match caller {
        "none" => None,
        "garbage" => Some("wst_0000000000000000".to_owned()),
        "staff" => Some(ADMIN.to_owned()),
        // It dies with the workspace that it is of.
        "upload token" => {
            let config = app.get(&format!("{BASE}/abc/upload-config")).await.expect(200);
            Some(config["token"].as_str().unwrap().to_owned())
        }
        "runner token" => {
            let made = app.get(&format!("{BASE}/abc/runner-token")).await.expect(200);
            Some(made["token"].as_str().unwrap().to_owned())
        }
        "git token" => {
            let made = app.get(&format!("{BASE}/abc/get-gitlab-sas")).await.expect(200);
            Some(made["users"][0]["password"].as_str().unwrap().to_owned())
        }
        other => Some(made.iter().find(|(name, _)| name == other).unwrap().1.clone()),
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_its_rule_says() {
    let app = TestApp::start().await;
    ensure_workspace(&app).await;
    let mut made = Vec::new();
    for caller in ROLES.into_iter().chain(["owner", "stranger", "expired"]) {
        made.push((caller.to_owned(), app.user(&format!("{caller}@roles.example")).await));
    }
    app.sql("UPDATE tokens SET expires_at = 1 WHERE id = 'expired@roles.example'").await;
    let callers = ["none", "garbage", "expired", "stranger"].into_iter().chain(ROLES).chain([
        "owner",
        "upload token",
        "runner token",
        "git token",
        "staff",
    ]);
    let routes = routes(&app).await;
    assert!(routes.len() >= 20, "only {} routes were found", routes.len());
    let mut wrong = String::new();
    for caller in callers {
        for route in &routes {
            ensure_workspace(&app).await;
            let token = token_of(&app, caller, &made).await;
            let bearer = token.map(|token| format!("Bearer {token}"));
            let mut headers: Vec<_> =
                bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
            headers.push(("content-type", "application/json"));
            let body = if route.takes_body { "{}" } else { "" };
            let answer = app.with(route.method.clone(), &address(&route.path), &headers, body).await;
            assert!(answer.status.as_u16() < 500, "{caller}: {} {} {answer:?}", route.method, route.path);
            let (is, should) = (verdict(&answer), expected(&route.rule, caller));
            if is != should {
                let Route { method, path, rule, .. } = route;
                let status = answer.status.as_u16();
                writeln!(
                    wrong,
                    "{caller}: {method} {path} ({rule}) is {is:?} ({status}), should be {should:?}"
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn the_description_is_openapi_3_1() {
    let app = TestApp::start().await;
    let description = app.with(Method::GET, "/api/openapi.json", &[], "").await.expect(200);
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["servers"][0]["url"], "https://ws.example");
    // Each reference leads to a shape.
    let text = description.to_string();
    for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(description["components"]["schemas"][name] != Value::Null, "{name}");
    }
    let ids = |item: &Value| {
        item.as_object().unwrap().values().map(|it| it["operationId"].to_string()).collect::<Vec<_>>()
    };
    let mut ids: Vec<_> = description["paths"].as_object().unwrap().values().flat_map(ids).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "two operations have one id");
}
