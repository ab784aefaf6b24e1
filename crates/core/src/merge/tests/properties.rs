//! Laws of merging, on random repositories, bundles and people.
//!
//! Every merge in these tests also proves what `World::apply_tree` asserts: the result passes the check,
//! every uploaded SLX is accounted for once, and the same upload again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::bundle::{Bundle, Content};
use super::world::World;
use crate::merge::{MergeMode, MergePlan};
use crate::model::slx_directory;
use crate::oid::BlobId;
use crate::path::{RepoPath, fold};
use crate::tree::{Edit, FileTree, MemoryTree};

const DIRECTORIES: [&str; 6] = ["a", "b", "c", "d", "A", "e (f)"];
const IDENTITIES: [&str; 5] = ["a", "b", "c", "one", "two"];
const LOCATIONS: [Option<&str>; 3] = [Some("east"), Some("west"), None];
const GROUPS: [&str; 3] = ["G", "H", "I j"];
const LOOSE: [&str; 4] = ["notes/x", "Notes/x", "fallback-outputs/y.yaml", "Z"];

/// One thing that happens to a repository.
#[derive(Debug, Clone)]
enum Step {
    Upload { bundle: Bundle, mode: MergeMode, prune_slxs: bool, prune_resources: bool, hours: i64 },
    Edit { which: usize },
    RemoveFile { which: usize },
    RemoveSlx { which: usize },
    Rename { which: usize, to: &'static str },
    Make { directory: &'static str, identity: Option<&'static str>, location: Option<&'static str> },
    Ungroup { which: usize },
    Put { path: &'static str },
}

fn bundle() -> impl Strategy<Value = Bundle> {
    let slx = (
        select(&DIRECTORIES[..]),
        prop::option::weighted(0.8, select(&IDENTITIES[..])),
        select(vec!["v1", "v2"]),
        any::<bool>(),
        subsequence(&GROUPS[..], 0..=2),
        prop::option::of(select(&DIRECTORIES[..])),
        any::<bool>(),
    );
    let slxs = prop::collection::vec(slx, 1..6);
    let loose = subsequence(&LOOSE[..], 0..=2);
    (select(&LOCATIONS[..]), slxs, loose).prop_map(|(location, slxs, loose)| {
        let mut bundle = Bundle { location: location.map(str::to_owned), ..Bundle::default() };
        let (mut names, mut identities) = (BTreeSet::new(), BTreeSet::new());
        for (directory, identity, text, has_notes, groups, related, has_workflow) in slxs {
            // A real bundle holds no two that count as the same.
            if !names.insert(fold(directory)) || !identities.insert(identity.unwrap_or(directory)) {
                continue;
            }
            bundle = bundle.bare_slx(directory, identity, text);
            for group in groups {
                bundle = bundle.group(group, &[directory]);
            }
            if has_notes {
                bundle = bundle.file(&format!("slxs/{directory}/notes.md"), text);
            }
            if let Some(related) = related {
                bundle = bundle.related(directory, "feeds", related);
            }
            if has_workflow {
                bundle = bundle.workflow(&fold(directory), directory, &[directory, "b"]);
            }
        }
        let mut spellings = BTreeSet::new();
        for path in loose.into_iter().filter(|path| spellings.insert(fold(path))) {
            bundle = bundle.file(path, "uploaded");
        }
        bundle
    })
}

fn step() -> impl Strategy<Value = Step> {
    let mode = select(vec![MergeMode::KeepExisting, MergeMode::KeepUploaded]);
    let upload = (bundle(), mode, any::<bool>(), any::<bool>(), 0..60_i64).prop_map(
        |(bundle, mode, prune_slxs, prune_resources, hours)| Step::Upload {
            bundle,
            mode,
            prune_slxs,
            prune_resources,
            hours,
        },
    );
    let which = || any::<usize>();
    let identity = prop::option::of(select(&IDENTITIES[..]));
    prop_oneof![
        6 => upload,
        1 => which().prop_map(|which| Step::Edit { which }),
        1 => which().prop_map(|which| Step::RemoveFile { which }),
        1 => which().prop_map(|which| Step::RemoveSlx { which }),
        1 => (which(), select(&DIRECTORIES[..])).prop_map(|(which, to)| Step::Rename { which, to }),
        1 => (select(&DIRECTORIES[..]), identity, select(&LOCATIONS[..]))
            .prop_map(|(directory, identity, location)| Step::Make { directory, identity, location }),
        1 => which().prop_map(|which| Step::Ungroup { which }),
        1 => select(&LOOSE[..]).prop_map(|path| Step::Put { path }),
    ]
}

/// What uploads from each location ever wrote at each path.
type Written = BTreeMap<(Option<String>, RepoPath), BTreeSet<BlobId>>;

fn pick<T>(items: Vec<T>, which: usize) -> Option<T> {
    let index = which.checked_rem(items.len())?;
    items.into_iter().nth(index)
}

fn live(world: &mut World, step: Step, written: &mut Written) {
    let files: Vec<String> = world.tree.files().keys().map(|path| path.as_str().to_owned()).collect();
    match step {
        Step::Upload { bundle, mode, prune_slxs, prune_resources, hours } => {
            world.options.mode = mode;
            world.options.prune_stale_slxs = prune_slxs;
            world.options.prune_stale_resources = prune_resources;
            world.options.now += jiff::SignedDuration::from_hours(hours);
            upload(world, &bundle, written);
        }
        Step::Edit { which } => {
            let editable = files.into_iter().filter(|path| !path.starts_with('.')).collect();
            if let Some(path) = pick(editable, which) {
                let text = world.text(&path);
                world.write(&path, &format!("{text}# edited\n"));
            }
        }
        Step::RemoveFile { which } => {
            let removable = files.into_iter().filter(|path| path != "workspace.yaml").collect();
            if let Some(path) = pick(removable, which) {
                world.remove(&path);
            }
        }
        Step::RemoveSlx { which } => {
            if let Some(slx) = pick(world.slxs(), which) {
                world.remove_slx(&slx);
            }
        }
        Step::Rename { which, to } => {
            if let Some(slx) = pick(world.slxs(), which)
                && world.slxs().iter().all(|known| fold(known) != fold(to))
            {
                world.rename_slx(&slx, to);
            }
        }
        Step::Make { directory, identity, location } => {
            if world.slxs().iter().all(|known| fold(known) != fold(directory)) {
                let content = Content { directory, full_name: identity, location, text: "mine" };
                world.write(&format!("slxs/{directory}/slx.yaml"), &content.slx());
            }
        }
        Step::Ungroup { which } => {
            let text = world.text("workspace.yaml");
            let members =
                text.lines().filter(|line| line.trim_start().starts_with("- ") && !line.contains(": "));
            if let Some(line) = pick(members.map(str::to_owned).collect(), which) {
                world.write("workspace.yaml", &text.replacen(&format!("{line}\n"), "", 1));
            }
        }
        Step::Put { path } => {
            if files.iter().all(|known| fold(known) != fold(path)) {
                world.write(path, "people's");
            }
        }
    }
}

fn upload(world: &mut World, bundle: &Bundle, written: &mut Written) {
    let before = world.clone();
    let tree = bundle.tree();
    let mut reordered = bundle.clone();
    reordered.groups.reverse();
    reordered.groups.iter_mut().for_each(|(_, members)| members.reverse());
    reordered.relationships.reverse();
    let other = world.plan(&reordered).unwrap();
    let plan = world.apply_tree(&tree).unwrap();
    assert_eq!(plan.edits, other.edits, "the order of the upload's groups plays a part");
    assert_removals_are_the_builders_own(&before, bundle, &plan, written);
    if before.options.mode == MergeMode::KeepExisting {
        assert_existing_files_are_kept(&before, &plan);
    } else {
        assert_uploaded_files_are_there(world, &tree, &plan);
    }
    assert_groups_are_kept(&before, world);
    assert_eq!(before.config().permissions, world.config().permissions);
    for (path, id) in tree.files() {
        written.entry((bundle.location.clone(), path.clone())).or_default().insert(*id);
    }
}

fn assert_removals_are_the_builders_own(
    before: &World,
    bundle: &Bundle,
    plan: &MergePlan,
    written: &Written,
) {
    let removed = plan.edits.iter().filter(|(_, edit)| matches!(edit, Edit::Remove)).map(|(path, _)| path);
    for path in removed {
        let here = (bundle.location.clone(), path.clone());
        let content = before.tree.files()[path];
        assert!(written.get(&here).is_some_and(|ids| ids.contains(&content)), "{path} is people's");
        if let Some((directory, _)) = slx_directory(path) {
            // An SLX that stays may have become this location's by this very upload.
            let slx = format!("slxs/{directory}/slx.yaml");
            let content = match plan.edits.get(slx.as_str()) {
                Some(Edit::Write(content)) => content.clone(),
                _ => before.tree.read_path(&slx).unwrap().unwrap(),
            };
            let facts = before.facts.slx(BlobId::of(&content), || Ok(content)).unwrap();
            assert_eq!(facts.location, bundle.location, "{path} is another location's");
        }
    }
}

/// With keepexisting, only whole SLXs are replaced, and only by another identity.
fn assert_existing_files_are_kept(before: &World, plan: &MergePlan) {
    for (path, edit) in &plan.edits {
        let is_own = matches!(path.as_str(), "workspace.yaml" | ".workspace-builder-manifest.yaml");
        if is_own || !before.tree.files().contains_key(path) || matches!(edit, Edit::Remove) {
            continue;
        }
        let (directory, _) = slx_directory(path).expect("a file outside of SLXs was altered");
        assert!(plan.summary.changed.iter().any(|name| name == directory), "{path} was altered");
        let facts = |content: &bytes::Bytes| {
            crate::model::SlxFacts::read(&crate::yaml::parse(std::str::from_utf8(content).unwrap()).unwrap())
        };
        let slx = format!("slxs/{directory}/slx.yaml");
        let old = facts(&before.tree.read_path(&slx).unwrap().unwrap());
        let Some(Edit::Write(new)) = plan.edits.get(slx.as_str()) else { panic!("{slx} stays") };
        assert_ne!(old.identity(directory), facts(new).identity(directory));
    }
}

/// With keepuploaded, what keeps its name has exactly the uploaded files.
fn assert_uploaded_files_are_there(after: &World, tree: &MemoryTree, plan: &MergePlan) {
    let summary = &plan.summary;
    let left_out: BTreeSet<&String> = summary
        .tombstoned
        .iter()
        .chain(summary.conflicts.iter().map(|conflict| &conflict.name))
        .chain(summary.renamed.iter().map(|renamed| &renamed.uploaded_name))
        .collect();
    for (path, id) in tree.files() {
        if let Some((directory, rest)) = slx_directory(path)
            && !left_out.contains(&directory.to_owned())
            && rest != "notes.md"
        {
            assert_eq!(after.tree.files().get(path), Some(id), "{path}");
        }
    }
}

/// What stood in a group and is still there under its name stands in the same groups.
fn assert_groups_are_kept(before: &World, after: &World) {
    let groups = |world: &World, name: &str| -> BTreeSet<String> {
        let config = world.config();
        let of = config.slx_groups.iter().filter(|(_, group)| group.slxs.iter().any(|member| member == name));
        of.map(|(name, _)| name.clone()).collect()
    };
    let is_slx = |world: &World, name: &String| world.has(&format!("slxs/{name}/slx.yaml"));
    for name in before.slxs().iter().filter(|name| is_slx(before, name) && is_slx(after, name)) {
        let had = groups(before, name);
        if !had.is_empty() {
            assert_eq!(had, groups(after, name), "{name} changed its groups");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn merges_keep_their_laws_whatever_builders_and_people_do(steps in prop::collection::vec(step(), 1..9)) {
        let mut world = World::new();
        world.options.allow_mass_prune = true;
        let mut written = Written::new();
        for step in steps {
            live(&mut world, step, &mut written);
        }
    }
}
