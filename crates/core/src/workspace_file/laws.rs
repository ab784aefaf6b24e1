use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::json;

use super::tests::{SOURCE, hunk};
use super::*;
use crate::name::WorkspaceName;
use crate::yaml::edit::tests::any_text;

fn any_pairs() -> impl Strategy<Value = IndexMap<String, String>> {
    prop::collection::vec((any_name(), any_text()), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-e]", 1 => any_text()]
}

fn any_names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any_name(), 0..5)
}

fn any_config() -> impl Strategy<Value = WorkspaceConfig> {
    let group = (any_names(), any_names()).prop_map(|(slxs, depends_on)| SlxGroup { slxs, depends_on });
    let relationship = (any_name(), any_name(), any_name())
        .prop_map(|(subject, verb, object)| Relationship { subject, verb, object });
    let subject = prop_oneof![any_name().prop_map(Subject::User), any_name().prop_map(Subject::Group)];
    let permission = (subject, any_name()).prop_map(|(subject, role)| Permission { subject, role });
    (
        prop::option::of(any_text()),
        any_names(),
        any_pairs(),
        any_pairs(),
        prop::collection::vec((any_name(), group), 0..5),
        prop::collection::vec(relationship, 0..4),
        prop::collection::vec(permission, 0..4),
    )
        .prop_map(|(display_name, locations, config, secrets, groups, relationships, permissions)| {
            WorkspaceConfig {
                display_name,
                enabled_locations: locations,
                config_provided: config,
                secrets_provided: secrets,
                slx_groups: groups.into_iter().collect(),
                slx_relationships: relationships,
                permissions,
            }
        })
}

/// Brings what has no order into one order.
fn sorted(mut config: WorkspaceConfig) -> WorkspaceConfig {
    for group in config.slx_groups.values_mut() {
        group.slxs.sort();
        group.slxs.dedup();
    }
    config.permissions.sort();
    config.permissions.dedup();
    config
}

proptest! {
    #[test]
    fn what_was_written_is_read(one in any_config(), other in any_config()) {
        let name = WorkspaceName::parse("my-workspace").unwrap();
        let first = new_workspace(&name, &one);
        prop_assert_eq!(&WorkspaceFile::read(&first).unwrap().config, &one);
        for source in [SOURCE, &first] {
            let text = edit_workspace(source, &other).map_err(|e| TestCaseError::fail(format!("{e} {source}")))?;
            let read = WorkspaceFile::read(&text).unwrap().config;
            prop_assert_eq!(sorted(read), sorted(other.clone()), "{}", text);
            if source == SOURCE {
                prop_assert!(text.starts_with("# Our workspace.\n") && text.ends_with("# The end.\n"));
                prop_assert!(text.contains("  configProvided:") && text.contains("  uploads:\n    allowMassPrune: true"));
            }
        }
    }

    #[test]
    fn what_get_returned_changes_nothing(config in any_config()) {
        let object = serde_json::Value::Object(config.to_json());
        prop_assert_eq!(&config.replaced(&object).unwrap(), &config);
        prop_assert_eq!(&config.merge_patched(&object).unwrap(), &config);
        prop_assert_eq!(&config.merge_patched(&json!({})).unwrap(), &config);
        let name = WorkspaceName::parse("my-workspace").unwrap();
        let text = new_workspace(&name, &config);
        prop_assert_eq!(edit_workspace(&text, &config).unwrap(), text);
    }

    #[test]
    fn one_field_is_one_hunk(config in any_config(), field in 0_usize..3) {
        let mut target = super::tests::config();
        let lines = match field {
            0 => {
                target.display_name = config.display_name;
                1
            }
            1 => {
                target.enabled_locations = config.enabled_locations;
                1
            }
            _ => {
                target.secrets_provided = config.secrets_provided;
                0
            }
        };
        let text = edit_workspace(SOURCE, &target).unwrap();
        let removed = hunk(SOURCE, &text).lines().filter(|line| line.starts_with('-')).count();
        prop_assert!(removed <= lines, "{}", text);
    }
}
