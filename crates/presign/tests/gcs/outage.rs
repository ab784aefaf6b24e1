//! A store that is away, slow to come back, or not what the settings say.

use workstead_presign::StoreError;
use workstead_test_stores::{GcsEmulator, Proxy, Rule};

use super::account::{Account, conditions, key, read};

#[test]
fn an_outage_is_told_and_passes() {
    let Some(mut emulator) = GcsEmulator::start() else { return };
    let account = Account::at(&emulator);
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    account.put(&store, &object, b"first").unwrap();
    let frozen = store.seal(&object).unwrap();
    emulator.stop();
    let errors = [
        store.head(&object).unwrap_err(),
        read(&store, &object, &frozen).unwrap_err(),
        account.put(&store, &object, b"second").unwrap_err(),
        store.delete(&object).unwrap_err(),
        store.check().unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Unavailable { .. }) && error.is_temporary(), "{error:?}");
    }
    // A key file signs without anybody.
    store.sign_put(&object, &conditions(10)).unwrap();
    emulator.restart();
    assert_eq!(read(&store, &object, &frozen).unwrap(), b"first");
}

#[test]
fn an_absent_bucket_is_told_from_an_absent_object() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let mut account = Account::at(&emulator);
    account.config.bucket = "not-there".to_owned();
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    let errors = [
        store.check().unwrap_err(),
        store.head(&object).unwrap_err(),
        store.list_older_than(jiff::Timestamp::MAX).unwrap_err(),
        account.put(&store, &object, b"x").unwrap_err(),
    ];
    for error in errors {
        let StoreError::Refused { reason, cure } = error else { panic!("{error:?}") };
        assert_eq!(reason, "the bucket `not-there` does not exist");
        assert_eq!(cure, "make it, or correct WORKSTEAD_GCS_BUCKET");
    }
}

#[test]
fn a_connection_that_is_cut_loses_nothing() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let mut proxy = Proxy::start(&emulator.endpoint());
    let mut account = Account::at(&emulator);
    account.config.endpoint = Some(proxy.endpoint().parse().unwrap());
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    let content = vec![7; 2_000_000];
    proxy.set(Rule::pass().cut_to_store(500_000).times(1));
    let frozen = account.put(&store, &object, &content).unwrap();
    assert_eq!(store.seal(&object).unwrap(), frozen);
    proxy.set(Rule::pass().cut_to_client(500_000));
    let error = read(&store, &object, &frozen).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    proxy.set(Rule::pass());
    assert!(read(&store, &object, &frozen).unwrap() == content);
}
