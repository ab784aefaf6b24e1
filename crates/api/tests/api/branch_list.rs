//! Branches, merges, and commits undone.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

async fn uploaded() -> (TestApp, String) {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    let listed = app.get(&format!("{BASE}/abc/slxs")).await.expect(200);
    let slx = listed["results"][0]["shortName"].as_str().unwrap().to_owned();
    (app, slx)
}

async fn write(app: &TestApp, branch: &str, slx: &str, text: &str) -> String {
    let files = json!({ "files": { "notes.md": text } });
    let answer = app.post(&format!("{BASE}/abc/branches/{branch}/slxs/{slx}"), files).await.expect(200);
    answer["hexsha"].as_str().unwrap().to_owned()
}

async fn merge(app: &TestApp, body: Value) -> crate::app::Answer {
    app.post(&format!("{BASE}/abc/merge"), body).await
}

#[tokio::test]
async fn branches_are_made_listed_and_removed() {
    let (app, slx) = uploaded().await;
    let base = format!("{BASE}/abc/branches");
    let main = app.git(&["rev-parse", "main"]).trim().to_owned();
    let made = app.post(&base, json!({ "name": "feature/x" })).await;
    assert_eq!(made.header("etag"), format!("\"{main}\""));
    let made = made.expect(201);
    assert_eq!(
        (&made["commit"], &made["isDefault"], &made["ahead"]),
        (&json!(main), &json!(false), &json!(0))
    );
    let tip = write(&app, "feature/x", &slx, "x\n").await;
    let shown = app.get(&format!("{base}/feature/x")).await.expect(200);
    assert_eq!((&shown["commit"], &shown["ahead"], &shown["behind"]), (&json!(tip), &json!(1), &json!(0)));
    assert_eq!(app.get(&format!("{base}/feature%2Fx")).await.expect(200), shown);
    let page = app.get(&base).await.expect(200);
    let names: Vec<_> =
        page["results"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["feature/x", "main"]);
    assert_eq!(page["results"][1]["protected"], true);

    let refused = async |body: Value, status| app.post(&base, body).await.error(status);
    insta::assert_snapshot!(refused(json!({ "name": "feature/x" }), 409).await, @"branch_conflict: branch `feature/x` exists already");
    insta::assert_snapshot!(refused(json!({ "name": "feature" }), 409).await, @"branch_conflict: branch `feature` can't exist beside branch `feature/x`, because one name continues the other");
    insta::assert_snapshot!(refused(json!({ "name": "a..b" }), 422).await, @r#"invalid_branch: branch name "a..b" is not a valid Git branch name"#);
    insta::assert_snapshot!(refused(json!({ "name": "y", "from": "none" }), 404).await, @r#"revision_not_found: no branch, tag or commit "none""#);
    insta::assert_snapshot!(refused(json!({}), 422).await, @"missing_field: the field name is missing, expected a text");
    insta::assert_snapshot!(app.delete(&format!("{base}/main")).await.error(409), @"branch_protected: main is the branch that is in force; it can't be removed");
    insta::assert_snapshot!(app.delete(&format!("{base}/none")).await.error(404), @"branch_not_found: workspace abc has no branch none");

    let stale = format!("\"{main}\"");
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("if-match", stale.as_str())];
    let path = format!("{base}/feature/x");
    assert_eq!(app.with(Method::DELETE, &path, &headers, "").await.status, 412);
    assert_eq!(app.delete(&path).await.status, 204);
    app.get(&path).await.error(404);
    let told = app.get(&format!("{BASE}/abc/events?events=push")).await.expect(200);
    assert_eq!(
        told["results"][0]["data"]["refs"][0],
        json!({ "ref": "refs/heads/feature/x", "before": tip, "after": null })
    );
}

#[tokio::test]
async fn a_branch_is_merged_by_each_strategy() {
    let (app, slx) = uploaded().await;
    let start = app.git(&["rev-parse", "main"]).trim().to_owned();
    let tip = write(&app, "one", &slx, "one\n").await;
    let landed = merge(&app, json!({ "from": "one", "strategy": "fast-forward" })).await.expect(200);
    assert_eq!(landed, json!({ "status": "merged", "branch": "main", "commit": tip, "files": 1 }));
    assert_eq!(app.git(&["rev-parse", "main"]).trim(), tip);
    let again = merge(&app, json!({ "from": "one" })).await.expect(200);
    assert_eq!((&again["status"], &again["commit"]), (&json!("unchanged"), &json!(tip)));

    app.post(&format!("{BASE}/abc/branches"), json!({ "name": "two", "from": start })).await.expect(201);
    app.post(&format!("{BASE}/abc/branches/two/slxs/{slx}"), json!({ "files": { "two.md": "2\n" } }))
        .await
        .expect(200);
    insta::assert_snapshot!(merge(&app, json!({ "from": "two", "strategy": "fast-forward" })).await.error(409), @"not_fast_forward: main has commits that two has not; merge it with another strategy, or rebase it in a clone");
    let landed = merge(&app, json!({ "from": "two" })).await.expect(200);
    let parents = app.git(&["log", "-1", "--format=%P%n%s%n%an", "main"]);
    let two = app.git(&["rev-parse", "two"]);
    assert_eq!(parents, format!("{tip} {}\nMerge branch 'two'\nadmin@example.com\n", two.trim()));
    assert_eq!(landed["commit"], app.git(&["rev-parse", "main"]).trim());
    // The API answers with it at once, and tells of it.
    let object = app.get(&format!("{BASE}/abc")).await.expect(200);
    assert_eq!(object["revision"], landed["commit"]);
    let told = app.get(&format!("{BASE}/abc/events?events=commit&limit=1")).await.expect(200);
    assert_eq!(told["results"][0]["data"]["after"], landed["commit"]);

    app.post(&format!("{BASE}/abc/branches"), json!({ "name": "three", "from": start })).await.expect(201);
    app.post(&format!("{BASE}/abc/branches/three/slxs/{slx}"), json!({ "files": { "three.md": "3\n" } }))
        .await
        .expect(200);
    merge(&app, json!({ "from": "three", "strategy": "squash", "commit_msg": "All of three" }))
        .await
        .expect(200);
    let parents = app.git(&["log", "-1", "--format=%P%n%s", "main"]);
    assert_eq!(parents, format!("{}\nAll of three\n", landed["commit"].as_str().unwrap()));
    assert_eq!(app.git(&["fsck", "--strict", "--no-dangling"]), "");
    insta::assert_snapshot!(merge(&app, json!({ "from": "three", "strategy": "octopus" })).await.error(422), @r#"invalid_strategy: the field strategy is "octopus", expected merge, squash or fast-forward"#);
    insta::assert_snapshot!(merge(&app, json!({ "from": "none" })).await.error(404), @r#"revision_not_found: no branch, tag or commit "none""#);
    insta::assert_snapshot!(merge(&app, json!({ "from": "one", "into": "none" })).await.error(404), @"branch_not_found: workspace abc has no branch none");
}

#[tokio::test]
async fn contradictions_are_refused_with_their_place_and_change_nothing() {
    let (app, slx) = uploaded().await;
    write(&app, "main", &slx, "one\ntwo\nthree\n").await;
    write(&app, "work", &slx, "one\n2\nthree\n").await;
    let tip = write(&app, "main", &slx, "one\nII\nthree\n").await;
    let refused = merge(&app, json!({ "from": "work" })).await;
    let body = refused.json();
    insta::assert_snapshot!(refused.error(409).replace(&slx, "SLX"), @"merge_conflict: work can't be merged into main: both sides changed slxs/SLX/notes.md; nothing was changed. Settle it in a clone and push the result");
    assert_eq!(
        body["conflicts"],
        json!([{ "path": format!("slxs/{slx}/notes.md"), "kind": "both_modified", "lines": [{ "start": 2, "end": 2 }] }])
    );
    assert_eq!(app.git(&["rev-parse", "main"]).trim(), tip);
}

#[tokio::test]
async fn a_commit_is_undone_unless_others_build_on_it() {
    let (app, slx) = uploaded().await;
    let first = write(&app, "main", &slx, "one\ntwo\n").await;
    let second = write(&app, "main", &slx, "one\n2\n").await;
    let revert = async |body: Value| app.post(&format!("{BASE}/abc/revert"), body).await;
    let refused = revert(json!({ "commit": first })).await;
    assert_eq!(refused.json()["conflicts"][0]["kind"], "removed_by_them");
    assert!(refused.error(409).starts_with("revert_conflict: "));
    let undone = revert(json!({ "commit": &second[..9] })).await.expect(200);
    assert_eq!((&undone["status"], &undone["files"]), (&json!("reverted"), &json!(1)));
    assert_eq!(app.git(&["rev-parse", "main^{tree}"]), app.git(&["rev-parse", &format!("{first}^{{tree}}")]));
    let message = app.git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(message.trim(), format!("Revert \"Change SLX {slx}\" ({})", &second[..10]));
    // What undoes it can be undone, and twice is no more than once.
    let again = revert(json!({ "commit": second })).await.expect(200);
    assert_eq!(again["status"], "unchanged");
    revert(json!({ "commit": undone["commit"] })).await.expect(200);
    assert_eq!(
        app.git(&["rev-parse", "main^{tree}"]),
        app.git(&["rev-parse", &format!("{second}^{{tree}}")])
    );
    // An upload too, with its own notes.
    let upload = app.git(&["rev-list", "--reverse", "main"]).lines().nth(1).unwrap().to_owned();
    app.delete(&format!("{BASE}/abc/branches/main/slxs/{slx}")).await.expect(200);
    app.upload(ADMIN, "abc", &sample("abc", 3), Value::Null).await.expect(200);
    let head = app.git(&["rev-parse", "main"]).trim().to_owned();
    revert(json!({ "commit": head })).await.expect(200);
    app.post(&format!("{BASE}/abc/branches"), json!({ "name": "old", "from": upload })).await.expect(201);
    let elsewhere = write(&app, "old", &slx, "x\n").await;
    assert!(revert(json!({ "commit": elsewhere })).await.error(422).starts_with("not_in_branch: "));
}

#[tokio::test]
async fn what_a_merge_brings_takes_the_same_role_as_at_every_door() {
    let (app, slx) = uploaded().await;
    let writer = app.user("writer@example.com").await;
    let permissions = json!({ "permissions": [{ "user": "writer@example.com", "role": "readwrite" }] });
    let granted = app.patch(&format!("{BASE}/abc"), permissions).await.expect(200);
    write(&app, "main", &slx, "y\n").await;
    // To undo the grant would change permissions too.
    let body = json!({ "commit": granted["revision"] });
    let refused = app.ask(&writer, Method::POST, &format!("{BASE}/abc/revert"), body.clone()).await;
    insta::assert_snapshot!(refused.error(403), @"role_too_low: this change needs the role admin on workspace abc; yours is readwrite");
    app.post(&format!("{BASE}/abc/revert"), body).await.expect(200);
    write(&app, "work", &slx, "x\n").await;
    app.ask(&writer, Method::POST, &format!("{BASE}/abc/merge"), json!({ "from": "work" })).await.error(404);
}

#[tokio::test]
async fn two_merges_at_once_both_land() {
    let (app, slx) = uploaded().await;
    for name in ["one", "two"] {
        let files = json!({ "files": { format!("{name}.md"): "x\n" } });
        app.post(&format!("{BASE}/abc/branches/{name}/slxs/{slx}"), files).await.expect(200);
    }
    let (one, two) = futures_util::future::join(
        merge(&app, json!({ "from": "one" })),
        merge(&app, json!({ "from": "two" })),
    )
    .await;
    assert_eq!([&one.expect(200)["status"], &two.expect(200)["status"]], ["merged", "merged"]);
    let listed = app.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(listed.contains("/one.md\n") && listed.contains("/two.md\n"), "{listed}");
}
