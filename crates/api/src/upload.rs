//! Uploads: several ways in, one way through.
//!
//! | File | What happens there |
//! |---|---|
//! | `inline` | a bundle comes inside the request, and is taken in before the answer, or put into the store |
//! | `open`, `put` | a signed URL is handed out; our own PUT route, where it leads to us |
//! | `complete` | a client says that the bundle is there: queue, wait, retry, cancel |
//! | `hint`, `store_events` | the store says so, in its notifications; or the sweeper finds it |
//! | `errand`, `options` | in whose name and how it is merged, kept with the row |
//! | `worker`, `attempt` | leased jobs, recorded and begun again when the reason passes; one attempt: fetch, unpack, merge |
//! | `fetch`, `memory`, `progress` | the bundle's way to this machine, its room in memory, how far it is |
//! | `events` | the same, told to clients as it changes |
//! | `run`, `last_word` | from a bundle to a commit and its answer, whichever way it came; what is asked before it |
//! | `sweep`, `strays`, `retention` | what uploads leave behind: found in the store, kept for a while, removed |
//! | `history` | how the records of uploads are shown |

mod attempt;
mod complete;
mod errand;
mod events;
mod fetch;
mod hint;
mod history;
mod inline;
mod last_word;
mod memory;
mod open;
mod options;
mod plan;
mod progress;
mod put;
mod retention;
mod run;
mod store_events;
mod strays;
mod sweep;
mod worker;

pub(crate) use self::complete::{Asked, Completed, cancel, complete, retry, upload_not_found};
pub(crate) use self::events::events;
pub(crate) use self::hint::{Noted, note};
pub(crate) use self::history::{filter, list_row, status_answer};
pub(crate) use self::inline::{InlineUpload, upload_inline, upload_later};
pub(crate) use self::memory::UploadMemory;
pub(crate) use self::open::open;
pub(crate) use self::progress::Progress;
pub(crate) use self::put::put;
pub(crate) use self::store_events::read as read_store_events;
pub(crate) use self::sweep::{Failures, settle_interrupted, sweep, sweep_forever, tidy};
pub(crate) use self::worker::{Uploads, start};
