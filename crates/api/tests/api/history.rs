//! History over HTTP, beside what the real `git` says.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, Answer, BASE, TestApp, sample};

/// Makes a workspace with an upload, an edit and a removal; returns the commits, the oldest first.
async fn history() -> (TestApp, Vec<String>) {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 3), Value::Null).await.expect(200);
    let slx = slx_names(&app).await.remove(0);
    let files = json!({ "files": { "notes.md": "one\ntwo\n" } });
    app.post(&format!("{BASE}/abc/branches/main/slxs/{slx}"), files).await.expect(200);
    let files = json!({ "files": { "notes.md": "one\n2\n" }, "commit_msg": "Count in digits" });
    app.post(&format!("{BASE}/abc/branches/main/slxs/{slx}"), files).await.expect(200);
    let listed = app.git(&["rev-list", "--reverse", "main"]);
    let commits = listed.lines().map(str::to_owned).collect();
    (app, commits)
}

async fn slx_names(app: &TestApp) -> Vec<String> {
    let listed = app.get(&format!("{BASE}/abc/slxs")).await.expect(200);
    listed["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slx| slx["shortName"].as_str().unwrap().to_owned())
        .collect()
}

fn texts<'a>(page: &'a Value, field: &str) -> Vec<&'a str> {
    page["results"].as_array().unwrap().iter().map(|row| row[field].as_str().unwrap()).collect()
}

async fn asked(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend(headers);
    app.with(Method::GET, path, &all, "").await
}

#[tokio::test]
async fn commits_are_listed_filtered_and_paged() {
    let (app, commits) = history().await;
    let base = format!("{BASE}/abc/commits");
    let page = app.get(&base).await.expect(200);
    let newest_first: Vec<_> = commits.iter().rev().map(String::as_str).collect();
    assert_eq!((&page["count"], texts(&page, "sha")), (&json!(4), newest_first.clone()));
    let row = &page["results"][0];
    assert_eq!(
        (&row["subject"], &row["author"]["email"]),
        (&json!("Count in digits"), &json!("admin@example.com"))
    );
    assert_eq!((&row["parents"], &row["trailers"][0]["key"]), (&json!([commits[2]]), &json!("Request-Id")));
    let second = app.get(&format!("{base}?page_size=3&page=2")).await.expect(200);
    assert_eq!(texts(&second, "sha"), &newest_first[3..]);
    assert_eq!(texts(&app.get(&format!("{base}?ref={}", commits[1])).await.expect(200), "sha").len(), 2);

    let slx = &slx_names(&app).await[0];
    for (filter, path) in [
        (format!("slx={slx}"), format!("slxs/{slx}")),
        ("path=workspace.yaml".into(), "workspace.yaml".into()),
    ] {
        let page = app.get(&format!("{base}?{filter}")).await.expect(200);
        let listed = app.git(&["log", "--format=%H", "main", "--", &path]);
        assert_eq!(texts(&page, "sha"), listed.lines().collect::<Vec<_>>(), "{filter}");
    }
    assert_eq!(app.get(&format!("{base}?author=nobody")).await.expect(200)["count"], 0);
    assert_eq!(
        app.get(&format!("{base}?since=2020-01-01T00:00:00Z&author=ADMIN")).await.expect(200)["count"],
        4
    );
    insta::assert_snapshot!(app.get(&format!("{base}?since=x")).await.error(400), @r#"invalid_parameter: the parameter since is "x", expected a time like 2026-11-24T06:00:00Z"#);
    insta::assert_snapshot!(app.get(&format!("{base}?ref=none")).await.error(404), @r#"revision_not_found: no branch, tag or commit "none""#);

    let answer = asked(&app, &base, &[]).await;
    let tag = answer.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", commits[3]));
    assert_eq!(asked(&app, &base, &[("if-none-match", &tag)]).await.status, 304);
}

#[tokio::test]
async fn a_commit_tells_what_it_changed_and_its_patch_applies() {
    let (app, commits) = history().await;
    let slx = slx_names(&app).await.remove(0);
    let last = app.get(&format!("{BASE}/abc/commits/{}", &commits[3][..8])).await.expect(200);
    assert_eq!((&last["sha"], &last["truncated"]), (&json!(commits[3]), &json!(false)));
    assert_eq!(last["stats"], json!({ "files": 1, "slxs": 1, "additions": 1, "deletions": 1 }));
    assert_eq!(
        last["slxs"],
        json!([{ "name": slx, "change": "modified", "files": [format!("slxs/{slx}/notes.md")] }])
    );
    let file = &last["files"][0];
    assert_eq!((&file["change"], &file["additions"]), (&json!("modified"), &json!(1)));
    assert!(file["diff"].as_str().unwrap().ends_with("@@ -1,2 +1,2 @@\n one\n-two\n+2\n"), "{file}");
    let upload = app.get(&format!("{BASE}/abc/commits/{}", commits[1])).await.expect(200);
    assert_eq!((upload["stats"]["slxs"].as_u64(), &upload["slxs"][0]["change"]), (Some(3), &json!("added")));
    // The first commit of all is everything that it holds.
    let first = app.get(&format!("{BASE}/abc/commits/{}", commits[0])).await.expect(200);
    assert_eq!(first["files"][1]["path"], "workspace.yaml");

    let scratch = tempfile::tempdir().unwrap();
    let clone = scratch.path().join("clone");
    let git = |arguments: &[&str]| {
        let output =
            std::process::Command::new("git").args(arguments).current_dir(scratch.path()).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let clone_text = clone.display().to_string();
    git(&["clone", "--quiet", &app.repository().display().to_string(), &clone_text]);
    git(&["-C", &clone_text, "checkout", "--quiet", &commits[0]]);
    for commit in &commits[1..] {
        let patch = asked(&app, &format!("{BASE}/abc/commits/{commit}?format=patch"), &[]).await;
        assert_eq!(
            (patch.status.as_u16(), patch.header("content-type")),
            (200, "text/x-diff; charset=utf-8")
        );
        std::fs::write(scratch.path().join("patch"), &patch.body).unwrap();
        git(&["-C", &clone_text, "apply", "--index", &scratch.path().join("patch").display().to_string()]);
    }
    assert_eq!(git(&["-C", &clone_text, "write-tree"]), app.git(&["rev-parse", "main^{tree}"]).trim());
}

#[tokio::test]
async fn two_revisions_are_compared_also_with_where_they_parted() {
    let (app, commits) = history().await;
    let slx = slx_names(&app).await.remove(0);
    let files = json!({ "files": { "more.md": "more\n" } });
    app.post(&format!("{BASE}/abc/branches/feature/x/slxs/{slx}"), files).await.expect(200);
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "New" })).await.expect(200);
    let diff = async |query: &str| {
        let body = app.get(&format!("{BASE}/abc/diff?{query}")).await.expect(200);
        let files = body["files"].as_array().unwrap();
        files
            .iter()
            .map(|file| format!("{} {}", file["change"].as_str().unwrap(), file["path"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let more = format!("added slxs/{slx}/more.md");
    assert_eq!(diff("to=feature/x").await, [more.clone(), "modified workspace.yaml".to_owned()]);
    assert_eq!(diff("to=feature/x&mergeBase=true").await, [more]);
    assert_eq!(
        diff(&format!("from={}&to={}", commits[3], commits[2])).await,
        [format!("modified slxs/{slx}/notes.md")]
    );
    assert_eq!(diff("").await, Vec::<String>::new());
    app.get(&format!("{BASE}/abc/diff?to=none")).await.error(404);
    // A renamed SLX is one, not two.
    let old = format!("slxs/{slx}/slx.yaml");
    let text =
        app.get(&format!("{BASE}/abc/files/{old}")).await.expect(200)["content"].as_str().unwrap().to_owned();
    let text = text
        .replace(&format!("name: abc--{slx}"), "name: abc--renamed")
        .replace(&format!("slx: abc--{slx}"), "slx: abc--renamed");
    app.delete(&format!("{BASE}/abc/branches/feature/x/slxs/{slx}")).await.expect(200);
    app.post(
        &format!("{BASE}/abc/branches/feature/x/slxs/renamed"),
        json!({ "files": { "slx.yaml": text } }),
    )
    .await
    .expect(201);
    let body = app.get(&format!("{BASE}/abc/diff?to=feature/x")).await.expect(200);
    let renamed: Vec<_> =
        body["slxs"].as_array().unwrap().iter().filter(|slx| slx["change"] == "renamed").collect();
    assert_eq!(
        (renamed.len(), &renamed[0]["name"], &renamed[0]["previousName"]),
        (1, &json!("renamed"), &json!(slx))
    );
}

#[tokio::test]
async fn directories_and_files_of_any_revision_are_read() {
    let (app, commits) = history().await;
    let slx = slx_names(&app).await.remove(0);
    let tree = async |query: &str| app.get(&format!("{BASE}/abc/tree?{query}")).await;
    let root = tree("").await.expect(200);
    let listed = app.git(&["ls-tree", "--name-only", "main"]);
    assert_eq!(texts(&root, "name"), listed.lines().collect::<Vec<_>>());
    let below = tree(&format!("path=slxs/{slx}/&ref={}", commits[1])).await.expect(200);
    assert!(!texts(&below, "name").contains(&"notes.md"), "{below}");
    let all = tree("recursive=true").await.expect(200);
    assert_eq!(
        texts(&all, "path"),
        app.git(&["ls-tree", "-r", "--name-only", "main"]).lines().collect::<Vec<_>>()
    );
    insta::assert_snapshot!(tree("path=none&ref=main").await.error(404).split(" in ").next().unwrap(), @r#"path_not_found: there is no directory "none""#);

    let path = format!("{BASE}/abc/files/slxs/{slx}/notes.md");
    let file = app.get(&path).await.expect(200);
    assert_eq!(
        (&file["content"], &file["encoding"], &file["size"]),
        (&json!("one\n2\n"), &json!("utf-8"), &json!(6))
    );
    assert_eq!(app.get(&format!("{path}?ref={}", commits[2])).await.expect(200)["content"], "one\ntwo\n");
    assert_eq!(app.get(&path.replace("slxs/", "slxs%2F")).await.expect(200), file);
    app.get(&format!("{path}?ref={}", commits[1])).await.error(404);
    let raw = asked(&app, &format!("{path}?raw=true"), &[]).await;
    assert_eq!((raw.status.as_u16(), &raw.body[..]), (200, &b"one\n2\n"[..]));
    let shown = ["content-type", "content-disposition", "x-content-type-options", "content-security-policy"]
        .map(|name| raw.header(name));
    assert_eq!(
        shown,
        [
            "application/octet-stream",
            "attachment; filename=\"notes.md\"",
            "nosniff",
            "sandbox; default-src 'none'"
        ]
    );
    for bad in ["..%2F..%2Fconfig", "slxs", "HEAD", "%00"] {
        assert_eq!(app.get(&format!("{BASE}/abc/files/{bad}")).await.status, 404, "{bad}");
    }
    let stranger = app.user("stranger@example.com").await;
    app.ask(&stranger, Method::GET, &path, Value::Null).await.error(404);
}

#[tokio::test]
async fn the_last_change_of_each_file_is_told() {
    let (app, commits) = history().await;
    let slx = slx_names(&app).await.remove(0);
    let check = async |app: &TestApp, revision: &str| {
        let page = app.get(&format!("{BASE}/abc/last-changes?ref={revision}")).await.expect(200);
        assert!(page.get("truncated").is_none());
        for row in page["results"].as_array().unwrap() {
            let path = row["path"].as_str().unwrap();
            let last = app.git(&["log", "-1", "--format=%H", revision, "--", path]);
            assert_eq!(row["commit"]["sha"], last.trim(), "{path}");
        }
        page["count"].as_u64().unwrap()
    };
    let before = check(&app, &commits[1]).await;
    assert_eq!(check(&app, "main").await, before + 1);
    let page = app.get(&format!("{BASE}/abc/last-changes?path=slxs/{slx}/notes.md")).await.expect(200);
    assert_eq!(
        (&page["count"], &page["results"][0]["commit"]["subject"]),
        (&json!(1), &json!("Count in digits"))
    );
    app.get(&format!("{BASE}/abc/last-changes?path=none")).await.error(404);
}
