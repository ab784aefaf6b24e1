//! Uploads: two ways in, one way through.

mod history;
mod inline;
mod options;
mod plan;
mod presigned;
mod run;
mod sweep;

pub(crate) use self::history::{list_row, status_answer};
pub(crate) use self::inline::upload_inline;
pub(crate) use self::presigned::{complete, open, put_local, upload_not_found};
pub(crate) use self::sweep::{settle_interrupted, sweep_forever};
