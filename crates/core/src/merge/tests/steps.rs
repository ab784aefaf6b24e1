//! What happens to the repositories of the laws: uploads, and what people do between them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::bundle::{Bundle, Content};
use super::world::World;
use crate::merge::{Conflict, MergeMode};
use crate::path::fold;
use crate::tree::FileTree;
use crate::workspace_file::Relationship;
use crate::yaml::Editor;

/// What the steps are made of: the fewer words, the more often they meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    directories: &'static [&'static str],
    identities: &'static [&'static str],
    locations: &'static [Option<&'static str>],
    groups: &'static [&'static str],
    loose: &'static [&'static str],
    /// How often people do what moves names about, for each other thing that they do.
    naming: u32,
}

/// Some of everything.
pub(super) const WIDE: Words = Words {
    directories: &["a", "b", "c", "d", "A", "e (f)"],
    identities: &["a", "b", "c", "one", "two"],
    locations: &[Some("east"), Some("west"), None],
    groups: &["G", "H", "I j"],
    loose: &["notes/x", "Notes/x", "fallback-outputs/y.yaml", "Z"],
    naming: 1,
};

/// A few names that move onto each other all the time.
pub(super) const FEW_NAMES: Words = Words {
    directories: &["a", "b", "c", "A"],
    identities: &["a", "b", "one"],
    locations: &[Some("east")],
    groups: &["G", "H"],
    loose: &["Z"],
    naming: 4,
};

/// One thing that happens to a repository.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Upload(Upload),
    People(Act),
}

/// A bundle, and how and when it comes.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) bundle: Bundle,
    pub(super) mode: MergeMode,
    pub(super) conflict: Conflict,
    pub(super) prune_slxs: bool,
    pub(super) prune_resources: bool,
    /// How long after the upload before.
    pub(super) hours: i64,
}

/// One thing that people do; nothing where it can't be done.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Edit { which: usize },
    Set { which: usize, field: &'static str, value: &'static str },
    RemoveFile { which: usize },
    RemoveSlx { which: usize },
    Rename { which: usize, to: &'static str },
    Swap { one: usize, other: usize },
    Copy { which: usize, to: &'static str },
    Make { directory: &'static str, identity: Option<&'static str>, location: Option<&'static str> },
    Group { group: &'static str, name: &'static str },
    Ungroup { which: usize },
    Relate { subject: &'static str, object: &'static str },
    Put { path: &'static str },
}

pub(super) fn bundle(words: Words) -> impl Strategy<Value = Bundle> {
    let name = || select(words.directories);
    let slx = (
        name(),
        prop::option::weighted(0.8, select(words.identities)),
        select(vec!["v1", "v2"]),
        any::<bool>(),
        subsequence(words.groups, 0..=2),
        prop::option::of(name()),
        any::<bool>(),
    );
    let slxs = prop::collection::vec(slx, 1..6);
    let loose = subsequence(words.loose, 0..=words.loose.len().min(2));
    // What a bundle says of SLXs that it need not hold.
    let elsewhere = (prop::option::weighted(0.2, name()), prop::option::weighted(0.2, name()));
    (select(words.locations), slxs, loose, elsewhere).prop_map(move |(location, slxs, loose, elsewhere)| {
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
        if let Some(member) = elsewhere.0 {
            bundle = bundle.group(words.groups[0], &[member]);
        }
        if let Some(slx) = elsewhere.1 {
            bundle = bundle.workflow("elsewhere", slx, &[slx]);
        }
        let mut spellings = BTreeSet::new();
        for path in loose.into_iter().filter(|path| spellings.insert(fold(path))) {
            bundle = bundle.file(path, "uploaded");
        }
        bundle
    })
}

fn upload(words: Words) -> impl Strategy<Value = Upload> {
    let mode = select(vec![MergeMode::KeepExisting, MergeMode::KeepUploaded, MergeMode::ThreeWay]);
    let conflict = select(vec![Conflict::Existing, Conflict::Uploaded, Conflict::Fail]);
    (bundle(words), (mode, conflict), any::<bool>(), any::<bool>(), 0..60_i64).prop_map(
        |(bundle, (mode, conflict), prune_slxs, prune_resources, hours)| Upload {
            bundle,
            mode,
            conflict,
            prune_slxs,
            prune_resources,
            hours,
        },
    )
}

pub(super) fn act(words: Words) -> impl Strategy<Value = Act> {
    let which = || any::<usize>();
    let name = || select(words.directories);
    let identity = prop::option::of(select(words.identities));
    let naming = words.naming;
    prop_oneof![
        1 => which().prop_map(|which| Act::Edit { which }),
        2 => (which(), select(vec!["alias", "statement", "location"]), select(vec!["v1", "v2", "mine"]))
            .prop_map(|(which, field, value)| Act::Set { which, field, value }),
        1 => which().prop_map(|which| Act::RemoveFile { which }),
        naming => which().prop_map(|which| Act::RemoveSlx { which }),
        naming => (which(), name()).prop_map(|(which, to)| Act::Rename { which, to }),
        naming => (which(), which()).prop_map(|(one, other)| Act::Swap { one, other }),
        1 => (which(), name()).prop_map(|(which, to)| Act::Copy { which, to }),
        1 => (name(), identity, select(words.locations))
            .prop_map(|(directory, identity, location)| Act::Make { directory, identity, location }),
        1 => (select(words.groups), name()).prop_map(|(group, name)| Act::Group { group, name }),
        naming => which().prop_map(|which| Act::Ungroup { which }),
        1 => (name(), name()).prop_map(|(subject, object)| Act::Relate { subject, object }),
        1 => select(words.loose).prop_map(|path| Act::Put { path }),
    ]
}

/// A history: what uploads and people do in turn.
pub(super) fn history(words: Words, length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => upload(words).prop_map(Step::Upload),
        1 => act(words).prop_map(Step::People),
    ];
    prop::collection::vec(step, 1..=length)
}

fn pick<T>(items: Vec<T>, which: usize) -> Option<T> {
    let index = which.checked_rem(items.len())?;
    items.into_iter().nth(index)
}

impl Act {
    pub(super) fn happen(self, world: &mut World) {
        let files: Vec<String> = world.tree.files().keys().map(|path| path.as_str().to_owned()).collect();
        let is_free = |world: &World, name: &str| world.slxs().iter().all(|known| fold(known) != fold(name));
        match self {
            Self::Edit { which } => {
                let editable = files.into_iter().filter(|path| !path.starts_with('.')).collect();
                if let Some(path) = pick(editable, which) {
                    let text = world.text(&path);
                    world.write(&path, &format!("{text}# edited\n"));
                }
            }
            Self::Set { which, field, value } => {
                let editable = files.into_iter().filter(|path| path.starts_with("slxs/")).collect();
                if let Some(path) = pick(editable, which)
                    && let Ok(mut editor) = Editor::new(&world.text(&path))
                    && editor.root().at(&["spec", field]).is_some()
                {
                    let text = editor.set(&["spec", field], &value.into()).finish().unwrap();
                    world.write(&path, &text);
                }
            }
            Self::RemoveFile { which } => {
                let removable = files.into_iter().filter(|path| path != "workspace.yaml").collect();
                if let Some(path) = pick(removable, which) {
                    world.remove(&path);
                }
            }
            Self::RemoveSlx { which } => {
                if let Some(slx) = pick(world.slxs(), which) {
                    world.remove_slx(&slx);
                }
            }
            Self::Rename { which, to } => {
                if let Some(slx) = pick(world.slxs(), which)
                    && is_free(world, to)
                {
                    world.rename_slx(&slx, to);
                }
            }
            Self::Swap { one, other } => {
                if let (Some(one), Some(other)) = (pick(world.slxs(), one), pick(world.slxs(), other))
                    && one != other
                {
                    world.rename_slx(&one, "meanwhile");
                    world.rename_slx(&other, &one);
                    world.rename_slx("meanwhile", &other);
                }
            }
            Self::Copy { which, to } => {
                if let Some(slx) = pick(world.slxs(), which)
                    && is_free(world, to)
                {
                    world.copy_slx(&slx, to);
                }
            }
            Self::Make { directory, identity, location } => {
                if is_free(world, directory) {
                    let content = Content { directory, full_name: identity, location, text: "mine" };
                    world.write(&format!("slxs/{directory}/slx.yaml"), &content.slx());
                }
            }
            Self::Group { group, name } => world.configure(|config| {
                let members = &mut config.slx_groups.entry(group.to_owned()).or_default().slxs;
                if !members.iter().any(|member| member == name) {
                    members.push(name.to_owned());
                }
            }),
            Self::Ungroup { which } => world.configure(|config| {
                let members =
                    config.slx_groups.values().enumerate().flat_map(|(number, group)| {
                        (0..group.slxs.len()).map(move |member| (number, member))
                    });
                if let Some((group, member)) = pick(members.collect(), which) {
                    config.slx_groups[group].slxs.remove(member);
                }
            }),
            Self::Relate { subject, object } => world.configure(|config| {
                let [subject, verb, object] = [subject, "knows", object].map(str::to_owned);
                let relationship = Relationship { subject, verb, object };
                if !config.slx_relationships.contains(&relationship) {
                    config.slx_relationships.push(relationship);
                }
            }),
            Self::Put { path } => {
                if files.iter().all(|known| fold(known) != fold(path)) {
                    world.write(path, "people's");
                }
            }
        }
    }
}
