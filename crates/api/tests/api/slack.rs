//! Slack: installing, connecting, telling, disconnecting; against a Slack on loopback.

use axum::http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::app::{ADMIN, Answer, BASE, TestApp};
use crate::slack_stand_in::{BROUGHT, CLIENT_SECRET, INSTALLED, StandIn};

const ABC: &str = "/api/v3/workspaces/abc";
pub(crate) const INTEGRATE: &str = "/api/v3/workspaces/abc/integrate-slack";
const CALLBACK: &str = "/api/v3/integrations/slack/callback";

/// A server with a workspace and the app of a Slack.
pub(crate) async fn with_slack() -> (StandIn, TestApp) {
    let slack = StandIn::start().await;
    let app = TestApp::start_with(&slack.settings()).await;
    app.create("abc").await;
    (slack, app)
}

/// Begins an installation and goes to Slack; returns the way back.
async fn begin(app: &TestApp, slack: &StandIn, token: &str, body: Value) -> String {
    let begun = app.ask(token, Method::POST, INTEGRATE, body).await.expect(200);
    assert_eq!(begun["status"], "pending", "{begun}");
    let back = slack.agree(begun["installUrl"].as_str().unwrap()).await;
    assert_eq!(back.origin().ascii_serialization(), "https://ws.example");
    format!("{}?{}", back.path(), back.query().unwrap())
}

/// Comes back from Slack as a browser does, without any token.
async fn back(app: &TestApp, path: &str) -> Answer {
    app.with(Method::GET, path, &[], "").await
}

/// Asserts a page and returns what it says.
#[track_caller]
fn page(answer: &Answer, status: u16) -> String {
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(
        (answer.header("cache-control"), answer.header("referrer-policy")),
        ("no-store", "no-referrer")
    );
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    let (_, text) = text.split_once("<p>").unwrap();
    text.split_once("</p>").unwrap().0.to_owned()
}

pub(crate) async fn install(app: &TestApp, slack: &StandIn) {
    let path = begin(app, slack, ADMIN, Value::Null).await;
    page(&back(app, &path).await, 200);
}

pub(crate) async fn bring_token(app: &TestApp) {
    let body = json!({ "botToken": BROUGHT, "channel": "C0123456789" });
    assert_eq!(app.post(INTEGRATE, body).await.expect(200)["status"], "connected");
}

/// Tells whether any file of the data holds a text.
pub(crate) fn data_holds(directory: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().map(Result::unwrap).any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return data_holds(&path, text);
        }
        // A socket can't be read and holds nothing.
        let content = std::fs::read(&path).unwrap_or_default();
        content.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn without_an_app_only_tokens_connect() {
    let slack = StandIn::start().await;
    let app = TestApp::start_with(&[("WORKSTEAD_SLACK_BASE_URL", &slack.url)]).await;
    app.create("abc").await;
    let none = json!({ "status": "not_configured", "canInstall": false });
    assert_eq!(app.get(INTEGRATE).await.expect(200), none);
    assert_eq!(app.post(INTEGRATE, Value::Null).await.expect(200), none);
    assert_eq!(app.post(INTEGRATE, json!({})).await.expect(200), none);
    let bearer = format!("Bearer {ADMIN}");
    let null = app.with(Method::POST, INTEGRATE, &[("authorization", &bearer)], " null ").await;
    assert_eq!(null.expect(200), none);
    bring_token(&app).await;
    let status = app.get(INTEGRATE).await;
    assert_eq!(status.header("cache-control"), "no-store");
    insta::assert_json_snapshot!(status.expect(200), {".connectedAt" => "[time]"}, @r#"
    {
      "status": "connected",
      "canInstall": false,
      "team": "Slack Softball Team",
      "channel": "C0123456789",
      "scopes": [
        "chat:write"
      ],
      "connectedBy": "admin@example.com",
      "connectedAt": "[time]"
    }
    "#);
    assert!(!data_holds(&app.data(), BROUGHT));
}

#[tokio::test]
async fn an_installation_leads_to_slack_and_back() {
    let (slack, app) = with_slack().await;
    let begun = app.post(INTEGRATE, Value::Null).await;
    assert_eq!(begun.header("cache-control"), "no-store");
    let begun = begun.expect(200);
    let url = Url::parse(begun["installUrl"].as_str().unwrap()).unwrap();
    let asked: Vec<_> = url.query_pairs().filter(|(name, _)| name != "state").collect();
    insta::assert_debug_snapshot!(asked, @r#"
    [
        (
            "client_id",
            "2141029472.691202649728",
        ),
        (
            "scope",
            "chat:write,chat:write.public,incoming-webhook",
        ),
        (
            "redirect_uri",
            "https://ws.example/api/v3/integrations/slack/callback",
        ),
    ]
    "#);
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "pending");
    let way = slack.agree(url.as_str()).await;
    let answer = back(&app, &format!("{}?{}", way.path(), way.query().unwrap())).await;
    insta::assert_snapshot!(page(&answer, 200), @"Workspace abc now tells channel #deployments of Slack Softball Team what comes of its uploads. You can close this page.");
    let status = app.get(INTEGRATE).await.expect(200);
    insta::assert_json_snapshot!(status, {".connectedAt" => "[time]"}, @r##"
    {
      "status": "connected",
      "canInstall": true,
      "team": "Slack Softball Team",
      "channel": "#deployments",
      "scopes": [
        "chat:write",
        "chat:write.public",
        "incoming-webhook"
      ],
      "connectedBy": "admin@example.com",
      "connectedAt": "[time]"
    }
    "##);
    // Connected already: it is said and nothing is begun.
    assert_eq!(app.post(INTEGRATE, json!({})).await.expect(200), status);
    let again = app.post(INTEGRATE, json!({ "reconnect": true })).await.expect(200);
    assert!(again["status"] == "pending" && again["installUrl"].is_string());
    for secret in [INSTALLED, CLIENT_SECRET, "secret-address"] {
        assert!(!data_holds(&app.data(), secret), "{secret}");
    }
}

#[tokio::test]
async fn who_names_the_channel_need_not_choose_one() {
    let (slack, app) = with_slack().await;
    let path = begin(&app, &slack, ADMIN, json!({ "channel": "C0123456789" })).await;
    page(&back(&app, &path).await, 200);
    assert_eq!(app.get(INTEGRATE).await.expect(200)["channel"], "C0123456789");
}

#[tokio::test]
async fn a_state_works_once() {
    let (slack, app) = with_slack().await;
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    // Looking at it is not using it.
    assert_eq!(app.with(Method::HEAD, &path, &[], "").await.status, 405);
    page(&back(&app, &path).await, 200);
    app.delete(INTEGRATE).await.expect(204);
    insta::assert_snapshot!(page(&back(&app, &path).await, 400), @"this installation was finished or given up before; begin it again");
    assert_eq!(slack.calls(), ["oauth.v2.access", "auth.revoke"]);
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}

#[tokio::test]
async fn two_callbacks_with_one_state_make_one_exchange() {
    let (slack, app) = with_slack().await;
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    let both = futures_util::future::join(back(&app, &path), back(&app, &path)).await;
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!((statuses, slack.calls().len()), ([200, 400], 1));
}

#[tokio::test]
async fn a_state_that_is_not_good_gets_nowhere() {
    let (slack, app) = with_slack().await;
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    let url = Url::parse(&format!("https://ws.example{path}")).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let flipped = if state.ends_with('A') { "B" } else { "A" };
    let (said, tag) = state.split_once('.').unwrap();
    for bad in [
        String::new(),
        said.to_owned(),
        format!("{}{flipped}", &state[..state.len() - 1]),
        format!("{flipped}{said}.{tag}"),
    ] {
        let answer = back(&app, &format!("{CALLBACK}?code=x&state={bad}")).await;
        let text = page(&answer, 400);
        assert!(text.starts_with("the state is missing or is none that this server made"), "{bad}: {text}");
    }
    // One of another server: signed well, but with another key.
    let (other_slack, other) = with_slack().await;
    let foreign = begin(&other, &other_slack, ADMIN, Value::Null).await;
    page(&back(&app, &foreign).await, 400);
    // One that waited too long is gone, whatever its signature says.
    app.sql("UPDATE slack_states SET expires_at = 1").await;
    page(&back(&app, &path).await, 400);
    assert_eq!(slack.calls(), Vec::<String>::new());
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}

#[tokio::test]
async fn a_state_is_its_makers_for_its_workspace() {
    for change in [
        // Moved to another user, or another workspace, in the database.
        "UPDATE slack_states SET user_id = (SELECT MIN(id) FROM users WHERE email = 'admin@example.com')",
        "UPDATE slack_states SET workspace_id = (SELECT id FROM workspaces WHERE name = 'other')",
        "UPDATE users SET is_active = FALSE WHERE email = 'ann@example.com'",
        "UPDATE workspaces SET owner = 'x@y', owner_key = 'x@y' WHERE name = 'abc'",
        "UPDATE workspaces SET state = 'deleting', deleted_at = 1 WHERE name = 'abc'",
    ] {
        let slack = StandIn::start().await;
        let app = TestApp::start_with(&slack.settings()).await;
        let ann = app.user("ann@example.com").await;
        for name in ["abc", "other"] {
            app.ask(&ann, Method::POST, BASE, json!({ "name": name })).await.expect(201);
        }
        let path = begin(&app, &slack, &ann, Value::Null).await;
        app.sql(change).await;
        let answer = back(&app, &path).await;
        let status = if change.starts_with("UPDATE slack_states") { 400 } else { 403 };
        page(&answer, status);
        assert_eq!(slack.calls(), Vec::<String>::new(), "{change}");
        assert_eq!(app.count("SELECT COUNT(*) FROM slack_integrations").await, 0);
    }
}

#[tokio::test]
async fn a_new_password_ends_what_its_user_began() {
    let (slack, app) = with_slack().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "anns" })).await.expect(201);
    let begun =
        app.ask(&ann, Method::POST, &format!("{BASE}/anns/integrate-slack"), Value::Null).await.expect(200);
    let url = Url::parse(begun["installUrl"].as_str().unwrap()).unwrap();
    let way = slack.agree(url.as_str()).await;
    app.patch("/api/v3/users/2", json!({ "password": "another horse" })).await.expect(200);
    page(&back(&app, &format!("{}?{}", way.path(), way.query().unwrap())).await, 400);
    assert_eq!(slack.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_declines_at_slack_ends_it() {
    let (slack, app) = with_slack().await;
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    let (_, state) = path.rsplit_once("state=").unwrap();
    let declined = back(&app, &format!("{CALLBACK}?error=access_denied&state={state}")).await;
    insta::assert_snapshot!(page(&declined, 400), @"the installation was given up at Slack; nothing was connected");
    page(&back(&app, &path).await, 400);
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}

#[tokio::test]
async fn what_slack_says_is_shown_as_text() {
    let (slack, app) = with_slack().await;
    slack.rename_team("<script>alert('x')</script>");
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    let text = page(&back(&app, &path).await, 200);
    assert!(text.contains("of &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; what"), "{text}");
}

#[tokio::test]
async fn a_refused_exchange_is_told() {
    let slack = StandIn::start().await;
    let mut settings = slack.settings();
    settings[2].1 = "wrong";
    let app = TestApp::start_with(&settings).await;
    app.create("abc").await;
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    insta::assert_snapshot!(page(&back(&app, &path).await, 422), @"Slack refused the installation (bad_client_secret): check WORKSTEAD_SLACK_CLIENT_ID and WORKSTEAD_SLACK_CLIENT_SECRET");
    let (slack, app) = with_slack().await;
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    let (_, state) = path.rsplit_once("state=").unwrap();
    let forged = back(&app, &format!("{CALLBACK}?code=forged&state={state}")).await;
    insta::assert_snapshot!(page(&forged, 422), @"Slack refused the installation (invalid_code): the installation is too old or was used; begin again");
    slack.rotate_tokens();
    let path = begin(&app, &slack, ADMIN, Value::Null).await;
    insta::assert_snapshot!(page(&back(&app, &path).await, 422), @"the Slack app rotates its tokens, which this server does not follow; use an app without token rotation");
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}

#[tokio::test]
async fn a_token_that_slack_refuses_is_not_kept() {
    let (slack, app) = with_slack().await;
    let mut errors = Vec::new();
    for body in [
        json!({ "botToken": "xoxb-unknown", "channel": "C0123456789" }),
        json!({ "botToken": "xoxb-without-scope", "channel": "C0123456789" }),
        json!({ "botToken": "xoxp-of-a-person", "channel": "C0123456789" }),
        json!({ "botToken": BROUGHT }),
        json!({ "botToken": BROUGHT, "channel": "<!here>" }),
        json!({ "channel": "" }),
        json!({ "bottoken": BROUGHT }),
        json!({ "botToken": 7, "channel": "C0123456789" }),
    ] {
        errors.push(app.post(INTEGRATE, body).await.error(422));
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    slack_refused: Slack refused the token (invalid_auth): connect again with a token that works
    slack_scope_missing: the token lacks the scope chat:write; add it to the Slack app, install that again and take the new token
    not_a_bot_token: botToken is not the token of a bot; take the Bot User OAuth Token of the Slack app, it begins with xoxb-
    missing_field: the field channel is missing: a token comes with the channel that it posts to
    invalid_channel: the channel "<!here>" can't be one: expected an id like C0123456789 or a name like #deployments, of at most 81 characters
    invalid_channel: the channel "" can't be one: expected an id like C0123456789 or a name like #deployments, of at most 81 characters
    wrong_shape: the body has the wrong shape: unknown field `bottoken`, expected one of `botToken`, `channel`, `reconnect` at line 1 column 11
    wrong_shape: the body has the wrong shape: invalid type: integer `7`, expected a string at line 1 column 13
    "#);
    assert_eq!(slack.calls(), ["auth.test", "auth.test"]);
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}

#[tokio::test]
async fn a_slack_that_is_away_is_503() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let app = TestApp::start_with(&[("WORKSTEAD_SLACK_BASE_URL", &url)]).await;
    app.create("abc").await;
    let answer = app.post(INTEGRATE, json!({ "botToken": BROUGHT, "channel": "C0123456789" })).await;
    assert_eq!(answer.header("retry-after"), "30");
    insta::assert_snapshot!(answer.error(503), @"slack_unavailable: Slack can't be reached; try again, the server's log says what it is");
}

#[tokio::test]
async fn only_admins_integrate() {
    let (_slack, app) = with_slack().await;
    let body = json!({ "permissions": [{ "user": "ann@example.com", "role": "readwrite" }] });
    app.patch(ABC, body).await.expect(200);
    let ann = app.user("ann@example.com").await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let refused = app.ask(&ann, method, INTEGRATE, Value::Null).await.error(403);
        assert!(refused.starts_with("role_too_low: managing integrations needs the role admin"), "{refused}");
    }
}
