//! What the SDK and its HTTP client write to the log, at the most talkative level.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use workstead_test_stores::Garage;

use crate::store::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// All that the SDK stands on, as loud as the program lets it be: two of them tell whole requests at `trace`, signatures and session
/// tokens included, and the program's log never goes that far.
const LOUDEST: &str = "off,aws_config=trace,aws_credential_types=trace,aws_runtime=trace,aws_sdk_s3=trace,aws_sigv4=debug,\
    aws_smithy_http_client=trace,aws_smithy_runtime=debug,aws_smithy_runtime_api=trace,hyper=trace,hyper_util=trace,rustls=trace";

#[test]
fn the_log_has_no_secret() {
    let Some(garage) = Garage::start() else { return };
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_env_filter(LOUDEST)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish()
        .init();
    let store = store(&garage);
    let signed = store.sign_put(&key("up-1"), &conditions()).unwrap();
    put(&store, &key("up-2"), b"x").unwrap();
    assert!(store.examine().failure.is_none());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("aws_smithy_runtime::client"));
    let (_, query) = signed.url.expose().split_once('?').unwrap();
    for secret in [garage.key().secret.as_str(), query, "Signature="] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
}
