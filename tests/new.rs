//! `workstead new`.

use crate::support::Clone;

const SERVER: &str = "https://ws.example";

#[test]
fn a_new_workspace_is_valid_and_grows() {
    let clone = Clone::new();
    let made = clone.workstead(&[
        "new",
        "workspace",
        "shop",
        "--owner",
        "me@example.com",
        "--server",
        SERVER,
        "--dir",
        ".",
    ]);
    let made = made.ends(0);
    insta::assert_snapshot!(made.stdout.trim_end(), @r"
    ./README.md
    ./slxs/my-slx/runbook.yaml
    ./slxs/my-slx/sli.yaml
    ./slxs/my-slx/slx.yaml
    ./workspace.yaml
    ");
    clone.workstead(&["validate", "--deny-warnings"]).ends(0);
    clone.workstead(&["fmt", "--check"]).ends(0);
    // Owner, server and location are the workspace's from now on.
    let text = clone.read("workspace.yaml").replace("  - default\n", "  - eu-1\n");
    clone.write("workspace.yaml", &text);
    for arguments in [
        &["slx", "till #2"][..],
        &["sli", "shop--till #2"],
        &["slo", "till #2"],
        &["runbook", "till #2"],
        &["workflow", "at night"],
        &["persona", "careful"],
        &["workspaceinfo"],
        &["uploadinfo"],
        &["helm-values"],
    ] {
        let run = clone.workstead(&[&["new"], arguments].concat()).ends(0);
        let path = run.stdout.trim_end();
        let text = clone.read(path);
        if arguments[0] != "helm-values" {
            let line = format!("# yaml-language-server: $schema={SERVER}/schemas/{}.json\n", arguments[0]);
            assert!(text.starts_with(&line), "{path}: {text}");
        }
    }
    assert!(clone.read("slxs/till #2/sli.yaml").contains("  - eu-1\n"));
    assert!(clone.read("slxs/till #2/slx.yaml").contains("  - me@example.com\n"));
    assert!(clone.read("workflows/at night.yaml").contains("name: shop--at night\n"));
    clone.workstead(&["validate", "--deny-warnings"]).ends(0);
}

#[test]
fn nothing_is_replaced_unasked_and_nothing_half_written() {
    let clone = Clone::new();
    clone.write("shop/slxs/my-slx/sli.yaml", "mine");
    let workspace = ["new", "workspace", "shop", "--owner", "me@example.com"];
    let refused = clone.workstead(&workspace).ends(1);
    assert!(refused.stderr.contains("`shop/slxs/my-slx/sli.yaml` is there already"), "{}", refused.stderr);
    assert!(!clone.directory.join("shop/workspace.yaml").exists());
    clone.workstead(&[&workspace[..], &["--force"]].concat()).ends(0);
    assert_ne!(clone.read("shop/slxs/my-slx/sli.yaml"), "mine");
    let again = clone.run_in("shop", crate::support::workstead(), &["new", "slx", "my-slx"]).ends(1);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}

#[test]
fn what_the_server_would_refuse_is_not_written() {
    let clone = Clone::new();
    clone.workstead(&["new", "workspace", "shop", "--owner", "me@example.com", "--dir", "."]).ends(0);
    let lonely = clone.workstead(&["new", "sli", "nobody"]).ends(1);
    assert!(lonely.stderr.contains("error[slx_missing]"), "{}", lonely.stderr);
    assert!(!clone.directory.join("slxs/nobody").exists());
    let twin = clone.workstead(&["new", "slx", "My-SLX"]).ends(1);
    assert!(twin.stderr.contains("error[path_collision]"), "{}", twin.stderr);
    for (arguments, said) in [
        (&["new", "slx", "../x"][..], "error: SLX name \"../x\" holds the character '/'"),
        (&["new", "slx"], "error: a new slx needs a name"),
        (&["new", "workspace", "Not A Name"], "error: workspace name \"Not A Name\""),
        (&["new", "workspaceinfo", "x"], "error: there is one workspaceinfo in a workspace"),
        (&["new", "uploadinfo"], "error: a new uploadinfo names its server"),
        (&["new", "nonsense"], "error: invalid value 'nonsense'"),
    ] {
        let run = clone.workstead(arguments).ends(1);
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_file_may_be_printed_only() {
    let clone = Clone::new();
    let printed =
        clone.workstead(&["new", "slx", "web", "-w", "shop", "--owner", "a@b.example", "--stdout"]).ends(0);
    assert!(printed.stdout.contains("name: shop--web\n"), "{}", printed.stdout);
    assert!(!printed.stdout.contains("yaml-language-server"), "no server is known");
    assert!(printed.stderr.contains("--server"), "{}", printed.stderr);
    assert!(!clone.directory.join("slxs").exists());
}
