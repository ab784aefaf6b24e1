//! `workstead validate` of changes: what is staged, and what a revision is away from another.

use serde_json::Value;

use crate::support::{Clone, Content, TestServer, slx_yaml, workspace_files, workstead};

mod formats;

fn problems(report: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(report).unwrap();
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap().to_owned();
    let problems = report["problems"].as_array().unwrap().iter();
    problems.map(|problem| (text(problem, "path"), text(problem, "code"))).collect()
}

fn found(clone: &Clone, arguments: &[&str]) -> Vec<(String, String)> {
    let run = clone.workstead(&[&["validate", "--format", "json"], arguments].concat());
    assert!(run.code < 2, "{}", run.stderr);
    problems(&run.stdout)
}

fn one(path: &str, code: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), code.to_owned())]
}

fn broken(name: &str) -> String {
    slx_yaml("shop", name).replace("kind: ServiceLevelX", "kind: Nonsense")
}

#[test]
fn what_is_staged_counts_and_nothing_else() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    clone.write("slxs/cart/slx.yaml", &broken("cart"));
    let run = clone.workstead(&["validate", "--staged"]).ends(0);
    assert!(run.stderr.contains("0 errors, 0 warnings in 0 changed files"), "{}", run.stderr);
    clone.git(&["add", "--all"]);
    clone.write("slxs/cart/slx.yaml", &slx_yaml("shop", "cart"));
    clone.write("slxs/new/slx.yaml", "[");
    let run = clone.run_in("slxs/cart", workstead(), &["validate", "--staged"]).ends(1);
    insta::assert_snapshot!(run.stdout.trim_end(), @r#"
    error[wrong_kind]: `kind` is "Nonsense", but slxs/<name>/slx.yaml holds a ServiceLevelX
     --> slxs/cart/slx.yaml:2:7
      |
    2 | kind: Nonsense
      |       ^^^^^^^^
      |
      = help: write `kind: ServiceLevelX`
    "#);
    assert!(run.stderr.contains("workspace `shop` is not valid: 1 error, 0 warnings in 1 changed file\n"));
    // The whole directory is the work tree's, from wherever.
    let run = clone.run_in("slxs", workstead(), &["validate", "--format", "json"]).ends(1);
    assert_eq!(problems(&run.stdout), one("slxs/new/slx.yaml", "yaml_syntax"));
}

#[test]
fn the_first_commit_is_checked_as_a_whole() {
    let clone = Clone::new();
    for (path, text) in workspace_files("shop", &["cart"]) {
        clone.write(&path, &text);
    }
    assert_eq!(found(&clone, &["--staged"]), one("workspace.yaml", "workspace_missing"));
    clone.git(&["add", "--all"]);
    assert_eq!(found(&clone, &["--staged"]), []);
    clone.write("notes.md", "x");
    // Meant to be added, and not yet added.
    clone.git(&["add", "--intent-to-add", "notes.md"]);
    let run = clone.workstead(&["validate", "--staged"]).ends(0);
    assert!(run.stderr.contains("in 2 changed files"), "{}", run.stderr);
}

#[test]
fn what_no_repository_takes_is_told_as_a_push_would() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    let head = clone.git(&["rev-parse", "HEAD"]);
    std::os::unix::fs::symlink("slx.yaml", clone.directory.join("slxs/cart/link.yaml")).unwrap();
    clone.write("slxs/Cart/slx.yaml", &slx_yaml("shop", "Cart").replace("Cart-full", "other"));
    clone.write("slxs/a\tb\"ü/slx.yaml", "x");
    fs_err::write(clone.directory.join("big.bin"), vec![7; (16 << 20) + 1]).unwrap();
    clone.git(&["add", "--all"]);
    clone.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},module")]);
    let expected = [
        ("big.bin", "file_too_large"),
        ("module", "irregular_entry"),
        ("slxs/a\tb\"ü/slx.yaml", "irregular_entry"),
        ("slxs/cart/link.yaml", "irregular_entry"),
    ];
    let expected = expected.map(|(path, code)| (path.to_owned(), code.to_owned()));
    assert_eq!(found(&clone, &["--staged"]), expected);
    clone.git(&["rm", "--quiet", "--cached", "big.bin"]);
    let paths = found(&clone, &["--staged"]);
    assert!(paths.contains(&("slxs/cart/slx.yaml".to_owned(), "path_collision".to_owned())), "{paths:?}");
    fs_err::remove_dir_all(clone.directory.join("slxs/Cart")).unwrap();
    clone.git(&["add", "slxs"]);
    // What is there already is nobody's to answer for again.
    clone.git(&["commit", "--quiet", "--no-verify", "--message", "forced"]);
    clone.write("notes.md", "x");
    clone.git(&["add", "notes.md"]);
    assert_eq!(found(&clone, &["--staged"]), []);
}

#[test]
fn a_conflict_can_not_be_committed_and_is_told() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    clone.git(&["checkout", "--quiet", "-b", "other"]);
    clone.write("slxs/cart/slx.yaml", &slx_yaml("shop", "cart").replace("Health", "Wealth"));
    clone.commit("other");
    clone.git(&["checkout", "--quiet", "main"]);
    clone.write("slxs/cart/slx.yaml", &slx_yaml("shop", "cart").replace("Health", "Stealth"));
    clone.commit("main");
    clone.run_in("", "git".as_ref(), &["merge", "--quiet", "other"]).ends(1);
    let run = clone.workstead(&["validate", "--staged"]).ends(2);
    assert!(run.stderr.contains("`slxs/cart/slx.yaml` is not merged"), "{}", run.stderr);
    // In the work tree there are Git's own marks.
    let marked = found(&clone, &["--diff", "HEAD"]);
    assert_eq!(marked[0], ("slxs/cart/slx.yaml".to_owned(), "yaml_syntax".to_owned()));
}

#[test]
fn a_change_brings_only_its_own_problems() {
    let mut files = workspace_files("shop", &["cart", "till"]);
    files.insert("slxs/old/slx.yaml".to_owned(), broken("old"));
    files.insert(".gitignore".to_owned(), "ignored/\n".to_owned());
    let clone = Clone::with(&files);
    let first = clone.git(&["rev-parse", "HEAD"]);
    assert_eq!(found(&clone, &[]), one("slxs/old/slx.yaml", "wrong_kind"));
    assert_eq!(found(&clone, &["--diff", "HEAD"]), []);
    // New files count, ignored ones don't.
    clone.write("slxs/new/slx.yaml", &slx_yaml("shop", "new").replace("new-full", "cart-full"));
    clone.write("ignored/slx.yaml", "[");
    let duplicate = one("slxs/new/slx.yaml", "duplicate_full_slx_name");
    assert_eq!(found(&clone, &["--diff", "HEAD"]), duplicate);
    assert_eq!(found(&clone, &["--staged"]), []);
    let index = fs_err::read(clone.directory.join(".git/index")).unwrap();
    let objects = clone.git(&["count-objects", "-v"]);
    assert_eq!(found(&clone, &["--diff", &first]), duplicate);
    assert_eq!(clone.git(&["count-objects", "-v"]), objects, "objects were written into the clone");
    assert!(fs_err::read(clone.directory.join(".git/index")).unwrap() == index);
    let second = clone.commit("a copy");
    fs_err::remove_dir_all(clone.directory.join("slxs/new")).unwrap();
    fs_err::remove_dir_all(clone.directory.join("slxs/till")).unwrap();
    // Between commits the work tree plays no part; against it, what a group names is gone.
    assert_eq!(found(&clone, &["--diff", &format!("{first}..{second}")]), duplicate);
    assert_eq!(found(&clone, &["--diff", "HEAD~..HEAD"]), duplicate);
    assert_eq!(found(&clone, &["--diff", "HEAD"]), one("workspace.yaml", "unknown_slx"));
    let strict = clone.workstead(&["validate", "--diff", "HEAD", "--deny-warnings"]).ends(1);
    assert!(strict.stderr.contains("workspace `shop` has warnings"), "{}", strict.stderr);
    let told = clone.workstead(&["validate", "--diff", "HEAD"]).ends(0).stdout;
    assert!(told.starts_with("warning[unknown_slx]"), "{told}");
}

#[test]
fn a_branch_answers_for_what_it_did_since_it_left() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    clone.git(&["checkout", "--quiet", "-b", "feature"]);
    clone.write("README.md", "x");
    clone.commit("feature");
    clone.git(&["checkout", "--quiet", "main"]);
    clone.write("slxs/cart/slx.yaml", &broken("cart"));
    clone.commit("a mistake on main");
    assert_eq!(found(&clone, &["--diff", "main...feature"]), []);
    assert_eq!(found(&clone, &["--diff", "feature..main"]), one("slxs/cart/slx.yaml", "wrong_kind"));
    for unknown in ["nowhere", "main..nowhere", "-x", "--output=x"] {
        let run = clone.workstead(&["validate", &format!("--diff={unknown}")]).ends(2);
        assert!(run.stderr.starts_with("error: there is no revision"), "{unknown}: {}", run.stderr);
    }
}

#[test]
fn line_ends_of_the_machine_are_no_change() {
    let mut files = workspace_files("shop", &["cart"]);
    files.insert("slxs/old/slx.yaml".to_owned(), broken("old"));
    let clone = Clone::with(&files);
    clone.git(&["config", "core.autocrlf", "true"]);
    fs_err::remove_dir_all(clone.directory.join("slxs")).unwrap();
    clone.git(&["checkout", "--quiet", "--", "slxs"]);
    assert!(clone.read("slxs/old/slx.yaml").contains("\r\n"));
    let run = clone.workstead(&["validate", "--diff", "HEAD"]).ends(0);
    assert!(run.stderr.contains("in 0 changed files"), "{}", run.stderr);
}

#[test]
fn indexes_of_every_kind_are_read() {
    let clone = Clone::with(&workspace_files("shop", &["cart", "till"]));
    let unchanged = |arguments: &[&str]| {
        let run = clone.workstead(&[&["validate"], arguments].concat()).ends(0);
        assert!(run.stderr.contains("in 0 changed files"), "{arguments:?}: {}", run.stderr);
    };
    let broken_is_found = |arguments: &[&str]| {
        clone.write("slxs/cart/slx.yaml", &broken("cart"));
        clone.git(&["add", "slxs/cart/slx.yaml"]);
        assert_eq!(found(&clone, arguments), one("slxs/cart/slx.yaml", "wrong_kind"), "{arguments:?}");
        clone.git(&["reset", "--quiet", "--hard"]);
    };
    for prepare in [
        &["update-index", "--split-index"][..],
        &["update-index", "--no-split-index", "--index-version", "4"],
        &["sparse-checkout", "set", "--cone", "slxs/cart"],
        &["update-index", "--assume-unchanged", "slxs/cart/slx.yaml"],
    ] {
        clone.git(prepare);
        for arguments in [&["--staged"][..], &["--diff", "HEAD"]] {
            unchanged(arguments);
            if prepare[1] != "--assume-unchanged" {
                broken_is_found(arguments);
            }
        }
    }
    assert!(!clone.directory.join("slxs/till").exists(), "the checkout was not sparse");
}

#[test]
fn a_workspace_may_lie_below_the_top() {
    let files: Content = workspace_files("shop", &["cart"])
        .into_iter()
        .map(|(path, text)| (format!("workspaces/shop/{path}"), text))
        .collect();
    let clone = Clone::with(&files);
    clone.write("elsewhere/slxs/x/slx.yaml", "[");
    clone.write("workspaces/shop/slxs/cart/slx.yaml", &broken("cart"));
    clone.git(&["add", "--all"]);
    let expected = one("slxs/cart/slx.yaml", "wrong_kind");
    assert_eq!(found(&clone, &["--staged", "workspaces/shop"]), expected);
    assert_eq!(found(&clone, &["--diff", "HEAD", "workspaces/shop"]), expected);
    let inside = clone.run_in("workspaces/shop/slxs", workstead(), &["validate", "--staged"]).ends(1);
    assert!(inside.stdout.contains("--> slxs/cart/slx.yaml:2:7"), "{}", inside.stdout);
}

#[test]
fn what_can_not_be_looked_at_ends_with_two() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().display().to_string();
    for arguments in [
        &["validate", "--nonsense"][..],
        &["validate", "--staged", "--diff", "HEAD"],
        &["validate", "nowhere"],
        &["validate", "--staged", &outside],
        &["fmt", "nowhere"],
        &["fmt", "--nonsense"],
    ] {
        let run = clone.workstead(arguments).ends(2);
        assert!(run.stdout.is_empty() && run.stderr.starts_with("error: "), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn what_takes_an_admin_is_said_before_the_push() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    clone.write(".github/workflows/x.yaml", "on: push\n");
    let run = clone.workstead(&["validate", "--diff", "HEAD"]).ends(0);
    let note = "note: changing `.github/workflows/x.yaml` needs the role `admin`, because its name begins with a dot\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

/// The same words, line by line: who validates before the push learns nothing new from it.
#[test]
fn the_push_says_what_was_said_before_it() {
    let server = TestServer::start();
    server.create("shop");
    server.upload("shop", &workspace_files("shop", &["cart", "till"]), &serde_json::json!({})).expect(200);
    let clone = server.clone_workspace("shop", "clone");
    clone.write("slxs/cart/slx.yaml", &broken("cart").replace("name: shop--cart", "name: other--cart"));
    clone.write("slxs/Till/slx.yaml", &slx_yaml("shop", "Till"));
    clone.write("slxs/lost/sli.yaml", "a: [\n");
    std::os::unix::fs::symlink("slx.yaml", clone.directory.join("slxs/cart/link.yaml")).unwrap();
    clone.commit("mistakes");
    let refused = clone.refused(&["push"]);
    let said = |line: &str| line.strip_prefix("remote: ").map(|line| line.trim_end().to_owned());
    let mut pushed: Vec<String> =
        refused.lines().filter_map(said).filter(|line| line.ends_with(']')).collect();
    let mut command = std::process::Command::new(workstead());
    let output = crate::support::cleaned(&mut command, server.root.path())
        .args(["validate", "--diff", "origin/main..HEAD", "--format", "json"])
        .current_dir(&clone.directory)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut before: Vec<String> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            let text = |key: &str| problem[key].as_str().unwrap();
            let place = match problem["line"].as_u64().unwrap() {
                0 => String::new(),
                line => format!(":{line}:{}", problem["column"]),
            };
            format!("{}{place}: {} [{}]", text("path"), text("message"), text("code"))
        })
        .collect();
    pushed.sort();
    before.sort();
    assert_eq!(before, pushed);
    assert!(before.len() >= 5, "{before:#?}");
}
