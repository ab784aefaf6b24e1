//! Writing SLXs by typed payloads.

use std::sync::Arc;

use serde_json::{Map, Value};
use workstead_core::name::SlxName;
use workstead_core::slx_config::{
    ApplyError, RunbookPayload, SliPayload, SloPayload, SlxPayload, SlxTarget, SyncPayload,
};

use crate::app::AppState;
use crate::commit::WriteRequest;
use crate::error::{ApiError, one_line};
use crate::slxs::ids;
use crate::slxs::write::{self, Change, SlxChange, SlxRef, SlxWritten};

/// A payload with the message that came with it.
pub(crate) struct TypedBody {
    pub(crate) payload: Map<String, Value>,
    pub(crate) message: Option<String>,
}

/// A payload about a part of an SLX, which it names by its number.
pub(crate) trait PartPayload: SyncPayload + Send + Sync + 'static {
    /// Returns the number of the SLX.
    fn slx_id(&self) -> i64;
}

impl PartPayload for RunbookPayload {
    fn slx_id(&self) -> i64 {
        self.slx_id
    }
}

impl PartPayload for SliPayload {
    fn slx_id(&self) -> i64 {
        self.slx_id
    }
}

impl PartPayload for SloPayload {
    fn slx_id(&self) -> i64 {
        self.slx_id
    }
}

/// Writes `slx.yaml`; returns the number of the SLX too.
pub(crate) async fn sync_slx(
    app: &AppState,
    request: WriteRequest,
    body: TypedBody,
) -> Result<(SlxWritten, i64), ApiError> {
    let payload = SlxPayload::parse(&body.payload)?;
    let slx = payload.slx_name(request.workspace.name())?;
    let workspace = Arc::clone(&request.workspace);
    let written = write::write(app, request, change(payload, slx, body.message)).await?;
    let name = written.slx.to_string();
    let numbers = ids::of(app, &workspace, std::slice::from_ref(&name)).await?;
    let number = numbers.get(&name).ok_or_else(|| ApiError::internal(format!("{name} has no number")))?;
    Ok((written, number.id))
}

/// Writes a part of an SLX; returns the number of the SLX too.
pub(crate) async fn sync_part<P: PartPayload>(
    app: &AppState,
    request: WriteRequest,
    body: TypedBody,
) -> Result<(SlxWritten, i64), ApiError> {
    let payload = P::parse(&body.payload)?;
    let id = payload.slx_id();
    let name = app.database.slx_of_id(request.workspace.id(), id).await?;
    let slx = name.and_then(|name| SlxName::parse(&name).ok()).ok_or_else(|| {
        let workspace = request.workspace.name();
        ApiError::not_found("slx_not_found", format!("workspace {workspace} has no SLX with the slx_id {id}"))
    })?;
    let written = write::write(app, request, change(payload, slx, body.message)).await?;
    Ok((written, id))
}

fn change<P: SyncPayload + Send + Sync + 'static>(
    payload: P,
    slx: SlxName,
    message: Option<String>,
) -> SlxChange {
    let rewrite = move |target: SlxTarget<'_>, old: Option<&str>| {
        payload.apply(target, old).map_err(|error| refuse::<P>(target, error))
    };
    let change = Change::Rewrite { file: P::FILE.name().to_owned(), rewrite: Box::new(rewrite) };
    SlxChange { slx: SlxRef::Short(slx), change, message }
}

fn refuse<P: SyncPayload>(target: SlxTarget<'_>, error: ApplyError) -> ApiError {
    match error {
        ApplyError::Payload(error) => error.into(),
        ApplyError::Edit(error) => {
            let file = P::FILE.name();
            let detail = format!("{file} of SLX {} can't be changed without damage: {error}", target.slx);
            ApiError::invalid("not_editable", one_line(&detail))
        }
    }
}
