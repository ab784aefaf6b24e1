//! The ways in, and which is taken when nothing is said.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use indicatif::HumanBytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use workstead_core::name::WorkspaceName;

use super::talk::Talk;
use crate::client::retry::{Attempts, Clock, Next, Patience, SystemClock, seconds};
use crate::client::{Client, ClientError};
use crate::merge_args::MergeArgs;

/// Largest bundle that goes into one request unasked: the server holds it in memory, a third larger.
const MAX_INLINE_UNASKED: usize = 16 << 20;

/// The ways in, as arguments name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Via {
    /// By a signed address of the object store; through the server where the store can't be used from here
    #[default]
    Auto,
    /// By a signed address of the object store: ask for one, put the bundle there, have it taken in
    Presigned,
    /// The same by an address of the server, which puts the bundle into its store
    Server,
    /// One request that carries the bundle, as the workspace builder does
    Inline,
}

/// A way that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// An address of the store.
    Store,
    /// An address of the server.
    Server,
    /// One request.
    Inline,
}

impl Way {
    /// Returns the word of the API and of `--via`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Store => "presigned",
            Self::Server => "server",
            Self::Inline => "inline",
        }
    }
}

/// What an upload took, for the report.
#[derive(Debug, Default)]
pub(super) struct Effort {
    /// The way on which it came in.
    pub(super) way: Cell<Option<Way>>,
    /// The kind of store, where there is one.
    pub(super) provider: RefCell<Option<String>>,
    /// How often the bundle was sent, wholly or in part.
    pub(super) sent: Cell<u32>,
    /// How often a step was tried again.
    pub(super) retries: Cell<u32>,
    /// The task's id, once there is one.
    pub(super) task: RefCell<Option<String>>,
}

/// How an upload goes about it.
#[derive(Debug)]
pub(crate) struct Manner<'a> {
    /// How often and how long steps are tried again.
    pub(crate) patience: Patience,
    /// Time and chance.
    pub(crate) clock: &'a dyn Clock,
    /// What is told meanwhile.
    pub(crate) talk: Talk,
    /// Whether the server is asked to answer at once and to work later.
    pub(crate) respond_async: bool,
    /// Whether to wait for what comes of it.
    pub(crate) wait: bool,
    /// Whether nothing is to be changed.
    pub(crate) dry_run: bool,
}

impl Manner<'_> {
    /// One attempt at everything.
    pub(crate) fn plain(talk: Talk) -> Self {
        let patience = Patience { retries: 0, deadline: Instant::now() + Duration::from_mins(15) };
        Self { patience, clock: &SystemClock, talk, respond_async: false, wait: true, dry_run: false }
    }
}

/// One upload: what goes where, and how.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    /// The server.
    pub(super) client: &'a Client,
    /// Where to.
    pub(super) workspace: &'a WorkspaceName,
    /// What the merge does.
    pub(super) options: &'a MergeArgs,
    /// What to send.
    pub(super) bundle: &'a [u8],
    /// Its SHA-256 in hexadecimal.
    pub(super) sha256: String,
    /// How.
    pub(super) manner: Manner<'a>,
    /// What it took.
    pub(super) effort: Effort,
}

/// Why a way came to nothing.
pub(super) enum Stop {
    /// The way itself: another may lead there.
    Way(ClientError),
    /// What every way would meet.
    Final(ClientError),
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self::Final(error)
    }
}

impl<'a> Upload<'a> {
    /// Makes an upload of a bundle.
    pub(crate) fn new(
        client: &'a Client,
        workspace: &'a WorkspaceName,
        options: &'a MergeArgs,
        bundle: &'a [u8],
        manner: Manner<'a>,
    ) -> Self {
        let sha256 = hex::encode(Sha256::digest(bundle));
        Self { client, workspace, options, bundle, sha256, manner, effort: Effort::default() }
    }

    /// Uploads, waits for the commit unless told otherwise, and returns the server's answer.
    pub(crate) fn send(&self, via: Via) -> Result<Value, ClientError> {
        let sent = match via {
            Via::Auto => return self.send_somehow(),
            Via::Presigned => self.by_address(Way::Store, false),
            Via::Server => self.by_address(Way::Server, false),
            Via::Inline => return self.inline(),
        };
        sent.map_err(|(Stop::Way(error) | Stop::Final(error))| error)
    }

    /// Takes the first way that leads there: the store, the server's own address, one request if that is not too much.
    fn send_somehow(&self) -> Result<Value, ClientError> {
        let error = match self.by_address(Way::Store, true) {
            Ok(answer) => return Ok(answer),
            Err(Stop::Final(error)) => return Err(error),
            Err(Stop::Way(error)) => error,
        };
        let talk = &self.manner.talk;
        talk.say(&format!(
            "the object store can't be used from here ({}): going through the server",
            error.brief()
        ));
        match self.by_address(Way::Server, false) {
            Ok(answer) => return Ok(answer),
            Err(Stop::Final(refused)) if is_not_offered(&refused) => {}
            Err(Stop::Way(error) | Stop::Final(error)) => return Err(error),
        }
        if self.bundle.len() > MAX_INLINE_UNASKED {
            let size = HumanBytes(self.bundle.len() as u64);
            let note = format!(
                "the server offers no way around its store; --via inline sends all {size} in one request"
            );
            return Err(error.noting(note));
        }
        talk.say("the server takes no bundle for its store: sending it in one request");
        self.inline()
    }

    /// Begins the attempts at a step.
    pub(super) fn attempts(&self) -> Attempts<'a> {
        Attempts::new(self.manner.patience, self.manner.clock)
    }

    /// Does a step until it succeeds or its error does not pass.
    pub(super) fn retrying<T>(
        &self,
        mut step: impl FnMut() -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut attempts = self.attempts();
        loop {
            match step() {
                Ok(done) => return Ok(done),
                Err(error) => self.pause(&mut attempts, error)?,
            }
        }
    }

    /// Waits before the next attempt, or returns the error when there is none.
    pub(super) fn pause(&self, attempts: &mut Attempts<'_>, error: ClientError) -> Result<(), ClientError> {
        let next = attempts.after(&error);
        self.follow(attempts, next, error)
    }

    /// Does what was decided about an error.
    pub(super) fn follow(
        &self,
        attempts: &Attempts<'_>,
        next: Next,
        error: ClientError,
    ) -> Result<(), ClientError> {
        match next {
            Next::Again(pause) => {
                let ((number, most), brief) = (attempts.count(), error.brief());
                let talk = &self.manner.talk;
                talk.say(&format!("{brief}; trying again in {} ({number} of {most})", seconds(pause)));
                self.effort.retries.set(self.effort.retries.get() + 1);
                self.manner.clock.sleep(pause);
                Ok(())
            }
            Next::Stop(Some(note)) => Err(error.noting(note)),
            Next::Stop(None) => Err(error),
        }
    }

    /// Returns the fields of the query that every way in takes.
    pub(super) fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = self.options.fields();
        fields.extend(self.manner.dry_run.then_some(("dryRun", Value::from(true))));
        fields
    }

    /// Returns the headers of the request that the server answers after the work.
    pub(super) fn preference(&self) -> &'static [(&'static str, &'static str)] {
        if self.manner.respond_async { &[("prefer", "respond-async")] } else { &[] }
    }
}

/// Tells whether a server knows no `via=server`.
fn is_not_offered(error: &ClientError) -> bool {
    error.has_code("option_not_supported") || error.has_code("invalid_parameter")
}
