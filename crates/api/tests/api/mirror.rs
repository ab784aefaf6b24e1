//! `/workspaces/{workspace}/mirror`: what may be set and what is told of it. What mirrors do is in the end-to-end tests.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp};
use crate::conforms::assert_conforms;

const MIRROR: &str = "/api/v3/workspaces/abc/mirror";
const PASSWORD: &str = "ghp_c0rrect-horse-battery";
/// Names below it have no address, for nobody may register there (RFC 2606).
const URL: &str = "https://git.invalid/example/shop.git";

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app
}

#[tokio::test]
async fn a_mirror_is_set_shown_and_removed() {
    let app = app().await;
    insta::assert_snapshot!(app.get(MIRROR).await.error(404), @"mirror_not_found: the workspace has no mirror; staff can set one");
    let body = json!({ "direction": "pull", "url": URL, "username": "bot", "password": PASSWORD });
    let set = app.put(MIRROR, body).await;
    assert_eq!(set.header("cache-control"), "no-store");
    let set = set.expect(200);
    let secret = set["hookSecret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    let answer = app.get(MIRROR).await;
    assert_conforms(&app, "/api/v3/workspaces/{workspace}/mirror", &answer).await;
    let mut shown = answer.expect(200);
    // Somebody is at it from now on.
    for member in ["state", "since", "lastAttemptAt", "nextAttemptAt", "lastError", "setAt"] {
        shown.as_object_mut().unwrap().shift_remove(member).unwrap();
    }
    insta::assert_json_snapshot!(shown, @r#"
    {
      "direction": "pull",
      "url": "https://git.invalid/example/shop.git",
      "branch": "main",
      "username": "bot",
      "hasPassword": true,
      "intervalMinutes": 15,
      "role": "readwrite",
      "hookUrl": "https://ws.example/api/v3/workspaces/abc/mirror/hook",
      "setBy": "admin@example.com",
      "lastRevision": null,
      "lastSuccessAt": null
    }
    "#);
    // The secret stays unless a new one is wanted, and the password as long as it is for the same host.
    let again = json!({ "direction": "pull", "url": "https://git.invalid/other.git", "branch": "trunk", "intervalMinutes": 3 });
    let kept = app.put(MIRROR, again.clone()).await.expect(200);
    assert_eq!(
        (&kept["hasPassword"], &kept["username"], kept.get("hookSecret")),
        (&json!(true), &json!("bot"), None)
    );
    assert_eq!((&kept["branch"], &kept["intervalMinutes"]), (&json!("trunk"), &json!(3)));
    let mut anew = again;
    anew["newHookSecret"] = json!(true);
    anew["password"] = Value::Null;
    let anew = app.put(MIRROR, anew).await.expect(200);
    assert_ne!(anew["hookSecret"], json!(secret));
    assert_eq!(anew["hasPassword"], false);
    let push = app.put(MIRROR, json!({ "direction": "push", "url": URL })).await.expect(200);
    assert_eq!((push.get("role"), push.get("hookUrl"), &push["intervalMinutes"]), (None, None, &json!(60)));
    app.post(&format!("{MIRROR}/sync"), Value::Null).await.expect(202);
    app.delete(MIRROR).await.expect(204);
    app.delete(MIRROR).await.expect(204);
    app.get(MIRROR).await.error(404);
    app.post(&format!("{MIRROR}/sync"), Value::Null).await.error(404);
    app.assert_nowhere(PASSWORD);
    app.assert_nowhere(&secret);
}

#[tokio::test]
async fn credentials_of_one_host_are_not_for_another() {
    let app = app().await;
    let set = async |url: &str| app.put(MIRROR, json!({ "direction": "push", "url": url })).await.error(422);
    let first = json!({ "direction": "push", "url": URL, "username": "bot", "password": PASSWORD });
    app.put(MIRROR, first).await.expect(200);
    for other in ["https://other.invalid/example/shop.git", "https://git.invalid:8443/example/shop.git"] {
        let told = set(other).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @"missing_field: the field password is missing, expected it, or null for none: the one that is kept is for another scheme, host or port");
        }
    }
    let none = json!({ "direction": "push", "url": "https://other.invalid/x.git", "password": null });
    let none = app.put(MIRROR, none).await.expect(200);
    assert_eq!((&none["hasPassword"], &none["username"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn what_can_not_be_a_mirror_is_refused_with_the_reason() {
    let app = app().await;
    let refused = async |body: Value| app.put(MIRROR, body).await.error(422);
    let of_url = async |url: &str| refused(json!({ "direction": "push", "url": url })).await;
    insta::assert_snapshot!(refused(json!({ "url": URL })).await, @"missing_field: the field direction is missing, expected a text");
    insta::assert_snapshot!(refused(json!({ "direction": "both", "url": URL })).await, @r#"invalid_field: the field direction is "both", expected push or pull"#);
    insta::assert_snapshot!(of_url("https://bot:pw@git.invalid/x.git").await, @"invalid_url: the field url can't be used: it is a URL with a user or password in it, where it would be shown; expected a URL like https://example.com/path");
    insta::assert_snapshot!(of_url("https://git.invalid/x.git?a=b").await, @"invalid_url: the field url has a query, expected the address of a repository without one");
    insta::assert_snapshot!(of_url("ssh://git.invalid/x.git").await, @r#"invalid_url: the field url can't be used: its scheme is "ssh", expected https"#);
    let plain = of_url("http://git.invalid/x.git").await;
    assert!(plain.contains("WORKSTEAD_EGRESS_ALLOW_HTTP"), "{plain}");
    for private in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        let told = of_url(&format!("https://{private}/x.git")).await;
        assert!(
            told.starts_with("address_not_allowed: ") && told.contains("WORKSTEAD_EGRESS_ALLOW"),
            "{told}"
        );
    }
    let with = |name: &str, value: Value| {
        let mut body = json!({ "direction": "push", "url": URL });
        body[name] = value;
        body
    };
    insta::assert_snapshot!(refused(with("branch", json!("a..b"))).await, @r#"invalid_branch: branch name "a..b" is not a valid Git branch name"#);
    insta::assert_snapshot!(refused(with("role", json!("admin"))).await, @"invalid_field: the field role is of a pull: a push changes nothing here");
    insta::assert_snapshot!(refused(with("role", json!("readonly"))).await, @r#"invalid_field: the field role is "readonly", expected readwrite or admin"#);
    insta::assert_snapshot!(refused(with("intervalMinutes", json!(0))).await, @"invalid_field: the field intervalMinutes is 0, expected a whole number from 1 to 10080");
    insta::assert_snapshot!(refused(with("username", json!("a:b"))).await, @r#"invalid_field: the field username is "a:b", expected a user name of at most 255 characters without colons and control characters"#);
    for secret in [json!(format!("{PASSWORD}\n")), json!([PASSWORD]), json!(PASSWORD.repeat(100))] {
        let told = refused(with("password", secret)).await;
        assert!(!told.contains(PASSWORD), "{told}");
    }
    insta::assert_snapshot!(refused(with("pasword", json!("x"))).await, @r#"unknown_field: the field "pasword" is unknown; did you mean password?"#);
    app.get(MIRROR).await.error(404);
}

#[tokio::test]
async fn staff_set_it_admins_wake_it_and_readers_see_it() {
    let app = app().await;
    let owner = app.user("owner@example.com").await;
    let permissions = json!([{ "user": "reader@example.com", "role": "readonly" }]);
    app.patch(&format!("{BASE}/abc"), json!({ "owner": "owner@example.com", "permissions": permissions }))
        .await
        .expect(200);
    let (reader, stranger) = (app.user("reader@example.com").await, app.user("stranger@example.com").await);
    let body = json!({ "direction": "push", "url": URL });
    let sync = format!("{MIRROR}/sync");
    for (token, statuses) in
        [(&owner, [403, 403, 200, 202]), (&reader, [403, 403, 200, 403]), (&stranger, [404, 404, 404, 404])]
    {
        app.put(MIRROR, body.clone()).await.expect(200);
        let put = app.ask(token, Method::PUT, MIRROR, body.clone()).await.status;
        let delete = app.ask(token, Method::DELETE, MIRROR, Value::Null).await.status;
        let get = app.ask(token, Method::GET, MIRROR, Value::Null).await.status;
        let post = app.ask(token, Method::POST, &sync, Value::Null).await.status;
        assert_eq!([put, delete, get, post].map(|status| status.as_u16()), statuses);
    }
    let refused = app.ask(&owner, Method::PUT, MIRROR, body).await.error(403);
    insta::assert_snapshot!(refused, @"staff_only: only staff may do this on this server");
}

#[tokio::test]
async fn a_mirror_goes_with_its_workspace() {
    let app = app().await;
    let body = json!({ "direction": "pull", "url": URL, "password": PASSWORD });
    app.put(MIRROR, body).await.expect(200);
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM mirrors").await, 0);
    app.create("abc").await;
    app.get(MIRROR).await.error(404);
    let status = app.ask(ADMIN, Method::GET, &format!("{BASE}/abc/status"), Value::Null).await.expect(200);
    assert_eq!((&status["mirror"], &status["sync"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn a_hook_needs_its_secret_and_tells_nobody_what_there_is() {
    let app = app().await;
    let set = app.put(MIRROR, json!({ "direction": "pull", "url": URL })).await.expect(200);
    let secret = set["hookSecret"].as_str().unwrap().to_owned();
    app.create("plain").await;
    let hook = async |name: &str, header: (&str, &str)| {
        app.with(Method::POST, &format!("{BASE}/{name}/mirror/hook"), &[header], "{}").await
    };
    let token = ("x-gitlab-token", secret.as_str());
    let mut told = Vec::new();
    for (name, header) in [
        ("abc", ("x-gitlab-token", "another")),
        ("abc", ("x-hub-signature-256", "sha256=zz")),
        ("abc", ("authorization", "Bearer x")),
        ("plain", token),
        ("nothing", token),
        ("not a name", token),
    ] {
        told.push(hook(&name.replace(' ', "%20"), header).await.error(404));
    }
    told.dedup();
    insta::assert_snapshot!(told.join("\n"), @"hook_not_found: there is no mirror that this webhook may wake; its secret is the mirror's hookSecret");
    assert_eq!(hook("abc", token).await.expect(202), json!({ "woken": true }));
    app.put(MIRROR, json!({ "direction": "push", "url": URL })).await.expect(200);
    hook("abc", token).await.error(404);
}

/// Every door but an admin's push and merge; what a door lets through, a mirror would carry on.
#[tokio::test]
async fn no_door_lets_others_than_admins_bring_root_names_with_a_dot() {
    let app = app().await;
    let permissions = json!([{ "user": "writer@example.com", "role": "readwrite" }]);
    app.patch(&format!("{BASE}/abc"), json!({ "permissions": permissions })).await.expect(200);
    let writer = app.user("writer@example.com").await;
    let before = app.commits();
    // Files of an SLX: the names that lead out of its directory.
    for (slx, file) in [("..", ".github"), ("x", "../../.github/x.yml"), (".github", "slx.yaml")] {
        let body = json!({ "files": { file: "on: push\n" }, "commit_msg": "x" });
        let slx = slx.replace('.', "%2E");
        let path = format!("{BASE}/abc/branches/main/slxs/{slx}");
        let answer = app.ask(&writer, Method::POST, &path, body).await;
        assert!(matches!(answer.status.as_u16(), 404 | 422), "{slx} {file}: {answer:?}");
    }
    // A bundle.
    let mut files = crate::app::sample("abc", 1);
    let path = workstead_core::path::RepoPath::parse(".github/workflows/x.yml").unwrap();
    files.insert(path, bytes::Bytes::from_static(b"on: push\n"));
    app.upload(&writer, "abc", &files, Value::Null).await.error(422);
    assert_eq!(app.commits(), before);
    // A merge, and what undoes a commit, of what an admin brought to another branch and to this one.
    let work = tempfile::tempdir().unwrap();
    let tree = app.git(&["rev-parse", "main^{tree}"]);
    let blob = work.path().join("x.yml");
    std::fs::write(&blob, "on: push\n").unwrap();
    let blob = app.git(&["hash-object", "-w", blob.to_str().unwrap()]);
    let line = format!("100644 blob {}\t.gitlab-ci.yml\n{}", blob.trim(), app.git(&["ls-tree", tree.trim()]));
    let listing = work.path().join("tree");
    std::fs::write(&listing, line).unwrap();
    let with_dot = app.git_with_input(&["mktree"], &listing);
    let commit = app.git(&[
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.com",
        "commit-tree",
        "-p",
        "main",
        "-m",
        "bring",
        with_dot.trim(),
    ]);
    app.git(&["update-ref", "refs/heads/dotted", commit.trim()]);
    let app = app.restart_after(async |_| {}).await;
    for strategy in ["merge", "squash", "fast-forward"] {
        let body = json!({ "from": "dotted", "strategy": strategy });
        let refused = app.ask(&writer, Method::POST, &format!("{BASE}/abc/merge"), body).await.error(403);
        assert!(refused.starts_with("role_too_low"), "{strategy}: {refused}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM dot_names").await, 0);
    app.post(&format!("{BASE}/abc/merge"), json!({ "from": "dotted" })).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM dot_names WHERE name = '.gitlab-ci.yml'").await, 1);
    let revert = json!({ "commit": app.git(&["rev-parse", "main"]).trim() });
    app.ask(&writer, Method::POST, &format!("{BASE}/abc/revert"), revert).await.error(403);
}
