//! Laws that hold for every history, against a model and against the real `git`.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::stage::{Stage, assert_sound, commit, edits, git};
use crate::name::BranchName;
use crate::path::RepoPath;
use crate::repository::{Error, Outcome, RecordName, RecordUpdate};
use crate::tree::{Edit, Edits, FileTree};

type Model = BTreeMap<RepoPath, Bytes>;

/// Few names, so that edits meet: files where directories are, and names around the slash in order.
fn any_path() -> impl Strategy<Value = RepoPath> {
    proptest::collection::vec(prop_oneof!["[ab]", Just("a-b".to_owned()), Just("a0".to_owned())], 1..4)
        .prop_map(|components| RepoPath::parse(&components.join("/")).unwrap())
}

fn any_edits() -> impl Strategy<Value = Edits> {
    let edit = prop_oneof![
        2 => "[xy]{0,2}".prop_map(|text| Edit::Write(Bytes::from(text))),
        1 => Just(Edit::Remove),
    ];
    proptest::collection::btree_map(any_path(), edit, 0..6)
}

/// What the edits make of the files; nothing if a file and a directory would share a path.
fn applied(model: &Model, edits: &Edits) -> Option<Model> {
    let mut after = model.clone();
    for (path, edit) in edits {
        match edit {
            Edit::Write(content) => drop(after.insert(path.clone(), content.clone())),
            Edit::Remove => drop(after.remove(path)),
            Edit::Link(_) => unreachable!("not made here"),
        }
    }
    let below = |path: &RepoPath, other: &RepoPath| other.as_str().starts_with(&format!("{path}/"));
    let clash = after.keys().any(|path| after.keys().any(|other| below(path, other)));
    (!clash).then_some(after)
}

fn content(tree: &impl FileTree) -> Model {
    tree.files().iter().map(|(path, id)| (path.clone(), tree.read(*id).unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_history_of_edits_is_what_the_model_says(
        history in proptest::collection::vec((any_edits(), any_edits(), any::<bool>()), 1..10)
    ) {
        let stage = Stage::new();
        let mut model = content(&stage.repository.snapshot(stage.head()).unwrap());
        let mut record = Model::new();
        let name = RecordName::for_location("l");
        for (change, record_change, pack) in history {
            let before = stage.head();
            let update = RecordUpdate { name: name.clone(), edits: record_change.clone() };
            let outcome = commit(&stage.repository, Some(before), &change, &[update]);
            if let (Some(after), Some(record_after)) = (applied(&model, &change), applied(&record, &record_change)) {
                // No commit exactly when nothing changes.
                prop_assert_eq!(outcome.unwrap() == Outcome::Unchanged, after == model);
                prop_assert_eq!(stage.head() == before, after == model);
                (model, record) = (after, record_after);
            } else {
                let error = outcome.unwrap_err();
                prop_assert!(matches!(error, Error::PathConflict { .. }), "{}", error);
                prop_assert_eq!(stage.head(), before);
            }
            let snapshot = stage.repository.snapshot(stage.head()).unwrap();
            prop_assert_eq!(&content(&snapshot), &model);
            prop_assert_eq!(&content(&stage.repository.record(&name).unwrap()), &record);
            for path in model.keys() {
                prop_assert_eq!(
                    stage.repository.find_file(stage.head(), path.as_str()).unwrap(),
                    snapshot.files().get(path).copied()
                );
            }
            if pack {
                stage.repository.consolidate().unwrap();
            }
        }
        assert_sound(stage.repository.directory());
        prop_assert_eq!(cloned(&stage), model);
    }
}

/// What the real `git` checks out of a clone.
fn cloned(stage: &Stage) -> Model {
    let directory = stage.repository.directory();
    let work = tempfile::tempdir_in(stage.root.path()).unwrap();
    let url = format!("file://{}", directory.display());
    git(work.path(), &["clone", "-q", &url, "."]);
    let listed = git(work.path(), &["-c", "core.quotePath=false", "ls-files"]);
    let read = |name: &str| Bytes::from(fs_err::read(work.path().join(name)).unwrap());
    listed.lines().map(|name| (RepoPath::parse(name).unwrap(), read(name))).collect()
}

#[test]
fn writers_at_once_lose_nothing() {
    let stage = Stage::new();
    let conflicts = std::thread::scope(|scope| {
        let writer = |number: usize| {
            let repository = stage.repository.clone();
            move || {
                let mut conflicts = 0;
                for round in 0..15 {
                    let change = edits(&[
                        (&format!("w{number}/f{round}"), Some("x")),
                        ("shared", Some(&format!("{number} {round}"))),
                    ]);
                    loop {
                        let base = repository.head(&BranchName::main()).unwrap();
                        match commit(&repository, base, &change, &[]).unwrap() {
                            Outcome::Committed(_) => break,
                            Outcome::Conflict(_) => conflicts += 1,
                            Outcome::Unchanged => panic!("every commit changes something"),
                        }
                        if conflicts % 5 == 0 {
                            // Readers go on meanwhile, and so does consolidation.
                            let head = repository.head(&BranchName::main()).unwrap().unwrap();
                            content(&repository.snapshot(head).unwrap());
                        }
                    }
                    if round % 5 == 4 {
                        repository.consolidate().unwrap();
                    }
                }
                conflicts
            }
        };
        let writers: Vec<_> = (0..4).map(|number| scope.spawn(writer(number))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<usize>()
    });
    let snapshot = stage.repository.snapshot(stage.head()).unwrap();
    assert_eq!(snapshot.files().len(), 4 * 15 + 2, "after {conflicts} conflicts");
    assert_eq!(stage.repository.log(stage.head(), 0, 1000).unwrap().len(), 4 * 15 + 1);
    assert_sound(stage.repository.directory());
    assert_eq!(cloned(&stage).len(), 4 * 15 + 2);
}

#[test]
fn pushes_by_git_and_commits_take_turns() {
    let stage = Stage::new();
    let work = stage.root.path().join("work");
    git(stage.root.path(), &["clone", "-q", stage.repository.directory().to_str().unwrap(), "work"]);
    for round in 0..5 {
        git(&work, &["pull", "-q", "--rebase"]);
        fs_err::write(work.join("pushed"), format!("{round}")).unwrap();
        git(&work, &["add", "-A"]);
        git(&work, &["commit", "-qm", "by hand"]);
        git(&work, &["push", "-q", "origin", "main"]);
        let change = edits(&[("ours", Some(&format!("{round}")))]);
        // Before the references are read again the commit meets the push, and is told so.
        let Outcome::Conflict(Some(head)) = stage.commit(&change, &[]) else { panic!("no conflict") };
        assert_eq!(head, stage.head());
        assert!(matches!(stage.commit(&change, &[]), Outcome::Committed(_)));
    }
    let files = content(&stage.repository.snapshot(stage.head()).unwrap());
    assert_eq!((files["pushed"].as_ref(), files["ours"].as_ref()), (&b"4"[..], &b"4"[..]));
    assert_sound(stage.repository.directory());
}
