//! The threads that the SDK's async code runs on.

use std::io;

use tokio::runtime::{Builder, Handle};

/// A runtime of the store's own: its calls work from any thread that may block, whatever runtime the caller has, and
/// transfers don't compete with the server's answers. It may be dropped anywhere.
pub(super) struct Runtime {
    handle: Handle,
    inner: Option<tokio::runtime::Runtime>,
}

impl Runtime {
    pub(super) fn start() -> io::Result<Self> {
        // Calls are driven by the threads that wait for them; this one drives sockets and timers.
        let inner = Builder::new_multi_thread().worker_threads(1).thread_name("s3").enable_all().build()?;
        Ok(Self { handle: inner.handle().clone(), inner: Some(inner) })
    }

    pub(super) fn block_on<F: Future>(&self, call: F) -> F::Output {
        self.handle.block_on(call)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            // Waiting for its threads would panic on a thread of another runtime.
            inner.shutdown_background();
        }
    }
}
