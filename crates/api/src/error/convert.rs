//! From each library's error to ours; whatever is not the client's fault is a 500 without words.

use axum::http::StatusCode;
use serde_json::{Value, json};
use workstead_bundler::{BundleError, Limit, NameClash};
use workstead_core::merge::MergeConflict;
use workstead_core::repository;
use workstead_core::slx_config::PayloadError;
use workstead_core::tree::ReadError;
use workstead_core::upload::UploadError;
use workstead_core::workspace_file::FieldProblem;
use workstead_presign::{RefusedPut, StoreError};

use super::{ApiError, more, one_line};
use crate::room;

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => {
                Self::unavailable("database_busy", "the database is busy; try again", 2)
            }
            error => Self::internal(error),
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        Self::internal(error)
    }
}

impl From<repository::Error> for ApiError {
    fn from(error: repository::Error) -> Self {
        use repository::Error;
        match &error {
            Error::UnknownRevision(_) => Self::not_found("revision_not_found", error.to_string()),
            Error::AmbiguousRevision(_) => Self::bad_request("revision_ambiguous", error.to_string()),
            Error::PathConflict { .. } => Self::invalid("path_conflict", error.to_string()),
            Error::TooManyFiles { .. } | Error::TooLarge { .. } => {
                Self::invalid("repository_limit", one_line(&error.to_string()))
            }
            // Doors that know the workspace's name say it.
            Error::RepositoryTooLarge { .. } => {
                let detail = format!("{error}; {}", room::CURE);
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, room::TOO_LARGE, detail)
            }
            Error::BranchCollision { .. } | Error::BranchExists(_) => {
                Self::conflict("branch_conflict", error.to_string())
            }
            Error::Busy(_) => Self::unavailable("repository_busy", error.to_string(), 1),
            // A deletion overtook the request.
            Error::NotFound(_) => Self::not_found("workspace_gone", "the workspace was deleted meanwhile"),
            _ => Self::internal(error),
        }
    }
}

impl From<BundleError> for ApiError {
    fn from(error: BundleError) -> Self {
        let detail = one_line(&error.to_string());
        let answer = match &error {
            BundleError::LimitExceeded(exceeded) if exceeded.limit == Limit::CompressedBytes => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.code(), detail)
            }
            BundleError::Io(_) => return Self::internal(error),
            _ => Self::invalid(error.code(), detail),
        };
        answer.about(member(&error))
    }
}

/// Returns the member that the error is about, or nothing for the bundle as a whole.
fn member(error: &BundleError) -> &str {
    match error {
        BundleError::LimitExceeded(exceeded) => exceeded.member.as_deref().unwrap_or_default(),
        BundleError::InvalidHeader { member, .. }
        | BundleError::ExtendedHeaderTooLarge { member, .. }
        | BundleError::RefusedType { member, .. }
        | BundleError::Sparse { member, .. }
        | BundleError::SizeMismatch { member, .. }
        | BundleError::DirectoryWithData { member, .. }
        | BundleError::NotUtf8 { member }
        | BundleError::InvalidPath { member, .. }
        | BundleError::RootDotName { member } => member,
        BundleError::Clash(
            NameClash::Duplicate { path }
            | NameClash::Form { path, .. }
            | NameClash::FileAndDirectory { path },
        ) => path,
        BundleError::NotGzip(_)
        | BundleError::Corrupt(_)
        | BundleError::Truncated(_)
        | BundleError::TrailingData(_)
        | BundleError::Empty { .. }
        | BundleError::Io(_) => "",
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Invalid(problems) => Self::invalid_content("invalid_content", problems),
            UploadError::EmptyBundle => Self::invalid("empty_bundle", one_line(&error.to_string())).about(""),
            UploadError::PruneGuard { .. } => Self::conflict("prune_guard", one_line(&error.to_string())),
            UploadError::Conflicts { ref conflicts, .. } => {
                let errors = conflicts.iter().map(conflict_entry).collect();
                Self::conflict("merge_conflict", one_line(&error.to_string())).errors(errors)
            }
            UploadError::Merge(_) => Self::invalid("not_mergeable", one_line(&error.to_string())),
            UploadError::Busy => Self::unavailable("branch_busy", error.to_string(), 2),
            UploadError::NoBranch(_) | UploadError::Withheld => Self::internal(error),
            UploadError::Repository(error) => error.into(),
            UploadError::Read(error) => error.into(),
        }
    }
}

/// Shows a field that both sides changed, as a problem.
fn conflict_entry(conflict: &MergeConflict) -> Value {
    let message = match conflict.code {
        "removed_by_people" => "the builder changed what people removed",
        "removed_by_builder" => "people changed what the builder removed",
        "no_base" => "the two differ, and what the last upload said is not recorded",
        "not_mergeable" => "both changed the file, and it can't be joined field by field",
        _ => "people and the builder changed it in different ways",
    };
    json!({
        "name": conflict.name,
        "path": conflict.path,
        "line": 0,
        "column": 0,
        "pointer": conflict.field,
        "field": conflict.field,
        "code": conflict.code,
        "message": message,
    })
}

impl ApiError {
    /// Answers what went wrong with an upload; to readers of the workspace also the values in conflict.
    ///
    /// An upload token may not read, and the values are the repository's.
    pub(crate) fn of_upload(error: UploadError, may_read: bool) -> Self {
        let conflicts = match &error {
            UploadError::Conflicts { conflicts, .. } if may_read => conflicts.clone(),
            _ => return error.into(),
        };
        let entry = |conflict: &MergeConflict| {
            let mut entry = conflict_entry(conflict);
            for (key, value) in
                [("base", &conflict.base), ("existing", &conflict.existing), ("uploaded", &conflict.uploaded)]
            {
                entry[key] = json!(value);
            }
            entry
        };
        Self::from(error).errors(conflicts.iter().map(entry).collect())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Missing { .. } => Self::conflict(
                "nothing_uploaded",
                "nothing was uploaded yet; PUT the bundle to the upload's URL first, which still works",
            ),
            StoreError::Closed { .. } => Self::new(
                StatusCode::GONE,
                "upload_closed",
                "the uploaded bundle was deleted; ask for a new upload URL",
            ),
            StoreError::Changed { .. } => Self::conflict(
                "upload_changed",
                "the uploaded bundle was replaced while it was read; complete the upload again",
            ),
            StoreError::InvalidId { .. } => Self::internal(error),
            StoreError::Unavailable { .. } | StoreError::Refused { .. } | StoreError::Io(_) => {
                tracing::error!(cause = %error, "the object store failed");
                Self::unavailable("store_down", "the object store does not answer; try again", 5)
            }
        }
    }
}

impl From<RefusedPut> for ApiError {
    fn from(error: RefusedPut) -> Self {
        let status = match &error {
            RefusedPut::Malformed(_) | RefusedPut::WrongHeader { .. } => StatusCode::BAD_REQUEST,
            RefusedPut::BadSignature | RefusedPut::Expired { .. } => StatusCode::FORBIDDEN,
            RefusedPut::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            RefusedPut::WrongSize { .. } | RefusedPut::WrongHash { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            RefusedPut::Closed { .. } => StatusCode::CONFLICT,
            RefusedPut::Io { .. } => {
                tracing::error!(cause = %error, "the object store failed");
                return Self::unavailable(error.code(), "the bundle could not be stored; try again", 5);
            }
        };
        Self::new(status, error.code(), one_line(&error.to_string()))
    }
}

/// Answers 422 for fields of a body, each with its JSON pointer.
pub(crate) fn field_problems(problems: Vec<FieldProblem>) -> ApiError {
    let mut detail = problems.first().map_or_else(String::new, |first| {
        let hint = first.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}{hint}", first.message)
    });
    detail.push_str(&more(problems.len()));
    // One unknown field among others is what the client must hear of first.
    let code = problems.first().map_or("invalid_field", |first| first.code);
    ApiError::invalid(code, one_line(&detail)).errors(problems.into_iter().map(entry).collect())
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        let detail = one_line(&error.to_string());
        let PayloadError { model, unknown_keys, problems } = error;
        let code = match problems.first() {
            _ if !unknown_keys.is_empty() => "unknown_field",
            Some(first) => first.code,
            None => "invalid_field",
        };
        let mut answer = Self::invalid(code, detail);
        if !unknown_keys.is_empty() {
            answer = answer.member("unknown_keys", json!(unknown_keys));
        }
        answer.member("model", json!(model)).errors(problems.into_iter().map(entry).collect())
    }
}

fn entry(problem: FieldProblem) -> Value {
    let FieldProblem { pointer, code, message, hint } = problem;
    let mut entry =
        json!({ "path": "", "line": 0, "column": 0, "pointer": pointer, "code": code, "message": message });
    if let Some(hint) = hint {
        entry["hint"] = json!(hint);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_bundle_has_one_entry() {
        let clash = NameClash::Form { path: "slxs/A".to_owned(), other: "slxs/a".to_owned() };
        for (error, path) in [
            (BundleError::Truncated("in the header".to_owned()), ""),
            (BundleError::RootDotName { member: ".github/x".to_owned() }, ".github/x"),
            (BundleError::Clash(clash), "slxs/A"),
        ] {
            let body = ApiError::from(error).to_json();
            let entries = body["errors"].as_array().unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!((&entries[0]["path"], &entries[0]["code"]), (&json!(path), &body["code"]));
            assert_eq!((&entries[0]["message"], &entries[0]["line"]), (&body["detail"], &json!(0)));
        }
        let empty = ApiError::from(UploadError::EmptyBundle).to_json();
        assert_eq!(empty["errors"][0]["code"], "empty_bundle");
    }
}
