//! The Helm chart, linted and rendered by Helm's own library, and its objects against the schemas of Kubernetes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::hardened::{is_hardened, pod};
use super::programs::{HELM, are_valid_objects};
use super::{is_variable, texts};
use crate::support::repository_root;

pub(super) const CHART: &str = "deploy/helm/workstead";

/// The values that people begin with.
pub(super) const EXAMPLES: [&str; 3] = [
    "deploy/helm/workstead/examples/minio.yaml",
    "deploy/helm/workstead/examples/s3.yaml",
    "deploy/helm/workstead/examples/gcs.yaml",
];

/// What Helm makes of the chart.
#[derive(serde::Deserialize)]
pub(super) struct Rendered {
    pub(super) lint: Vec<String>,
    pub(super) error: String,
    pub(super) notes: String,
    pub(super) objects: Vec<Value>,
}

impl Rendered {
    /// Renders a chart as the release `workstead` in the namespace `workstead`.
    #[track_caller]
    pub(super) fn of_chart(chart: &Path, values: &[&str]) -> Self {
        let script = "tests/deployment/helm_chart.py";
        let mut arguments = vec![Path::new(script), chart, Path::new("workstead"), Path::new("workstead")];
        arguments.extend(values.iter().map(Path::new));
        let (done, output, errors) = HELM.run(&arguments);
        assert!(done, "{errors}");
        serde_json::from_str(&output).unwrap()
    }

    /// Renders our chart, which must work and leave nothing for the linter to say.
    #[track_caller]
    pub(super) fn of(values: &[&str]) -> Self {
        let rendered = Self::of_chart(Path::new(CHART), values);
        assert_eq!((rendered.error.as_str(), &rendered.lint), ("", &vec![]), "{values:?}");
        rendered
    }

    pub(super) fn all(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|object| object["kind"] == kind).collect()
    }

    #[track_caller]
    pub(super) fn one(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "{kind}");
        all[0]
    }

    pub(super) fn server(&self) -> &Value {
        &self.one("StatefulSet")["spec"]["template"]
    }

    /// Returns the server's environment, a line for each variable.
    pub(super) fn environment(&self) -> String {
        let variables = self.server()["spec"]["containers"][0]["env"].as_array().unwrap();
        let line = |variable: &Value| {
            let name = variable["name"].as_str().unwrap();
            match &variable["valueFrom"]["secretKeyRef"] {
                Value::Null => format!("{name}={}", variable["value"].as_str().unwrap()),
                from => format!(
                    "{name} from {}/{}",
                    from["name"].as_str().unwrap(),
                    from["key"].as_str().unwrap()
                ),
            }
        };
        variables.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Values that turn on all that the chart has.
fn everything() -> String {
    json!({
        "commonLabels": { "team": "platform" },
        "imagePullSecrets": [{ "name": "pull" }],
        "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
        "settings": { "WORKSTEAD_ALLOW_MASS_PRUNE": true, "WORKSTEAD_UPLOAD_MAX_ENTRIES": 2_000_000, "WORKSTEAD_LOG": "info" },
        "secretSettings": { "WORKSTEAD_ADMIN_TOKEN": { "secret": "workstead", "key": "admin-token" } },
        "store": { "type": "gcs", "gcs": { "bucket": "uploads", "existingSecret": "key-file", "key": "account.json" } },
        "serviceAccount": { "annotations": { "a/b": "c" } },
        "persistence": { "storageClassName": "fast", "annotations": { "a/b": "c" } },
        "service": { "type": "NodePort", "nodePort": 30870, "annotations": { "a/b": "c" } },
        "ingress": { "enabled": true, "className": "nginx", "hosts": ["a.example", "b.example"],
            "annotations": { "a/b": "c" }, "tls": [{ "secretName": "tls", "hosts": ["a.example"] }] },
        "metrics": { "enabled": true, "port": 9999, "serviceMonitor": { "enabled": true, "labels": { "release": "p" } } },
        "networkPolicy": { "enabled": true, "from": [{ "podSelector": {} }], "metricsFrom": [{ "namespaceSelector": {} }] },
        "podDisruptionBudget": { "enabled": true },
        "podAnnotations": { "a/b": "c" },
        "podLabels": { "d": "e" },
        "nodeSelector": { "disk": "ssd" },
        "tolerations": [{ "key": "a", "operator": "Exists" }],
        "affinity": { "nodeAffinity": {} },
        "priorityClassName": "high",
        "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule" }],
        "extraEnv": [{ "name": "SSL_CERT_FILE", "value": "/ca/ca.crt" }],
        "extraVolumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
        "extraVolumeMounts": [{ "name": "ca", "mountPath": "/ca", "readOnly": true }],
    })
    .to_string()
}

#[test]
fn the_defaults_the_examples_and_everything_at_once_are_what_kubernetes_takes() {
    if !HELM.is_here() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (everything, without_claim) = (everything(), r#"{"persistence": {"enabled": false}}"#);
    let mut files: Vec<PathBuf> = Vec::new();
    for values in
        [&["{}"], &[EXAMPLES[0]], &[EXAMPLES[1]], &[EXAMPLES[2]], &[everything.as_str()], &[without_claim]]
    {
        let rendered = Rendered::of(values);
        for object in &rendered.objects {
            // Not an object of Kubernetes itself; its shape has a test below.
            if object["kind"] != "ServiceMonitor" {
                let file = directory.path().join(format!("{}.yaml", files.len()));
                fs_err::write(&file, object.to_string()).unwrap();
                files.push(file);
            }
            if let Some(pod) = pod(object) {
                is_hardened(pod);
            }
        }
        assert!(rendered.notes.starts_with("Workstead "), "{}", rendered.notes);
    }
    assert!(files.len() > 30, "{}", files.len());
    are_valid_objects(&files);
}

#[test]
fn an_unknown_field_of_an_object_is_refused() {
    if !HELM.is_here() {
        return;
    }
    let text = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}}"#;
    super::programs::KUBERNETES.refuses(&["--strict"], text);
}

#[test]
fn the_values_of_each_store_become_its_settings() {
    if !HELM.is_here() {
        return;
    }
    insta::assert_snapshot!(Rendered::of(&["{}"]).environment(), @r#"
    WORKSTEAD_DATA_DIR=/data
    WORKSTEAD_LISTEN=0.0.0.0:8700
    WORKSTEAD_PUBLIC_URL=http://workstead.workstead.svc:8700
    WORKSTEAD_SHUTDOWN_GRACE=30
    WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES=512MiB
    "#);
    insta::assert_snapshot!(Rendered::of(&[EXAMPLES[0]]).environment(), @r#"
    WORKSTEAD_DATA_DIR=/data
    WORKSTEAD_LISTEN=0.0.0.0:8700
    WORKSTEAD_PUBLIC_URL=http://workstead.test
    WORKSTEAD_SHUTDOWN_GRACE=30
    WORKSTEAD_TRUSTED_PROXIES=10.42.0.0/16
    WORKSTEAD_S3_ENDPOINT=http://minio.workstead.svc:9000
    WORKSTEAD_S3_PUBLIC_ENDPOINT=http://uploads.workstead.test
    WORKSTEAD_S3_BUCKET=workstead
    WORKSTEAD_S3_REGION=us-east-1
    AWS_ACCESS_KEY_ID from workstead-store/access-key-id
    AWS_SECRET_ACCESS_KEY from workstead-store/secret-access-key
    WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES=512MiB
    WORKSTEAD_UPLOAD_NOTIFY_SECRET from workstead-store/notify-secret
    "#);
    insta::assert_snapshot!(Rendered::of(&[EXAMPLES[1]]).environment(), @r#"
    WORKSTEAD_DATA_DIR=/data
    WORKSTEAD_LISTEN=0.0.0.0:8700
    WORKSTEAD_PUBLIC_URL=https://workstead.example.com
    WORKSTEAD_SHUTDOWN_GRACE=30
    WORKSTEAD_METRICS_LISTEN=0.0.0.0:9464
    WORKSTEAD_S3_BUCKET=acme-workstead-uploads
    WORKSTEAD_S3_REGION=eu-central-1
    WORKSTEAD_ADMIN_EMAIL=admin@example.com
    WORKSTEAD_CREATE=staff
    WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES=512MiB
    WORKSTEAD_ADMIN_TOKEN from workstead/admin-token
    "#);
    insta::assert_snapshot!(Rendered::of(&[EXAMPLES[2]]).environment(), @r#"
    WORKSTEAD_DATA_DIR=/data
    WORKSTEAD_LISTEN=0.0.0.0:8700
    WORKSTEAD_PUBLIC_URL=https://workstead.example.com
    WORKSTEAD_SHUTDOWN_GRACE=30
    WORKSTEAD_METRICS_LISTEN=0.0.0.0:9464
    WORKSTEAD_GCS_BUCKET=acme-workstead-uploads
    WORKSTEAD_ADMIN_EMAIL=admin@example.com
    WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES=512MiB
    WORKSTEAD_ADMIN_TOKEN from workstead/admin-token
    "#);
    let everything = Rendered::of(&[&everything()]);
    insta::assert_snapshot!(everything.environment(), @r#"
    WORKSTEAD_DATA_DIR=/data
    WORKSTEAD_LISTEN=0.0.0.0:8700
    WORKSTEAD_PUBLIC_URL=https://a.example
    WORKSTEAD_SHUTDOWN_GRACE=30
    WORKSTEAD_TRUSTED_PROXIES=10.0.0.0/8,fd00::/8
    WORKSTEAD_METRICS_LISTEN=0.0.0.0:9999
    WORKSTEAD_GCS_BUCKET=uploads
    GOOGLE_APPLICATION_CREDENTIALS=/var/run/secrets/workstead/gcs/key.json
    WORKSTEAD_ALLOW_MASS_PRUNE=true
    WORKSTEAD_LOG=info
    WORKSTEAD_UPLOAD_MAX_ENTRIES=2000000
    WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES=512MiB
    WORKSTEAD_ADMIN_TOKEN from workstead/admin-token
    SSL_CERT_FILE=/ca/ca.crt
    "#);
    let mounts = everything.server()["spec"]["containers"][0]["volumeMounts"].to_string();
    assert!(mounts.contains("/var/run/secrets/workstead/gcs"), "{mounts}");
}

#[test]
fn every_variable_that_the_chart_sets_is_a_setting() {
    if !HELM.is_here() {
        return;
    }
    for example in EXAMPLES {
        let rendered = Rendered::of(&[example]);
        for line in rendered.environment().lines() {
            let name = line.split(['=', ' ']).next().unwrap();
            assert!(is_variable(name), "{example}: {name} is no setting");
        }
    }
}

/// Says whether labels have all that a selector asks for.
fn matches(selector: &Value, labels: &Value) -> bool {
    selector.as_object().unwrap().iter().all(|(name, value)| labels[name] == *value)
}

#[test]
fn selectors_find_the_server_and_nothing_else() {
    if !HELM.is_here() {
        return;
    }
    let rendered = Rendered::of(&[&everything()]);
    let server = &rendered.server()["metadata"]["labels"];
    let test = &rendered.one("Pod")["metadata"]["labels"];
    let set = &rendered.one("StatefulSet")["spec"]["selector"]["matchLabels"];
    let budget = &rendered.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"];
    let policy = &rendered.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"];
    let services = rendered.all("Service");
    let all =
        [set, budget, policy].into_iter().chain(services.iter().map(|service| &service["spec"]["selector"]));
    for selector in all {
        assert!(matches(selector, server), "{selector} does not find {server}");
        assert!(!matches(selector, test), "{selector} finds the test, {test}");
        // What changes with a version can't be updated in a selector.
        assert!(
            !selector.to_string().contains("version") && !selector.to_string().contains("chart"),
            "{selector}"
        );
    }
    // The test may pass the network policy.
    let from =
        rendered.one("NetworkPolicy")["spec"]["ingress"][0]["from"].as_array().unwrap().last().unwrap();
    assert!(matches(&from["podSelector"]["matchLabels"], test), "{from}");
    // Every port that a service names is one of the container's.
    let ports = rendered.server()["spec"]["containers"][0]["ports"].as_array().unwrap();
    for service in services {
        let target = &service["spec"]["ports"][0]["targetPort"];
        assert!(ports.iter().any(|port| port["name"] == *target), "{target}");
    }
}

#[test]
fn the_service_monitor_scrapes_the_metrics_and_nothing_publishes_them() {
    if !HELM.is_here() {
        return;
    }
    let rendered = Rendered::of(&[&everything()]);
    let monitor = rendered.one("ServiceMonitor");
    assert_eq!(monitor["apiVersion"], "monitoring.coreos.com/v1");
    let services = rendered.all("Service");
    let selector = &monitor["spec"]["selector"]["matchLabels"];
    let found: Vec<_> = services.iter().filter(|one| matches(selector, &one["metadata"]["labels"])).collect();
    assert_eq!(found.len(), 1, "{selector}");
    assert_eq!(found[0]["spec"]["type"], "ClusterIP");
    assert_eq!(found[0]["spec"]["ports"][0]["port"], 9999);
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["port"], found[0]["spec"]["ports"][0]["name"]);
    assert_eq!(endpoint["path"], "/metrics");
    let names = ["port", "path", "interval", "scrapeTimeout"];
    assert_eq!(super::keys(endpoint), names, "fields of the operator's Endpoint");
    assert_eq!(super::keys(&monitor["spec"]), ["selector", "namespaceSelector", "endpoints"]);
    let ingress = rendered.one("Ingress").to_string();
    assert!(!ingress.contains("metrics"), "{ingress}");
}

#[test]
fn there_is_never_a_second_server() {
    if !HELM.is_here() {
        return;
    }
    let rendered = Rendered::of(&["{}"]);
    let set = rendered.one("StatefulSet");
    assert_eq!(set["spec"]["replicas"], 1);
    assert_eq!(Rendered::of(&[r#"{"replicaCount": 0}"#]).one("StatefulSet")["spec"]["replicas"], 0);
    let claim = rendered.one("PersistentVolumeClaim");
    let volumes = &set["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);
    assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let own = Rendered::of(&[r#"{"persistence": {"existingClaim": "mine"}}"#]);
    assert!(own.all("PersistentVolumeClaim").is_empty());
    assert_eq!(own.server()["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], "mine");
}

#[test]
fn the_server_is_asked_by_routes_that_it_has_and_is_given_time_to_stop() {
    if !HELM.is_here() {
        return;
    }
    let rendered = Rendered::of(&[r#"{"shutdownGraceSeconds": 50}"#]);
    let container = &rendered.server()["spec"]["containers"][0];
    let described = workstead_api::reference::markdown();
    for (probe, path) in
        [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert!(described.contains(path), "the API has no {path}");
    }
    assert_eq!(rendered.server()["spec"]["terminationGracePeriodSeconds"], 65);
    assert!(rendered.environment().contains("WORKSTEAD_SHUTDOWN_GRACE=50\n"));
    assert_eq!(texts(&container["args"]), ["serve"]);
}

#[test]
fn long_names_of_releases_stay_names() {
    if !HELM.is_here() {
        return;
    }
    let script = Path::new("tests/deployment/helm_chart.py");
    let release = "a-release-with-a-name-as-long-as-helm-lets-one-be-53ch";
    let arguments =
        [script, Path::new(CHART), Path::new(&release[..53]), Path::new("here"), Path::new(EXAMPLES[1])];
    let (done, output, errors) = HELM.run(&arguments);
    assert!(done, "{errors}");
    let rendered: Rendered = serde_json::from_str(&output).unwrap();
    assert_eq!(rendered.error, "");
    let mut names: Vec<String> = Vec::new();
    for object in &rendered.objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.len() <= 63, "{name}");
        names.push(format!("{}/{name}", object["kind"]));
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

#[test]
fn the_version_of_the_chart_s_server_is_ours() {
    let chart = super::read_yaml(&format!("{CHART}/Chart.yaml"));
    assert_eq!(chart["appVersion"].as_str().unwrap(), env!("CARGO_PKG_VERSION"));
    assert!(repository_root().join(CHART).join("templates/NOTES.txt").is_file());
}
