//! `docker-compose.yml`: what Compose takes, what the server needs, and no secret that everybody knows.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use super::hardened::has_room_for_the_largest_bundle;
use super::programs::JSON_SCHEMA;
use super::{is_variable, keys, read, read_yaml, texts};
use crate::support::repository_root;

const FILE: &str = "docker-compose.yml";

fn services() -> Vec<(String, Value)> {
    read_yaml(FILE)["services"].as_object().unwrap().clone().into_iter().collect()
}

fn service(name: &str) -> Value {
    read_yaml(FILE)["services"][name].clone()
}

/// Returns the names in `${NAME:?...}`, each once, sorted.
fn required_variables(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        text.split("${").skip(1).filter_map(|rest| Some(rest.split_once(":?")?.0)).collect();
    names.retain(|name| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
    });
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn compose_takes_the_file() {
    if !JSON_SCHEMA.is_here() {
        return;
    }
    let against = ["--builtin-schema", "vendor.compose-spec"];
    JSON_SCHEMA.passes(&[&against[..], &[FILE]].concat());
    JSON_SCHEMA.refuses(&against, &read(FILE).replace("cap_drop:", "cap_dorp:"));
}

#[test]
fn every_service_has_no_more_rights_and_resources_than_it_needs() {
    for (name, service) in services() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        for right in ["cap_add", "privileged", "pid", "ipc", "network_mode", "devices"] {
            assert!(service.get(right).is_none(), "{name} has {right}");
        }
        let user = service["user"].as_str().unwrap();
        let (uid, gid) = user.split_once(':').unwrap();
        assert!(uid.parse::<u32>().unwrap() > 0 && gid.parse::<u32>().unwrap() > 0, "{name} runs as {user}");
        let limits = &service["deploy"]["resources"]["limits"];
        assert_eq!(keys(limits), ["cpus", "memory", "pids"], "{name}");
        let image = service["image"].as_str().unwrap();
        let tag = image.rsplit_once(':').unwrap().1;
        assert!(tag != "latest" && tag.contains(|c: char| c.is_ascii_digit()), "{name} runs {image}");
        let check = &service["healthcheck"];
        // What ends by itself is waited for, not asked.
        assert_eq!(check.get("disable").is_some(), service["restart"] == "no", "{name}");
        assert_eq!(check.get("test").is_some(), service["restart"] != "no", "{name}");
        for port in service.get("ports").map(texts).unwrap_or_default() {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn volumes_and_networks_are_declared_and_used() {
    let root = read_yaml(FILE);
    for (kind, of_service) in [("volumes", "volumes"), ("networks", "networks")] {
        let mut used: Vec<String> = Vec::new();
        for (_, service) in services() {
            let names = service.get(of_service).map(texts).unwrap_or_default();
            used.extend(names.iter().map(|name| name.split(':').next().unwrap().to_owned()));
        }
        used.sort_unstable();
        used.dedup();
        let mut declared = keys(&root[kind]);
        declared.sort_unstable();
        assert_eq!(used, declared, "{kind}");
    }
}

#[test]
fn secrets_have_no_default_and_root_is_for_the_store_only() {
    let secret = |name: &str| {
        ["SECRET", "PASSWORD", "TOKEN", "ACCESS_KEY", "ROOT_USER"].iter().any(|part| name.contains(part))
    };
    let mut count = 0;
    for (service, body) in services() {
        for (name, value) in body["environment"].as_object().unwrap() {
            if secret(name) {
                count += 1;
                let value = value.as_str().unwrap();
                assert!(value.starts_with("${") && value.contains(":?"), "{name} of {service} is {value}");
            }
        }
    }
    assert!(count >= 10, "only {count} secrets were seen");
    let server = service("workstead").to_string();
    assert!(!server.contains("ROOT"), "{server}");
}

#[test]
fn the_script_makes_every_secret_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("env");
    let run = || {
        let done = Command::new(repository_root().join("scripts/compose-env")).arg(&file).status().unwrap();
        assert!(done.success());
        fs_err::read_to_string(&file).unwrap()
    };
    // A last line without its end, as an editor may leave it.
    fs_err::write(&file, "MINIO_ROOT_USER=mine").unwrap();
    let first = run();
    assert_eq!(run(), first, "a second run changes nothing");
    assert_eq!(fs_err::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut written: Vec<(&str, &str)> = first.lines().map(|line| line.split_once('=').unwrap()).collect();
    assert_eq!(written[0], ("MINIO_ROOT_USER", "mine"));
    written.sort_unstable();
    let names: Vec<&str> = written.iter().map(|(name, _)| *name).collect();
    let text = read(FILE);
    assert_eq!(names, required_variables(&text));
    let mut random: Vec<&str> =
        written.iter().map(|(_, value)| *value).filter(|value| value.len() == 40).collect();
    random.sort_unstable();
    random.dedup();
    assert_eq!(random.len(), 4, "passwords and secrets are different and random: {written:?}");
}

#[test]
fn the_server_gets_settings_that_exist_and_the_image_listens_where_it_is_asked() {
    let server = service("workstead");
    for name in keys(&server["environment"]) {
        assert!(is_variable(name), "{name} is no setting");
    }
    let listen = super::images::environment("Dockerfile", "WORKSTEAD_LISTEN");
    let port = listen.rsplit(':').next().unwrap();
    assert_eq!(texts(&server["ports"]), [format!("127.0.0.1:{port}:{port}")]);
    let asked = texts(&server["healthcheck"]["test"]);
    assert_eq!(*asked.last().unwrap(), format!("http://127.0.0.1:{port}/readyz"));
    assert_eq!(texts(&server["volumes"]), ["workstead-data:/data"]);
    let unpacked = server["environment"]["WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES"].as_str().unwrap();
    let memory = server["deploy"]["resources"]["limits"]["memory"].as_str().unwrap();
    has_room_for_the_largest_bundle(memory, unpacked);
}

#[test]
fn minio_tells_the_server_of_uploads_by_the_secret_that_both_know() {
    let minio = &service("minio")["environment"];
    let server = &service("workstead")["environment"];
    let endpoint = minio["MINIO_NOTIFY_WEBHOOK_ENDPOINT_WORKSTEAD"].as_str().unwrap();
    assert_eq!(endpoint, "http://workstead:8700/api/v3/uploads/notifications");
    assert_eq!(minio["MINIO_NOTIFY_WEBHOOK_ENABLE_WORKSTEAD"], "on");
    assert_eq!(minio["MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_WORKSTEAD"], server["WORKSTEAD_UPLOAD_NOTIFY_SECRET"]);
    // What could not be sent is kept on a volume.
    let kept = minio["MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_WORKSTEAD"].as_str().unwrap();
    assert!(texts(&service("minio")["volumes"]).iter().any(|volume| volume.ends_with(&format!(":{kept}"))));
}

#[test]
fn the_setup_makes_what_the_server_is_told() {
    let (setup, server) = (service("minio-setup"), service("workstead"));
    assert_eq!(setup["environment"]["BUCKET"], server["environment"]["WORKSTEAD_S3_BUCKET"]);
    assert_eq!(setup["environment"]["MINIO_ENDPOINT"], server["environment"]["WORKSTEAD_S3_ENDPOINT"]);
    assert_eq!(setup["environment"]["STORE_ACCESS_KEY_ID"], server["environment"]["AWS_ACCESS_KEY_ID"]);
    assert_eq!(
        setup["environment"]["STORE_SECRET_ACCESS_KEY"],
        server["environment"]["AWS_SECRET_ACCESS_KEY"]
    );
    assert_eq!(setup["image"], service("minio")["image"]);
    assert_eq!(server["depends_on"]["minio-setup"]["condition"], "service_completed_successfully");
    assert_eq!(setup["depends_on"]["minio"]["condition"], "service_healthy");
    let script = read("deploy/minio/minio-setup.sh");
    for name in keys(&setup["environment"]) {
        assert!(script.contains(&format!("${{{name}:?")), "the script does not ask for {name}");
    }
}

#[test]
fn postgresql_comes_with_its_profile_only_and_nothing_pretends_to_use_it() {
    for (name, body) in services() {
        let is_database = name == "postgres";
        assert_eq!(body.get("profiles").is_some(), is_database, "{name}");
        assert_eq!(texts(&body["networks"]).contains(&"database"), is_database, "{name}");
        assert!(body.get("depends_on").is_none_or(|on| on.get("postgres").is_none()), "{name}");
    }
    assert_eq!(read_yaml(FILE)["networks"]["database"]["internal"], true);
}
