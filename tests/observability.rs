//! Metrics as a Prometheus gets them; the dashboard, the alerts and the document that speak of them.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use ureq::http::Method;
use workstead_api::metrics::{described, markdown_table};
use workstead_core::yaml::{Node, parse};

use crate::support::{Answer, ServerOptions, TestServer, repository_root, send, slx_yaml, workspace_files};

const DASHBOARD: &str = "deploy/grafana/workstead.json";
const ALERTS: &str = "deploy/prometheus/alerts.yaml";

fn read(path: &str) -> String {
    fs_err::read_to_string(repository_root().join(path)).unwrap()
}

/// Returns every name of a metric of ours that stands in an expression.
fn names(expression: &str) -> impl Iterator<Item = String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.starts_with("workstead_") || word.starts_with("process_")).map(str::to_owned)
}

fn alerts() -> Vec<Node> {
    let root = parse(&read(ALERTS)).unwrap();
    let groups = root.get("groups").unwrap().items();
    groups.iter().flat_map(|group| group.get("rules").unwrap().items()).cloned().collect()
}

/// Returns the expressions of all alerts and of all panels.
fn expressions() -> Vec<String> {
    let mut found: Vec<String> =
        alerts().iter().map(|rule| rule.get("expr").unwrap().as_str().unwrap().to_owned()).collect();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut panels = 0;
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        panels += 1;
        for target in panel["targets"].as_array().unwrap() {
            found.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    assert!(panels > 15, "{panels}");
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        found.extend(variable["definition"].as_str().map(str::to_owned));
    }
    found
}

/// Starts a server that answers metrics at an address of their own, and lets a little happen.
fn busy_server() -> (TestServer, String) {
    let environment = vec![("WORKSTEAD_METRICS_LISTEN", "127.0.0.1:0".to_owned())];
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    let address =
        server.greeting.iter().find_map(|line| line.strip_prefix("metrics on ")).unwrap().to_owned();
    server.create("shop");
    server.upload("shop", &workspace_files("shop", &["cart"]), &json!({})).expect(200);
    let clone = server.clone_workspace("shop", "clone");
    clone.write("slxs/web/slx.yaml", &slx_yaml("shop", "web"));
    clone.commit("watch it");
    clone.ok(&["push", "--quiet"]);
    (server, address)
}

fn scrape(address: &str, accept: &str) -> Answer {
    send(Method::GET, address, &[("accept", accept)], None).expect(200)
}

/// Returns the names of all samples.
fn samples(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned())).collect()
}

#[test]
fn a_server_exports_all_that_dashboard_and_alerts_ask_for() {
    let (server, address) = busy_server();
    let text = scrape(&address, "text/plain").text;
    let exported = samples(&text);
    let mut asked = 0;
    for expression in expressions() {
        for name in names(&expression) {
            asked += 1;
            assert!(exported.contains(&name), "no {name}, which `{expression}` asks for, in\n{text}");
        }
    }
    assert!(asked > 40, "{asked}");
    for line in [
        "workstead_commits_total{door=\"upload\",outcome=\"committed\"} 1",
        "workstead_commits_total{door=\"push\",outcome=\"committed\"} 1",
        "workstead_git_processes_ended_total{service=\"upload-pack\",outcome=\"failed\"} 0",
        "workstead_git_processes_ended_total{service=\"receive-pack\",outcome=\"ok\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("shop"), "{text}");
    // That address answers nothing else, and the API's own does not answer metrics.
    let elsewhere = address.replace("/metrics", "/api/v3/workspaces");
    assert_eq!(send(Method::GET, &elsewhere, &[], None).expect(404).field("code"), "no_such_route");
    server.get("/metrics").expect(404);
}

#[test]
fn the_background_counts_the_repositories() {
    let (mut server, _) = busy_server();
    assert_eq!(server.stop().code(), Some(0));
    let environment = vec![("WORKSTEAD_METRICS_LISTEN", "127.0.0.1:0".to_owned())];
    server.run(&ServerOptions { environment, ..ServerOptions::default() });
    let address = server.greeting.iter().find_map(|line| line.strip_prefix("metrics on ")).unwrap();
    let since = std::time::Instant::now();
    loop {
        let text = scrape(address, "*/*").text;
        if text.lines().any(|line| line == "workstead_repositories 1") {
            assert!(!text.contains("workstead_repository_packs_max 0\n"), "{text}");
            break;
        }
        assert!(since.elapsed().as_secs() < 30, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let document = read("docs/OBSERVABILITY.md");
    let rules = alerts();
    assert!(rules.len() > 10);
    for rule in rules {
        let name = rule.get("alert").unwrap().as_str().unwrap().to_owned();
        let text = |path: &[&str]| rule.at(path).and_then(Node::as_str).unwrap_or_default().to_owned();
        assert!(["critical", "warning", "info"].contains(&text(&["labels", "severity"]).as_str()), "{name}");
        assert!(text(&["annotations", "summary"]).len() > 20, "{name}");
        assert!(text(&["annotations", "description"]).len() > 60, "{name}");
        assert!(document.contains(&format!("`{name}`")), "docs/OBSERVABILITY.md does not speak of {name}");
    }
}

#[test]
fn the_document_lists_the_metrics_that_exist() {
    let document = read("docs/OBSERVABILITY.md");
    let (before, rest) = document.split_once("<!-- metrics:").unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of metrics -->").unwrap();
    let table = markdown_table();
    let expected = format!("{before}<!-- metrics:{comment}-->\n{table}<!-- end of metrics -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(repository_root().join("docs/OBSERVABILITY.md"), &expected).unwrap();
        return;
    }
    assert!(
        document == expected,
        "the table in docs/OBSERVABILITY.md is out of date; the comment above it writes it anew"
    );
    assert!(described().len() > 30);
}

/// Runs `promtool` with an input, which must find nothing wrong.
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is no promtool: run scripts/install-test-tools promtool");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn prometheus_takes_the_alerts_and_the_metrics() {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_PROMTOOL").is_some() {
        eprintln!("NOT RUN: there is no promtool here");
        return;
    }
    let path = repository_root().join(ALERTS);
    promtool(&["check", "rules", path.to_str().unwrap()], "");
    let tests = path.with_file_name("alerts.test.yaml");
    promtool(&["test", "rules", tests.to_str().unwrap()], "");
    let (_server, address) = busy_server();
    promtool(&["check", "metrics"], &scrape(&address, "text/plain").text);
}
