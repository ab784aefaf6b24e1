//! What an administrator does to a stopped server's data.

use serde_json::json;
use tempfile::TempDir;
use workstead_api::Settings;
use workstead_api::admin::Admin;

use crate::app::{BASE, TestApp, open_database, sample};

async fn admin(directory: &TempDir) -> Admin {
    let data = directory.path().join("data").display().to_string();
    let settings = Settings::from_lookup(|name| (name == "WORKSTEAD_DATA_DIR").then(|| data.clone()));
    Admin::open(settings.unwrap()).await.unwrap()
}

async fn sql(directory: &TempDir, statements: &[&'static str]) {
    let database = open_database(directory.path()).await;
    for statement in statements {
        sqlx::query(*statement).execute(&database).await.unwrap();
    }
    database.close().await;
}

async fn with_two_workspaces() -> TestApp {
    let app = TestApp::start().await;
    let permissions = json!([{ "user": "Ann@example.com", "role": "readonly" }]);
    let body = json!({ "name": "abc", "displayName": "One", "enabledLocations": ["here"], "permissions": permissions });
    app.post(BASE, body).await.expect(201);
    app.create("other").await;
    app
}

#[tokio::test]
async fn the_index_of_a_server_is_what_git_has() {
    let app = with_two_workspaces().await;
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "Two" })).await.expect(200);
    let directory = app.stop().await;
    let check = admin(&directory).await.check().await.unwrap();
    assert_eq!((check.workspaces, check.differences), (2, vec![]));
}

#[tokio::test]
async fn differences_are_told_and_mended() {
    let app = with_two_workspaces().await;
    app.upload(crate::app::ADMIN, "abc", &sample("abc", 1), json!({})).await.expect(200);
    let before = app.get(BASE).await.expect(200);
    let directory = app.stop().await;
    sql(
        &directory,
        &[
            "UPDATE workspaces SET display_name = 'wrong', locations_json = '[]' WHERE name = 'abc'",
            "UPDATE workspaces SET revision = NULL WHERE name = 'other'",
            "DELETE FROM workspace_members",
            "DELETE FROM slx_ids",
        ],
    )
    .await;
    std::fs::create_dir(directory.path().join("data/repositories/stray.git")).unwrap();
    let admin = admin(&directory).await;
    let mut told: Vec<_> = admin.check().await.unwrap().differences.iter().map(ToString::to_string).collect();
    // Ids and names are different each time.
    for line in &mut told {
        line.truncate(line.find(", Git has").unwrap());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    abc: display name: the index has wrong
    abc: locations: the index has none
    abc: members: the index has none
    abc: numbers of SLXs: the index has none
    other: revision: the index has none
    stray: repository: the index has none
    ");
    let done = admin.reindex().await.unwrap();
    assert_eq!((done.workspaces, done.failed), (2, vec![]));
    std::fs::remove_dir(directory.path().join("data/repositories/stray.git")).unwrap();
    assert_eq!(admin.check().await.unwrap().differences, []);
    admin.close().await;
    let after = TestApp::start_on(directory).await.get(BASE).await.expect(200);
    assert_eq!(after["results"][0], before["results"][0], "a rebuilt index moves no date");
}

#[tokio::test]
async fn a_broken_repository_is_told_and_leaves_the_others() {
    let app = with_two_workspaces().await;
    let directory = app.stop().await;
    let database = open_database(directory.path()).await;
    let id: String = sqlx::query_scalar("SELECT id FROM workspaces WHERE name = 'abc'")
        .fetch_one(&database)
        .await
        .unwrap();
    database.close().await;
    let repository = directory.path().join(format!("data/repositories/{id}.git"));
    std::fs::remove_dir_all(repository).unwrap();
    let admin = admin(&directory).await;
    let differences = admin.check().await.unwrap().differences;
    assert_eq!(differences.len(), 1);
    assert!(
        differences[0]
            .to_string()
            .starts_with("abc: repository: the index has one, Git has what can't be read")
    );
    let done = admin.reindex().await.unwrap();
    assert_eq!((done.workspaces, done.failed.len()), (1, 1));
}

#[tokio::test]
async fn a_workspace_moves_to_another_server() {
    let app = with_two_workspaces().await;
    app.upload(crate::app::ADMIN, "abc", &sample("abc", 3), json!({})).await.expect(200);
    app.post(&format!("{BASE}/abc/secrets"), json!({ "secrets": { "password": "geheim" } }))
        .await
        .expect(201);
    // A number that no upload gives again.
    app.sql("UPDATE slx_ids SET id = id + 40").await;
    let path = format!("{BASE}/abc");
    let slxs = app.get(&format!("{path}/slxs")).await.expect(200);
    let (object, uploads) =
        (app.get(&path).await.expect(200), app.get(&format!("{path}/uploads")).await.expect(200));
    let directory = app.stop().await;
    let file = directory.path().join("abc.tar");
    let admin_here = admin(&directory).await;
    assert_eq!(admin_here.export("abc", &file).await.unwrap(), ["password"]);
    insta::assert_snapshot!(admin_here.import(&file).await.unwrap_err(), @"there is a workspace abc already; delete it first, or import on another server");
    insta::assert_snapshot!(admin_here.export("none", &file).await.unwrap_err(), @r#"there is no workspace "none""#);
    assert!(admin_here.export("abc", &file).await.is_err(), "a file is not written over");

    let elsewhere = TestApp::start().await.stop().await;
    let there = admin(&elsewhere).await;
    let imported = there.import(&file).await.unwrap();
    assert_eq!(imported.revision, object["revision"].as_str().unwrap());
    assert_eq!(imported.secrets_to_set, ["password"]);
    assert_eq!(there.check().await.unwrap().differences, []);
    there.close().await;
    let app = TestApp::start_on(elsewhere).await;
    assert_eq!(app.get(&path).await.expect(200), object);
    assert_eq!(app.get(&format!("{path}/slxs")).await.expect(200), slxs);
    let moved = app.get(&format!("{path}/uploads")).await.expect(200);
    assert_eq!(moved["results"][0]["commit"], uploads["results"][0]["commit"]);
    // What uploads wrote is known here too: the same bundle has nothing to do.
    let again = app.upload(crate::app::ADMIN, "abc", &sample("abc", 3), json!({})).await.expect(200);
    assert_eq!(again["status"], "duplicate_skipped");
}

#[tokio::test]
async fn what_is_no_export_leaves_nothing() {
    let app = with_two_workspaces().await;
    let directory = app.stop().await;
    let file = directory.path().join("abc.tar");
    let here = admin(&directory).await;
    here.export("abc", &file).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    let elsewhere = TestApp::start().await.stop().await;
    let there = admin(&elsewhere).await;
    let text = String::from_utf8_lossy(&whole).into_owned();
    // The description before the bundle is ASCII, so that both count alike.
    let inside_the_bundle = text.find("git bundle\n").unwrap() + 100;
    let newer = text.find("\"version\": 1").unwrap() + "\"version\": ".len();
    let mut from_the_future = whole.clone();
    from_the_future[newer] = b'9';
    let mut other_revision = whole.clone();
    let revision = text.find("\"revision\": \"").unwrap() + "\"revision\": \"".len();
    other_revision[revision] = if whole[revision] == b'0' { b'1' } else { b'0' };
    for damaged in
        [&b"nothing"[..], &whole[..600], &whole[..inside_the_bundle], &from_the_future, &other_revision]
    {
        std::fs::write(&file, damaged).unwrap();
        let error = there.import(&file).await.unwrap_err().to_string();
        assert!(error.contains("is no export of a workspace") || error.contains("git fetch"), "{error}");
    }
    let check = there.check().await.unwrap();
    assert_eq!((check.workspaces, check.differences), (0, vec![]));
    std::fs::write(&file, whole).unwrap();
    there.import(&file).await.unwrap();
}

#[tokio::test]
async fn a_server_that_runs_is_in_the_way() {
    let app = with_two_workspaces().await;
    let data = app.data().display().to_string();
    let settings = Settings::from_lookup(|name| (name == "WORKSTEAD_DATA_DIR").then(|| data.clone()));
    let error = Admin::open(settings.unwrap()).await.unwrap_err().to_string();
    assert!(error.ends_with("is in use by another process; stop it, or set WORKSTEAD_DATA_DIR"), "{error}");
}
