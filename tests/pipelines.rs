//! The files for pipelines: against the schemas of GitHub and GitLab, and the action's own steps against a server.

use std::fmt::Write as _;
use std::process::{Command, Output};

use workstead_core::yaml::{Node, parse};

use crate::support::{Clone, TestServer, cleaned, repository_root, tool, workspace_files, workstead};

const ACTION: &str = "deploy/ci/github-action/action.yml";

fn read(path: &str) -> String {
    fs_err::read_to_string(repository_root().join(path)).unwrap()
}

#[test]
fn the_files_are_what_github_and_gitlab_take() {
    if std::env::var("WORKSTEAD_TEST_WITHOUT_TOOLS").is_ok_and(|tools| tools.contains("check-jsonschema")) {
        eprintln!("NOT RUN: check-jsonschema could not be installed");
        return;
    }
    let program = tool("check-jsonschema-0.39.0", "check-jsonschema");
    let home = tempfile::tempdir().unwrap();
    let check = |schema: &str, path: &str| {
        let mut command = Command::new(&program);
        cleaned(&mut command, home.path())
            .current_dir(repository_root())
            .args(["--builtin-schema", schema, path])
            .output()
            .unwrap()
    };
    for (schema, path) in [
        ("vendor.github-actions", ACTION),
        ("vendor.github-workflows", "deploy/ci/github-workflow.yml"),
        ("vendor.github-workflows", "deploy/ci/github-validate.yml"),
        ("vendor.gitlab-ci", "deploy/ci/gitlab.yml"),
    ] {
        let output = check(schema, path);
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stdout));
        // The check would see it: a key that no pipeline knows, where the schemas are closed.
        let broken = home.path().join("broken.yml");
        fs_err::write(
            &broken,
            read(path).replacen("runs:\n", "runs_:\n", 1).replacen("jobs:\n", "jobs_:\n", 1).replacen(
                "  max: 1",
                "  max_: 1",
                1,
            ),
        )
        .unwrap();
        assert!(!check(schema, broken.to_str().unwrap()).status.success(), "{path}");
    }
}

#[test]
fn the_page_shows_the_files_as_they_are() {
    let mut expected = String::new();
    let page = read("docs/CI.md");
    let mut parts = page.split("<!-- file: ");
    expected.push_str(parts.next().unwrap());
    let mut count = 0;
    for part in parts {
        let (path, rest) = part.split_once(" -->\n```yaml\n").unwrap();
        // The block's own end, at the start of a line.
        let rest =
            rest.strip_prefix("```\n").or_else(|| rest.split_once("\n```\n").map(|(_, rest)| rest)).unwrap();
        write!(expected, "<!-- file: {path} -->\n```yaml\n{}```\n{rest}", read(path)).unwrap();
        count += 1;
    }
    assert_eq!(count, 3);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(repository_root().join("docs/CI.md"), &expected).unwrap();
        return;
    }
    assert!(page == expected, "docs/CI.md shows other files than deploy/ci; UPDATE_DOCS=1 writes them anew");
}

/// Runs a step of the action as the runner does: inputs in the environment, one file for its outputs.
fn run_step(
    server: &TestServer,
    action: &Node,
    name: &str,
    inputs: &[(&str, &str)],
    found: &str,
) -> (Output, String) {
    let step = action.at(&["runs", "steps"]).unwrap().items().iter();
    let step = step.into_iter().find(|step| step.get("id").unwrap().as_str() == Some(name)).unwrap();
    let outputs = server.root.path().join(format!("{name}.outputs"));
    fs_err::write(&outputs, "").unwrap();
    let mut command = Command::new("bash");
    cleaned(&mut command, server.root.path()).args(["-c", step.get("run").unwrap().as_str().unwrap()]);
    for entry in step.get("env").unwrap().entries() {
        let value = entry.value.as_str().unwrap();
        let expression = value.trim_start_matches("${{ ").split(" }}").next().unwrap();
        let value = match expression.strip_prefix("inputs.") {
            Some(input) => {
                let default = action.at(&["inputs", input]).unwrap().get("default").and_then(Node::as_str);
                let given = inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| *value);
                given.or(default).unwrap_or_default().to_owned()
            }
            None if expression == "steps.find.outputs.binary" => found.to_owned(),
            None => value.replace("${{ github.action_path }}", "/nowhere"),
        };
        command.env(&entry.key.text, value);
    }
    command.env("GITHUB_OUTPUT", &outputs).env("RUNNER_TEMP", server.scratch("runner"));
    (command.output().unwrap(), fs_err::read_to_string(outputs).unwrap())
}

/// The steps of the workflow that checks, in a shell, as on a branch with a mistake.
#[test]
fn the_check_of_pull_requests_annotates_and_reports() {
    let files = workspace_files("shop", &["cart"]).into_iter();
    let clone = Clone::with(&files.map(|(path, text)| (format!("workspaces/shop/{path}"), text)).collect());
    clone.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    clone.write("workspaces/shop/slxs/cart/slx.yaml", "a: [\n");
    clone.commit("a mistake");
    let workflow = parse(&read("deploy/ci/github-validate.yml")).unwrap();
    let steps = workflow.at(&["jobs", "validate", "steps"]).unwrap().items();
    let path = format!("{}:{}", workstead().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let run = |name: &str| {
        let step = steps.iter().find(|step| step.get("name").and_then(Node::as_str) == Some(name)).unwrap();
        let script = step.get("run").unwrap().as_str().unwrap().to_owned();
        clone.run_in("", "env".as_ref(), &[&format!("PATH={path}"), "BASE=main", "bash", "-ec", &script])
    };
    run("Install workstead").ends(0);
    let shown = run("Show problems at their lines").ends(1).stdout;
    assert!(shown.starts_with("::error file=workspaces/shop/slxs/cart/slx.yaml,line=2,"), "{shown}");
    run("Report to code scanning").ends(0);
    let upload = steps.iter().find_map(|step| step.at(&["with", "sarif_file"])).unwrap();
    let log: serde_json::Value = serde_json::from_str(&clone.read(upload.as_str().unwrap())).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1, "{log}");
}

#[test]
fn the_actions_steps_upload() {
    let server = TestServer::start();
    server.create("shop");
    let directory = server.scratch("a directory");
    server.git(&directory).write_all(&workspace_files("shop", &["cart"]));
    let directory = directory.display().to_string();
    let action = parse(&read(ACTION)).unwrap();
    let binary = workstead().display().to_string();
    let (found, outputs) = run_step(&server, &action, "find", &[("binary", &binary)], "");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let binary = outputs.trim().strip_prefix("binary=").unwrap();
    let upload = |inputs: &[(&str, &str)]| {
        let all = [&[("path", directory.as_str())], inputs].concat();
        let (output, outputs) = run_step(&server, &action, "upload", &all, binary);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap(), outputs)
    };
    let (code, stderr, outputs) = upload(&[
        ("server", &server.url),
        ("workspace", "shop"),
        ("token", &server.token),
        ("message", "with $(id) and `id`"),
        ("arguments", "--merge-mode keepexisting --retries 1"),
    ]);
    assert_eq!(code, 0, "{stderr}");
    let clone = server.clone_workspace("shop", "clone");
    let head = clone.ok(&["log", "-1", "--format=%H %s"]);
    let (commit, subject) = head.split_once(' ').unwrap();
    assert_eq!(subject, "with $(id) and `id`");
    assert!(outputs.starts_with(&format!("outcome=committed\ncommit={commit}\nreport=")), "{outputs}");
    // All from the builder's file, which does not stay.
    let config = "/api/v3/workspaces/shop/generate-workspace-builder-config?format=yaml";
    let info = server.get(config).expect(200).text;
    let (code, stderr, outputs) = upload(&[("upload-info", &info), ("prune-stale-slxs", "true")]);
    assert_eq!(code, 0, "{stderr}");
    assert!(outputs.starts_with("outcome=unchanged\n"), "{outputs}");
    let left = fs_err::read_dir(server.scratch("runner")).unwrap().count();
    assert_eq!(left, 1, "more than the report stays");
    let (code, _, outputs) =
        upload(&[("server", &server.url), ("workspace", "shop"), ("token", "wst_wrong")]);
    assert_eq!((code, outputs.lines().next()), (4, Some("outcome=denied")));
}
