//! The client of the push check: what `pre-receive` runs.
//!
//! `git receive-pack` has unpacked the push into its quarantine by now and runs the hook with the
//! wanted changes on standard input (githooks, pre-receive). The hook knows nothing and decides
//! nothing: it hands the changes to the server that started the push, over the server's private
//! socket, and passes the verdict on. Whatever goes wrong refuses the push.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::command::TICKET_VARIABLE;
use super::push_check::wire::{MAX_MESSAGE_BYTES, PushRequest, RefUpdate, Verdict};

/// Most options of one push.
const MAX_OPTIONS: usize = 50;

/// Why the push could not be judged.
#[derive(Debug, thiserror::Error)]
enum HookError {
    #[error("the hook was not started by a server")]
    NoTicket,
    #[error("the list of changes is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooMany,
    #[error("the push has more than {MAX_OPTIONS} options (`git push -o`)")]
    TooManyOptions,
    #[error("the list of changes is not what a hook is given")]
    Malformed,
    #[error("the list of changes can't be read")]
    Changes(#[source] std::io::Error),
    #[error("the server's push check can't be reached")]
    Server(#[source] std::io::Error),
    #[error("the server's push check gave no verdict")]
    Verdict(#[source] serde_json::Error),
}

/// Judges the push that this process is the hook of; returns the hook's exit code.
///
/// Everything that is to be read goes to standard error, where Git shows it as `remote: ...`.
pub fn run(socket: &Path) -> u8 {
    let verdict = ask(socket).unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        Verdict::refused(format!("error: {error}{}; nothing was changed", source.unwrap_or_default()))
    });
    let mut stderr = std::io::stderr().lock();
    for line in &verdict.lines {
        // A reader that has gone changes nothing about the verdict.
        let _ = writeln!(stderr, "{line}");
    }
    u8::from(!verdict.accepted)
}

/// Reads what `git push -o` said (githooks, pre-receive).
///
/// One that can't be read may not go unseen: it could have asked for a check only.
fn options() -> Result<Vec<String>, HookError> {
    let Some(count) = std::env::var_os("GIT_PUSH_OPTION_COUNT") else { return Ok(Vec::new()) };
    let count: usize = count.to_str().and_then(|text| text.parse().ok()).ok_or(HookError::Malformed)?;
    if count > MAX_OPTIONS {
        return Err(HookError::TooManyOptions);
    }
    let option = |number| std::env::var_os(format!("GIT_PUSH_OPTION_{number}")).ok_or(HookError::Malformed);
    (0..count).map(|number| Ok(option(number)?.to_string_lossy().into_owned())).collect()
}

fn ask(socket: &Path) -> Result<Verdict, HookError> {
    let ticket = std::env::var(TICKET_VARIABLE).map_err(|_| HookError::NoTicket)?;
    let objects = std::env::var("GIT_QUARANTINE_PATH").ok();
    let mut changes = String::new();
    let limit = MAX_MESSAGE_BYTES as u64;
    let count = std::io::stdin().take(limit).read_to_string(&mut changes).map_err(HookError::Changes)?;
    if count >= MAX_MESSAGE_BYTES {
        return Err(HookError::TooMany);
    }
    // One line that is not understood may not go unseen.
    let updates: Option<Vec<_>> = changes.lines().map(RefUpdate::parse).collect();
    let updates = updates.ok_or(HookError::Malformed)?;
    let request = PushRequest { ticket, objects, updates, options: options()? };
    let mut message = serde_json::to_vec(&request).map_err(HookError::Verdict)?;
    message.push(b'\n');

    let mut stream = UnixStream::connect(socket).map_err(HookError::Server)?;
    stream.write_all(&message).map_err(HookError::Server)?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(limit).read_until(b'\n', &mut answer).map_err(HookError::Server)?;
    serde_json::from_slice(&answer).map_err(HookError::Verdict)
}
