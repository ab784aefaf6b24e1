//! Repositories that are looked after, and repositories that are full.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};
use crate::conforms::assert_conforms;

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// Writes a file of an SLX on a branch, which begins at the default one.
async fn write(app: &TestApp, branch: &str, text: &str) -> String {
    let file = format!(
        "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: abc--one\n  labels:\n    workspace: abc\n    slx: abc--one\n  annotations:\n    internal.runwhen.com/manually-created: 'true'\nspec:\n  alias: {text}\n  statement: Pods run\n  owners:\n  - a@example.com\n  tags:\n  - name: access\n    value: read-write\n"
    );
    let path = format!("{BASE}/abc/branches/{branch}/slxs/one");
    let body = json!({ "commit_msg": "Write", "files": { "slx.yaml": file } });
    let answer = app.post(&path, body).await;
    assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["hexsha"].as_str().unwrap().to_owned()
}

fn has(app: &TestApp, commit: &str) -> bool {
    app.git(&["cat-file", "--batch-all-objects", "--batch-check"]).contains(commit)
}

#[tokio::test]
async fn what_a_deleted_branch_led_to_goes_after_the_grace_and_nothing_else() {
    let app = TestApp::start_with(&[("WORKSTEAD_GIT_UNREACHABLE_DAYS", "3")]).await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 2), json!({})).await.expect(200);
    let gone = write(&app, "other", "gone").await;
    app.delete(&format!("{BASE}/abc/branches/other")).await.expect(204);
    app.keep_house_after(days(2)).await;
    assert!(has(&app, &gone), "it has its grace");
    app.keep_house_after(days(4)).await;
    assert!(has(&app, &gone));
    app.keep_house_after(days(6)).await;
    assert!(!has(&app, &gone));
    assert_eq!(app.git(&["fsck", "--strict", "--no-dangling"]), "");
    // The record of the upload is there: nothing of it is new.
    let again = app.upload(ADMIN, "abc", &sample("abc", 2), json!({})).await.expect(200);
    assert_eq!(again["status"], "duplicate_skipped", "{again}");
    write(&app, "other", "gone").await;
    assert_eq!(app.git(&["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test]
async fn many_packs_are_joined_without_being_asked() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let packs = || {
        app.git(&["count-objects", "-v"]).lines().find_map(|it| it.strip_prefix("packs: ").map(str::to_owned))
    };
    for number in 0..22 {
        app.patch(&format!("{BASE}/abc"), json!({ "displayName": number.to_string() })).await.expect(200);
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while packs().unwrap().parse::<usize>().unwrap() > 20 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(app.commits(), 23);
    assert_eq!(app.git(&["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test]
async fn a_full_repository_says_so_at_every_door_and_can_still_be_read() {
    let app = TestApp::start().await;
    app.create("abc").await;
    write(&app, "other", "x").await;
    let app = app.restart_with(&[("WORKSTEAD_REPOSITORY_MAX_BYTES", "8KiB")]).await;
    let full = |answer: &str| {
        let words = answer.split(|c: char| c.is_ascii_digit()).filter(|it| !it.is_empty());
        words.collect::<Vec<_>>().join("N")
    };
    let noise: String = (0..2000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
    let refused = app.patch(&format!("{BASE}/abc"), json!({ "displayName": noise })).await;
    insta::assert_snapshot!(full(&refused.error(413)), @"repository_too_large: the repository of workspace abc has N bytes and would get N more, which exceeds the limit of N; delete branches that nobody needs, which frees their space once WORKSTEAD_GIT_UNREACHABLE_DAYS are over, or have WORKSTEAD_REPOSITORY_MAX_BYTES raised");
    let refused = app.upload(ADMIN, "abc", &sample("abc", 30), json!({})).await;
    insta::assert_snapshot!(full(&refused.error(413)), @"repository_too_large: the repository of workspace abc has N bytes and would get N more, which exceeds the limit of N; delete branches that nobody needs, which frees their space once WORKSTEAD_GIT_UNREACHABLE_DAYS are over, or have WORKSTEAD_REPOSITORY_MAX_BYTES raised");
    assert_eq!(app.commits(), 1);
    let status = app.get(&format!("{BASE}/abc/status")).await.expect(200);
    assert_eq!(status["conditions"].as_array().unwrap().len(), 1, "not near: {status}");
    app.get(&format!("{BASE}/abc")).await.expect(200);
    app.delete(&format!("{BASE}/abc/branches/other")).await.expect(204);
    // What fits is taken.
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "fits" })).await.expect(200);
}

#[tokio::test]
async fn a_repository_that_is_nearly_full_is_announced() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let health = app.get(&format!("{BASE}/abc/health?include_metrics=true")).await.expect(200);
    assert_eq!(health["metrics"]["repositoryMaxBytes"], 2_u64 << 30);
    let bytes = app.git(&["count-objects", "-v"]);
    assert!(bytes.contains("packs: 1\n"));
    let packs = std::fs::read_dir(app.repository().join("objects/pack")).unwrap();
    let bytes: u64 = packs.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let app = app.restart_with(&[("WORKSTEAD_REPOSITORY_MAX_BYTES", &(bytes * 100 / 95).to_string())]).await;
    for path in ["status", "health"] {
        let answer = app.get(&format!("{BASE}/abc/{path}")).await;
        assert_conforms(&app, &format!("/api/v3/workspaces/{{workspace}}/{path}"), &answer).await;
        let answer = answer.expect(200);
        let told: Vec<&Value> = answer["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["type"] == "RepositoryNearLimit")
            .collect();
        assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("NearLimit")), "{answer}");
        let message = told[0]["message"].as_str().unwrap();
        assert!(message.contains("95 %") && message.contains("WORKSTEAD_REPOSITORY_MAX_BYTES"), "{message}");
    }
}
