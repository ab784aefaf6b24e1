//! Opening an upload: one key, one signed URL, some minutes.

use jiff::Timestamp;
use serde_json::{Value, json};
use workstead_presign::{ObjectKey, Provider, PutConditions, SignedUpload};

use super::options::UploadOptions;
use crate::app::AppState;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::query::{Query, rfc3339};
use crate::store::now;
use crate::store::uploads::{NewUpload, Opening};
use crate::workspace::Workspace;

/// Where a client may put a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    /// To the store.
    Presigned,
    /// To our own route, for clients that can't reach the store.
    Server,
}

impl Via {
    fn of(query: &Query) -> Result<Self, ApiError> {
        match query.text("via") {
            None | Some("presigned") => Ok(Self::Presigned),
            Some("server") => Ok(Self::Server),
            Some(other) => {
                let shown: String = other.chars().take(100).collect();
                let detail = format!(
                    "the parameter via is {shown:?}; choose presigned (straight to the store) or server (by way of this server), or POST the bundle inline"
                );
                Err(ApiError::invalid("unknown_via", detail))
            }
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Presigned => "presigned",
            Self::Server => "server",
        }
    }
}

/// Opens an upload and answers with its signed URL.
pub(crate) async fn open(
    app: &AppState,
    caller: &Caller,
    workspace: &Workspace,
    query: &Query,
) -> Result<Value, ApiError> {
    let options = UploadOptions::default().with_query(query)?;
    let (via, size) = (Via::of(query)?, read_size(app, query)?);
    let sha256 = query.parsed("sha256", "64 hexadecimal digits", |text| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).is_ok().then_some(bytes)
    })?;
    let (id, now) = (uuid::Uuid::now_v7().to_string(), now());
    let key = ObjectKey::new(workspace.id(), &id).map_err(ApiError::internal)?;
    let conditions = PutConditions {
        size,
        sha256,
        max_bytes: app.settings.upload_limits.max_compressed_bytes,
        expires_at: now + app.settings.presign_lifetime,
    };
    // Signed before the row is there: a store that can't sign leaves nothing behind.
    let signed = sign(app, via, &key, &conditions).await?;
    let new = New { via: via.as_str(), options: &options, key: &key, expires_at: conditions.expires_at };
    let sha256 = sha256.map(hex::encode);
    insert(app, caller, workspace, &id, &new, (sha256.as_deref(), size)).await?;
    Ok(answer(app, workspace, &id, &key, &signed))
}

/// What a new upload by object is.
pub(super) struct New<'a> {
    pub(super) via: &'a str,
    pub(super) options: &'a UploadOptions,
    pub(super) key: &'a ObjectKey,
    pub(super) expires_at: Timestamp,
}

/// Makes the row of an upload, with the hash and size that were declared, unless the workspace has its fill.
pub(super) async fn insert(
    app: &AppState,
    caller: &Caller,
    workspace: &Workspace,
    id: &str,
    new: &New<'_>,
    (sha256, size_bytes): (Option<&str>, Option<u64>),
) -> Result<(), ApiError> {
    let options_json = serde_json::to_string(new.options).map_err(ApiError::internal)?;
    let row = NewUpload {
        id,
        workspace_id: workspace.id(),
        email: caller.email(),
        token_id: caller.token_id(),
        options_json: &options_json,
        now: now(),
    };
    let max_open = app.settings.upload_max_open;
    let (via, object_key, expires_at) = (new.via, new.key.as_str(), new.expires_at);
    let opening = Opening { via, object_key, expires_at, max_open, sha256, size_bytes };
    if app.database.open_upload(&row, &opening).await? {
        return Ok(());
    }
    Err(no_room(app, workspace, max_open).await?)
}

async fn sign(
    app: &AppState,
    via: Via,
    key: &ObjectKey,
    conditions: &PutConditions,
) -> Result<SignedUpload, ApiError> {
    if app.objects.provider() == Provider::Local {
        return Ok(app.store_call(StoreOperation::Sign, |objects| objects.sign_put(key, conditions))?);
    }
    if via == Via::Server {
        return Ok(app.local.sign_put(key, conditions));
    }
    let (state, key, conditions) = (app.clone(), key.clone(), conditions.clone());
    // Where a service signs, it may take its time.
    let sign = move || state.store_call(StoreOperation::Sign, |objects| objects.sign_put(&key, &conditions));
    Ok(app.work.blocking(sign).await??)
}

/// Says why no upload could be opened: the workspace is gone, or has its fill.
async fn no_room(app: &AppState, workspace: &Workspace, max_open: u32) -> Result<ApiError, ApiError> {
    let name = workspace.name();
    if app.database.find_workspace_by_id(workspace.id()).await?.is_none() {
        return Ok(ApiError::workspace_not_found(name.as_str()));
    }
    let detail = format!(
        "workspace {name} has {max_open} open uploads, the most of WORKSTEAD_UPLOAD_MAX_OPEN; complete or cancel some, or wait until they are removed (WORKSTEAD_UPLOAD_RETENTION_HOURS)"
    );
    let seconds = u32::try_from(app.settings.presign_lifetime.as_secs()).unwrap_or(900);
    Ok(ApiError::too_many("too_many_open_uploads", detail, seconds.min(60)))
}

fn read_size(app: &AppState, query: &Query) -> Result<Option<u64>, ApiError> {
    let size = query.number("size")?;
    let limit = app.settings.upload_limits.max_compressed_bytes;
    match size {
        Some(0) => {
            let detail =
                "the parameter size is 0, but a bundle has at least one byte; send its size in bytes";
            Err(ApiError::invalid("invalid_size", detail))
        }
        Some(size) if size > limit => Err(ApiError::too_large(
            "the bundle",
            &size.to_string(),
            limit,
            "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES",
        )),
        size => Ok(size),
    }
}

fn answer(app: &AppState, workspace: &Workspace, id: &str, key: &ObjectKey, signed: &SignedUpload) -> Value {
    let headers: serde_json::Map<_, _> =
        signed.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "uploadId": id,
        "url": signed.url.expose(),
        "method": signed.method,
        "headers": headers,
        "objectKey": key,
        "provider": signed.provider,
        "expiresAt": rfc3339(signed.expires_at),
        "maxBytes": signed.max_bytes,
        "completeUrl": app.url(&format!("/api/v3/workspaces/{}/uploads/{id}/complete", workspace.name())),
        "statusUrl": status_url(app, id),
    })
}

/// Returns where to ask what became of an upload.
pub(super) fn status_url(app: &AppState, id: &str) -> String {
    app.url(&format!("/api/v3/workspaces/upload-status/{id}"))
}
