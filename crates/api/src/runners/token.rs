//! Runner tokens: derived when asked for, kept as a hash, ended by rotation.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::app::AppState;
use crate::auth::token::TokenHash;
use crate::error::ApiError;
use crate::seal::{Purpose, ServerKey};
use crate::store::now;
use crate::workspace::Workspace;

/// What a secret scanner looks for.
pub(crate) const PREFIX: &str = "wsr_";
/// Most locations of one workspace that have a token.
const MAX_LOCATIONS: i64 = 1000;
/// How often a rotation that another one overtook is tried again.
const ATTEMPTS: usize = 8;

/// The present token of a location.
#[derive(Debug)]
pub(crate) struct RunnerToken {
    pub(crate) secret: SecretString,
    pub(crate) created_at: Timestamp,
}

/// What happens to the token that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It stays.
    Present,
    /// Another comes in its place, and it ends.
    Next,
}

/// Returns a location's token, making the first one when there is none.
pub(crate) async fn issue(
    app: &AppState,
    workspace: &Workspace,
    location: &str,
    wanted: Wanted,
) -> Result<RunnerToken, ApiError> {
    let place = (workspace.id(), location);
    for _ in 0..ATTEMPTS {
        let created_at = now();
        let row = app.database.find_runner_token(workspace.id(), location).await?;
        let Some(row) = row else {
            let first = derive(&app.server_key, place, 1)?;
            if app.database.add_runner_token(place, &first.hash, MAX_LOCATIONS, created_at).await? {
                return Ok(RunnerToken { secret: first.secret, created_at });
            }
            check_room(app, workspace, location).await?;
            continue;
        };
        let present = derive(&app.server_key, place, row.generation)?;
        // Under another server key the present one can't be made again; the next one can.
        if wanted == Wanted::Present && present.hash.to_hex() == row.hash {
            return Ok(RunnerToken { secret: present.secret, created_at: row.created_at });
        }
        let next = derive(&app.server_key, place, row.generation + 1)?;
        if app.database.replace_runner_token(place, row.generation, &next.hash, created_at).await? {
            return Ok(RunnerToken { secret: next.secret, created_at });
        }
    }
    Err(ApiError::unavailable("runner_token_busy", "the token is being rotated by others; try again", 1))
}

/// Says why a first token could not be kept, unless another request was faster.
async fn check_room(app: &AppState, workspace: &Workspace, location: &str) -> Result<(), ApiError> {
    let name = workspace.name();
    if app.database.find_workspace_by_id(workspace.id()).await?.is_none() {
        return Err(ApiError::workspace_not_found(name.as_str()));
    }
    if app.database.find_runner_token(workspace.id(), location).await?.is_some() {
        return Ok(());
    }
    let detail = format!(
        "workspace {name} has runner tokens of {MAX_LOCATIONS} locations, the most that it may have; use one of these locations"
    );
    Err(ApiError::conflict("too_many_locations", detail))
}

struct Derived {
    secret: SecretString,
    hash: TokenHash,
}

/// Derives a token; neither part of what it is bound to can hold a null character.
fn derive(
    key: &ServerKey,
    (workspace_id, location): (&str, &str),
    generation: i64,
) -> Result<Derived, ApiError> {
    let context = format!("{workspace_id}\0{location}\0{generation}");
    let bytes = key.derive(Purpose::RunnerTokens, context.as_bytes())?;
    let secret = SecretString::from(format!("{PREFIX}{}", hex::encode(bytes)));
    let hash = TokenHash::of(secret.expose_secret());
    Ok(Derived { secret, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_to_workspace_location_and_generation() {
        let key = ServerKey::new([7; 32]);
        let token = |place, generation| {
            let derived = derive(&key, place, generation).unwrap();
            derived.secret.expose_secret().to_owned()
        };
        let first = token(("id", "loc"), 1);
        assert_eq!(first, token(("id", "loc"), 1));
        assert!(first.starts_with("wsr_") && first.len() == 68);
        for other in [token(("id", "loc"), 2), token(("id", "lo"), 1), token(("ie", "loc"), 1)] {
            assert_ne!(first, other);
        }
    }
}
