//! How large a repository may become.

use fs_err as fs;

use super::housekeeping::branch;
use super::stage::{assert_sound, commit, edits, first_commit, id};
use crate::name::BranchName;
use crate::repository::{Error, Outcome, RepositoryStore, StoreOptions};

#[test]
fn a_full_repository_takes_nothing_more_but_can_be_read_and_tidied() {
    let root = tempfile::tempdir().unwrap();
    let options = StoreOptions { max_repository_bytes: Some(20_000), ..StoreOptions::default() };
    let store = RepositoryStore::open_with(root.path(), options.clone()).unwrap();
    let repository = store.create(&id("ws"), first_commit()).unwrap();
    let small = repository.object_bytes().unwrap();
    assert!(small > 1000);
    // What can't be packed any tighter.
    let noise: String = (0..6000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
    let head = || repository.head(&BranchName::main()).unwrap();
    let refused = commit(&repository, head(), &edits(&[("noise", Some(&noise))]), &[]).unwrap_err();
    let Error::RepositoryTooLarge { bytes, adding, limit } = refused else { panic!("{refused}") };
    assert!((bytes, limit) == (small, 20_000) && adding > 19_000, "{bytes} {adding} {limit}");
    // Nothing of it is kept.
    assert_eq!(fs::read_dir(repository.directory().join("objects")).unwrap().count(), 2);
    assert_eq!(repository.object_bytes().unwrap(), small);
    repository.create_branch(&branch("b"), head().unwrap()).unwrap();
    let outcome = commit(&repository, head(), &edits(&[("a", Some("fits"))]), &[]).unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
    assert!(repository.object_bytes().unwrap() > small, "what is written is added");
    repository.note_added(20_000);
    assert!(commit(&repository, head(), &edits(&[("a", Some("no more"))]), &[]).is_err());
    repository.snapshot(head().unwrap()).unwrap();
    let at = repository.head(&branch("b")).unwrap().unwrap();
    assert!(repository.delete_branch(&branch("b"), at).unwrap());
    // Housekeeping counts anew.
    repository.consolidate().unwrap();
    assert!(matches!(
        commit(&repository, head(), &edits(&[("a", Some("again"))]), &[]),
        Ok(Outcome::Committed(_))
    ));
    assert_sound(repository.directory());
}
