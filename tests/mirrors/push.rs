//! A workspace that is pushed to an upstream after each commit.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use serde_json::json;
use ureq::http::Method;

use super::{BASE, WORKSPACE, head, mirror, rename, server, set, sync, until, until_at, until_fails};
use crate::support::{Upstream, inline_body, slx_yaml, workspace_files};

const PASSWORD: &str = "glpat-t0k3n-0f-the-b0t";

#[test]
fn every_commit_reaches_the_upstream_whichever_door_it_came_through() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    upstream.behave(|manners| manners.credentials = Some(format!("bot:{PASSWORD}")));
    let wrong =
        json!({ "direction": "push", "url": upstream.url(), "username": "bot", "password": "wrong-one" });
    set(&server, &wrong).expect(200);
    let detail = until_fails(&server, "credentials_refused");
    assert!(detail.starts_with("the upstream refuses the credentials; have staff set"), "{detail}");

    let status = server.get(&format!("{BASE}/status")).expect(200).json;
    assert_eq!((&status["sync"], &status["mirror"]["state"]), (&json!(false), &json!("failing")));
    let mirrored = |conditions: &serde_json::Value| {
        let all = conditions.as_array().unwrap();
        let found = all.iter().find(|it| it["type"] == "Mirrored").unwrap();
        format!("{} {}", found["status"].as_str().unwrap(), found["reason"].as_str().unwrap())
    };
    assert_eq!(mirrored(&status["conditions"]), "False Failing");
    let health = server.get(&format!("{BASE}/health")).expect(200).json;
    assert_eq!(
        (&health["status"], &health["checks"]["mirror"]["status"]),
        (&json!("degraded"), &json!("degraded"))
    );
    let synced = server.get(&format!("{BASE}/sync-status")).expect(200).json;
    assert_eq!(synced["status"]["conditions"][0]["type"], "Ready");
    assert_eq!(mirrored(&synced["status"]["conditions"]), "False Failing");

    // The user name is kept with the setting for the same host.
    let right = json!({ "direction": "push", "url": upstream.url(), "password": PASSWORD });
    let answer = set(&server, &right).expect(200);
    assert!(answer.json["hasPassword"] == true && !answer.text.contains(PASSWORD));
    until_at(&server, &head(&server));
    assert_eq!(upstream.head(&server, "main"), head(&server));

    let commit = rename(&server, "By the API");
    until_at(&server, &commit);
    assert_eq!(upstream.head(&server, "main"), commit);
    let work = server.clone_workspace(WORKSPACE, "work");
    work.write("slxs/cart/slx.yaml", &slx_yaml(WORKSPACE, "cart"));
    let commit = work.commit("watch the cart");
    work.ok(&["push", "--quiet", "origin", "HEAD"]);
    until_at(&server, &commit);
    let uploaded = inline_body(&workspace_files(WORKSPACE, &["web"]));
    let commit = server.post(&format!("{BASE}/upload"), &uploaded).expect(200).field("commit").to_owned();
    until_at(&server, &commit);
    assert_eq!(upstream.head(&server, "main"), commit);
    assert_eq!(server.get(&format!("{BASE}/status")).expect(200).json["sync"], true);
    assert_eq!(mirrored(&server.get(&format!("{BASE}/status")).json["conditions"]), "True InSync");

    // Other branches stay here.
    work.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/feature"]);
    sync(&server);
    until_at(&server, &commit);
    assert_eq!(upstream.head(&server, "feature"), "");

    let events = server.get(&format!("{BASE}/events?events=sync")).expect(200).json;
    let told = events["results"].as_array().unwrap().iter().rev().map(|event| &event["data"]);
    let told: Vec<_> = told.map(|data| data["state"].as_str().unwrap()).collect();
    assert_eq!(told, ["failing", "idle", "idle", "idle", "idle"]);
    let log = server.log();
    assert!(!log.contains(PASSWORD) && !log.contains("wrong-one") && log.contains("a mirror was set"));
}

#[test]
fn credentials_stand_on_no_command_line_and_go_to_no_other_host() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    upstream.behave(|manners| {
        manners.credentials = Some(format!("git:{PASSWORD}"));
        manners.delay = Duration::from_millis(700);
    });
    // By name, so that it has to be told which address the name was found to have.
    let url = upstream.url().replace("127.0.0.1", "localhost");
    set(&server, &json!({ "direction": "push", "url": url, "password": PASSWORD })).expect(200);
    let lines = RefCell::new(String::new());
    until(&server, "in step", |it| {
        lines.borrow_mut().push_str(&command_lines());
        it["state"] == "idle"
    });
    let lines = lines.into_inner();
    assert!(lines.contains(&url) && lines.contains("ls-remote"), "no git was seen");
    assert!(lines.contains("http.curloptResolve=localhost:"), "the address is not pinned");
    assert!(!lines.contains(PASSWORD));
    let elsewhere = json!({ "direction": "push", "url": "http://127.0.0.2:9999/shop.git" });
    let refused = set(&server, &elsewhere).expect(422);
    insta::assert_snapshot!(refused.field("detail"), @"the field password is missing, expected it, or null for none: the one that is kept is for another scheme, host or port");
}

/// Returns the command lines of all processes.
fn command_lines() -> String {
    let processes = fs_err::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs_err::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n").collect()
}

#[test]
fn an_upstream_that_hangs_keeps_nobody_waiting() {
    let mut server = server();
    let upstream = Upstream::start(&server, "shop");
    upstream.behave(|manners| manners.delay = Duration::from_mins(2));
    let await_processes = |wanted: bool| {
        let since = Instant::now();
        while command_lines().contains(&upstream.url()) != wanted {
            assert!(since.elapsed() < Duration::from_secs(30), "processes: {}", command_lines());
            std::thread::sleep(Duration::from_millis(30));
        }
    };
    let body = json!({ "direction": "push", "url": upstream.url() });
    set(&server, &body).expect(200);
    await_processes(true);
    assert_eq!(mirror(&server)["state"], "syncing");
    let since = Instant::now();
    server.call(Method::DELETE, &format!("{BASE}/mirror"), None).expect(204);
    await_processes(false);
    assert!(since.elapsed() < Duration::from_secs(12), "it was let go on");
    set(&server, &body).expect(200);
    await_processes(true);
    let since = Instant::now();
    assert_eq!(server.stop().code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(12), "the stop waited for it");
    await_processes(false);
    upstream.behave(|manners| manners.delay = Duration::ZERO);
    // What was called off is taken up at once.
    server.run(&super::open_to_this_machine());
    until_at(&server, &head(&server));
}

#[test]
fn a_redirect_is_not_followed() {
    let server = server();
    let (upstream, other) = (Upstream::start(&server, "shop"), Upstream::start(&server, "other"));
    let target = other.url().trim_end_matches("/other.git").to_owned();
    upstream.behave(|manners| manners.redirect = Some(target));
    set(&server, &json!({ "direction": "push", "url": upstream.url() })).expect(200);
    let detail = until_fails(&server, "redirected");
    assert!(detail.contains("which is not followed"), "{detail}");
    assert!(other.asked().is_empty() && !upstream.asked().is_empty());
}

#[test]
fn what_was_committed_while_the_upstream_was_away_reaches_it_after_a_restart() {
    let mut server = server();
    let mut upstream = Upstream::start(&server, "shop");
    set(&server, &json!({ "direction": "push", "url": upstream.url() })).expect(200);
    until_at(&server, &head(&server));
    upstream.end();
    let commit = rename(&server, "While it was away");
    until_fails(&server, "unreachable");
    assert_eq!(server.stop().code(), Some(0));
    upstream.begin();
    server.run(&super::open_to_this_machine());
    until_at(&server, &commit);
    assert_eq!(upstream.head(&server, "main"), commit);
    // And without one, by itself.
    upstream.end();
    let commit = rename(&server, "Away again");
    until_fails(&server, "unreachable");
    upstream.begin();
    until_at(&server, &commit);
}

#[test]
fn commits_of_the_upstream_are_never_lost() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    set(&server, &json!({ "direction": "push", "url": upstream.url() })).expect(200);
    until_at(&server, &head(&server));
    let theirs = upstream.clone_to(&server, "theirs");
    theirs.write("NOTES.md", "made there\n");
    let made_there = theirs.commit("note");
    theirs.ok(&["push", "--quiet", "origin", "HEAD"]);
    rename(&server, "Made here");
    let detail = until_fails(&server, "diverged");
    assert_eq!(mirror(&server)["state"], "diverged");
    assert!(
        detail.contains("has commits that are not here") && detail.contains("merge them in a clone"),
        "{detail}"
    );
    assert_eq!(upstream.head(&server, "main"), made_there);

    let work = server.clone_workspace(WORKSPACE, "work");
    work.ok(&["fetch", "--quiet", &upstream.directory.display().to_string(), "main"]);
    work.ok(&["merge", "--quiet", "--no-edit", "FETCH_HEAD"]);
    work.ok(&["push", "--quiet", "origin", "HEAD"]);
    let merged = work.ok(&["rev-parse", "HEAD"]);
    until_at(&server, &merged);
    assert_eq!(upstream.head(&server, "main"), merged);
}

#[test]
fn a_protected_branch_of_the_upstream_is_told_in_its_own_words() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    let hook = upstream.directory.join("hooks/pre-receive");
    fs_err::create_dir_all(hook.parent().unwrap()).unwrap();
    fs_err::write(&hook, "#!/bin/sh\necho 'main is protected here' >&2\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs_err::set_permissions(&hook, mode).unwrap();
    set(&server, &json!({ "direction": "push", "url": upstream.url() })).expect(200);
    let detail = until_fails(&server, "push_refused");
    assert!(detail.contains("main is protected here"), "{detail}");
    // Another commit may be what was missing, so it is tried with each.
    fs_err::remove_file(hook).unwrap();
    let commit = rename(&server, "Once more");
    until_at(&server, &commit);
}

#[test]
fn names_with_a_dot_leave_only_when_an_admin_brought_them() {
    let mut server = server();
    let upstream = Upstream::start(&server, "shop");
    // Past every door, as a hole in one would have it.
    assert_eq!(server.stop().code(), Some(0));
    let work = server.root.path().join("past-the-doors");
    let git = server.git(server.root.path());
    git.ok(&["clone", "--quiet", &server.repository().display().to_string(), work.to_str().unwrap()]);
    let work = server.git(&work);
    work.write(".github/workflows/x.yml", "on: push\n");
    work.commit("smuggle");
    work.ok(&["push", "--quiet", "origin", "HEAD:main"]);
    server.run(&super::open_to_this_machine());
    set(&server, &json!({ "direction": "push", "url": upstream.url() })).expect(200);
    let detail = until_fails(&server, "dot_name_not_admitted");
    assert!(detail.starts_with(".github did not come by an admin's push"), "{detail}");
    assert_eq!(upstream.head(&server, "main"), "");

    let work = server.clone_workspace(WORKSPACE, "work");
    work.write(".github/workflows/x.yml", "on: push\n# looked at by an admin\n");
    let commit = work.commit("look at it");
    work.ok(&["push", "--quiet", "origin", "HEAD"]);
    until_at(&server, &commit);
    assert_eq!(upstream.head(&server, "main"), commit);
}
