//! The rules of the push check on a repository of the store.

mod bench;
mod options;

use fs_err as fs;
use workstead_core::name::BranchName;
use workstead_core::role::Role;

use self::bench::{Bench, PERMISSIONS, WORKSPACE, slx};
use super::host::{commit, git};

#[tokio::test]
async fn a_valid_change_is_pushed_and_readable_at_once() {
    let bench = Bench::start().await;
    bench.commit(&[("slxs/web/slx.yaml", &slx("web", "It must answer.")), ("README.md", "hello")]).await;
    let said = bench.push(&["main"]).await;
    assert_eq!(said.remote(), "");
    said.success();
    let head = bench.repository.head(&BranchName::main()).unwrap().unwrap();
    assert_eq!(bench.git(&["rev-parse", "HEAD"]).await.success().trim(), head.to_string());
    let readme = bench.repository.read_file(head, "README.md", 100).unwrap();
    assert_eq!(readme.as_deref(), Some(&b"hello"[..]));
}

#[tokio::test]
async fn invalid_files_are_refused_with_their_places() {
    let bench = Bench::start().await;
    bench
        .commit(&[
            ("slxs/web/slx.yaml", "kind: ServiceLevelX\n  bad"),
            ("slxs/db/slx.yaml", &slx("other", "x")),
        ])
        .await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r#"
    slxs/db/slx.yaml:4:9: `metadata.name` is "demo--other", but must be "demo--db" [wrong_name]
      hint: write the directory's name behind `demo--`, or rename the directory to "other"
    slxs/db/slx.yaml:6:10: `metadata.labels.slx` is "demo--other", but must be "demo--db" [wrong_label]
      hint: write the directory's name behind `demo--`, or rename the directory to "other"
    slxs/web/slx.yaml:1:1: the document has no `apiVersion` [missing_field]
      hint: add `apiVersion` with a string
    slxs/web/slx.yaml:1:1: the document has no `metadata` [missing_field]
      hint: add `metadata` with a mapping
    slxs/web/slx.yaml:1:7: `kind` is "ServiceLevelX bad", but slxs/<name>/slx.yaml holds a ServiceLevelX [wrong_kind]
      hint: write `kind: ServiceLevelX`
    5 errors; nothing was changed
    "#);
    bench.commit(&[("slxs/web/slx.yaml", &slx("web", "x")), ("slxs/db/slx.yaml", &slx("db", "x"))]).await;
    bench.push(&["main"]).await.success();
}

#[tokio::test]
async fn a_warning_is_printed_and_accepted() {
    let bench = Bench::start().await;
    let groups = format!("{WORKSPACE}{PERMISSIONS}  slxGroups:\n  - name: All\n    slxs: [web, gone]\n");
    bench.commit(&[("workspace.yaml", &groups)]).await;
    let said = bench.push(&["main"]).await;
    insta::assert_snapshot!(said.remote(), @r#"
    workspace.yaml:11:17: warning: the SLX "gone" that is named here does not exist [unknown_slx]
      hint: add the SLX, or remove the name
    1 warning; the push is accepted
    "#);
    said.success();
}

#[tokio::test]
async fn links_submodules_and_large_files_are_refused() {
    let bench = Bench::start().await;
    fs_err::os::unix::fs::symlink("/etc/passwd", bench.clone.join("link")).unwrap();
    fs::create_dir(bench.clone.join("module")).unwrap();
    let module = format!("160000,{},module", "1".repeat(40));
    bench.git(&["update-index", "--add", "--cacheinfo", &module]).await.success();
    bench.git(&["add", "link"]).await.success();
    bench.git(&["commit", "-q", "-m", "links"]).await.success();
    // A large file that nobody reads hides no problem of others.
    bench.commit(&[("large.txt", &"x".repeat(10_001)), ("slxs/web/slx.yaml", "kind: Runbook\n")]).await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r#"
    link: the path is a symbolic link [irregular_entry]
      hint: commit a regular file instead
    module: the path is a submodule [irregular_entry]
      hint: commit the files themselves
    large.txt: the file has 10001 bytes, more than the limit of 10000 [file_too_large]
      hint: make it smaller, or raise WORKSTEAD_UPLOAD_MAX_FILE_BYTES
    slxs/web/slx.yaml:1:1: the document has no `apiVersion` [missing_field]
      hint: add `apiVersion` with a string
    slxs/web/slx.yaml:1:1: the document has no `metadata` [missing_field]
      hint: add `metadata` with a mapping
    slxs/web/slx.yaml:1:7: `kind` is "Runbook", but slxs/<name>/slx.yaml holds a ServiceLevelX [wrong_kind]
      hint: a Runbook belongs in slxs/<name>/runbook.yaml; here write `kind: ServiceLevelX`
    6 errors; nothing was changed
    "#);
    bench.git(&["reset", "-q", "--hard", "origin/main"]).await.success();
    bench.commit(&[("slxs/web/slx.yaml", &"#".repeat(10_001))]).await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r"
    slxs/web/slx.yaml: the file has 10001 bytes, more than the limit of 10000 [file_too_large]
      hint: make it smaller, or raise WORKSTEAD_UPLOAD_MAX_FILE_BYTES
    1 error; nothing was changed
    ");
    bench.git(&["reset", "-q", "--hard", "origin/main"]).await.success();
    bench.commit(&[("one", &"x".repeat(8000)), ("two", &"y".repeat(8000))]).await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r"
    (all files): the changed files have 16000 bytes, more than the limit of 15000 [push_too_large]
      hint: push in several steps, or raise WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES
    1 error; nothing was changed
    ");
}

#[tokio::test]
async fn bad_paths_are_refused() {
    let bench = Bench::start().await;
    bench.commit(&[("a:b", "x"), ("back\\slash", "x")]).await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r"
    a:b: the path holds the character ':' [irregular_entry]
      hint: rename it
    back\slash: the path holds the character '\\' [irregular_entry]
      hint: rename it
    2 errors; nothing was changed
    ");
}

#[tokio::test]
async fn a_root_dot_name_that_comes_and_goes_within_a_push_needs_an_admin() {
    let bench = Bench::start().await;
    bench.commit(&[(".github/workflows/x.yml", "on: push")]).await;
    let hidden = bench.git(&["rev-parse", "--short=10", "HEAD"]).await.success();
    bench.git(&["rm", "-q", "-r", ".github"]).await.success();
    bench.commit(&[("README.md", "hello")]).await;
    for reference in ["main", "main:feature", "main:refs/tags/v1"] {
        let told = bench.refused(&[reference]).await.replace(hidden.trim(), "[commit]");
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @r"
            commit [commit] brings `.github`, which needs the role `admin`, because its name begins with a dot; yours is `readwrite` [role_too_low]
              hint: leave it out of every commit, or ask an admin of the workspace to push it
            1 error; nothing was changed
            ");
        }
    }
    bench.role(Role::Admin);
    bench.push(&["main"]).await.success();
    // What an admin has brought is nobody's to answer for again, wherever a branch begins.
    bench.role(Role::ReadWrite);
    bench.git(&["checkout", "-q", "-b", "later", hidden.trim()]).await.success();
    bench.git(&["merge", "-q", "--no-edit", "main"]).await.success();
    bench.commit(&[("README.md", "more")]).await;
    bench.push(&["later:main"]).await.success();
}

#[tokio::test]
async fn permissions_and_root_dot_names_need_an_admin() {
    let bench = Bench::start().await;
    let more = format!("{WORKSPACE}{PERMISSIONS}  - user: bob@example.com\n    role: admin\n");
    bench.commit(&[("workspace.yaml", &more), (".github/workflows/x.yml", "on: push")]).await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r"
    changing `spec.permissions` of workspace.yaml needs the role `admin`; yours is `readwrite` [role_too_low]
      hint: leave this out, or ask an admin of the workspace to push it
    changing `.github/workflows/x.yml` needs the role `admin`, because its name begins with a dot; yours is `readwrite` [role_too_low]
      hint: leave this out, or ask an admin of the workspace to push it
    2 errors; nothing was changed
    ");
    insta::assert_snapshot!(bench.refused(&["main:feature"]).await, @r"
    changing `spec.permissions` of workspace.yaml needs the role `admin`; yours is `readwrite` [role_too_low]
      hint: leave this out, or ask an admin of the workspace to push it
    changing `.github/workflows/x.yml` needs the role `admin`, because its name begins with a dot; yours is `readwrite` [role_too_low]
      hint: leave this out, or ask an admin of the workspace to push it
    2 errors; nothing was changed
    ");
    bench.role(Role::Admin);
    bench.push(&["main"]).await.success();
    // Who has less may go on working on top of it.
    bench.role(Role::ReadWrite);
    bench.commit(&[("README.md", "x")]).await;
    bench.push(&["main"]).await.success();
    bench.push(&["main:feature"]).await.success();
}

#[tokio::test]
async fn an_admin_does_not_push_away_the_last_one() {
    let bench = Bench::start().await;
    bench.role(Role::Admin);
    bench.commit(&[("workspace.yaml", WORKSPACE)]).await;
    insta::assert_snapshot!(bench.refused(&["main"]).await, @r"
    somebody must be admin [last_admin]
      hint: leave the permissions as they are
    1 error; nothing was changed
    ");
}

#[tokio::test]
async fn references_move_by_the_rules() {
    let bench = Bench::start().await;
    bench.commit(&[("README.md", "1")]).await;
    bench.git(&["tag", "-a", "-m", "first", "v1"]).await.success();
    bench.git(&["tag", "light"]).await.success();
    bench.push(&["main", "main:feature/a", "v1", "light"]).await.success();
    assert_eq!(bench.repository.resolve("v1").unwrap(), bench.repository.resolve("main").unwrap());
    bench.git(&["reset", "-q", "--hard", "HEAD~"]).await.success();
    bench.commit(&[("README.md", "2")]).await;
    bench.git(&["tag", "-f", "light"]).await.success();
    bench.git(&["tag", "blob", "HEAD:README.md"]).await.success();
    insta::assert_snapshot!(bench.refused(&["-f", "main"]).await, @r"
    refs/heads/main: it is the default branch, and the push would drop commits that are there [non_fast_forward]
      hint: fetch, rebase or merge, and push again without force
    1 error; nothing was changed
    ");
    insta::assert_snapshot!(bench.refused(&["-f", "light"]).await, @r"
    refs/tags/light: the tag exists and does not move [tag_exists]
      hint: choose another name
    1 error; nothing was changed
    ");
    insta::assert_snapshot!(bench.refused(&[":main"]).await, @r"
    refs/heads/main: it is the default branch and can't be deleted by a push [deletion_not_allowed]
      hint: keep it, or begin another one
    1 error; nothing was changed
    ");
    insta::assert_snapshot!(bench.refused(&[":v1", ":feature/a"]).await, @r"
    refs/tags/v1:
    refs/tags/v1: it is a tag and can't be deleted by a push [deletion_not_allowed]
      hint: keep it, or begin another one
    1 error; nothing was changed
    ");
    insta::assert_snapshot!(bench.refused(&["blob", "main:refs/notes/x"]).await, @r"
    refs/tags/blob:
    refs/tags/blob: what was pushed is no commit [not_a_commit]
      hint: push a commit, or a tag of one
    refs/notes/x:
    refs/notes/x: only branches and tags can be pushed [reference_not_allowed]
      hint: push to refs/heads/<branch> or refs/tags/<tag>
    2 errors; nothing was changed
    ");
}

#[tokio::test]
async fn other_branches_than_the_default_one_may_go_back_and_away() {
    let bench = Bench::start().await;
    bench.commit(&[("README.md", "1")]).await;
    bench.push(&["HEAD:feature/a"]).await.success();
    bench.git(&["commit", "-q", "--amend", "-m", "another"]).await.success();
    assert!(!bench.git(&["push", "-q", "origin", "HEAD:feature/a"]).await.ok, "git itself asks for force");
    bench.push(&["-f", "HEAD:feature/a"]).await.success();
    let amended = bench.git(&["rev-parse", "HEAD"]).await.success();
    assert_eq!(bench.repository.resolve("feature/a").unwrap().to_string(), amended.trim());
    // What comes by force is examined like a new branch.
    let more = format!("{WORKSPACE}{PERMISSIONS}  - user: bob@example.com\n    role: admin\n");
    bench.commit(&[("workspace.yaml", &more)]).await;
    bench.git(&["commit", "-q", "--amend", "-m", "forced"]).await.success();
    bench.git(&["reset", "-q", "--soft", "HEAD~2"]).await.success();
    bench.git(&["commit", "-q", "-m", "all in one"]).await.success();
    let said = bench.refused(&["-f", "HEAD:feature/a"]).await;
    assert!(said.contains("[role_too_low]"), "{said}");
    bench.push(&[":feature/a"]).await.success();
    assert!(bench.repository.resolve("feature/a").is_err());
    assert_eq!(bench.repository.branches().unwrap().len(), 1);
}

#[tokio::test]
async fn a_shallow_clone_pushes_atomically_with_options() {
    let bench = Bench::start().await;
    for text in ["1", "2"] {
        bench.commit(&[("README.md", text)]).await;
        bench.push(&["main"]).await.success();
    }
    let shallow = bench.host.clone_to("shallow", &["--depth=1"]).await;
    commit(&shallow, &[("README.md", b"3")]).await;
    let push = ["push", "--atomic", "-o", "note=x", "origin", "main", "main:feature"];
    let said = git(&shallow, &push).await;
    assert!(
        said.remote().starts_with("warning: the push option \"note=x\" is not known here"),
        "{}",
        said.remote()
    );
    said.success();
    bench.repository.refresh().unwrap();
    let head = bench.repository.resolve("main").unwrap();
    assert_eq!(bench.repository.resolve("feature").unwrap(), head);
    assert_eq!(bench.repository.log(head, 0, 10).unwrap().len(), 4);
}

#[tokio::test]
async fn of_two_pushes_at_once_one_is_told_to_fetch() {
    let bench = Bench::start().await;
    let other = bench.host.clone_to("other", &[]).await;
    bench.commit(&[("one", "1")]).await;
    commit(&other, &[("two", b"2")]).await;
    let (one, two) =
        tokio::join!(bench.git(&["push", "origin", "main"]), git(&other, &["push", "origin", "main"]));
    assert!(one.ok != two.ok, "{}{}", one.stderr, two.stderr);
    bench.repository.refresh().unwrap();
    let head = bench.repository.resolve("main").unwrap();
    assert_eq!(bench.repository.log(head, 0, 10).unwrap().len(), 2);
    let loser = if one.ok { &other } else { &bench.clone };
    git(loser, &["pull", "-q", "--rebase", "origin", "main"]).await.success();
    git(loser, &["push", "-q", "origin", "main"]).await.success();
}

#[tokio::test]
async fn a_branch_answers_for_its_own_changes_only() {
    let bench = Bench::start().await;
    bench.git(&["branch", "feature"]).await.success();
    let more = format!("{WORKSPACE}{PERMISSIONS}  - user: bob@example.com\n    role: readwrite\n");
    bench.commit(&[("workspace.yaml", &more), (".github/x", "x")]).await;
    bench.role(Role::Admin);
    bench.push(&["main"]).await.success();
    bench.role(Role::ReadWrite);
    // It began before main's new permissions, which it does not change.
    bench.git(&["checkout", "-q", "feature"]).await.success();
    bench.commit(&[("README.md", "x")]).await;
    bench.push(&["feature"]).await.success();
    // It takes them over.
    bench.git(&["merge", "-q", "-m", "merge", "main"]).await.success();
    bench.commit(&[("README.md", "y")]).await;
    bench.push(&["feature"]).await.success();
    fs::remove_file(bench.clone.join(".github/x")).unwrap();
    bench.commit(&[]).await;
    let said = bench.refused(&["feature"]).await;
    assert!(said.contains("[role_too_low]") && said.ends_with("1 error; nothing was changed"), "{said}");
}

#[tokio::test]
async fn a_mistake_that_came_and_went_in_one_push_is_refused_elsewhere() {
    let bench = Bench::start().await;
    bench.commit(&[("slxs/web/slx.yaml", "kind: ServiceLevelX\n")]).await;
    bench.commit(&[("slxs/web/slx.yaml", &slx("web", "It should answer."))]).await;
    bench.push(&["main"]).await.success();
    for target in ["HEAD~:refs/heads/feature", "HEAD~:refs/tags/feature"] {
        let said = bench.refused(&[target]).await;
        assert!(said.contains("slxs/web/slx.yaml") && said.contains("[missing_field]"), "{said}");
    }
    // Nor is what was made on top of it.
    bench.git(&["checkout", "-q", "HEAD~"]).await.success();
    bench.commit(&[("README.md", "x")]).await;
    let said = bench.refused(&["HEAD:refs/heads/feature"]).await;
    assert!(said.contains("slxs/web/slx.yaml") && said.contains("[missing_field]"), "{said}");
    // What was sound may be taken up again.
    bench.push(&["main~2:refs/heads/feature", "main~2:refs/tags/v0"]).await.success();
}

#[tokio::test]
async fn a_reference_is_not_named_like_an_id() {
    let bench = Bench::start().await;
    bench.git(&["checkout", "-q", "-b", "bad"]).await.success();
    bench.commit(&[("slxs/web/slx.yaml", "kind: ServiceLevelX\n")]).await;
    let bad = bench.git(&["rev-parse", "HEAD"]).await.success().trim().to_owned();
    for kind in ["heads", "tags"] {
        let said = bench.refused(&[&format!("main:refs/{kind}/{bad}")]).await;
        let rule = format!("refs/{kind}/{bad}: the name looks like the id of an object; choose another");
        assert!(said.starts_with(&rule), "{said}");
    }
    // Such a name from elsewhere makes nothing acceptable either.
    let head = bench.repository.head(&BranchName::main()).unwrap().unwrap();
    let reference = bench.repository.directory().join("refs/heads").join(&bad);
    fs::write(&reference, format!("{head}\n")).unwrap();
    bench.repository.refresh().unwrap();
    assert_eq!(bench.repository.resolve(&bad).unwrap(), head);
    let said = bench.refused(&["bad:refs/heads/feature"]).await;
    assert!(said.contains("[missing_field]"), "{said}");
}

#[tokio::test]
async fn a_large_file_as_a_tag_is_refused_unread() {
    let bench = Bench::start().await;
    fs::write(bench.clone.join("large"), "x".repeat(3 << 20)).unwrap();
    let id = bench.git(&["hash-object", "-w", "large"]).await.success().trim().to_owned();
    bench.git(&["tag", "bomb", &id]).await.success();
    let said = bench.refused(&["bomb"]).await;
    assert!(said.starts_with("refs/tags/bomb: what was pushed is no commit [not_a_commit]"), "{said}");
}
