use jiff::{SignedDuration, Timestamp};
use workstead_presign::{ObjectKey, S3Store, StoreError};
use workstead_test_stores::Garage;

use crate::store::*;

#[test]
fn the_server_puts_files_of_its_own() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    assert_eq!(store.head(&key).unwrap(), None);
    assert!(matches!(store.seal(&key), Err(StoreError::Missing { .. })));
    let large = vec![7; 3 << 20];
    let put_info = put(&store, &key, &large).unwrap();
    let sealed = store.seal(&key).unwrap();
    assert_eq!((sealed.size, &sealed.version), (3 << 20, &put_info.version));
    assert_eq!(store.seal(&key).unwrap(), sealed);
    assert!(read(&store, &key, &sealed).unwrap() == large);
    // A file that is not what was announced is refused by the store.
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), b"other").unwrap();
    let refused = store.put(&key, file.path(), [0; 32]).unwrap_err();
    assert!(matches!(refused, StoreError::Io(_) | StoreError::Refused { .. }), "{refused}");
    assert_eq!(store.head(&key).unwrap(), Some(sealed));
}

#[test]
fn what_was_sealed_is_what_is_read() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    put(&store, &key, b"first").unwrap();
    let sealed = store.seal(&key).unwrap();
    put(&store, &key, b"later").unwrap();
    let changed = store.open(&key, &sealed).err().unwrap();
    assert!(matches!(&changed, StoreError::Changed { key: changed } if *changed == key), "{changed}");
    assert_eq!(read(&store, &key, &store.seal(&key).unwrap()).unwrap(), b"later");
    let sealed = store.seal(&key).unwrap();
    store.delete(&key).unwrap();
    assert!(matches!(store.open(&key, &sealed).err(), Some(StoreError::Missing { .. })));
}

#[test]
fn deleting_twice_is_fine() {
    let Some(garage) = Garage::start() else { return };
    let (store, key) = (store(&garage), key("up-1"));
    put(&store, &key, b"x").unwrap();
    store.delete(&key).unwrap();
    store.delete(&key).unwrap();
    assert_eq!(store.head(&key).unwrap(), None);
    store.delete_workspace("ws-1").unwrap();
    assert!(matches!(store.delete_workspace("../x"), Err(StoreError::InvalidId { .. })));
}

#[test]
fn a_workspace_goes_with_all_pages_of_it() {
    let Some(garage) = Garage::start() else { return };
    let mut config = config(&garage);
    config.page_size = 3;
    let store = S3Store::new(config).unwrap();
    for number in 0..10 {
        put(&store, &key(&format!("up-{number}")), b"x").unwrap();
    }
    // A name that begins alike is another workspace.
    let other = ObjectKey::new("ws-10", "up-1").unwrap();
    put(&store, &other, b"y").unwrap();
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let listed = store.list_older_than(later).unwrap().objects;
    assert_eq!(listed.len(), 11);
    assert!(listed.is_sorted_by_key(|object| object.key.clone()));
    let (entry, sealed) = (&listed[10].info, store.seal(&other).unwrap());
    assert_eq!((entry.size, &entry.version), (sealed.size, &sealed.version));
    // Headers have whole seconds.
    assert_eq!(entry.modified_at.as_second(), sealed.modified_at.as_second());
    assert_eq!(store.list_older_than(Timestamp::now() - SignedDuration::from_hours(1)).unwrap().objects, []);
    store.delete_workspace("ws-1").unwrap();
    let left: Vec<_> =
        store.list_older_than(later).unwrap().objects.into_iter().map(|object| object.key).collect();
    assert_eq!(left, [other]);
}
