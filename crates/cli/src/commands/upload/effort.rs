//! What an upload took: on which way it came in, and how often what was sent.

use std::cell::{Cell, RefCell};

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
