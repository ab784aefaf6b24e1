//! The one way from async code to Git, bundles and files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::Span;

use crate::error::ApiError;

/// Work that goes on even when its client hangs up, and that shutdown waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    tracker: TaskTracker,
}

impl Work {
    /// Runs blocking work on a thread of its own, inside the caller's tracing span.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let span = Span::current();
        let task = self.tracker.spawn_blocking(move || span.in_scope(work));
        task.await.map_err(|error| panicked(&error, "blocking work"))
    }

    /// Runs blocking work that takes much memory, on a thread made for it.
    ///
    /// The allocator keeps for each thread what that thread let go of. Those of the runtime take turns, so in the end
    /// each of them would keep as much as the largest bundle needed; what is kept for this one goes with it.
    pub(crate) async fn large<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let (span, runtime, tracked) = (Span::current(), Handle::current(), self.tracker.token());
        let (result, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("large-work".to_owned()).spawn(move || {
            let _runtime = runtime.enter();
            // What a panic may leave half changed goes with the closure.
            let worked = catch_unwind(AssertUnwindSafe(|| span.in_scope(work)));
            // Nobody waits for it any more when its client hung up.
            let _ = result.send(worked);
            drop(tracked);
        });
        thread.map_err(|error| ApiError::internal(format!("no thread for large work: {error}")))?;
        let without_result = || ApiError::internal("large work ended without a result");
        ended.await.map_err(|_| without_result())?.map_err(|_| without_result())
    }

    /// Runs a write to its end: a client that hangs up must not leave one half done.
    pub(crate) async fn to_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        use tracing::Instrument;
        let task = self.tracker.spawn(work.instrument(Span::current()));
        task.await.map_err(|error| panicked(&error, "a write"))?
    }

    /// Runs a task that nobody waits for but shutdown; it must end by itself then.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tracker.spawn(task));
    }

    /// Runs housekeeping that nobody waits for but shutdown.
    pub(crate) fn in_background(&self, work: impl FnOnce() + Send + 'static) {
        let span = Span::current();
        drop(self.tracker.spawn_blocking(move || span.in_scope(work)));
    }

    /// Waits until nothing is under way; nothing new must be coming.
    pub(crate) async fn finish(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn panicked(error: &tokio::task::JoinError, what: &str) -> ApiError {
    ApiError::internal(format!("{what} ended without a result: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        let work = Work::default();
        let failed = work.blocking(|| -> u8 { panic!("boom") }).await.unwrap_err();
        assert_eq!(failed.code(), "internal_error");
        assert_eq!(work.blocking(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn large_work_has_the_runtime_and_outlives_its_client() {
        let work = Work::default();
        let ready = || Handle::current().block_on(async { 7 });
        assert_eq!(work.large(ready).await.unwrap(), 7);
        let failed = work.large(|| -> u8 { panic!("boom") }).await.unwrap_err();
        assert_eq!(failed.code(), "internal_error");
        let (start, begun) = std::sync::mpsc::channel::<()>();
        let (finish, ended) = std::sync::mpsc::channel();
        let shared = work.clone();
        let client = tokio::spawn(async move {
            let large = move || finish.send(begun.recv()).unwrap();
            shared.large(large).await
        });
        tokio::task::yield_now().await;
        client.abort();
        let _ = client.await;
        start.send(()).unwrap();
        work.finish().await;
        ended.try_recv().unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_write_outlives_its_client() {
        let work = Work::default();
        let (start, begun) = tokio::sync::oneshot::channel::<()>();
        let (finish, ended) = tokio::sync::oneshot::channel::<()>();
        let shared = work.clone();
        let client = tokio::spawn(async move {
            let write = async move {
                let _ = begun.await;
                let _ = finish.send(());
                Ok(())
            };
            shared.to_end(write).await
        });
        tokio::task::yield_now().await;
        client.abort();
        let _ = client.await;
        start.send(()).unwrap();
        work.finish().await;
        assert!(ended.await.is_ok());
    }
}
