//! Webhooks: made by admins, told what happens, signed, tried again, and kept from going where they must not.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};
use crate::conforms::assert_conforms;
use crate::webhook_receiver::{Fault, Receiver};

const SECRET: &str = "a-secret-of-the-receiver";
/// Lets webhooks go to this machine.
const LOOPBACK: [(&str, &str); 2] =
    [("WORKSTEAD_EGRESS_ALLOW", "127.0.0.0/8"), ("WORKSTEAD_EGRESS_ALLOW_HTTP", "true")];

async fn start() -> (TestApp, Receiver) {
    let app = TestApp::start_with(&LOOPBACK).await;
    app.create("abc").await;
    (app, Receiver::start().await)
}

/// Adds a webhook and returns its address in the API.
async fn add(app: &TestApp, fields: Value) -> String {
    let made = app.post(&format!("{BASE}/abc/webhooks"), fields).await.expect(201);
    format!("{BASE}/abc/webhooks/{}", made["id"].as_str().unwrap())
}

async fn rename(app: &TestApp, name: &str) {
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": name })).await.expect(200);
}

/// Waits until the newest delivery has been tried so often and is not being sent, and returns it whole.
async fn tried(app: &TestApp, webhook: &str, attempts: i64) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let newest =
            app.get(&format!("{webhook}/deliveries?limit=1")).await.expect(200)["results"][0].clone();
        let is_resting = newest["status"] != "pending" || !newest["nextAttemptAt"].is_null();
        if newest["attempts"] == attempts && is_resting {
            let id = newest["id"].as_str().unwrap();
            return app.get(&format!("{webhook}/deliveries/{id}")).await.expect(200);
        }
        assert!(std::time::Instant::now() < deadline, "{newest}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn each_event_is_sent_signed_and_logged() {
    let (app, receiver) = start().await;
    let made = app
        .post(
            &format!("{BASE}/abc/webhooks"),
            json!({ "url": format!("{}/hook?key=in-the-query", receiver.url), "description": "CI" }),
        )
        .await;
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    assert_eq!(made["url"], format!("{}/hook?...", receiver.url));
    assert_eq!(
        (&made["events"], &made["active"]),
        (&json!(["commit", "push", "upload", "sync"]), &json!(true))
    );
    let webhook = format!("{BASE}/abc/webhooks/{}", made["id"].as_str().unwrap());

    app.upload(ADMIN, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    let came = [receiver.next().await, receiver.next().await];
    let mut told = Vec::new();
    for came in &came {
        came.assert_signed(secret);
        assert_eq!(came.uri, "/hook?key=in-the-query");
        assert_eq!(came.header("content-type"), "application/json");
        assert!(came.header("user-agent").starts_with("Workstead/"));
        assert_eq!(came.json()["event"], came.header("x-workstead-event"));
        told.push(came.json());
    }
    let listed = app.get(&format!("{BASE}/abc/events")).await.expect(200);
    told.reverse();
    assert_eq!(listed["results"], json!(told), "the body is the event, in order");

    let whole = tried(&app, &webhook, 1).await;
    assert_eq!(
        (&whole["status"], &whole["lastStatus"], &whole["lastError"]),
        (&json!("delivered"), &json!(200), &Value::Null)
    );
    assert_eq!(whole["id"], came[1].header("x-workstead-delivery"));
    assert_eq!(whole["body"], told[0]);
    let attempt = &whole["attemptLog"][0];
    assert_eq!(
        (&attempt["number"], &attempt["status"], &attempt["answer"]),
        (&json!(1), &json!(200), &json!("taken"))
    );
    assert_eq!(attempt["url"], format!("{}/hook?...", receiver.url));
    assert_eq!(attempt["headers"]["X-Workstead-Signature"], came[1].header("x-workstead-signature"));

    // Neither the secret nor the query is anywhere again.
    for path in [
        format!("{BASE}/abc/webhooks"),
        webhook.clone(),
        format!("{webhook}/deliveries"),
        format!("{webhook}/deliveries/{}", whole["id"].as_str().unwrap()),
    ] {
        let answer = app.get(&path).await.expect(200).to_string();
        assert!(!answer.contains(secret) && !answer.contains("in-the-query"), "{answer}");
    }
    app.assert_nowhere(secret);
    app.assert_nowhere("in-the-query");
}

#[tokio::test]
async fn answers_are_as_described() {
    let (app, receiver) = start().await;
    let webhook = add(&app, json!({ "url": receiver.url, "secret": SECRET })).await;
    receiver.fail(&[Fault::Status(500)]);
    rename(&app, "x").await;
    let id = tried(&app, &webhook, 1).await["id"].as_str().unwrap().to_owned();
    let base = "/api/v3/workspaces/{workspace}/webhooks";
    for (path, at) in [
        (base.to_owned(), format!("{BASE}/abc/webhooks")),
        (format!("{base}/{{webhook}}"), webhook.clone()),
        (format!("{base}/{{webhook}}/deliveries"), format!("{webhook}/deliveries")),
        (format!("{base}/{{webhook}}/deliveries/{{delivery}}"), format!("{webhook}/deliveries/{id}")),
    ] {
        let answer = app.get(&at).await;
        assert_eq!(answer.status, 200);
        assert_conforms(&app, &path, &answer).await;
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_with_the_same_id_and_no_redirect_is_followed() {
    let (app, receiver) = start().await;
    let webhook = add(&app, json!({ "url": receiver.url, "secret": SECRET, "events": ["commit"] })).await;
    receiver.fail(&[Fault::Status(500), Fault::Elsewhere]);
    rename(&app, "one").await;
    let first = receiver.next().await;
    let whole = tried(&app, &webhook, 1).await;
    assert_eq!(
        (&whole["status"], &whole["lastStatus"], &whole["lastError"]["code"]),
        (&json!("pending"), &json!(500), &json!("refused"))
    );
    let shown = app.get(&webhook).await.expect(200);
    assert_eq!(shown["lastError"], "the receiver answered 500");
    assert!(shown["failingSince"].is_string());

    app.deliver_after(SignedDuration::from_secs(5)).await;
    receiver.assert_quiet();
    app.deliver_after(SignedDuration::from_secs(15)).await;
    let second = receiver.next().await;
    let whole = tried(&app, &webhook, 2).await;
    assert_eq!(whole["lastError"]["code"], "redirected");
    receiver.assert_quiet();

    app.deliver_after(SignedDuration::from_mins(3)).await;
    let third = receiver.next().await;
    let whole = tried(&app, &webhook, 3).await;
    assert_eq!((&whole["status"], &whole["lastError"]), (&json!("delivered"), &Value::Null));
    let statuses: Vec<_> =
        whole["attemptLog"].as_array().unwrap().iter().map(|row| row["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [500, 307, 200]);
    for came in [&first, &second, &third] {
        came.assert_signed(SECRET);
        assert_eq!(
            (came.uri.as_str(), came.header("x-workstead-delivery")),
            ("/", first.header("x-workstead-delivery"))
        );
        assert_eq!(came.body, first.body);
    }
    assert_eq!(app.get(&webhook).await.expect(200)["failingSince"], Value::Null);
    let list = format!("{webhook}/deliveries");
    assert_eq!(app.get(&format!("{list}?status=delivered&event=commit")).await.expect(200)["count"], 1);
    assert_eq!(app.get(&format!("{list}?status=failed")).await.expect(200)["count"], 0);
    insta::assert_snapshot!(app.get(&format!("{list}?status=late")).await.error(400), @r#"invalid_parameter: the parameter status is "late", expected one of pending, delivered, failed"#);
}

#[tokio::test]
async fn a_day_of_failures_is_enough_and_days_of_them_switch_a_webhook_off() {
    let (app, receiver) = start().await;
    let webhook = add(&app, json!({ "url": receiver.url, "secret": SECRET, "events": ["commit"] })).await;
    receiver.fail(&[Fault::Status(500); 20]);
    rename(&app, "one").await;
    tried(&app, &webhook, 1).await;
    for hour in 1..=9 {
        app.deliver_after(SignedDuration::from_hours(12 * hour)).await;
    }
    let whole = tried(&app, &webhook, 10).await;
    assert_eq!((&whole["status"], &whole["nextAttemptAt"]), (&json!("failed"), &Value::Null));
    assert_eq!(app.get(&webhook).await.expect(200)["active"], true);
    assert_eq!(conditions(&app).await, Vec::<String>::new());

    app.sql("UPDATE webhooks SET failing_since = 1").await;
    let [failing] = conditions(&app).await.try_into().unwrap();
    assert!(
        failing.starts_with("Failing: webhook ")
            && failing.ends_with("to 127.0.0.1 fails; its deliveries say how"),
        "{failing}"
    );
    // A second delivery that is given up, after days.
    app.sql("UPDATE webhook_deliveries SET tries = 9, state = 'pending', due_at = 0").await;
    app.deliver_after(SignedDuration::ZERO).await;
    tried(&app, &webhook, 11).await;
    let shown = app.get(&webhook).await.expect(200);
    assert_eq!((&shown["active"], &shown["lastError"]), (&json!(false), &json!("the receiver answered 500")));
    assert!(shown["switchedOffAt"].is_string());
    let [off] = conditions(&app).await.try_into().unwrap();
    assert!(off.starts_with("SwitchedOff: ") && !off.contains("answered 500"), "{off}");
    let redeliver = format!("{webhook}/deliveries/{}/redeliver", whole["id"].as_str().unwrap());
    insta::assert_snapshot!(app.post(&redeliver, Value::Null).await.error(409), @"webhook_inactive: the webhook is inactive; set active to true first");

    // What happens meanwhile is not told later; what failed can be sent again.
    rename(&app, "two").await;
    app.patch(&webhook, json!({ "active": true })).await.expect(200);
    assert_eq!(conditions(&app).await, Vec::<String>::new());
    receiver.forgive();
    assert_eq!(app.post(&redeliver, Value::Null).await.expect(202)["id"], whole["id"]);
    let again = tried(&app, &webhook, 12).await;
    assert_eq!((&again["status"], &again["id"]), (&json!("delivered"), &whole["id"]));
}

/// Returns what the status says of webhooks; the health says the same.
async fn conditions(app: &TestApp) -> Vec<String> {
    let of = async |path: &str| {
        let answer = app.get(&format!("{BASE}/abc/{path}")).await.expect(200);
        let all = answer["conditions"].as_array().unwrap().clone();
        let ours = all.into_iter().filter(|condition| condition["type"] == "WebhookFailing");
        let said =
            |row: Value| format!("{}: {}", row["reason"].as_str().unwrap(), row["message"].as_str().unwrap());
        ours.map(said).collect::<Vec<_>>()
    };
    let status = of("status").await;
    assert_eq!(status, of("health").await);
    status
}

#[tokio::test]
async fn what_was_under_way_when_the_server_ended_is_sent_by_the_next() {
    let (app, receiver) = start().await;
    let webhook = add(&app, json!({ "url": receiver.url, "secret": SECRET, "events": ["commit"] })).await;
    receiver.fail(&[Fault::Silence]);
    rename(&app, "one").await;
    let first = receiver.next().await;
    rename(&app, "two").await;
    let app = app
        .restart_after(async |database| {
            // As if its time had passed.
            sqlx::query("UPDATE webhook_deliveries SET leased_until = 1 WHERE leased_until IS NOT NULL")
                .execute(database)
                .await
                .unwrap();
        })
        .await;
    let (again, second) = (receiver.next().await, receiver.next().await);
    assert_eq!(again.header("x-workstead-delivery"), first.header("x-workstead-delivery"));
    assert_eq!(again.body, first.body);
    assert_ne!(second.body, first.body);
    let page = async || app.get(&format!("{webhook}/deliveries?status=delivered")).await.expect(200);
    tried(&app, &webhook, 1).await;
    assert_eq!(page().await["count"], 2);
}

#[tokio::test]
async fn only_public_addresses_are_gone_to_unless_the_operator_allows_others() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let webhooks = format!("{BASE}/abc/webhooks");
    let refused = async |url: &str| app.post(&webhooks, json!({ "url": url })).await.error(422);
    insta::assert_snapshot!(refused("https://127.0.0.1/").await, @"address_not_allowed: the field url can't be used: 127.0.0.1 is 127.0.0.1, this machine itself; use a public address, or have the operator add the network to WORKSTEAD_EGRESS_ALLOW");
    insta::assert_snapshot!(refused("https://localhost/").await.replace("::1", "127.0.0.1"), @"address_not_allowed: the field url can't be used: localhost is 127.0.0.1, this machine itself; use a public address, or have the operator add the network to WORKSTEAD_EGRESS_ALLOW");
    insta::assert_snapshot!(refused("http://example.com/").await, @"invalid_url: the field url can't be used: its scheme is http, which anybody on the way can read; use https, or have the operator set WORKSTEAD_EGRESS_ALLOW_HTTP");
    for (url, code) in [
        ("https://[::ffff:10.0.0.1]/", "address_not_allowed"),
        ("https://169.254.169.254/latest/meta-data", "address_not_allowed"),
        ("https://2130706433/", "address_not_allowed"),
        ("https://user:geheim@example.com/", "invalid_url"),
        ("https://example.com:22/", "invalid_url"),
        ("ftp://example.com/", "invalid_url"),
        ("https://no-such-host.invalid/", "host_not_found"),
    ] {
        let error = refused(url).await;
        assert!(error.starts_with(code) && !error.contains("geheim"), "{error}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM webhooks").await, 0);
}

#[tokio::test]
async fn what_the_operator_allows_no_more_fails_with_the_reason() {
    let (app, receiver) = start().await;
    let webhook = add(&app, json!({ "url": receiver.url })).await;
    let directory = app.stop().await;
    let app = TestApp::start_on(directory).await;
    rename(&app, "x").await;
    let whole = tried(&app, &webhook, 1).await;
    assert_eq!((&whole["lastError"]["code"], &whole["lastStatus"]), (&json!("invalid_url"), &Value::Null));
    receiver.assert_quiet();
}

#[tokio::test]
async fn a_webhook_is_changed_pinged_and_removed() {
    let (app, receiver) = start().await;
    let webhook = add(&app, json!({ "url": format!("{}/old?key=1", receiver.url), "active": false })).await;
    rename(&app, "x").await;
    let ping = app.post(&format!("{webhook}/ping"), Value::Null).await.expect(202);
    let came = receiver.next().await;
    assert_eq!((came.uri.as_str(), came.header("x-workstead-event")), ("/old?key=1", "ping"));
    assert_eq!(came.header("x-workstead-delivery"), ping["id"]);
    let body = came.json();
    assert_eq!(
        (&body["id"], &body["event"], &body["workspace"], &body["actor"]),
        (&Value::Null, &json!("ping"), &json!("abc"), &json!("admin@example.com"))
    );
    tried(&app, &webhook, 1).await;

    // What was shown of the URL changes nothing of it.
    let shown = app.get(&webhook).await.expect(200)["url"].clone();
    app.patch(&webhook, json!({ "url": shown, "secret": SECRET, "description": "new\nname" }))
        .await
        .expect(200);
    app.post(&format!("{webhook}/ping"), Value::Null).await.expect(202);
    let came = receiver.next().await;
    came.assert_signed(SECRET);
    assert_eq!(came.uri, "/old?key=1");
    tried(&app, &webhook, 1).await;
    let changed = json!({ "url": format!("{}/new", receiver.url), "active": true, "events": ["commit"] });
    let changed = app.patch(&webhook, changed).await.expect(200);
    assert_eq!(
        (&changed["description"], &changed["active"], &changed["events"]),
        (&json!("new name"), &json!(true), &json!(["commit"]))
    );
    assert!(changed.get("secret").is_none());
    rename(&app, "y").await;
    assert_eq!(receiver.next().await.uri, "/new");
    insta::assert_snapshot!(app.patch(&webhook, json!({ "url": "https://10.0.0.1/" })).await.error(422).split(": ").next().unwrap(), @"address_not_allowed");

    app.delete(&webhook).await.expect(204);
    rename(&app, "z").await;
    receiver.assert_quiet();
    assert_eq!(app.count("SELECT COUNT(*) FROM webhook_attempts").await, 0);
    let gone = app.get(&webhook).await.error(404);
    assert!(gone.starts_with("webhook_not_found: the workspace has no webhook"), "{gone}");
    assert_eq!(app.delete(&webhook).await.status, 404);
}

#[tokio::test]
async fn webhooks_are_limited_and_belong_to_their_workspace() {
    let settings = [LOOPBACK[0], LOOPBACK[1], ("WORKSTEAD_WEBHOOKS_MAX", "1")];
    let app = TestApp::start_with(&settings).await;
    let receiver = Receiver::start().await;
    app.create("abc").await;
    app.create("other").await;
    let webhook = add(&app, json!({ "url": receiver.url })).await;
    insta::assert_snapshot!(app.post(&format!("{BASE}/abc/webhooks"), json!({ "url": receiver.url })).await.error(422), @"too_many_webhooks: workspace abc has 1 webhooks, as many as it may; delete one, or raise WORKSTEAD_WEBHOOKS_MAX");
    let foreign = webhook.replace("/abc/", "/other/");
    for answer in [
        app.get(&foreign).await,
        app.patch(&foreign, json!({ "active": false })).await,
        app.delete(&foreign).await,
        app.post(&format!("{foreign}/ping"), Value::Null).await,
        app.get(&format!("{foreign}/deliveries")).await,
    ] {
        assert!(answer.error(404).starts_with("webhook_not_found"));
    }
    app.patch(&format!("{BASE}/other"), json!({ "displayName": "x" })).await.expect(200);
    app.delete(&format!("{BASE}/abc")).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM webhooks").await, 0);
    receiver.assert_quiet();
}
