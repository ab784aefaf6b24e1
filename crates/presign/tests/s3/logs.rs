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

#[test]
fn what_is_logged() {
    let Some(garage) = Garage::start() else { return };
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter("trace").with_ansi(false).with_writer(log.clone()).finish();
    subscriber.init();
    let store = store(&garage);
    let signed = store.sign_put(&key("up-1"), &conditions()).unwrap();
    put(&store, &key("up-2"), b"x").unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    fs_err::write("/tmp/s3log.txt", &log).unwrap();
    let _ = signed;
}
