//! MinIO for k3s, and that it, the example of values and the chart speak of the same things.

use std::process::Command;

use serde_json::Value;
use workstead_bundler::manifest::{ManifestType, ManifestValues, default_manifest_json};
use workstead_core::name::{SlxName, WorkspaceName};
use workstead_core::yaml::parse;

use super::chart::{EXAMPLES, Rendered};
use super::hardened::{is_hardened, pod};
use super::programs::{HELM, are_valid_objects};
use super::{read, read_yaml, texts};
use crate::support::{TestServer, cleaned, repository_root, workstead};

const FILE: &str = "deploy/k3s/minio.yaml";
const NAMES: &str = "deploy/k3s/names.yaml";

fn objects() -> Vec<Value> {
    read(FILE).split("\n---\n").map(|text| parse(text).unwrap().to_json()).collect()
}

fn one(kind: &str) -> Value {
    objects().into_iter().find(|object| object["kind"] == kind).unwrap()
}

/// Returns a variable of the only container.
fn variable(object: &Value, name: &str) -> Value {
    let container = &pod(object).unwrap()["spec"]["containers"][0];
    let all = container["env"].as_array().unwrap();
    all.iter().find(|variable| variable["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

#[test]
fn minio_for_k3s_is_what_kubernetes_takes_and_has_no_rights() {
    let objects = objects();
    assert_eq!(objects.len(), 6);
    let pods: Vec<_> = objects.iter().filter_map(pod).collect();
    assert_eq!(pods.len(), 2);
    pods.into_iter().for_each(is_hardened);
    if HELM.is_here() {
        are_valid_objects(&[FILE, NAMES].map(|file| repository_root().join(file)));
    }
}

#[test]
fn the_server_and_minio_find_each_other() {
    if !HELM.is_here() {
        return;
    }
    let rendered = Rendered::of(&[EXAMPLES[0]]);
    let values = read_yaml(EXAMPLES[0]);
    let s3 = &values["store"]["s3"];
    let minio = one("Service");
    let port = &minio["spec"]["ports"][0]["port"];
    let name = minio["metadata"]["name"].as_str().unwrap();
    assert_eq!(s3["endpoint"], format!("http://{name}.workstead.svc:{port}"));
    let public = one("Ingress")["spec"]["rules"][0]["host"].as_str().unwrap().to_owned();
    assert_eq!(s3["publicEndpoint"], format!("http://{public}"));
    let (set, job) = (one("StatefulSet"), one("Job"));
    assert_eq!(variable(&job, "BUCKET")["value"], s3["bucket"]);

    let services = rendered.all("Service");
    let (server, server_port) = (&services[0]["metadata"]["name"], &services[0]["spec"]["ports"][0]["port"]);
    let endpoint = format!(
        "http://{}.workstead.svc:{server_port}/api/v3/uploads/notifications",
        server.as_str().unwrap()
    );
    assert_eq!(variable(&set, "MINIO_NOTIFY_WEBHOOK_ENDPOINT_WORKSTEAD")["value"], endpoint);
    let origin = &variable(&set, "MINIO_API_CORS_ALLOW_ORIGIN")["value"];
    assert!(rendered.environment().contains(&format!("WORKSTEAD_PUBLIC_URL={}\n", origin.as_str().unwrap())));
    let names = read(NAMES);
    for host in [public.as_str(), texts(&values["ingress"]["hosts"])[0]] {
        assert!(names.contains(&format!(" {host} ")), "pods do not find {host}");
        assert!(read("docs/K3S.md").contains(host), "{host}");
    }
    // The network policies let each through to the other.
    let label = &server_labels(&rendered)["app.kubernetes.io/name"];
    let policy = one("NetworkPolicy");
    assert_eq!(
        policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"],
        *label
    );
    assert_eq!(
        policy["spec"]["egress"][1]["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"],
        *label
    );
}

fn server_labels(rendered: &Rendered) -> &Value {
    &rendered.server()["metadata"]["labels"]
}

#[test]
fn the_walkthrough_makes_the_secret_that_all_read() {
    let guide = read("docs/K3S.md");
    let values = read_yaml(EXAMPLES[0]);
    let s3 = &values["store"]["s3"];
    let mut wanted = vec![
        (s3["existingSecret"].clone(), "access-key-id".into()),
        (s3["existingSecret"].clone(), "secret-access-key".into()),
    ];
    for (_, from) in values["secretSettings"].as_object().unwrap() {
        wanted.push((from["secret"].clone(), from["key"].clone()));
    }
    for object in objects() {
        let Some(pod) = pod(&object) else { continue };
        for variable in pod["spec"]["containers"][0]["env"].as_array().unwrap() {
            if let Some(from) = variable.get("valueFrom") {
                wanted.push((from["secretKeyRef"]["name"].clone(), from["secretKeyRef"]["key"].clone()));
            }
        }
    }
    assert!(wanted.len() >= 9);
    for (secret, key) in wanted {
        assert_eq!(secret, "workstead-store");
        let literal = format!("--from-literal={}=", key.as_str().unwrap());
        assert!(guide.contains(&literal), "docs/K3S.md makes no {key}");
    }
    assert!(guide.contains("create secret generic workstead-store"));
}

#[test]
fn the_builder_s_values_are_those_that_the_server_gives() {
    let values = ManifestValues {
        workspace: WorkspaceName::parse("demo").unwrap(),
        owner: "admin@localhost".to_owned(),
        slx: SlxName::parse("my-slx").unwrap(),
        name: None,
        location_id: "default".to_owned(),
        location_name: "default".to_owned(),
        papi_url: "http://workstead.test".to_owned(),
    };
    let given = default_manifest_json(ManifestType::HelmValues, &values).unwrap();
    assert_eq!(read_yaml("deploy/k3s/builder-values.yaml"), given);
}

#[test]
fn the_uploads_of_the_walkthrough_go_up() {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_GUIDE").is_some() {
        eprintln!("NOT RUN: jq, or a curl that knows --json, is missing");
        return;
    }
    let guide = read("docs/K3S.md");
    let step = guide.split("\n## 6. ").nth(1).unwrap().split("\n## 7. ").next().unwrap();
    let blocks = step.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines: Vec<&str> = blocks.flat_map(str::lines).filter(|line| !line.starts_with("export ")).collect();
    assert!(lines.len() > 5, "{step}");

    let server = TestServer::start();
    let scratch = server.scratch("walk");
    let mut shell = Command::new("bash");
    let binaries = workstead().parent().unwrap().display().to_string();
    let output = cleaned(&mut shell, &scratch)
        .current_dir(&scratch)
        .env("PATH", format!("{binaries}:{}", std::env::var("PATH").unwrap()))
        .env("WORKSTEAD_SERVER", &server.url)
        .env("WORKSTEAD_TOKEN", &server.token)
        .arg("-ec")
        .arg(lines.join("\n").replace("fixtures/", &format!("{}/fixtures/", repository_root().display())))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("6 SLXs added") && told.contains(r#""task_id":"#), "{told}");
}
