//! `docker-compose.yml` against what Compose takes and what the server needs.

use workstead_core::yaml::{Node, parse};

use crate::support::repository_root;

/// The keys of a service that we use; all are of the Compose specification.
const SERVICE_KEYS: [&str; 13] = [
    "build",
    "cap_drop",
    "environment",
    "healthcheck",
    "image",
    "init",
    "ports",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "tmpfs",
    "volumes",
];

fn compose() -> Node {
    let text = fs_err::read_to_string(repository_root().join("docker-compose.yml")).unwrap();
    parse(&text).unwrap()
}

fn keys(node: &Node) -> Vec<&str> {
    let mut keys: Vec<&str> = node.entries().iter().map(|entry| entry.key.text.as_str()).collect();
    keys.sort_unstable();
    keys
}

fn texts(node: &Node) -> Vec<&str> {
    node.items().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn compose_has_one_service_with_its_data_on_a_named_volume() {
    let root = compose();
    assert_eq!(keys(&root), ["services", "volumes"]);
    let service = root.at(&["services", "workstead"]).unwrap();
    assert_eq!(keys(service), SERVICE_KEYS);
    let volumes = keys(root.get("volumes").unwrap());
    assert_eq!(volumes, ["workstead-data"]);
    assert_eq!(texts(service.get("volumes").unwrap()), ["workstead-data:/data"]);
}

#[test]
fn compose_publishes_on_this_machine_only_and_asks_whether_it_is_ready() {
    let root = compose();
    let service = root.at(&["services", "workstead"]).unwrap();
    for port in texts(service.get("ports").unwrap()) {
        assert!(port.starts_with("127.0.0.1:"), "{port}");
    }
    let check = texts(service.at(&["healthcheck", "test"]).unwrap());
    assert_eq!(check.first(), Some(&"CMD"));
    assert!(check.last().unwrap().ends_with("/readyz"), "{check:?}");
}

#[test]
fn compose_and_the_image_set_only_settings_that_exist_and_agree_on_the_port() {
    let known: Vec<&str> = workstead_api::settings::SETTINGS.iter().map(|setting| setting.name).collect();
    let root = compose();
    let environment = root.at(&["services", "workstead", "environment"]).unwrap();
    let image = fs_err::read_to_string(repository_root().join("Dockerfile")).unwrap();
    let set_by_image = image.lines().filter_map(|line| line.strip_prefix("ENV "));
    let set_by_image: Vec<(&str, &str)> =
        set_by_image.flat_map(str::split_whitespace).map(|pair| pair.split_once('=').unwrap()).collect();
    for name in keys(environment).into_iter().chain(set_by_image.iter().map(|(name, _)| *name)) {
        assert!(known.contains(&name), "{name} is no setting");
    }
    let listen = set_by_image.iter().find(|(name, _)| *name == "WORKSTEAD_LISTEN").unwrap().1;
    let port = listen.rsplit(':').next().unwrap();
    let published = texts(root.at(&["services", "workstead", "ports"]).unwrap());
    assert!(published.iter().all(|entry| entry.ends_with(&format!(":{port}"))), "{published:?}");
}
