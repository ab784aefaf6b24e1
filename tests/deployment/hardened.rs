//! What every pod that we describe must be: no root, no rights, nothing to write to but volumes, bounded.

use serde_json::Value;

use super::texts;

/// Returns the template of a pod that an object is or holds.
pub(super) fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Pod" => Some(object),
        "StatefulSet" | "Deployment" | "Job" => Some(&object["spec"]["template"]),
        _ => None,
    }
}

/// Checks a pod.
#[track_caller]
pub(super) fn is_hardened(pod: &Value) {
    let spec = &pod["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false, "{pod}");
    assert_eq!(spec["enableServiceLinks"], false, "{pod}");
    let of_pod = &spec["securityContext"];
    assert_eq!(of_pod["runAsNonRoot"], true, "{pod}");
    assert_eq!(of_pod["runAsUser"], 65532, "{pod}");
    assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault", "{pod}");
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(spec.get(name).is_none(), "{pod}");
    }
    for container in spec["containers"].as_array().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
        assert_eq!(texts(&context["capabilities"]["drop"]), ["ALL"], "{container}");
        assert!(context["capabilities"].get("add").is_none(), "{container}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
        assert!(container["resources"]["requests"]["cpu"].is_string(), "{container}");
        let image = container["image"].as_str().unwrap();
        assert!(!image.ends_with(":latest") && image.contains(':'), "{image}");
        for variable in container.get("env").and_then(Value::as_array).into_iter().flatten() {
            let name = variable["name"].as_str().unwrap();
            let is_secret = ["SECRET", "PASSWORD", "TOKEN", "ACCESS_KEY", "ROOT_USER"]
                .iter()
                .any(|part| name.contains(part));
            assert!(!is_secret || variable["valueFrom"]["secretKeyRef"]["key"].is_string(), "{variable}");
        }
    }
}

/// Says whether a memory limit has room for the largest bundle, as docs/PERFORMANCE.md promises it.
#[track_caller]
pub(super) fn has_room_for_the_largest_bundle(limit: &str, unpacked: &str) {
    let gibibytes: u64 = limit.trim_end_matches(['G', 'i']).parse().unwrap();
    let mebibytes: u64 = unpacked.strip_suffix("MiB").unwrap().parse().unwrap();
    assert!(gibibytes * 1024 > 128 + 6 * mebibytes, "{limit} is too little for bundles of {unpacked}");
}
