//! What a client does with a signed upload, as far as the emulator serves it: it takes the PUT and holds to the range of
//! sizes, but verifies neither the signature nor the hash.

use ureq::Agent;
use workstead_presign::{PutConditions, SignedUpload};
use workstead_test_stores::GcsEmulator;

use super::account::{Account, conditions, key, read};

/// Puts as a client does that was told a URL and headers, and returns the status.
fn put(signed: &SignedUpload, content: &[u8]) -> u16 {
    let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let request = signed
        .headers
        .iter()
        .fold(agent.put(signed.url.expose()), |request, (name, value)| request.header(name, value));
    request.send(content).unwrap().status().as_u16()
}

#[test]
fn a_client_puts_by_the_url_and_the_server_reads_it() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let account = Account::at(&emulator);
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    let signed = store.sign_put(&object, &conditions(10)).unwrap();
    assert_eq!(put(&signed, b"0123456789"), 200);
    let frozen = store.seal(&object).unwrap();
    assert_eq!((frozen.size, read(&store, &object, &frozen).unwrap()), (10, b"0123456789".to_vec()));
    // The URL works until it expires; what it puts later is another version.
    assert_eq!(put(&signed, b"late"), 200);
    assert!(read(&store, &object, &frozen).is_err());
}

#[test]
fn the_store_refuses_other_sizes() {
    let Some(emulator) = GcsEmulator::start() else { return };
    let account = Account::at(&emulator);
    let (store, object) = (account.store(), key("ws-1", "up-1"));
    let limited = store.sign_put(&object, &conditions(10)).unwrap();
    assert_eq!(put(&limited, b"0123456789a"), 400);
    let exact = store.sign_put(&object, &PutConditions { size: Some(5), ..conditions(10) }).unwrap();
    assert_eq!((put(&exact, b"0123"), put(&exact, b"012345")), (400, 400));
    assert_eq!(store.head(&object).unwrap(), None);
    assert_eq!(put(&exact, b"01234"), 200);
}
