//! In whose name an upload is merged, kept with it until it is.

use serde::{Deserialize, Serialize};

use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::revision::IfMatch;
use crate::traces;

/// What a worker needs of the request that completed an upload, which may be long gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Errand {
    /// The id of the token or session of whoever completed it, else of whoever made it; no secret.
    token_id: String,
    /// What the commit carries.
    trailers: Vec<(String, String)>,
    /// What the branch must be at.
    #[serde(skip_serializing_if = "IfMatch::is_absent")]
    if_match: IfMatch,
    /// The `traceparent` of the request, where there are traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

impl Errand {
    /// Notes who asks, and how.
    pub(crate) fn of(caller: &Caller, context: &RequestContext, if_match: IfMatch) -> Self {
        let trace = traces::current();
        Self { token_id: caller.token_id().to_owned(), trailers: context.trailers(), if_match, trace }
    }

    /// Notes that nobody asked: it is merged for whoever made the upload.
    pub(crate) fn for_maker(token_id: &str) -> Self {
        Self { token_id: token_id.to_owned(), ..Self::default() }
    }

    /// Finds the caller again, as the database has them now.
    pub(crate) async fn caller(&self, app: &AppState) -> Result<Caller, ApiError> {
        auth::of_record(app, &self.token_id).await?.ok_or_else(|| {
            ApiError::unauthorized(
                "invalid_token",
                "the token or session in whose name this upload was to be merged has ended; retry the upload as somebody who may",
            )
        })
    }

    /// Reads the trace that the work is a part of, whatever else the database kept.
    pub(crate) fn trace_of(json: &str) -> Option<String> {
        serde_json::from_str::<Self>(json).ok()?.trace
    }

    /// Returns what the commit carries, and what the branch must be at.
    pub(crate) fn into_parts(self) -> (Vec<(String, String)>, IfMatch) {
        (self.trailers, self.if_match)
    }

    /// Writes it as the database keeps it.
    pub(crate) fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(ApiError::internal)
    }

    /// Reads what the database kept; a row of an earlier version has none, and is its maker's errand.
    pub(crate) fn from_json(json: &str, maker: &str) -> Result<Self, ApiError> {
        if json.is_empty() {
            Ok(Self::for_maker(maker))
        } else {
            serde_json::from_str(json).map_err(ApiError::internal)
        }
    }
}
