//! Clones and fetches.

use super::host::{Host, git, git_with, noise};
use fs_err as fs;

#[tokio::test]
async fn every_protocol_version_clones() {
    let host = Host::start().await;
    host.seed(&[("workspace.yaml", b"kind: Workspace\n"), ("slxs/a b/slx.yaml", &noise(300_000))]).await;
    for version in ["0", "1", "2"] {
        let option = format!("protocol.version={version}");
        let clone = host.clone_to(&format!("clone{version}"), &["-c", &option]).await;
        assert_eq!(fs::read(clone.join("slxs/a b/slx.yaml")).unwrap(), noise(300_000), "version {version}");
    }
    assert!(host.seen().errors.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_empty_repository_clones() {
    let host = Host::start().await;
    host.clone_to("empty", &[]).await;
}

#[tokio::test]
async fn shallow_and_partial_clones_work_and_other_filters_are_refused() {
    let host = Host::start().await;
    for round in 0..3u8 {
        host.seed(&[("file", &[round; 100]), ("sub/other", b"same")]).await;
    }
    let shallow = host.clone_to("shallow", &["--depth=1"]).await;
    assert_eq!(git(&shallow, &["rev-list", "--count", "HEAD"]).await.success(), "1\n");
    git(&shallow, &["fetch", "-q", "--unshallow"]).await.success();
    assert_eq!(git(&shallow, &["rev-list", "--count", "HEAD"]).await.success(), "3\n");

    for filter in ["--filter=blob:none", "--filter=tree:0", "--filter=tree:1"] {
        let partial = host.clone_to(&format!("partial{}", filter.len()), &["--no-checkout", filter]).await;
        let listing = ["rev-list", "--objects", "--all", "--missing=print"];
        assert!(git(&partial, &listing).await.success().contains('?'), "{filter} brought everything");
        git(&partial, &["checkout", "-q", "main"]).await.success();
        assert_eq!(fs::read(partial.join("file")).unwrap(), [2; 100]);
        fs::remove_dir_all(&partial).unwrap();
    }
    let url = host.url();
    for filter in ["--filter=blob:limit=1k", "--filter=sparse:oid=main:file", "--filter=object:type=blob"] {
        let said = git(host.root.path(), &["clone", "-q", "--no-checkout", filter, &url, "refused"]).await;
        let complaint = said.failure();
        assert!(
            complaint.contains("not supported") || complaint.contains("the remote end hung up"),
            "{complaint}"
        );
    }
}

#[tokio::test]
async fn a_large_negotiation_comes_gzipped() {
    let host = Host::start().await;
    host.seed(&[("file", b"0")]).await;
    let clone = host.clone_to("clone", &[]).await;
    // Newer than the server's: git offers commits by date, and those of one second in no order to count on.
    for round in 0..60 {
        let date = format!("@{} +0000", 4_000_000_000_u64 + round);
        let empty = ["commit", "-q", "--allow-empty", "-m", "mine"];
        git_with(&clone, &[("GIT_COMMITTER_DATE", &date)], &empty).await.success();
    }
    host.seed(&[("file", b"1")]).await;
    for version in ["0", "2"] {
        let option = format!("protocol.version={version}");
        git(&clone, &["-c", &option, "fetch", "-q", "origin"]).await.success();
        let theirs = git(host.repository(), &["rev-parse", "main"]).await.success();
        assert_eq!(git(&clone, &["rev-parse", "origin/main"]).await.success(), theirs);
        host.seed(&[("file", version.as_bytes())]).await;
    }
    assert!(host.seen().encodings.lock().unwrap().iter().any(|encoding| encoding == "gzip"));
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing() {
    let host = Host::start().await;
    host.seed(&[("file", b"0")]).await;
    for start in ["http://", "http://anybody:wrong@"] {
        let url = format!("{start}{}/git/demo.git", host.address);
        let said = git(host.root.path(), &["clone", "-q", &url, "stolen"]).await.failure();
        assert!(said.contains("could not read") || said.contains("Authentication failed"), "{said}");
    }
    let url = format!("http://{}/git/demo.git", host.address);
    let header = "http.extraHeader=Authorization: Bearer s3cret";
    git(host.root.path(), &["-c", header, "clone", "-q", &url, "bearer"]).await.success();
}

#[tokio::test]
async fn internal_references_are_not_listed_for_fetch_or_push() {
    let host = Host::start().await;
    host.seed(&[("file", b"0")]).await;
    git(host.repository(), &["update-ref", "refs/workstead/uploads/x", "main"]).await.success();
    for version in ["0", "2"] {
        let option = format!("protocol.version={version}");
        let listed = git(host.root.path(), &["-c", &option, "ls-remote", &host.url()]).await.success();
        assert!(listed.contains("refs/heads/main") && !listed.contains("workstead"), "{listed}");
    }
    let clone = host.clone_to("clone", &[]).await;
    let said = git(&clone, &["push", "origin", "main:refs/workstead/uploads/x"]).await.failure();
    assert!(said.contains("deny updating a hidden ref"), "{said}");
    assert!(
        git(&clone, &["fetch", "origin", "refs/workstead/uploads/x"])
            .await
            .failure()
            .contains("couldn't find")
    );
}
