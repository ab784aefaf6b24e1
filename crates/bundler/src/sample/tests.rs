use workstead_core::check::check_tree;
use workstead_core::model::FactsCache;
use workstead_core::problem::Problems;
use workstead_core::tree::MemoryTree;
use workstead_core::yaml;

use super::*;

fn options(slxs: usize) -> SampleOptions {
    SampleOptions {
        workspace: WorkspaceName::parse("bench").unwrap(),
        owner: "owner@example.com".to_owned(),
        slxs,
        location: "location-01".to_owned(),
        seed: 7,
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(sample_workspace(options(50)), sample_workspace(options(50)));
    assert_ne!(sample_workspace(options(50)), sample_workspace(SampleOptions { seed: 8, ..options(50) }));
}

#[test]
fn it_has_three_files_per_slx_and_the_reference_size() {
    let files = sample_workspace(options(2000));
    assert_eq!(files.len(), 6001);
    let bytes: usize = files.values().map(Bytes::len).sum();
    assert!((2100..2300).contains(&(bytes / 2000)), "{} bytes per SLX", bytes / 2000);
    let mut packed = Vec::new();
    crate::write(&files, &mut packed).unwrap();
    let ratio = bytes / packed.len();
    assert!((8..35).contains(&ratio), "compresses {ratio}:1");
}

#[test]
fn every_file_is_yaml_and_every_slx_is_in_one_group() {
    let files = sample_workspace(options(100));
    let mut names = BTreeSet::new();
    for (path, content) in &files {
        let node = yaml::parse(str::from_utf8(content).unwrap()).unwrap();
        if let Some(name) =
            path.as_str().strip_prefix("slxs/").and_then(|rest| rest.strip_suffix("/slx.yaml"))
        {
            let qualified = format!("bench--{name}");
            assert_eq!(node.at(&["metadata", "name"]).unwrap().as_str(), Some(qualified.as_str()));
            names.insert(name.to_owned());
        }
    }
    let workspace = yaml::parse(str::from_utf8(&files["workspace.yaml"]).unwrap()).unwrap();
    let groups = workspace.at(&["spec", "slxGroups"]).unwrap().items();
    assert!(groups.len() > 3);
    let members: Vec<_> = groups
        .iter()
        .flat_map(|group| group.get("slxs").unwrap().items())
        .map(|item| item.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(members.len(), names.len());
    assert_eq!(BTreeSet::from_iter(members), names);
}

#[test]
fn touching_changes_the_wanted_share_and_nothing_else() {
    let before = sample_workspace(options(200));
    let mut after = before.clone();
    assert_eq!(touch(&mut after, 0.05, 1), 10);
    let changed: Vec<_> =
        before.iter().filter(|(path, content)| after[*path] != **content).map(|(path, _)| path).collect();
    let count = |name: &str| changed.iter().filter(|path| path.file_name() == name).count();
    assert_eq!((count("slx.yaml"), count("runbook.yaml"), changed.len()), (10, 5, 15));
    assert!(before.keys().eq(after.keys()));
    for path in changed {
        yaml::parse(str::from_utf8(&after[path]).unwrap()).unwrap();
    }
    let mut again = before.clone();
    touch(&mut again, 0.05, 1);
    assert_eq!(again, after);
    assert_eq!(touch(&mut after, 0.0, 1), 0);
}

#[test]
fn a_sample_passes_our_own_check_also_when_touched() {
    let mut files = sample_workspace(options(100));
    for _ in 0..2 {
        let tree: MemoryTree = files.clone().into_iter().collect();
        let problems = check_tree(&options(0).workspace, &tree, None, &FactsCache::new()).unwrap();
        assert_eq!(problems, Problems::default());
        touch(&mut files, 0.5, 3);
    }
}

#[test]
fn an_empty_sample_is_a_workspace_without_groups() {
    let files = sample_workspace(options(0));
    assert_eq!(files.len(), 1);
    let workspace = yaml::parse(str::from_utf8(&files["workspace.yaml"]).unwrap()).unwrap();
    assert!(workspace.at(&["spec", "slxGroups"]).unwrap().items().is_empty());
}
