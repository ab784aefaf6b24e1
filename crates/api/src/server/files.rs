//! How many files and connections this process may have open.

/// Fewer than this are too few for a busy server.
const ENOUGH: u64 = 4096;
/// Most connections, however many files there may be.
const MOST_CONNECTIONS: u64 = 4096;

/// Raises the limit of open files as far as it may be raised, and returns how many connections fit.
#[cfg(unix)]
pub(super) fn raise_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let raised = if wanted == limit { Ok(()) } else { setrlimit(Resource::Nofile, wanted) };
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files can't be raised");
    }
    let files = getrlimit(Resource::Nofile).current;
    if let Some(files) = files.filter(|files| *files < ENOUGH) {
        tracing::warn!(files, enough = ENOUGH, "few files may be open; raise the hard limit (ulimit -Hn)");
    }
    connections(files)
}

/// Takes the limit for enough where there is none to raise.
#[cfg(not(unix))]
pub(super) fn raise_limit() -> usize {
    connections(None)
}

/// Returns how many connections leave half of the files to repositories, the database and `git`.
fn connections(files: Option<u64>) -> usize {
    files.map_or(MOST_CONNECTIONS, |files| files / 2).clamp(1, MOST_CONNECTIONS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_half_of_the_files() {
        assert_eq!(connections(None), 4096);
        assert_eq!(connections(Some(1 << 20)), 4096);
        assert_eq!(connections(Some(1024)), 512);
        assert_eq!(connections(Some(0)), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_of_files_is_raised_to_the_hard_one() {
        use rustix::process::{Resource, getrlimit};
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
