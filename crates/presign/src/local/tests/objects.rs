//! What is written, frozen, deleted and swept.

use sha2::{Digest, Sha256};

use super::*;

#[test]
fn what_was_put_is_there_and_may_be_put_again() {
    let test = Test::new();
    assert_eq!(test.store.head(&key()).unwrap(), None);
    assert_eq!(test.put(&conditions(), b"hello").unwrap().size, 5);
    assert_eq!(test.content(), b"hello");
    assert_eq!(test.put(&conditions(), b"world!").unwrap().size, 6);
    assert_eq!(test.content(), b"world!");
    assert_eq!(test.store.head(&key()).unwrap().unwrap().size, 6);
    assert_eq!(test.files(), ["up-1.tar.gz"]);
}

#[test]
fn a_file_of_the_servers_own_is_put_until_the_key_is_closed() {
    let test = Test::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"queued").unwrap();
    let hash = |content: &[u8]| Sha256::digest(content).into();
    assert_eq!(test.store.put(&key(), file.path(), hash(b"queued")).unwrap().size, 6);
    assert_eq!(test.content(), b"queued");
    let other = test.store.put(&key(), file.path(), hash(b"other")).unwrap_err();
    assert!(matches!(other, StoreError::Io(_)), "{other}");
    test.store.delete(&key()).unwrap();
    let closed = test.store.put(&key(), file.path(), hash(b"queued")).unwrap_err();
    assert!(matches!(closed, StoreError::Closed { .. }), "{closed}");
}

#[test]
fn a_body_over_the_limit_is_refused_and_leaves_nothing() {
    let test = Test::new();
    assert!(test.put(&conditions(), b"0123456789").is_ok());
    let refused = test.put(&conditions(), b"0123456789a");
    insta::assert_snapshot!(refusal(refused), @"the upload has at least 11 bytes, more than the limit of 10 (setting WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES)");
    assert_eq!(test.files(), ["up-1.tar.gz"]);
    assert_eq!(test.content(), b"0123456789");
}

#[test]
fn a_body_of_another_size_is_refused() {
    let test = Test::new();
    let exact = PutConditions { size: Some(5), ..conditions() };
    insta::assert_snapshot!(refusal(test.put(&exact, b"hell")), @"the upload has 4 bytes; 5 were declared when its URL was made");
    insta::assert_snapshot!(refusal(test.put(&exact, b"hello!")), @"the upload has more than 5 bytes; 5 were declared when its URL was made");
    assert!(test.files().is_empty());
    assert!(test.put(&exact, b"hello").is_ok());
}

#[test]
fn a_body_with_another_hash_is_refused() {
    let test = Test::new();
    let exact = PutConditions { sha256: Some(Sha256::digest(b"hello").into()), ..conditions() };
    insta::assert_snapshot!(refusal(test.put(&exact, b"hellO")), @"the upload's SHA-256 is 04a6f55face2f46be8c23f627d539827615851e10751b63ec59db6d2c706b770; 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 was declared when its URL was made");
    assert!(test.files().is_empty());
    assert!(test.put(&exact, b"hello").is_ok());
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let test = Test::new();
    let mut writer = test.store.writer(&test.permit(&conditions())).unwrap();
    writer.write(b"half").unwrap();
    assert_eq!(test.files(), [".put-"]);
    drop(writer);
    assert!(test.files().is_empty());
}

#[test]
fn a_sealed_object_can_not_be_changed_by_a_late_put() {
    let test = Test::new();
    let missing = test.store.seal(&key()).unwrap_err();
    insta::assert_snapshot!(missing, @"nothing was uploaded under `uploads/ws-1/up-1.tar.gz`");
    test.put(&conditions(), b"hello").unwrap();
    let url = test.sign(&conditions());
    let mut late = test.store.writer(&test.permit(&conditions())).unwrap();
    late.write(b"evil").unwrap();

    assert_eq!(test.store.seal(&key()).unwrap().size, 5);
    assert_eq!(test.store.seal(&key()).unwrap().size, 5, "sealing twice is fine");
    insta::assert_snapshot!(refusal(late.finish()), @"`uploads/ws-1/up-1.tar.gz` was completed or deleted, so its upload URL works no more; ask for a new one");
    assert!(matches!(test.store.verify_put(&url, now()), Err(RefusedPut::Closed { .. })));
    assert_eq!(test.content(), b"hello");
    assert_eq!(test.files(), ["up-1.sealed"]);
}

#[test]
fn a_deleted_object_stays_deleted() {
    for sealed in [true, false] {
        let test = Test::new();
        test.put(&conditions(), b"hello").unwrap();
        let url = test.sign(&conditions());
        let late = test.store.writer(&test.permit(&conditions())).unwrap();
        if sealed {
            test.store.seal(&key()).unwrap();
        }
        test.store.delete(&key()).unwrap();
        test.store.delete(&key()).unwrap();
        assert!(matches!(late.finish(), Err(RefusedPut::Closed { .. })));
        assert!(matches!(test.store.verify_put(&url, now()), Err(RefusedPut::Closed { .. })));
        assert!(matches!(test.store.open(&key()), Err(StoreError::Closed { .. })));
        assert!(matches!(test.store.seal(&key()), Err(StoreError::Closed { .. })));
        assert_eq!(test.store.head(&key()).unwrap(), None);
        assert_eq!(test.files(), ["up-1.closed"]);
    }
}

#[test]
fn a_key_that_nothing_was_put_under_can_be_deleted() {
    let test = Test::new();
    assert!(matches!(test.store.open(&key()), Err(StoreError::Missing { .. })));
    test.store.delete(&key()).unwrap();
    assert!(matches!(
        test.store.verify_put(&test.sign(&conditions()), now()),
        Err(RefusedPut::Closed { .. })
    ));
}

#[test]
fn a_deleted_workspace_takes_its_objects_and_urls_along() {
    let test = Test::new();
    test.put(&conditions(), b"hello").unwrap();
    let late = test.store.writer(&test.permit(&conditions())).unwrap();
    let url = test.sign(&conditions());
    test.store.delete_workspace("ws-1").unwrap();
    test.store.delete_workspace("ws-1").unwrap();
    test.store.delete_workspace("never-there").unwrap();
    assert!(matches!(late.finish(), Err(RefusedPut::Closed { .. })));
    assert!(matches!(test.store.verify_put(&url, now()), Err(RefusedPut::Closed { .. })));
    assert_eq!(test.store.head(&key()).unwrap(), None);
    assert_eq!(test.files(), ["never-there.closed", "ws-1.closed"]);
    assert!(matches!(test.store.delete_workspace("../x"), Err(StoreError::InvalidId { .. })));
}

#[test]
fn the_sweeper_finds_old_objects_and_forgets_old_marks() {
    let test = Test::new();
    let older_than = |time: Timestamp| test.store.list_older_than(time).unwrap().objects;
    assert_eq!(older_than(Timestamp::MAX), []);
    assert_eq!(test.store.forget_older_than(Timestamp::MAX).unwrap(), 0);
    test.put(&conditions(), b"hello").unwrap();
    let gone = ObjectKey::new("ws-2", "up-2").unwrap();
    test.store.delete(&gone).unwrap();
    test.store.delete_workspace("ws-3").unwrap();
    let broken = test.store.writer(&test.permit(&conditions())).unwrap();

    let old = older_than(Timestamp::MAX);
    assert_eq!(
        old.iter().map(|object| (object.key.clone(), object.info.size)).collect::<Vec<_>>(),
        [(key(), 5)]
    );
    assert_eq!(older_than(old[0].info.modified_at), []);
    assert_eq!(test.store.forget_older_than(old[0].info.modified_at).unwrap(), 0);

    test.store.seal(&key()).unwrap();
    assert_eq!(older_than(Timestamp::MAX).len(), 1, "sealed ones are found too");
    assert_eq!(test.store.forget_older_than(Timestamp::MAX).unwrap(), 3);
    drop(broken);
    assert_eq!(test.files(), ["up-1.sealed"]);
    assert!(!test.directory.path().join("objects/uploads/ws-2").exists());
    assert_eq!(test.content(), b"hello");
}

#[test]
fn puts_at_once_leave_one_whole_object() {
    let test = Test::new();
    std::thread::scope(|scope| {
        for letter in b'a'..b'i' {
            let test = &test;
            scope.spawn(move || test.put(&conditions(), &[letter; 10]).unwrap());
        }
    });
    let content = test.content();
    assert_eq!(content, [content[0]; 10]);
    assert_eq!(test.files(), ["up-1.tar.gz"]);
}

#[test]
fn a_writer_may_move_between_threads() {
    fn check<T: Send + 'static>() {}
    check::<PutWriter>();
    check::<crate::ObjectStore>();
}

#[test]
fn a_check_writes_nothing_that_stays_and_finds_a_missing_directory() {
    let test = Test::new();
    let root = test.directory.path().join("objects");
    assert!(test.store.check().is_err(), "it was never made");
    std::fs::create_dir(&root).unwrap();
    test.store.check().unwrap();
    test.put(&conditions(), b"0123456789").unwrap();
    test.store.check().unwrap();
    let in_uploads = std::fs::read_dir(root.join("uploads")).unwrap().count();
    assert_eq!((std::fs::read_dir(&root).unwrap().count(), in_uploads), (1, 1));
    std::fs::remove_dir_all(&root).unwrap();
    assert!(matches!(test.store.check(), Err(StoreError::Io(_))));
    assert!(!root.exists(), "a check makes nothing");
    // Where a file is in the way, nothing can be written.
    std::fs::write(&root, "").unwrap();
    assert!(matches!(test.store.check(), Err(StoreError::Io(_))));
}

#[test]
fn files_of_others_are_counted_and_left() {
    let test = Test::new();
    test.put(&conditions(), b"hello").unwrap();
    let uploads = test.directory.path().join("objects/uploads");
    for foreign in ["note.txt", "ws-1/UP.tar.gz", "ws-1/backup.sql"] {
        std::fs::write(uploads.join(foreign), "x").unwrap();
    }
    let listing = test.store.list_older_than(Timestamp::MAX).unwrap();
    assert_eq!((listing.objects.len(), listing.foreign), (1, 3));
    assert_eq!(test.store.forget_older_than(Timestamp::MAX).unwrap(), 0);
}
