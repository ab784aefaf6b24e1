use std::io::Read;
use std::time::Duration;

use workstead_presign::{ObjectKey, S3Store, StoreError};
use workstead_test_stores::{Garage, Proxy, Rule};

use crate::store::*;

/// A store that talks through a proxy, with an object of a megabyte in it.
fn behind_proxy(garage: &Garage) -> (S3Store, Proxy, ObjectKey) {
    let proxy = Proxy::start(&garage.endpoint());
    let mut config = config(garage);
    config.endpoint = Some(url(&proxy.endpoint()));
    config.patience = impatient();
    let (store, key) = (S3Store::new(config).unwrap(), key("up-1"));
    put(&store, &key, &content()).unwrap();
    (store, proxy, key)
}

fn content() -> Vec<u8> {
    (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect()
}

#[track_caller]
fn assert_unavailable<T>(result: Result<T, StoreError>, wanted: &str) {
    let error = result.err().expect("the store is away");
    assert!(error.is_temporary());
    let StoreError::Unavailable { reason } = error else { panic!("{error}") };
    assert!(reason.contains(wanted), "{reason}");
}

#[test]
fn a_dead_store_is_not_available_until_it_lives() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    let sealed = store.seal(&key).unwrap();
    proxy.set(Rule::refuse());
    let refuses = "refuses connections";
    assert_unavailable(store.head(&key), refuses);
    assert_unavailable(store.seal(&key), refuses);
    assert_unavailable(store.open(&key, &sealed), refuses);
    assert_unavailable(put(&store, &key, b"x"), refuses);
    assert_unavailable(store.delete(&key), refuses);
    assert_unavailable(store.delete_workspace("ws-1"), refuses);
    assert_unavailable(store.check(), refuses);
    assert_unavailable(store.list_older_than(jiff::Timestamp::now()), refuses);
    // Signing needs nobody.
    store.sign_put(&key, &conditions()).unwrap();
    proxy.set(Rule::pass());
    assert_eq!(read(&store, &key, &sealed).unwrap(), content());
}

#[test]
fn a_store_that_says_nothing_is_not_waited_for() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    proxy.set(Rule::black_hole());
    assert_unavailable(store.seal(&key), "did not answer in time");
    assert_unavailable(store.check(), "did not answer in time");
}

#[test]
fn a_restarted_store_has_what_was_sealed() {
    let Some(mut garage) = Garage::start() else { return };
    let mut config = config(&garage);
    config.patience = impatient();
    let (store, key) = (S3Store::new(config).unwrap(), key("up-1"));
    put(&store, &key, &content()).unwrap();
    let sealed = store.seal(&key).unwrap();
    garage.stop();
    assert_unavailable(store.open(&key, &sealed), "refuses connections");
    garage.restart();
    assert_eq!(read(&store, &key, &sealed).unwrap(), content());
}

#[test]
fn a_cut_body_is_no_end() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    let sealed = store.seal(&key).unwrap();
    proxy.set(Rule::pass().cut_to_client(300_000).times(1));
    let mut came = Vec::new();
    let error = store.open(&key, &sealed).unwrap().read_to_end(&mut came).unwrap_err();
    assert_unavailable::<()>(Err(StoreError::of_read(error)), "of 1048576 bytes of an object");
    assert!(!came.is_empty() && content().starts_with(&came), "{}", came.len());
    assert_eq!(read(&store, &key, &sealed).unwrap(), content());
}

#[test]
fn a_body_that_stands_still_is_given_up() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    let sealed = store.seal(&key).unwrap();
    proxy.set(Rule::pass().hold_to_client(300_000));
    assert_unavailable(read(&store, &key, &sealed), "of 1048576 bytes of an object");
}

#[test]
fn a_body_that_comes_slowly_comes() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    let sealed = store.seal(&key).unwrap();
    proxy.set(Rule::pass().delay(Duration::from_millis(20)).bytes_per_second(2 << 20));
    assert_eq!(read(&store, &key, &sealed).unwrap(), content());
}

#[test]
fn a_connection_that_breaks_once_is_not_noticed() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    proxy.set(Rule::pass().cut_to_client(10).times(1));
    assert!(store.head(&key).unwrap().is_some());
    proxy.set(Rule::pass().cut_to_store(100_000).times(1));
    put(&store, &key, &content()).unwrap();
}

#[test]
fn a_put_of_the_server_that_breaks_leaves_the_old_object() {
    let Some(garage) = Garage::start() else { return };
    let (store, mut proxy, key) = behind_proxy(&garage);
    let sealed = store.seal(&key).unwrap();
    proxy.set(Rule::pass().cut_to_store(100_000));
    let error = put(&store, &key, &vec![1; 1 << 20]).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    proxy.set(Rule::pass());
    assert_eq!(read(&store, &key, &sealed).unwrap(), content());
}
