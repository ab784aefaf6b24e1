//! The transport against the real `git`, over a real socket.

mod fetch;
mod host;
mod interruption;
mod push;
mod rules;

use std::path::Path;

/// Not a test: what the hook of the tests runs, this very program again.
///
/// The library's tests can't see the `workstead` binary; the script in [`host`] stands for it.
#[test]
fn hook_entry() {
    if let Some(socket) = std::env::var_os("TEST_HOOK_SOCKET") {
        std::process::exit(super::hook::run(Path::new(&socket)).into());
    }
}
