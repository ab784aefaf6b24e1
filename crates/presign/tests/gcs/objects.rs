//! Objects of the server's own: written, read, listed, deleted.

use jiff::{SignedDuration, Timestamp};
use workstead_presign::{ObjectStore, Provider, StoreError};
use workstead_test_stores::GcsEmulator;

use super::account::{Account, key, read};

#[test]
fn an_object_is_put_sealed_read_and_deleted() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let account = Account::at(&emulator);
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    assert_eq!(store.head(&object).unwrap(), None);
    assert!(matches!(store.seal(&object), Err(StoreError::Missing { .. })));
    // More than one buffer, and nothing that a text would survive.
    let content: Vec<u8> =
        (0..3_000_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let put = account.put(&store, &object, &content).unwrap();
    assert_eq!((put.size, put.version.is_some()), (content.len() as u64, true));
    let age = Timestamp::now().duration_since(put.modified_at).abs();
    assert!(age < SignedDuration::from_mins(5), "{age:?}");
    let frozen = store.seal(&object).unwrap();
    assert_eq!((Some(&frozen), &frozen), (store.head(&object).unwrap().as_ref(), &put));
    assert_eq!(store.seal(&object).unwrap(), frozen);
    assert!(read(&store, &object, &frozen).unwrap() == content);
    store.delete(&object).unwrap();
    store.delete(&object).unwrap();
    assert_eq!(store.head(&object).unwrap(), None);
    assert!(matches!(
        read(&store, &object, &frozen),
        Err(StoreError::Changed { .. } | StoreError::Missing { .. })
    ));
}

#[test]
fn what_was_put_after_the_seal_is_not_read() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let account = Account::at(&emulator);
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    account.put(&store, &object, b"first").unwrap();
    let frozen = store.seal(&object).unwrap();
    account.put(&store, &object, b"other").unwrap();
    let error = read(&store, &object, &frozen).unwrap_err();
    assert!(matches!(error, StoreError::Changed { .. }), "{error:?}");
    let frozen = store.seal(&object).unwrap();
    assert_eq!(read(&store, &object, &frozen).unwrap(), b"other");
}

#[test]
fn a_list_has_all_pages_in_order_and_only_what_is_old() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let mut account = Account::at(&emulator);
    account.config.page_size = 2;
    let store = account.store();
    let keys = ["up-1", "up-2", "up-3", "up-4", "up-5"].map(|upload| key("ws-1", upload));
    for object in keys.iter().rev() {
        account.put(&store, object, b"x").unwrap();
    }
    account.put(&store, &key("ws", "up-0"), b"y").unwrap();
    let hour = SignedDuration::from_hours(1);
    let listed = store.list_older_than(Timestamp::now() + hour).unwrap().objects;
    let names: Vec<_> = listed.iter().map(|object| object.key.to_string()).collect();
    insta::assert_debug_snapshot!(names, @r#"
    [
        "uploads/ws-1/up-1.tar.gz",
        "uploads/ws-1/up-2.tar.gz",
        "uploads/ws-1/up-3.tar.gz",
        "uploads/ws-1/up-4.tar.gz",
        "uploads/ws-1/up-5.tar.gz",
        "uploads/ws/up-0.tar.gz",
    ]
    "#);
    assert_eq!(Some(&listed[1].info), store.head(&listed[1].key).unwrap().as_ref());
    assert!(store.list_older_than(Timestamp::now() - hour).unwrap().objects.is_empty());
}

#[test]
fn a_workspace_is_deleted_without_its_neighbours() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let mut account = Account::at(&emulator);
    account.config.page_size = 2;
    let store = account.store();
    for upload in ["up-1", "up-2", "up-3"] {
        account.put(&store, &key("ws-1", upload), b"x").unwrap();
    }
    account.put(&store, &key("ws-12", "up-1"), b"x").unwrap();
    store.delete_workspace("ws-1").unwrap();
    store.delete_workspace("ws-1").unwrap();
    let left = store.list_older_than(Timestamp::MAX).unwrap().objects;
    assert_eq!(left.iter().map(|object| object.key.workspace_id()).collect::<Vec<_>>(), ["ws-12"]);
    assert!(matches!(store.delete_workspace("../ws-12"), Err(StoreError::InvalidId { .. })));
}

#[test]
fn a_check_leaves_nothing_behind() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let account = Account::at(&emulator);
    let store = ObjectStore::Gcs(account.store().into());
    assert_eq!(store.provider(), Provider::Gcs);
    store.check().unwrap();
    assert_eq!(store.forget_older_than(Timestamp::MAX).unwrap(), 0);
    assert!(store.list_older_than(Timestamp::MAX).unwrap().objects.is_empty());
}
