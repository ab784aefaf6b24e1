//! `kill -9` while writes stream in: the repository stays whole and holds all that was acknowledged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use ureq::http::Method;

use crate::support::{ServerOptions, TestServer, workspace_files};

const WORKSPACE: &str = "shop";
const ROUNDS: usize = 3;
/// Writes that are acknowledged before the kill; it then falls somewhere into the next ones.
const ACKNOWLEDGED: usize = 12;

/// Writes until the server is gone; collects the commits that it acknowledged.
fn write_on(server: &TestServer, writer: usize, acknowledged: &Mutex<Vec<String>>, count: &AtomicUsize) {
    for turn in 0.. {
        let answer = if writer == 0 {
            let names: Vec<String> = (0..=turn % 40).map(|number| format!("slx-{number}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            server.upload(WORKSPACE, &workspace_files(WORKSPACE, &names), &json!({}))
        } else {
            let body = json!({"displayName": format!("writer {writer} turn {turn}")});
            server.patch(&format!("/api/v3/workspaces/{WORKSPACE}"), &body)
        };
        match answer.status {
            200 => {
                let field = if writer == 0 { "commit" } else { "revision" };
                acknowledged.lock().unwrap().push(answer.field(field).to_owned());
                count.fetch_add(1, Ordering::SeqCst);
            }
            // Another writer was faster too often: nothing was acknowledged.
            409 | 503 => {}
            0 => return,
            other => panic!("{other}: {}", answer.text),
        }
    }
}

#[test]
fn a_kill_in_the_middle_of_writes_loses_nothing_acknowledged() {
    let mut server = TestServer::start();
    server.create(WORKSPACE);
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        let count = AtomicUsize::new(0);
        let pid = server.pid();
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let (server, acknowledged, count) = (&server, &acknowledged, &count);
                scope.spawn(move || write_on(server, writer, acknowledged, count));
            }
            while count.load(Ordering::SeqCst) < ACKNOWLEDGED {
                std::thread::yield_now();
            }
            // Each round hits another moment of a write.
            std::thread::sleep(Duration::from_millis(3 * round as u64));
            server.signal("KILL");
        });
        assert_eq!(pid, server.pid());
        server.wait();
        let bare = server.git(&server.repository());
        bare.fsck();
        let history = bare.ok(&["rev-list", "refs/heads/main"]);
        for commit in acknowledged.lock().unwrap().iter() {
            assert!(history.contains(commit.as_str()), "round {round}: {commit} is lost");
        }
        server.run(&ServerOptions::default());
        let body = json!({"displayName": format!("after round {round}")}).to_string();
        let path = format!("/api/v3/workspaces/{WORKSPACE}");
        let after = server.call(Method::PATCH, &path, Some(body.as_bytes())).expect(200);
        acknowledged.lock().unwrap().push(after.field("revision").to_owned());
        server.clone_workspace(WORKSPACE, &format!("clone-{round}")).fsck();
    }
}
