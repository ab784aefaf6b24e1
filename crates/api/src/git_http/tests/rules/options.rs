//! `git push -o`, and branches that are protected by a setting.

use super::super::host::git;
use super::bench::{Bench, slx};

#[tokio::test]
async fn a_dry_run_finds_what_a_push_would_and_changes_nothing() {
    let bench = Bench::start().await;
    bench.commit(&[("slxs/web/slx.yaml", &slx("web", "It must answer."))]).await;
    let dry = ["-o", "dry-run", "main", "main:feature"];
    insta::assert_snapshot!(bench.refused(&dry).await, @"dry run: nothing was changed; the push would be accepted");
    bench.commit(&[("slxs/web/slx.yaml", "kind: Runbook\n")]).await;
    insta::assert_snapshot!(bench.refused(&["-o", "dry-run", "main"]).await, @r#"
    slxs/web/slx.yaml:1:1: the document has no `apiVersion` [missing_field]
      hint: add `apiVersion` with a string
    slxs/web/slx.yaml:1:1: the document has no `metadata` [missing_field]
      hint: add `metadata` with a mapping
    slxs/web/slx.yaml:1:7: `kind` is "Runbook", but slxs/<name>/slx.yaml holds a ServiceLevelX [wrong_kind]
      hint: a Runbook belongs in slxs/<name>/runbook.yaml; here write `kind: ServiceLevelX`
    3 errors
    dry run: nothing was changed; the push would be refused
    "#);
    bench.git(&["reset", "-q", "--hard", "HEAD~"]).await.success();
    bench.push(&["main"]).await.success();
}

#[tokio::test]
async fn unknown_options_are_warned_about_and_refuse_nothing() {
    let bench = Bench::start().await;
    bench.commit(&[("README.md", "x")]).await;
    let said = bench.push(&["-o", "dryrun", "-o", "ci.skip\u{1b}[2J", "main"]).await;
    insta::assert_snapshot!(said.remote(), @r#"
    warning: the push option "dryrun" is not known here [unknown_push_option]
      hint: did you mean `git push -o dry-run`?
    warning: the push option "ci.skip\u{1b}[2J" is not known here [unknown_push_option]
      hint: known is dry-run
    2 warnings; the push is accepted
    "#);
    said.success();
}

#[tokio::test]
async fn more_options_than_the_hook_reads_refuse_the_push() {
    let bench = Bench::start().await;
    bench.commit(&[("README.md", "x")]).await;
    let many: Vec<String> = (0..51).map(|number| format!("--push-option=x{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["main"]).collect();
    insta::assert_snapshot!(bench.refused(&many).await, @"error: the push has more than 50 options (`git push -o`); nothing was changed");
}

#[tokio::test]
async fn protected_branches_only_move_forward() {
    let bench = Bench::start().await;
    bench.commit(&[("README.md", "1")]).await;
    bench.push(&["HEAD:release/1"]).await.success();
    bench.commit(&[("README.md", "2")]).await;
    bench.push(&["HEAD:release/1"]).await.success();
    insta::assert_snapshot!(bench.refused(&["-f", "HEAD~:release/1"]).await, @r"
    refs/heads/release/1: it is protected by WORKSTEAD_GIT_PROTECTED_BRANCHES, and the push would drop commits that are there [non_fast_forward]
      hint: fetch, rebase or merge, and push again without force
    1 error; nothing was changed
    ");
    insta::assert_snapshot!(bench.refused(&[":release/1"]).await, @r"
    refs/heads/release/1: it is protected by WORKSTEAD_GIT_PROTECTED_BRANCHES and can't be deleted by a push [deletion_not_allowed]
      hint: keep it, or begin another one
    1 error; nothing was changed
    ");
    let listed = git(&bench.clone, &["ls-remote", "origin", "refs/heads/release/1"]).await.success();
    assert!(listed.starts_with(bench.git(&["rev-parse", "HEAD"]).await.success().trim()), "{listed}");
}
