//! Two servers of ours that mirror each other.

use serde_json::json;

use super::{BASE, WORKSPACE, head, rename, server, set, sync, until_at, until_fails};
use crate::support::{TestServer, slx_yaml};

/// A mirror of one server's workspace on another, with a token of the first.
fn mirror_of(server: &TestServer, direction: &str, branch: &str) -> serde_json::Value {
    let url = server.git_url(WORKSPACE);
    json!({ "direction": direction, "url": url, "branch": branch, "password": server.token })
}

#[test]
fn one_server_follows_the_other_and_then_leads_it() {
    let (first, second) = (server(), server());
    let work = first.clone_workspace(WORKSPACE, "work");
    work.write("slxs/cart/slx.yaml", &slx_yaml(WORKSPACE, "cart"));
    work.commit("watch the cart");
    work.ok(&["push", "--quiet", "origin", "HEAD"]);
    set(&second, &mirror_of(&first, "pull", "main")).expect(200);
    until_at(&second, &head(&first));
    assert_eq!(head(&second), head(&first));
    let commit = rename(&first, "Renamed at the first");
    sync(&second);
    until_at(&second, &commit);
    assert_eq!(second.get(BASE).expect(200).field("displayName"), "Renamed at the first");

    // The other way round: the second is written, the first gets it, under its own checks.
    set(&second, &mirror_of(&first, "push", "main")).expect(200);
    until_at(&second, &commit);
    let commit = rename(&second, "Renamed at the second");
    until_at(&second, &commit);
    assert_eq!(head(&first), commit);
    assert_eq!(first.get(BASE).expect(200).field("displayName"), "Renamed at the second");
    let diverging = rename(&first, "Both at once");
    rename(&second, "Both at the same time");
    until_fails(&second, "diverged");
    assert_eq!(head(&first), diverging);
}

#[test]
fn a_branch_of_another_server_takes_what_is_pushed() {
    let (first, second) = (server(), server());
    set(&first, &mirror_of(&second, "push", "from-first")).expect(200);
    until_at(&first, &head(&first));
    let commit = rename(&first, "Pushed");
    until_at(&first, &commit);
    let branches = second.get(&format!("{BASE}/branches/from-first")).expect(200);
    assert_eq!(branches.field("commit"), commit);
}

#[test]
fn a_webhook_of_one_server_wakes_the_mirror_of_the_other() {
    let (first, second) = (server(), server());
    let answer = set(&second, &mirror_of(&first, "pull", "main")).expect(200);
    until_at(&second, &head(&first));
    let (url, secret) = (answer.field("hookUrl"), answer.field("hookSecret"));
    let hook = json!({ "url": url, "secret": secret, "events": ["commit"] });
    first.post(&format!("{BASE}/webhooks"), &hook).expect(201);
    // The interval is a quarter of an hour: what comes in time was told.
    let commit = rename(&first, "Told by a webhook");
    until_at(&second, &commit);
    assert_eq!(second.get(BASE).expect(200).field("displayName"), "Told by a webhook");
}
