//! Files of the real builder, where they are at hand: what they say is written back without a change.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::*;
use crate::check::corpus::unpack;
use crate::model::FileKind;
use crate::name::{SlxName, WorkspaceName};
use crate::tree::FileTree;
use crate::yaml::{Node, parse};

/// Makes the payload that says what a file says, with another alias or location if there is one.
fn payload(file: SlxFile, spec: &Json, change: Option<&str>) -> Map<String, Json> {
    let bundle = |key: &str| spec["codeBundle"][key].clone();
    let place = |value: &Json| change.map_or_else(|| value.clone(), |change| json!(change));
    let json = match file {
        SlxFile::Slx => json!({
            "name": "x", "alias": place(&spec["alias"]), "statement": spec["statement"], "owners": spec["owners"],
            "tags": spec["tags"], "image_url": spec["imageURL"], "additional_context": spec["additionalContext"],
        }),
        SlxFile::Runbook => json!({
            "slx_id": 1, "runner_uuid": place(&spec["location"]), "code_bundle_repo_url": bundle("repoUrl"),
            "code_bundle_ref": bundle("ref"), "code_bundle_path": bundle("pathToRobot"),
            "config_provided": spec["configProvided"], "secrets_provided": spec["secretsProvided"],
        }),
        SlxFile::Sli => json!({
            "slx_id": 1, "runner_uuid": place(&spec["locations"][0]), "code_bundle_repo_url": bundle("repoUrl"),
            "code_bundle_ref": bundle("ref"), "code_bundle_path": bundle("pathToRobot"),
            "config_provided": spec["configProvided"], "secrets_provided": spec["secretsProvided"],
            "display_units_long": spec["displayUnitsLong"], "display_units_short": spec["displayUnitsShort"],
            "interval_seconds": spec["intervalSeconds"], "interval_strategy": spec["intervalStrategy"],
            "alert_config": spec["alertConfig"], "description": spec["description"],
        }),
        SlxFile::Slo => json!({
            "slx_id": 1, "code_bundle_repo_url": bundle("repoUrl"), "code_bundle_ref": bundle("ref"),
            "code_bundle_path": bundle("pathToYaml"), "slo_spec_type": spec["sloSpecType"],
            "objective": spec["objective"], "threshold": spec["threshold"], "operand": place(&spec["operand"]),
        }),
    };
    json.as_object().cloned().unwrap()
}

fn write<P: SyncPayload>(target: SlxTarget<'_>, payload: &Map<String, Json>, text: &str) -> String {
    P::parse(payload).unwrap().apply(target, Some(text)).unwrap()
}

/// Returns how many lines of the one are not in the other.
fn lost_lines(one: &str, other: &str) -> usize {
    let kept: std::collections::HashSet<_> = other.lines().collect();
    one.lines().filter(|line| !kept.contains(line)).count()
}

#[test]
fn what_real_files_say_is_written_back_without_a_change() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !root.is_dir() {
        eprintln!("NOT TESTED: no real bundles in {}", root.display());
        return;
    }
    let workspace = WorkspaceName::parse("my-workspace").unwrap();
    let mut files = 0;
    for bundle in ["small", "medium-v1", "small-extras"] {
        let tree = unpack(&root.join(bundle).join("bundle.tar.gz"));
        for (path, id) in tree.files().iter().filter(|(path, _)| FileKind::of(path).is_of_slx()) {
            let slx = SlxName::parse(path.components().nth(1).unwrap()).unwrap();
            let target = SlxTarget { workspace: &workspace, slx: &slx };
            let text = String::from_utf8(tree.read(*id).unwrap().to_vec()).unwrap();
            let spec = parse(&text).unwrap().get("spec").map(Node::to_json).unwrap();
            let file = SlxFile::parse(path.file_name()).unwrap();
            let write = match file {
                SlxFile::Slx => write::<SlxPayload>,
                SlxFile::Runbook => write::<RunbookPayload>,
                SlxFile::Sli => write::<SliPayload>,
                SlxFile::Slo => write::<SloPayload>,
            };
            assert_eq!(write(target, &payload(file, &spec, None), &text), text, "{path}");
            let changed = write(target, &payload(file, &spec, Some("elsewhere")), &text);
            assert!((1..=2).contains(&lost_lines(&text, &changed)), "{path}:\n{changed}");
            assert_eq!(lost_lines(&changed, &text), 1, "{path}:\n{changed}");
            files += 1;
        }
    }
    assert!(files > 500, "{files}");
}
