//! The rule of a route, enforced before its handler sees the request.

use std::time::Instant;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::Rule;
use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::runners::identity::RunnerIdentity;

/// Lets a request through to its handler, with the caller and the permit that it asks for, or refuses it.
pub(super) async fn enforce(
    State((app, rule)): State<(AppState, Rule)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    match rule {
        Rule::Public => {}
        Rule::AnyToken => {
            let caller = caller_of(&mut parts, &app).await?;
            parts.extensions.insert(caller);
        }
        Rule::Person => {
            let caller = caller_of(&mut parts, &app).await?;
            access::refuse_scoped(&caller)?;
            parts.extensions.insert(caller);
        }
        Rule::Staff => {
            let caller = caller_of(&mut parts, &app).await?;
            access::require_staff(&caller)?;
            parts.extensions.insert(caller);
        }
        Rule::Runner => {
            let identity = RunnerIdentity::from_request_parts(&mut parts, &app).await?;
            keep_pace(&app, &identity.hash().to_hex())?;
            parts.extensions.insert(identity);
        }
        Rule::Workspace(action) => {
            let caller = caller_of(&mut parts, &app).await?;
            let params = RawPathParams::from_request_parts(&mut parts, &app).await;
            let params = params.map_err(|_| {
                ApiError::bad_request(
                    "malformed_request",
                    "the address or a header of the request can't be read",
                )
            })?;
            let name = params.iter().find(|(name, _)| *name == "workspace").map(|(_, value)| value);
            let name = name.ok_or_else(|| ApiError::internal("the route's path names no workspace"))?;
            if action == Action::Examine {
                let examination = access::enter_to_examine(&app, &caller, name).await?;
                parts.extensions.insert(examination);
            } else {
                let permit = access::enter(&app, &caller, name, action).await?;
                parts.extensions.insert(permit);
            }
            parts.extensions.insert(caller);
        }
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Finds out who asks, and whether this token asked too often already.
async fn caller_of(parts: &mut Parts, app: &AppState) -> Result<Caller, ApiError> {
    let caller = Caller::from_request_parts(parts, app).await?;
    keep_pace(app, caller.token_id())?;
    Ok(caller)
}

/// Answers 429 when a token asked too often already.
fn keep_pace(app: &AppState, token: &str) -> Result<(), ApiError> {
    let Some(limit) = &app.token_requests else { return Ok(()) };
    limit.take(&token.to_owned(), Instant::now()).map_err(|often| {
        let seconds = often.seconds();
        let detail = format!(
            "this token made the most requests that it may in a minute (WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE); try again in {seconds} seconds"
        );
        ApiError::too_many("too_many_requests", detail, seconds)
    })
}
