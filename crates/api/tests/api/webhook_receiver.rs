//! A receiver of webhooks on loopback that checks signatures as docs/WEBHOOKS.md has it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

/// What a request meets instead of being taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// This status.
    Status(u16),
    /// A redirect to another path of the same receiver.
    Elsewhere,
    /// No answer for as long as the test runs.
    Silence,
}

/// A request that came.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts that both signatures are by this secret.
    #[track_caller]
    pub(crate) fn assert_signed(&self, secret: &str) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let verify = |header: &str, signed: &[u8]| {
            let tag = hex::decode(self.header(header).strip_prefix("sha256=").unwrap()).unwrap();
            hmac::verify(&key, signed, &tag).unwrap_or_else(|_| panic!("{header} is by another secret"));
        };
        verify("x-workstead-signature", &self.body);
        let before =
            format!("{}.{}.", self.header("x-workstead-delivery"), self.header("x-workstead-timestamp"));
        verify("x-workstead-timed-signature", &[before.as_bytes(), &self.body].concat());
    }
}

#[derive(Clone)]
struct Shared {
    faults: Arc<Mutex<VecDeque<Fault>>>,
    came: mpsc::UnboundedSender<Came>,
}

/// The running receiver; it ends with the test.
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Shared,
    came: AsyncMutex<mpsc::UnboundedReceiver<Came>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let (send, receive) = mpsc::unbounded_channel();
        let shared = Shared { faults: Arc::default(), came: send };
        let router = Router::new().fallback(take).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, came: AsyncMutex::new(receive) }
    }

    /// Has the next requests fail.
    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// Has no more requests fail.
    pub(crate) fn forgive(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Waits for the next request.
    pub(crate) async fn next(&self) -> Came {
        let mut came = self.came.lock().await;
        tokio::time::timeout(Duration::from_mins(1), came.recv()).await.expect("nothing came").unwrap()
    }

    /// Asserts that nothing more has come.
    #[track_caller]
    pub(crate) fn assert_quiet(&self) {
        let more = self.came.try_lock().unwrap().try_recv();
        assert!(more.is_err(), "{more:?}");
    }
}

async fn take(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let fault = shared.faults.lock().unwrap().pop_front();
    // A test that is over listens no more.
    let _ = shared.came.send(Came { uri: uri.to_string(), headers, body });
    match fault {
        None => (StatusCode::OK, "taken").into_response(),
        Some(Fault::Status(status)) => (StatusCode::from_u16(status).unwrap(), "not now").into_response(),
        Some(Fault::Elsewhere) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response()
        }
        Some(Fault::Silence) => std::future::pending().await,
    }
}
