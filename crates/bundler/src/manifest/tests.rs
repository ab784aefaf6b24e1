use std::collections::BTreeSet;

use proptest::prelude::*;
use workstead_core::check::check_tree;
use workstead_core::model::{FactsCache, FileKind};
use workstead_core::path::RepoPath;
use workstead_core::problem::Problems;
use workstead_core::tree::{FileTree, MemoryTree};

use super::*;

fn values() -> ManifestValues {
    ManifestValues {
        workspace: WorkspaceName::parse("my-workspace").unwrap(),
        owner: "owner@example.com".to_owned(),
        slx: SlxName::parse("my-slx").unwrap(),
        name: None,
        location_id: "loc-0001".to_owned(),
        location_name: "location-01".to_owned(),
        papi_url: "https://workstead.example.com/".to_owned(),
    }
}

/// All templates, each where it belongs.
fn repository(values: &ManifestValues) -> MemoryTree {
    let files = ManifestType::ALL.map(|kind| {
        let path = RepoPath::parse(&kind.file_path(values)).unwrap();
        (path, default_manifest(kind, values).into())
    });
    files.into_iter().collect()
}

fn problems(values: &ManifestValues) -> Problems {
    check_tree(&values.workspace, &repository(values), None, &FactsCache::new()).unwrap()
}

fn json(kind: ManifestType, values: &ManifestValues) -> Value {
    default_manifest_json(kind, values).unwrap_or_else(|errors| {
        panic!("{kind} is no YAML: {errors:?}\n{}", default_manifest(kind, values));
    })
}

#[test]
fn templates_with_comments_read_like_this() {
    for kind in ManifestType::ALL {
        insta::assert_snapshot!(format!("{kind}.yaml"), default_manifest(kind, &values()));
    }
}

#[test]
fn templates_as_json_read_like_this() {
    for kind in ManifestType::ALL {
        insta::assert_json_snapshot!(format!("{kind}.json"), json(kind, &values()));
    }
}

#[test]
fn every_template_passes_our_own_check_where_it_belongs() {
    let tree = repository(&values());
    assert_eq!(tree.files().len(), 10);
    assert_eq!(problems(&values()), Problems::default());
    let unchecked = tree.files().keys().filter(|path| FileKind::of(path) == FileKind::Other);
    let unchecked: Vec<_> = unchecked.map(RepoPath::as_str).collect();
    assert_eq!(unchecked, ["helm/values.yaml"], "the checks know the place of all others");
}

#[test]
fn the_checks_would_find_another_workspaces_template() {
    let other = WorkspaceName::parse("other").unwrap();
    let found = check_tree(&other, &repository(&values()), None, &FactsCache::new()).unwrap();
    let refused: BTreeSet<_> = found.iter().map(|problem| &problem.path).collect();
    assert_eq!(refused.len(), 9, "all but the chart's values name their workspace: {refused:?}");
}

#[test]
fn every_template_begins_with_what_it_is_and_fills_every_placeholder() {
    for kind in ManifestType::ALL {
        let text = default_manifest(kind, &values());
        assert!(text.starts_with("# "), "{kind} begins with a comment that explains it");
        assert!(!text.contains("{{"), "{kind} has an unknown placeholder");
        assert!(text.contains("my-workspace"), "{kind} does not name the workspace");
    }
}

#[test]
fn every_file_of_ours_tells_editors_its_schema_first() {
    for kind in ManifestType::ALL {
        let text = default_manifest(kind, &values());
        let first = text.lines().next().unwrap();
        let expected = format!(
            "# yaml-language-server: $schema=https://workstead.example.com/schemas/{}.json",
            kind.as_str()
        );
        assert_eq!(first == expected, kind != ManifestType::HelmValues, "{kind}: {first}");
        let without = default_manifest(kind, &ManifestValues { papi_url: String::new(), ..values() });
        assert!(!without.contains("yaml-language-server"), "{without}");
    }
}

#[test]
fn workflows_and_personas_are_named_as_their_files() {
    let odd = SlxName::parse("Night \"watch\" #1").unwrap();
    let named = ManifestValues { name: Some(odd), ..values() };
    assert_eq!(problems(&named), Problems::default());
    assert_eq!(ManifestType::Workflow.file_path(&named), "workflows/Night \"watch\" #1.yaml");
    let persona = json(ManifestType::Persona, &named);
    assert_eq!(persona["metadata"]["name"], "my-workspace--Night \"watch\" #1");
    assert_eq!(persona["spec"]["fullName"], "Night \"watch\" #1");
}

#[test]
fn the_same_values_make_the_same_text() {
    for kind in ManifestType::ALL {
        assert_eq!(default_manifest(kind, &values()), default_manifest(kind, &values()));
    }
}

#[test]
fn only_the_builders_own_configuration_has_room_for_a_token() {
    for kind in ManifestType::ALL {
        let token = json(kind, &values()).get("token").cloned();
        assert_eq!(token, (kind == ManifestType::UploadInfo).then(|| Value::from("")), "{kind}");
    }
}

#[test]
fn types_are_found_by_name() {
    for kind in ManifestType::ALL {
        assert_eq!(ManifestType::parse(kind.as_str()), Some(kind));
    }
    for unknown in ["nonsense", "", "SLX", "helmvalues", "slx.yaml"] {
        assert_eq!(ManifestType::parse(unknown), None, "{unknown}");
    }
}

#[test]
fn the_slx_has_the_same_name_in_every_template() {
    let odd = ManifestValues { slx: SlxName::parse("Dev \"x\" {{owner}} #1").unwrap(), ..values() };
    assert_eq!(problems(&odd), Problems::default());
    let qualified = "my-workspace--Dev \"x\" {{owner}} #1";
    for kind in [
        ManifestType::Slx,
        ManifestType::Sli,
        ManifestType::Slo,
        ManifestType::Runbook,
        ManifestType::Workflow,
    ] {
        assert_eq!(json(kind, &odd)["metadata"]["labels"]["slx"], qualified, "{kind}");
    }
    assert_eq!(json(ManifestType::Workspace, &odd)["spec"]["slxGroups"][0]["slxs"][0], odd.slx.as_str());
    let persona = &json(ManifestType::Persona, &odd)["spec"]["description"];
    assert!(persona.as_str().unwrap().contains(odd.slx.as_str()), "{persona}");
}

/// Puts other texts in the place of the usual values.
fn replace(value: &mut Value, other: &ManifestValues) {
    let usual = values();
    match value {
        Value::String(text) if *text == usual.owner => text.clone_from(&other.owner),
        Value::String(text) if *text == usual.location_id => text.clone_from(&other.location_id),
        Value::String(text) if *text == usual.location_name => text.clone_from(&other.location_name),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, other)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, other)),
        _ => {}
    }
}

/// Owners and locations arrive in the values that they were, whatever they are, and nothing else changes.
fn assert_safe(text: &str) {
    let other = ManifestValues {
        owner: text.to_owned(),
        location_id: text.to_owned(),
        location_name: format!("{text}{text}"),
        papi_url: format!("https://ws.example{text}"),
        ..values()
    };
    for kind in ManifestType::ALL {
        let mut expected = json(kind, &values());
        replace(&mut expected, &other);
        if kind == ManifestType::UploadInfo {
            expected["papiURL"] = other.papi_url.trim_end_matches('/').into();
        }
        assert_eq!(json(kind, &other), expected, "{kind} with {text:?}");
    }
    assert_eq!(problems(&other), Problems::default(), "{text:?}");
}

#[test]
fn values_that_look_like_yaml_stay_texts() {
    for text in [
        "{{slx}}\n- x: y",
        "it's \"quoted\"",
        "a: b # c",
        "- x",
        "*alias",
        "&anchor",
        "!tag",
        "%directive",
        "---",
        "...",
        "true",
        "null",
        "~",
        "017",
        "1e3",
        "12:30",
        "2020-01-01",
        "=",
        "<<",
        "|",
        ">",
        "[a, b]",
        "{a: b}",
        "@x",
        "`x`",
        " blank ",
        "\u{feff}x",
        "\u{85}",
        "\u{2028}",
        "a\r\nb",
        "\t",
        "\u{7f}\u{1b}[31m",
        "ü😀",
        "$(id)",
        "{{",
        "}}",
    ] {
        assert_safe(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_stays_a_text(text in any::<String>().prop_filter("the owner has an address", |text| !text.is_empty())) {
        assert_safe(&text);
    }
}
