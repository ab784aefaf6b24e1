//! The server's side of the private socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::tickets::Tickets;
use super::wire::{MAX_MESSAGE_BYTES, PushRequest, Verdict};

/// How long a hook may take to say what it wants.
const READ_TIME: Duration = Duration::from_secs(30);

/// Answers hooks until the task is aborted.
pub(super) async fn listen(listener: UnixListener, tickets: Arc<Tickets>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let tickets = Arc::clone(&tickets);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &tickets).await {
                        tracing::warn!(%error, "a push's hook could not be answered");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: let others end first.
                tracing::warn!(%error, "the push check could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, tickets: &Tickets) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reading).take(MAX_MESSAGE_BYTES as u64);
    tokio::time::timeout(READ_TIME, reader.read_until(b'\n', &mut line)).await??;
    let verdict = match serde_json::from_slice::<PushRequest>(&line) {
        Ok(request) => judge(request, tickets).await,
        Err(_) => Verdict::refused("error: the push check was asked in a language it does not know"),
    };
    let mut message = serde_json::to_vec(&verdict)?;
    message.push(b'\n');
    writing.write_all(&message).await
}

async fn judge(request: PushRequest, tickets: &Tickets) -> Verdict {
    let Some(judge) = tickets.redeem(&request.ticket) else {
        return Verdict::refused("error: the push check does not know this push; nothing was changed");
    };
    // Judging reads a repository, which never happens on an async thread.
    tokio::task::spawn_blocking(move || judge(&request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the push check failed");
        Verdict::refused("error: the push check failed; nothing was changed")
    })
}
