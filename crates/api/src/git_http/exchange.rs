//! One request and its answer, streamed through a `git` process in both directions.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::Instrument as _;

use super::command::{self, Invocation, PushContext};
use super::input::{Input, InputError};
use super::limits::GitLimits;
use super::pkt::{PacketError, ReportHold, progress_line, service_line};
use super::process::{GitProcess, Pipes};
use super::service::{Protocol, Service};
use crate::metrics::{GitMetrics, GitRun};

/// Bytes that are read from a process at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that may wait for the client.
const WAITING_CHUNKS: usize = 4;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// Too many processes run already.
    #[error("all {0} git processes that may run at once are busy")]
    Busy(usize),
    /// There is no usable `git`.
    #[error("failed to run `git`")]
    Run(#[source] std::io::Error),
    /// The request can't be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The process ended without an answer.
    #[error("`git {subcommand}` ended with {status} and no answer: {complaints}")]
    Failed {
        /// The subcommand.
        subcommand: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said on standard error.
        complaints: String,
    },
    /// The output can't be followed.
    #[error("failed to follow the report of `git receive-pack`")]
    Report(#[from] PacketError),
    /// The process took too long.
    #[error("`git` took longer than {} seconds", .0.as_secs())]
    Deadline(Duration),
    /// The client does not read.
    #[error("the client took nothing for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// The client went away.
    #[error("the client went away")]
    Gone,
    /// What was pushed could not be made durable or visible.
    #[error("failed to finish the push")]
    Finish(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What follows a push once its process has ended, however it ended.
pub(crate) type AfterPush = BoxFuture<'static, Result<(), Box<dyn std::error::Error + Send + Sync>>>;

/// One request for a service.
pub(crate) struct Exchange {
    /// The service.
    pub(crate) service: Service,
    /// The bare repository.
    pub(crate) directory: PathBuf,
    /// The protocol that the client asked for.
    pub(crate) protocol: Protocol,
    /// The body; nothing for the list of references.
    pub(crate) input: Option<Input>,
    /// Set for `receive-pack`.
    pub(crate) push: Option<PushContext>,
    /// Runs before a push's report is sent.
    pub(crate) after: Option<AfterPush>,
}

/// Runs exchanges, so many at a time.
#[derive(Debug)]
pub(crate) struct Transport {
    limits: GitLimits,
    slots: Arc<Semaphore>,
    pub(super) metrics: GitMetrics,
}

type Piece = Result<Bytes, ExchangeError>;

impl Transport {
    /// Makes a transport with these limits.
    pub(crate) fn new(limits: GitLimits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.max_processes.min(Semaphore::MAX_PERMITS)));
        Self { limits, slots, metrics: GitMetrics::default() }
    }

    /// Returns the limits in force.
    pub(crate) fn limits(&self) -> &GitLimits {
        &self.limits
    }

    /// Runs an exchange and returns the answer's body as soon as there is something to say.
    ///
    /// Until then every failure is an error with a status of its own; afterwards a failure cuts
    /// the body off, which the client sees as a broken transfer.
    pub(crate) async fn run(&self, exchange: Exchange) -> Result<Body, ExchangeError> {
        let waiting = tokio::time::timeout(self.limits.queue_time, Arc::clone(&self.slots).acquire_owned());
        let Ok(Ok(permit)) = waiting.await else {
            return Err(ExchangeError::Busy(self.limits.max_processes));
        };
        let advertise = exchange.input.is_none();
        let invocation = Invocation {
            service: exchange.service,
            directory: &exchange.directory,
            advertise,
            protocol: &exchange.protocol,
            push: exchange.push.as_ref(),
        };
        let command = command::build(&invocation, &self.limits);
        let run = self.metrics.run(exchange.service.measured());
        let (process, pipes) = GitProcess::start(command).map_err(ExchangeError::Run)?;
        if exchange.service == Service::UploadPack {
            process.yield_to_others();
        }
        let bare = !advertise || exchange.protocol.is_bare_advertisement(exchange.service);
        let beginning = (!bare).then(|| Ok(service_line(exchange.service.subcommand())));

        let (sender, mut receiver) = mpsc::channel(WAITING_CHUNKS);
        let span = tracing::info_span!("git", service = exchange.service.subcommand(), advertise);
        let slot = Slot { run, _permit: permit };
        tokio::spawn(pump(exchange, process, pipes, sender, self.limits.clone(), slot).instrument(span));
        let first = receiver.recv().await.transpose()?;
        let rest = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        let pieces = stream::iter(beginning).chain(stream::iter(first.map(Ok))).chain(rest);
        Ok(Body::from_stream(pieces))
    }
}

/// What a process holds as long as it runs.
struct Slot {
    run: GitRun,
    _permit: OwnedSemaphorePermit,
}

/// Moves bytes until the process has ended, then finishes a push and sends its report.
async fn pump(
    mut exchange: Exchange,
    mut process: GitProcess,
    mut pipes: Pipes,
    output: mpsc::Sender<Piece>,
    limits: GitLimits,
    mut slot: Slot,
) {
    let after = exchange.after.take();
    let mut hold = after.is_some().then(ReportHold::default);
    let talk = async {
        let fed = feed(exchange.input.take(), pipes.stdin);
        let forwarded = forward(&mut pipes.stdout, &output, hold.as_mut(), limits.max_idle);
        let ((), answered) = tokio::try_join!(fed, forwarded)?;
        let status = process.wait().await.map_err(ExchangeError::Run)?;
        Ok(End { status, answered })
    };
    let outcome = tokio::select! {
        outcome = tokio::time::timeout(limits.max_time, talk) =>
            outcome.unwrap_or(Err(ExchangeError::Deadline(limits.max_time))),
        () = output.closed() => Err(ExchangeError::Gone),
    };
    if outcome.is_err() {
        if exchange.service == Service::ReceivePack {
            process.let_end(&mut pipes.stdout).await;
        }
        process.stop().await;
    }
    let complaints = process.complaints().await;
    slot.run.ok = outcome.as_ref().is_ok_and(|end| end.status.success() || end.answered);
    drop(slot);
    let finished = match after {
        // Whatever became of the exchange, references may have moved.
        Some(after) => after.await.map_err(ExchangeError::Finish),
        None => Ok(()),
    };
    let subcommand = exchange.service.subcommand();
    let last = match (outcome, finished) {
        (Ok(end), Ok(())) if end.status.success() || end.answered || hold_is_filled(hold.as_ref()) => {
            tracing::debug!(subcommand, status = %end.status, complaints, "git ended");
            Ok(hold.map(|hold| with_cure(hold, &limits)).unwrap_or_default())
        }
        (Ok(end), Ok(())) => Err(ExchangeError::Failed { subcommand, status: end.status, complaints }),
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
    };
    if let Err(error) = &last {
        let source = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(subcommand, directory = %exchange.directory.display(), %error, source, "git exchange failed");
    }
    if !matches!(&last, Ok(bytes) if bytes.is_empty()) {
        // The client may have gone; then there is nobody to tell.
        let _ = tokio::time::timeout(limits.max_idle, output.send(last)).await;
    }
}

/// Returns the report of a push, after what can be done about a pack that Git refused to read.
fn with_cure(hold: ReportHold, limits: &GitLimits) -> Bytes {
    let is_too_large = hold.is_too_large();
    let report = hold.finish();
    if !is_too_large {
        return report;
    }
    let line = format!(
        "error: the push is larger than the limit of {} bytes; push it in several steps, or raise \
         WORKSTEAD_GIT_MAX_PUSH_BYTES",
        limits.max_push_bytes
    );
    [progress_line(&line), report].concat().into()
}

fn hold_is_filled(hold: Option<&ReportHold>) -> bool {
    hold.is_some_and(|hold| !hold.is_empty())
}

/// How a process ended that was talked to until the end.
struct End {
    status: std::process::ExitStatus,
    answered: bool,
}

/// Writes the body to the process.
///
/// A process that has read enough (a pack that is too large, say) closes its end. The rest of the
/// body is then read and dropped, within the same limit: a client that is still sending would not
/// come to read why.
async fn feed(input: Option<Input>, stdin: ChildStdin) -> Result<(), ExchangeError> {
    let Some(mut input) = input else { return Ok(()) };
    let mut stdin = Some(stdin);
    while let Some(piece) = input.next().await? {
        if let Some(pipe) = &mut stdin
            && pipe.write_all(&piece).await.is_err()
        {
            stdin = None;
        }
    }
    Ok(())
}

/// Sends on what the process writes, as fast as the client takes it; tells whether there was any.
async fn forward(
    stdout: &mut ChildStdout,
    output: &mpsc::Sender<Piece>,
    mut hold: Option<&mut ReportHold>,
    max_idle: Duration,
) -> Result<bool, ExchangeError> {
    let mut buffer = BytesMut::new();
    let mut answered = false;
    loop {
        buffer.reserve(CHUNK_BYTES);
        if stdout.read_buf(&mut buffer).await.map_err(ExchangeError::Run)? == 0 {
            return Ok(answered);
        }
        let chunk = buffer.split().freeze();
        let chunk = match &mut hold {
            Some(hold) => hold.push(&chunk)?,
            None => chunk,
        };
        if chunk.is_empty() {
            continue;
        }
        let sent = tokio::time::timeout(max_idle, output.send(Ok(chunk))).await;
        sent.map_err(|_| ExchangeError::Stalled(max_idle))?.map_err(|_| ExchangeError::Gone)?;
        answered = true;
    }
}
