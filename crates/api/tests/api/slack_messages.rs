//! What Slack is told of uploads: in the background, once, and also after trouble.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, bundle, sample};
use crate::presigned::{path_of, put};
use crate::slack::{INTEGRATE, bring_token, install, with_slack};
use crate::slack_stand_in::{BROUGHT, Fault, INSTALLED, Posted, StandIn};

const WAITING: &str = "SELECT COUNT(*) FROM slack_messages";

/// Waits until the status is as wanted; what changes it runs in the background.
async fn status_when(app: &TestApp, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut status = Value::Null;
    for _ in 0..2000 {
        status = app.get(INTEGRATE).await.expect(200);
        if wanted(&status) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{status}");
}

async fn upload(app: &TestApp, slxs: usize) -> Value {
    app.upload(ADMIN, "abc", &sample("abc", slxs), Value::Null).await.expect(200)
}

/// Waits until a statement counts so many.
async fn counted(app: &TestApp, sql: &'static str, wanted: i64) {
    let mut count = 0;
    for _ in 0..2000 {
        count = app.count(sql).await;
        if count == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{sql}: {count}");
}

/// Waits until the connection rests after a failure.
async fn held(app: &TestApp) {
    counted(app, "SELECT COUNT(*) FROM slack_integrations WHERE held_until > 1", 1).await;
}

/// Returns a message without the link that it begins with.
fn after_link(said: &Posted) -> &str {
    said.text.split_once('|').unwrap().1
}

/// Waits until nothing waits, and asserts that nothing more was said than what was read.
async fn quiet(app: &TestApp, slack: &StandIn) {
    counted(app, WAITING, 0).await;
    assert_eq!(slack.unread(), 0);
}

#[tokio::test]
async fn each_outcome_is_told() {
    let (slack, app) = with_slack().await;
    install(&app, &slack).await;
    let done = upload(&app, 12).await;
    let said = slack.message().await;
    assert_eq!((said.channel.as_str(), said.token.as_str()), ("C05002EAE", INSTALLED));
    let shown = |text: &str, id: &str| text.replace(id, "[id]");
    let commit = &done["commit"].as_str().unwrap()[..10];
    let text = shown(&said.text, done["task_id"].as_str().unwrap()).replace(commit, "[commit]");
    insta::assert_snapshot!(text, @":white_check_mark: <https://ws.example/api/v3/workspaces/abc/uploads/[id]|Upload> to *abc* by admin@example.com succeeded: 12 SLXs added, 0 changed, 0 pruned; commit `[commit]`");
    let prune = json!({ "pruneStaleSlxs": true });
    app.upload(ADMIN, "abc", &sample("abc", 2), prune).await.error(409);
    insta::assert_snapshot!(after_link(&slack.message().await), @r#"Upload> to *abc* by admin@example.com was refused: the upload would prune 10 of the 12 SLXs of location "location-01", more than half: check that the builder saw everything, then send allowMassPrune=true or set spec.uploads.allowMassPrune: true in workspace.yaml; the bundle is not kept: send it again with allowMassPrune=true"#);
    let body = json!({ "output": "bm90IGd6aXA=", "message": "x" });
    app.post(&format!("{BASE}/abc/upload"), body).await.error(422);
    insta::assert_snapshot!(after_link(&slack.message().await), @"Upload> to *abc* by admin@example.com failed: the bundle is not a gzip file: it begins with [6e, 6f, 74, 20], not with [1f, 8b]");
    upload(&app, 12).await;
    assert!(slack.message().await.text.contains("no SLX is new or changed"));
    let status = status_when(&app, |status| status["lastMessageAt"].is_string()).await;
    assert_eq!(status["status"], "connected");
    quiet(&app, &slack).await;
}

#[tokio::test]
async fn a_prune_that_waits_is_told_and_so_is_what_comes_of_it() {
    let (slack, app) = with_slack().await;
    upload(&app, 12).await;
    bring_token(&app).await;
    let signed = app.get(&format!("{BASE}/abc/upload?pruneStaleSlxs=true")).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    // Nothing was put yet: that is no outcome.
    app.post(&complete, Value::Null).await.error(409);
    put(&app, &signed, &bundle(&sample("abc", 2))).await.expect(200);
    app.post(&complete, Value::Null).await.error(409);
    let refused = slack.message().await;
    assert!(refused.text.contains("was refused: the upload would prune 10 of the 12"), "{refused:?}");
    let retry = complete.replace("/complete", "/retry?allowMassPrune=true");
    app.post(&retry, Value::Null).await.expect(200);
    let done = slack.message().await;
    assert!(done.text.contains("succeeded: 0 SLXs added"), "{done:?}");
    assert_eq!(slack.calls().len(), 3);
}

#[tokio::test]
async fn of_a_plan_nobody_is_told() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    for (bytes, status) in [(bundle(&sample("abc", 2)), 200), (b"not gzip".to_vec(), 422)] {
        let signed = app.get(&format!("{BASE}/abc/upload?dryRun=true")).await.expect(200);
        put(&app, &signed, &bytes).await.expect(200);
        app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(status);
    }
    quiet(&app, &slack).await;
    upload(&app, 1).await;
    assert!(slack.message().await.text.contains("1 SLX added"));
    quiet(&app, &slack).await;
}

#[tokio::test]
async fn a_workspace_that_is_not_connected_tells_nobody() {
    let (slack, app) = with_slack().await;
    upload(&app, 1).await;
    bring_token(&app).await;
    app.create("other").await;
    app.upload(ADMIN, "other", &sample("other", 1), Value::Null).await.expect(200);
    quiet(&app, &slack).await;
    assert_eq!(slack.calls(), ["auth.test"]);
}

#[tokio::test]
async fn a_pause_that_slack_asks_for_is_kept() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    slack.fail(&[Fault::Limited(1), Fault::Limited(0)]);
    upload(&app, 1).await;
    upload(&app, 2).await;
    let (first, second) = (slack.message().await, slack.message().await);
    let refused = slack.failed();
    assert_eq!(refused.len(), 2);
    // Neither the same message nor the next was tried before.
    assert!(refused[1].duration_since(refused[0]) >= Duration::from_secs(1));
    assert!(first.text.contains("1 SLX added") && second.at > first.at, "{first:?} {second:?}");
    status_when(&app, |status| status["lastMessageAt"].is_string()).await;
    assert_eq!(slack.calls().len(), 5);
}

#[tokio::test]
async fn what_was_not_told_before_a_crash_is_told_after_it() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    slack.fail(&[Fault::Limited(3600)]);
    upload(&app, 1).await;
    held(&app).await;
    assert_eq!(app.count(WAITING).await, 1);
    let app = app
        .restart_after(async |database| {
            let held = "UPDATE slack_integrations SET held_until = 1";
            sqlx::query(held).execute(database).await.unwrap();
            // Somebody had it when the server died.
            let leased = "UPDATE slack_messages SET leased_until = 1";
            sqlx::query(leased).execute(database).await.unwrap();
        })
        .await;
    assert!(slack.message().await.text.contains("succeeded: 1 SLX added"));
    status_when(&app, |status| status["lastMessageAt"].is_string()).await;
    quiet(&app, &slack).await;
}

#[tokio::test]
async fn an_upload_that_a_crash_cut_short_is_told() {
    let (slack, app) = with_slack().await;
    upload(&app, 1).await;
    bring_token(&app).await;
    let _app = app
        .restart_after(async |database| {
            let cut = "UPDATE uploads SET state = 'running', finished_at = NULL";
            sqlx::query(cut).execute(database).await.unwrap();
        })
        .await;
    let said = slack.message().await;
    assert!(said.text.contains("failed: the server stopped during this upload"), "{said:?}");
}

#[tokio::test]
async fn a_revoked_token_ends_the_attempts() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    slack.revoke(BROUGHT);
    upload(&app, 1).await;
    let status = status_when(&app, |status| status["status"] == "broken").await;
    assert_eq!(status["problem"]["code"], "token_revoked");
    insta::assert_snapshot!(status["problem"]["detail"].as_str().unwrap(), @"Slack refused (token_revoked): connect again with a token that works");
    let calls = slack.calls();
    upload(&app, 2).await;
    quiet(&app, &slack).await;
    assert_eq!(slack.calls(), calls);
    // Another channel does not help, a new installation does.
    let begun = app.post(INTEGRATE, json!({ "channel": "C05002EAE" })).await.expect(200);
    assert_eq!(begun["status"], "pending");
    install(&app, &slack).await;
    upload(&app, 3).await;
    assert_eq!(slack.message().await.token, INSTALLED);
}

#[tokio::test]
async fn a_channel_that_is_gone_can_be_replaced() {
    let (slack, app) = with_slack().await;
    app.post(INTEGRATE, json!({ "botToken": BROUGHT, "channel": "#gone" })).await.expect(200);
    upload(&app, 1).await;
    let status = status_when(&app, |status| status["status"] == "broken").await;
    assert_eq!(status["problem"]["code"], "channel_not_found");
    let status = app.post(INTEGRATE, json!({ "channel": "#deployments" })).await.expect(200);
    assert_eq!((&status["status"], &status["channel"]), (&json!("connected"), &json!("#deployments")));
    upload(&app, 2).await;
    assert_eq!(slack.message().await.channel, "#deployments");
}

#[tokio::test]
async fn one_message_that_slack_can_not_take_does_not_keep_the_next() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    slack.fail(&[Fault::Refused("msg_too_long")]);
    upload(&app, 1).await;
    upload(&app, 2).await;
    assert!(slack.message().await.text.contains("1 SLX added"));
    let status = status_when(&app, |status| status["lastMessageAt"].is_string()).await;
    assert_eq!(
        (&status["status"], &status["lastLost"]["code"]),
        (&json!("connected"), &json!("msg_too_long"))
    );
}

#[tokio::test]
async fn a_message_is_given_up_after_many_attempts() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    slack.fail(&[Fault::Down]);
    upload(&app, 1).await;
    held(&app).await;
    slack.fail(&[Fault::Down]);
    let app = app
        .restart_after(async |database| {
            let late = "UPDATE slack_messages SET attempts = 7, leased_until = NULL";
            sqlx::query(late).execute(database).await.unwrap();
            sqlx::query("UPDATE slack_integrations SET held_until = 1").execute(database).await.unwrap();
        })
        .await;
    let status = status_when(&app, |status| status["lastLost"].is_object()).await;
    assert_eq!(
        (&status["status"], &status["lastLost"]["code"]),
        (&json!("connected"), &json!("slack_unavailable"))
    );
    quiet(&app, &slack).await;
}

#[tokio::test]
async fn a_token_follows_no_redirect() {
    let (slack, app) = with_slack().await;
    bring_token(&app).await;
    slack.fail(&[Fault::Elsewhere]);
    upload(&app, 1).await;
    held(&app).await;
    assert_eq!(slack.calls(), ["auth.test", "chat.postMessage"]);
}

#[tokio::test]
async fn disconnecting_ends_it() {
    let (slack, app) = with_slack().await;
    install(&app, &slack).await;
    slack.fail(&[Fault::Limited(3600)]);
    upload(&app, 1).await;
    held(&app).await;
    app.delete(INTEGRATE).await.expect(204);
    upload(&app, 2).await;
    quiet(&app, &slack).await;
    assert_eq!(slack.calls(), ["oauth.v2.access", "chat.postMessage", "auth.revoke"]);
    assert_eq!(
        app.get(INTEGRATE).await.expect(200),
        json!({ "status": "not_configured", "canInstall": true })
    );
    app.delete(INTEGRATE).await.expect(204);
    // A token that a person brought is the person's.
    bring_token(&app).await;
    app.delete(INTEGRATE).await.expect(204);
    assert_eq!(slack.calls().last().unwrap(), "auth.test");
}

#[tokio::test]
async fn a_token_that_another_workspace_needs_is_not_revoked() {
    let (slack, app) = with_slack().await;
    install(&app, &slack).await;
    app.create("other").await;
    let body = json!({ "botToken": INSTALLED, "channel": "C0123456789" });
    app.post(&format!("{BASE}/other/integrate-slack"), body).await.expect(200);
    app.delete(INTEGRATE).await.expect(204);
    app.upload(ADMIN, "other", &sample("other", 1), Value::Null).await.expect(200);
    assert_eq!(slack.message().await.token, INSTALLED);
}

#[tokio::test]
async fn a_slack_that_does_not_revoke_does_not_keep_us() {
    let (slack, app) = with_slack().await;
    install(&app, &slack).await;
    slack.revoke(INSTALLED);
    app.delete(INTEGRATE).await.expect(204);
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}

#[tokio::test]
async fn a_deleted_workspace_leaves_nothing_of_slack() {
    let (slack, app) = with_slack().await;
    install(&app, &slack).await;
    app.post(INTEGRATE, json!({ "reconnect": true })).await.expect(200);
    slack.fail(&[Fault::Limited(3600)]);
    upload(&app, 1).await;
    held(&app).await;
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    for sql in [WAITING, "SELECT COUNT(*) FROM slack_integrations", "SELECT COUNT(*) FROM slack_states"] {
        assert_eq!(app.count(sql).await, 0, "{sql}");
    }
    app.create("abc").await;
    assert_eq!(app.get(INTEGRATE).await.expect(200)["status"], "not_configured");
}
