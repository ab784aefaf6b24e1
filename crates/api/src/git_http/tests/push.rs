//! Pushes, accepted and refused.

use std::path::PathBuf;

use fs_err as fs;

use super::host::{Host, commit, git, noise};
use crate::git_http::limits::GitLimits;
use crate::git_http::push_check::wire::Verdict;

/// Clones a seeded repository and commits one change.
async fn changed_clone(host: &Host) -> PathBuf {
    host.seed(&[("file", b"0")]).await;
    let clone = host.clone_to("clone", &[]).await;
    commit(&clone, &[("file", b"1"), ("new", b"content")]).await;
    clone
}

#[tokio::test]
async fn an_accepted_push_moves_the_branch_and_is_finished_before_the_client_knows() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    host.rule(|_| Verdict::accepted(vec!["file:1:1: looks odd [odd]".to_owned()]));
    let said = git(&clone, &["push", "origin", "main"]).await;
    assert_eq!(said.remote(), "file:1:1: looks odd [odd]");
    assert_eq!(*host.seen().finished.lock().unwrap(), 1);
    said.success();
    let pushed = git(&clone, &["rev-parse", "main"]).await.success();
    assert_eq!(git(host.repository(), &["rev-parse", "main"]).await.success(), pushed);
    git(host.repository(), &["fsck", "--strict"]).await.success();
    let judged = host.seen().judged.lock().unwrap();
    let [request] = &judged[..] else { panic!("{judged:?}") };
    assert_eq!(request.updates[0].reference, "refs/heads/main");
    assert_eq!(request.updates[0].new.as_deref(), Some(pushed.trim()));
    let objects = request.objects.as_deref().unwrap();
    assert!(std::path::Path::new(objects).starts_with(host.repository().join("objects")), "{objects}");
}

#[tokio::test]
async fn a_push_is_kept_as_one_pack() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    let packs = |host: &Host| {
        host.object_files().iter().filter(|p| p.extension().is_some_and(|e| e == "pack")).count()
    };
    let before = packs(&host);
    git(&clone, &["push", "-q", "origin", "main"]).await.success();
    assert_eq!(packs(&host), before + 1);
}

#[tokio::test]
async fn a_refused_push_is_readable_and_leaves_nothing() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    let before = host.object_files();
    host.rule(|_| Verdict {
        accepted: false,
        lines: vec!["file:1:1: is wrong [wrong]".to_owned(), "1 error; nothing was changed".to_owned()],
    });
    let said = git(&clone, &["push", "origin", "main"]).await;
    assert_eq!(said.remote(), "file:1:1: is wrong [wrong]\n1 error; nothing was changed");
    assert!(said.failure().contains("pre-receive hook declined"));
    assert_eq!(host.object_files(), before);
    let head = git(&clone, &["rev-parse", "origin/main"]).await.success();
    assert_eq!(git(host.repository(), &["rev-parse", "main"]).await.success(), head);
}

#[tokio::test]
async fn a_large_push_is_streamed_and_a_larger_one_refused() {
    let limits = GitLimits { max_push_bytes: 4 << 20, ..GitLimits::default() };
    let host = Host::with_limits(limits).await;
    let clone = changed_clone(&host).await;
    commit(&clone, &[("large", &noise(3 << 20))]).await;
    git(&clone, &["push", "-q", "origin", "main"]).await.success();
    let before = host.object_files();
    commit(&clone, &[("large", &noise(8 << 20)[3 << 20..])]).await;
    let said = git(&clone, &["push", "origin", "main"]).await;
    insta::assert_snapshot!(said.remote(), @r"
    fatal: pack exceeds maximum allowed size (4.00 MiB)
    error: the push is larger than the limit of 4194304 bytes; push it in several steps, or raise WORKSTEAD_GIT_MAX_PUSH_BYTES
    ");
    said.failure();
    // Beyond what the server reads away, Git's own words are all that a client can be told.
    commit(&clone, &[("large", &noise(24 << 20))]).await;
    let said = git(&clone, &["push", "origin", "main"]).await;
    assert!(said.stderr.contains("pack exceeds maximum allowed size"), "{}", said.stderr);
    said.failure();
    assert_eq!(host.object_files(), before);
}

#[tokio::test]
async fn without_its_hook_nothing_is_pushed() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    let before = host.object_files();
    let hook = host.root.path().join("data/run/hooks/pre-receive");
    fs::remove_file(&hook).unwrap();
    assert!(git(&clone, &["push", "-q", "origin", "main"]).await.failure().contains("503"));
    fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();
    assert!(git(&clone, &["push", "-q", "origin", "main"]).await.failure().contains("503"));
    assert_eq!(host.object_files(), before);
    assert_eq!(*host.seen().finished.lock().unwrap(), 0);
    assert!(host.seen().errors.lock().unwrap()[0].contains("noexec"));
}

#[tokio::test]
async fn a_check_that_fails_refuses() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    host.rule(|_| panic!("on purpose"));
    let said = git(&clone, &["push", "origin", "main"]).await;
    assert_eq!(said.remote(), "error: the push check failed; nothing was changed");
    said.failure();
}

#[tokio::test]
async fn a_push_that_can_not_be_finished_is_not_reported_as_done() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    host.fail_to_finish();
    git(&clone, &["push", "origin", "main"]).await.failure();
    assert_eq!(*host.seen().finished.lock().unwrap(), 1);
}

#[tokio::test]
async fn git_itself_refuses_broken_objects_and_the_default_branchs_deletion() {
    let host = Host::start().await;
    let clone = changed_clone(&host).await;
    git(&clone, &["push", "-q", "origin", "main", "main:feature"]).await.success();
    let refused =
        async |arguments: &[&str]| git(&clone, &[&["push", "origin"], arguments].concat()).await.failure();
    let said = refused(&[":main"]).await;
    assert!(said.contains("deletion of the current branch prohibited"), "{said}");
    let body = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a> 1 +0000\n\nno committer\n";
    fs::write(clone.join(".git/broken"), body).unwrap();
    let broken = ["hash-object", "-t", "commit", "-w", "--literally", ".git/broken"];
    let broken = git(&clone, &broken).await.success();
    let said = refused(&[&format!("{}:refs/heads/broken", broken.trim())]).await;
    assert!(said.contains("missingCommitter"), "{said}");
}
