//! Mirrors: a workspace that is pushed to an upstream remote after each commit, or pulled from one.
//!
//! | File | Does |
//! |---|---|
//! | `setting.rs` | what staff set, kept with its secrets sealed |
//! | `shown.rs` | what everybody is told of it |
//! | `worker.rs` | takes what is due under a lease, and records what came of it |
//! | `push.rs`, `pull.rs` | one attempt of each direction |
//! | `remote.rs`, `place.rs` | the `git` program with an upstream: its command line, environment and bounds; where it runs |
//! | `askpass.rs` | how that program is told the credentials |
//! | `failure.rs` | what went wrong, in words without secrets |
//! | `hook.rs` | the upstream's own webhook, which only wakes |
//!
//! An attempt goes by what is there, not by what it was told: a push looks where the upstream is and brings it to our
//! head, a pull the other way round, and both move forward only. So wakes may be lost or come twice, and it makes no
//! difference which process left what undone. Which mirror is due stands in the database: a push whenever the index
//! says another head than was pushed last.

mod askpass;
mod failure;
mod hook;
mod place;
mod pull;
mod push;
mod remote;
mod setting;
mod shown;
mod worker;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use workstead_core::model::MANIFEST_FILE;
use workstead_core::tree::{Edit, Edits};

pub(crate) use self::hook::{Proof, is_proven};
pub(crate) use self::setting::{MirrorWrite, remove, set};
pub(crate) use self::shown::{MirrorShown, condition, find, shown};
pub(crate) use self::worker::start;
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::now;
use crate::workspace::Workspace;

/// How the workers are spoken to, and what they need beyond the settings.
#[derive(Debug)]
pub(crate) struct Mirrors {
    signals: Arc<Signals>,
    /// The program that tells `git` the credentials.
    askpass: PathBuf,
}

#[derive(Debug, Default)]
struct Signals {
    wake: Notify,
    /// Said when a mirror was set anew or removed: whoever is at it looks whether it still is his.
    changed: Notify,
    stopped: CancellationToken,
}

impl Mirrors {
    /// Prepares them; `run` is a directory of ours.
    pub(crate) fn prepare(run: &Path) -> std::io::Result<Self> {
        Ok(Self { signals: Arc::default(), askpass: askpass::write(run)? })
    }

    /// Has a worker look for what is due.
    pub(crate) fn wake(&self) {
        self.signals.wake.notify_one();
    }

    /// Says that a mirror was set anew or removed.
    fn changed(&self) {
        self.signals.changed.notify_waiters();
        self.wake();
    }

    /// Ends the workers, and what they are at: it is taken up again at the next start.
    pub(crate) fn stop(&self) {
        self.signals.stopped.cancel();
    }
}

/// Has a workspace's mirror looked at at once; false when it has none.
pub(crate) async fn ask(app: &AppState, workspace_id: &str) -> Result<bool, ApiError> {
    let is_asked = app.database.ask_mirror(workspace_id, now()).await?;
    app.mirrors.wake();
    Ok(is_asked)
}

/// Refuses a change of the default branch where that is pulled from elsewhere: the next pull could not go forward.
pub(crate) fn refuse_where_pulled(workspace: &Workspace, upstream: Option<&str>) -> Result<(), ApiError> {
    let Some(upstream) = upstream else { return Ok(()) };
    let (name, branch) = (workspace.name(), workspace.branch());
    let detail = format!(
        "workspace {name} is pulled from {upstream}: change it there, or have staff remove the mirror; branches other than {branch} can be written here"
    );
    Err(ApiError::conflict("mirrored", detail))
}

/// Notes the root names that begin with a dot in an admin's change; blocking.
pub(crate) fn note_dot_names(
    app: &AppState,
    workspace: &Workspace,
    email: &str,
    edits: &Edits,
) -> Result<(), ApiError> {
    let written = edits.iter().filter(|(_, edit)| !matches!(edit, Edit::Remove));
    let roots = written.filter_map(|(path, _)| path.as_str().split('/').next());
    let names: BTreeSet<String> =
        roots.filter(|name| name.starts_with('.') && *name != MANIFEST_FILE).map(str::to_owned).collect();
    if !names.is_empty() {
        Handle::current().block_on(app.database.admit_dot_names(workspace.id(), &names, email, now()))?;
    }
    Ok(())
}

/// Says what a mirror's secrets are sealed for.
fn bound_to(workspace_id: &str, what: &str) -> String {
    format!("{workspace_id}/mirror/{what}")
}
