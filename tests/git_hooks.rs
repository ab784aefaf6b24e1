//! The hooks for Git and for the pre-commit framework.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use workstead_core::yaml::{Node, parse};

use crate::support::{Clone, Run, cleaned, repository_root, slx_yaml, workspace_files, workstead};

/// Has `git commit` ask our binary, as docs/VALIDATION.md says.
fn with_hook(clone: &Clone) {
    let hooks = clone.directory.join(".git/hooks");
    fs_err::create_dir_all(&hooks).unwrap();
    let hook = hooks.join("pre-commit");
    let document = fs_err::read_to_string(repository_root().join("docs/VALIDATION.md")).unwrap();
    let (_, script) = document.split_once("cat >.git/hooks/pre-commit <<'EOF'\n").unwrap();
    let (script, _) = script.split_once("EOF\n").unwrap();
    let binary = format!("'{}' ", workstead().display());
    assert_eq!(script.matches("workstead ").count(), 1, "{script}");
    fs_err::write(&hook, script.replace("workstead ", &binary)).unwrap();
    fs_err::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn commit(clone: &Clone, below: &str, arguments: &[&str]) -> Run {
    clone.run_in(below, "git".as_ref(), &[&["commit", "--quiet", "--message", "x"], arguments].concat())
}

#[test]
fn git_commit_asks_the_hook_about_what_it_is_about_to_commit() {
    let clone = Clone::with(&workspace_files("shop", &["cart", "till"]));
    with_hook(&clone);
    let bad = |name: &str| slx_yaml("shop", name).replace("kind: ServiceLevelX", "kind: Nonsense");
    let good = |name: &str| slx_yaml("shop", name).replace("Health", "Wealth");
    clone.write("slxs/cart/slx.yaml", &bad("cart"));
    clone.git(&["add", "--all"]);
    let refused = commit(&clone, "", &[]).ends(1);
    assert!(refused.stderr.contains("slxs/cart/slx.yaml:2:7"), "{}", refused.stderr);
    assert_eq!(clone.git(&["rev-list", "--count", "HEAD"]), "1");
    // One file of two, from below: Git makes an index of its own for this.
    clone.write("slxs/till/slx.yaml", &good("till"));
    commit(&clone, "slxs/till", &["slx.yaml"]).ends(0);
    assert_eq!(clone.git(&["show", "--format=", "--name-only", "HEAD"]), "slxs/till/slx.yaml");
    // All that changed, while the index holds something else.
    commit(&clone, "", &["--all"]).ends(1);
    clone.write("slxs/cart/slx.yaml", &good("cart"));
    commit(&clone, "", &[]).ends(1);
    commit(&clone, "", &["--all"]).ends(0);
    assert_eq!(clone.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_linked_work_tree_is_checked_by_itself() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    with_hook(&clone);
    clone.git(&["worktree", "add", "--quiet", "../linked"]);
    clone.write("../linked/slxs/cart/slx.yaml", "[");
    commit(&clone, "../linked", &["--all"]).ends(1);
    clone.write("../linked/slxs/cart/slx.yaml", &slx_yaml("shop", "cart").replace("Health", "Wealth"));
    commit(&clone, "../linked", &["--all"]).ends(0);
}

#[test]
fn the_frameworks_hooks_are_commands_that_exist() {
    let text = fs_err::read_to_string(repository_root().join(".pre-commit-hooks.yaml")).unwrap();
    let hooks = parse(&text).unwrap();
    let mut entries = BTreeMap::new();
    for hook in hooks.items() {
        let field = |key: &str| hook.get(key).and_then(Node::as_str).unwrap_or_else(|| panic!("no {key}"));
        assert!(!field("name").is_empty() && !field("description").is_empty());
        assert_eq!((field("language"), field("pass_filenames")), ("system", "false"));
        for known in hook.entries() {
            let known = known.key.text.as_str();
            let keys =
                ["id", "name", "description", "entry", "language", "files", "pass_filenames", "always_run"];
            assert!(keys.contains(&known), "{known}");
        }
        entries.insert(field("id").to_owned(), field("entry").to_owned());
    }
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["workstead-fmt", "workstead-validate"]);
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    for (id, entry) in entries {
        let (program, arguments) = entry.split_once(' ').unwrap();
        assert_eq!(program, "workstead", "{id}");
        let mut command = std::process::Command::new(workstead());
        let output = cleaned(&mut command, &clone.directory)
            .args(arguments.split(' '))
            .current_dir(&clone.directory)
            .output()
            .unwrap();
        assert!(output.status.success(), "{id}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
