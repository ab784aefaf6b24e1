//! What the MCP servers write, and what Git holds afterwards.

use serde_json::{Value, json};

use super::expected::{PROBE, code_bundle, indicator, probe_sli, task, task_runbook, task_slx, with};
use super::{OBJECT, WORKSPACE, in_shop, open_shop};
use crate::support::{Git, McpClient, Release, TestServer, mcp_is_here, slx_yaml};

/// A workspace, a client of it, and what Git holds.
struct Shop {
    release: Release,
    server: TestServer,
    client: McpClient,
    clone: Git,
}

impl Shop {
    fn open(release: Release) -> Self {
        let server = open_shop(&["location-01"]);
        let client = McpClient::start(&server, release);
        let clone = server.clone_workspace(WORKSPACE, "clone");
        Self { release, server, client, clone }
    }

    /// Calls `commit_slx`, which must commit.
    #[track_caller]
    fn commit(&mut self, arguments: Value) -> Value {
        let answer = self.client.tool("commit_slx", &in_shop(arguments));
        assert_eq!(answer["status"], "committed", "{answer}");
        answer
    }

    /// Gets what others wrote and returns the files of an SLX.
    fn files(&self, slx: &str) -> Vec<String> {
        self.clone.ok(&["pull", "--quiet"]);
        let listed = self.clone.ok(&["ls-tree", "--name-only", "HEAD", &format!("slxs/{slx}/")]);
        listed.lines().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
    }

    /// Reads a file of an SLX as the clients read YAML.
    fn document(&self, slx: &str, file: &str) -> Value {
        let text = self.clone.read(&format!("slxs/{slx}/{file}"));
        // That release writes the whole file, of which the server changes nothing.
        if self.release == Release::May {
            assert_eq!(self.release.rewrite_yaml(&text), text);
        }
        self.release.read_yaml(&text)
    }

    /// Returns the specification in a file of an SLX, whose frame must be right.
    #[track_caller]
    fn spec(&self, slx: &str, file: &str, kind: &str) -> Value {
        let mut document = self.document(slx, file);
        assert_eq!(document["apiVersion"], "runwhen.com/v1", "{document}");
        assert_eq!(document["kind"], kind, "{document}");
        let name = format!("{WORKSPACE}--{slx}");
        assert_eq!(document["metadata"]["name"], name, "{document}");
        assert_eq!(document["metadata"]["labels"], json!({"workspace": WORKSPACE, "slx": name}));
        document["spec"].take()
    }

    /// Returns the subjects of the commits since a revision, oldest first.
    fn subjects_since(&self, revision: &str) -> String {
        self.clone.ok(&["pull", "--quiet"]);
        self.clone.ok(&["log", "--reverse", "--format=%s", &format!("{revision}..HEAD")])
    }

    fn head(&self) -> String {
        self.clone.ok(&["pull", "--quiet"]);
        self.clone.ok(&["rev-parse", "HEAD"])
    }
}

/// The location, the owner and the code bundle's branch are all left to the client to find.
fn a_task_an_sli_and_a_schedule_are_committed(release: Release) {
    if !mcp_is_here() {
        return;
    }
    let mut shop = Shop::open(release);
    let before = shop.head();

    shop.commit(task("cart-task"));
    assert_eq!(shop.files("cart-task"), ["runbook.yaml", "slx.yaml"]);
    assert_eq!(shop.spec("cart-task", "slx.yaml", "ServiceLevelX"), task_slx());
    assert_eq!(shop.spec("cart-task", "runbook.yaml", "Runbook"), task_runbook());
    let annotations = &shop.document("cart-task", "slx.yaml")["metadata"]["annotations"];
    assert_eq!(annotations, &json!({"internal.runwhen.com/manually-created": "true"}));

    shop.commit(with(task("cart-both"), &json!({"sli_script": PROBE})));
    assert_eq!(shop.files("cart-both"), ["runbook.yaml", "sli.yaml", "slx.yaml"]);
    assert_eq!(shop.spec("cart-both", "runbook.yaml", "Runbook"), task_runbook());
    assert_eq!(shop.spec("cart-both", "sli.yaml", "ServiceLevelIndicator"), probe_sli());

    shop.commit(with(task("cart-cron"), &json!({"cron_schedule": "0 */2 * * *"})));
    assert_eq!(shop.files("cart-cron"), ["runbook.yaml", "sli.yaml", "slx.yaml"]);
    let bundle = code_bundle(
        "https://github.com/runwhen-contrib/rw-workspace-utils.git",
        "codebundles/cron-scheduler-sli/sli.robot",
    );
    let schedule = [
        json!({"name": "CRON_SCHEDULE", "value": "0 */2 * * *"}),
        json!({"name": "DRY_RUN", "value": "false"}),
    ];
    let cron = shop.spec("cart-cron", "sli.yaml", "ServiceLevelIndicator");
    assert_eq!(cron, indicator(&bundle, &schedule));

    let mut probe = with(task("cart-sli"), &json!({"task_type": "sli", "script": PROBE, "task_title": ""}));
    probe.as_object_mut().unwrap().remove("runtime_vars");
    shop.commit(probe);
    assert_eq!(shop.files("cart-sli"), ["sli.yaml", "slx.yaml"]);
    assert_eq!(shop.spec("cart-sli", "sli.yaml", "ServiceLevelIndicator"), probe_sli());

    let listed = shop.client.tool("get_workspace_slxs", &in_shop(json!({})));
    let listed = listed["results"].as_array().unwrap();
    let listed: Vec<_> = listed.iter().map(|row| row["shortName"].as_str().unwrap()).collect();
    assert_eq!(listed, ["cart-both", "cart-cron", "cart-sli", "cart-task"]);
    let runbook = shop.client.tool("get_slx_runbook", &in_shop(json!({"slx_name": "cart-task"})));
    assert_eq!(runbook["spec"], task_runbook());

    match release {
        Release::May => {
            let expected = "Add task SLX: Cart: Health
Add task + sli (custom script) SLX: Cart: Health
Add task + sli (cron-scheduler) SLX: Cart: Health
Add sli SLX: Cart: Health";
            assert_eq!(shop.subjects_since(&before), expected);
        }
        Release::August => {
            // One commit a file, each with the tool and the client's id of the call.
            assert_eq!(shop.subjects_since(&before).lines().count(), 2 + 3 + 3 + 2);
            let format = "--format=%(trailers:key=Tool,valueonly,separator=)";
            let tools = shop.clone.ok(&["log", format, &format!("{before}..HEAD")]);
            assert!(tools.lines().all(|tool| tool == "commit_slx"), "{tools}");
        }
    }
    let authors = shop.clone.ok(&["log", "--format=%ae", &format!("{before}..HEAD")]);
    assert!(authors.lines().all(|author| author == "admin@localhost"), "{authors}");
    shop.clone.fsck();
}

#[test]
fn the_release_of_may_commits_a_task_an_sli_and_a_schedule() {
    a_task_an_sli_and_a_schedule_are_committed(Release::May);
}

#[test]
fn the_release_of_august_commits_a_task_an_sli_and_a_schedule() {
    a_task_an_sli_and_a_schedule_are_committed(Release::August);
}

fn a_codebundle_is_deployed_and_deleted(release: Release) {
    if !mcp_is_here() {
        return;
    }
    let mut shop = Shop::open(release);
    let answer = shop.client.tool(
        "deploy_registry_codebundle",
        &in_shop(json!({
            "slx_name": "cart-namespace",
            "alias": "Cart Namespace",
            "statement": "Pods should run",
            "repo_url": "https://github.com/runwhen-contrib/rw-cli-codecollection",
            "codebundle_path": "codebundles/k8s-namespace-healthcheck/",
            "location": "location-01",
            "config_vars": {"NAMESPACE": "cart", "LIMIT": "1e3"},
            "secret_vars": {"kubeconfig": "kubeconfig"},
            "deploy_sli": true,
            "sli_description": "The share of pods that run",
            "ref": "v1.0",
        })),
    );
    assert_eq!(answer["status"], "deployed", "{answer}");
    assert_eq!(shop.files("cart-namespace"), ["runbook.yaml", "sli.yaml", "slx.yaml"]);
    let bundle = |file: &str| {
        json!({
            "repoUrl": "https://github.com/runwhen-contrib/rw-cli-codecollection.git",
            "ref": "v1.0",
            "pathToRobot": format!("codebundles/k8s-namespace-healthcheck/{file}.robot"),
        })
    };
    let configuration =
        [json!({"name": "NAMESPACE", "value": "cart"}), json!({"name": "LIMIT", "value": "1e3"})];
    let secrets = json!([{"name": "kubeconfig", "workspaceKey": "kubeconfig"}]);
    let expected = json!({
        "location": "location-01",
        "codeBundle": bundle("runbook"),
        "configProvided": configuration,
        "secretsProvided": secrets,
    });
    assert_eq!(shop.spec("cart-namespace", "runbook.yaml", "Runbook"), expected);
    let expected = with(
        indicator(&bundle("sli"), &configuration),
        &json!({"description": "The share of pods that run", "secretsProvided": secrets}),
    );
    assert_eq!(shop.spec("cart-namespace", "sli.yaml", "ServiceLevelIndicator"), expected);
    // Nothing of what may be left out comes into the file as something empty.
    let slx = shop.spec("cart-namespace", "slx.yaml", "ServiceLevelX");
    assert_eq!(slx.get("additionalContext"), None, "{slx}");
    let usage = shop.server.get(&format!("{OBJECT}/secrets/kubeconfig/usage")).expect(200);
    assert!(usage.text.contains("cart-namespace"), "{}", usage.text);

    // What names it in groups goes with it.
    let groups = json!({"slxGroups": {"Cart": {"slxs": ["cart-namespace"]}}});
    shop.server.patch(OBJECT, &groups).expect(200);
    let answer = shop.client.tool("delete_slx", &in_shop(json!({"slx_name": "cart-namespace"})));
    assert_eq!(answer["status"], "deleted", "{answer}");
    assert!(shop.files("cart-namespace").is_empty());
    assert!(!shop.clone.read("workspace.yaml").contains("cart-namespace"));
    let again = shop.client.tool("delete_slx", &in_shop(json!({"slx_name": "cart-namespace"})));
    assert!(again["error"].as_str().unwrap().contains("404"), "{again}");
    let told = shop.client.refused("get_slx_runbook", &in_shop(json!({"slx_name": "cart-namespace"})));
    assert!(told.contains("404"), "{told}");
    shop.clone.fsck();
}

#[test]
fn the_release_of_may_deploys_a_codebundle_and_deletes_it() {
    a_codebundle_is_deployed_and_deleted(Release::May);
}

#[test]
fn the_release_of_august_deploys_a_codebundle_and_deletes_it() {
    a_codebundle_is_deployed_and_deleted(Release::August);
}

/// The task's second version has no secrets and another name; what people wrote beside it stays.
fn a_commit_to_an_slx_that_is_there_changes_it(release: Release) {
    if !mcp_is_here() {
        return;
    }
    let mut shop = Shop::open(release);
    shop.commit(with(task("cart"), &json!({"sli_script": PROBE})));
    shop.clone.ok(&["pull", "--quiet"]);
    shop.clone.write("slxs/cart/README.md", "Ask the cart's team.\n");
    shop.clone.commit("say whom to ask");
    shop.clone.ok(&["push", "--quiet", "origin", "HEAD"]);

    let second = json!({"alias": "Cart", "secret_vars": {}, "runtime_vars": null, "task_title": "Again"});
    let answer = shop.commit(with(task("cart"), &second));
    assert_eq!(shop.files("cart"), ["README.md", "runbook.yaml", "sli.yaml", "slx.yaml"]);
    assert_eq!(shop.spec("cart", "slx.yaml", "ServiceLevelX")["alias"], "Cart");
    let runbook = shop.spec("cart", "runbook.yaml", "Runbook");
    assert_eq!(runbook["configProvided"][0]["value"], "Again");
    assert_eq!(runbook["configProvided"][4]["value"], "[]");
    let secrets = runbook.get("secretsProvided").unwrap_or(&Value::Null);
    assert!(secrets.is_null() || secrets == &json!([]), "{runbook}");
    // It did not name the SLI.
    assert_eq!(shop.spec("cart", "sli.yaml", "ServiceLevelIndicator"), probe_sli());

    // The same again is no commit.
    let head = shop.head();
    let again = shop.commit(with(task("cart"), &second));
    assert_eq!(shop.head(), head);
    if release == Release::August {
        assert_eq!(answer["response"]["slx"]["resourceId"], again["response"]["slx"]["resourceId"]);
    }
}

#[test]
fn the_release_of_may_changes_an_slx() {
    a_commit_to_an_slx_that_is_there_changes_it(Release::May);
}

#[test]
fn the_release_of_august_changes_an_slx() {
    a_commit_to_an_slx_that_is_there_changes_it(Release::August);
}

/// Its routes change fields; so comments, annotations and keys that the client knows nothing of stay.
#[test]
fn the_release_of_august_keeps_what_people_wrote_in_a_file() {
    if !mcp_is_here() {
        return;
    }
    let mut shop = Shop::open(Release::August);
    let written = slx_yaml(WORKSPACE, "cart").replace("spec:\n", "spec:\n  # Ask the cart's team.\n");
    shop.clone.write("slxs/cart/slx.yaml", &written);
    shop.clone.commit("watch the cart");
    shop.clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    shop.commit(task("cart"));
    shop.clone.ok(&["pull", "--quiet"]);
    let slx = shop.clone.read("slxs/cart/slx.yaml");
    assert!(slx.contains("  # Ask the cart's team.\n"), "{slx}");
    let read = shop.document("cart", "slx.yaml");
    assert_eq!(read["metadata"]["annotations"]["fullSlxName"], "cart-full");
    assert_eq!(read["spec"]["asMeasuredBy"], "The share of healthy answers.");
    assert_eq!(read["spec"]["alias"], "Cart: Health");
}

/// It turns a secret's short name into a key by what the workspace has.
#[test]
fn the_release_of_august_looks_up_a_secret() {
    if !mcp_is_here() {
        return;
    }
    let mut shop = Shop::open(Release::August);
    let answer = shop.commit(with(task("cart"), &json!({"secret_vars": {"kubeconfig": "kubeconfig"}})));
    let notes = answer["secret_resolution_notes"].to_string();
    assert!(notes.contains("k8s:file@secret/kubeconfig:kubeconfig"), "{answer}");
    assert_eq!(shop.files("cart"), ["runbook.yaml", "slx.yaml"]);
    assert_eq!(shop.spec("cart", "runbook.yaml", "Runbook"), task_runbook());
}
