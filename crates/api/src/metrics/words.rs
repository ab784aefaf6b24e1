//! The words that stand in labels: few, fixed, and never a name that somebody chose.

use axum::http::{Method, StatusCode};

use crate::error::ApiError;

/// Declares a list of words, each a variant.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the word of the label.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// The door that a commit came through.
    WriteDoor {
        /// A write of the HTTP API.
        Api = "api",
        /// A bundle.
        Upload = "upload",
        /// `git push`.
        Push = "push",
    }
}

words! {
    /// What became of a write.
    WriteEnd {
        /// There is a commit.
        Committed = "committed",
        /// Nothing was to change.
        Unchanged = "unchanged",
        /// The branch, or what the caller knew of it, had moved.
        Conflict = "conflict",
        /// The content or the caller was refused.
        Refused = "refused",
        /// The server failed.
        Failed = "failed",
    }
}

impl WriteEnd {
    /// Tells what an error means for a write.
    pub(crate) fn of_error(error: &ApiError) -> Self {
        match error.status() {
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Self::Conflict,
            _ if error.code() == "branch_busy" => Self::Conflict,
            status if status.is_server_error() => Self::Failed,
            _ => Self::Refused,
        }
    }
}

words! {
    /// The way that a bundle came.
    Via {
        /// In the request.
        Inline = "inline",
        /// By a signed URL of the object store.
        Presigned = "presigned",
        /// By our own route into the object store.
        Server = "server",
    }
}

impl Via {
    /// Reads the word of the database; every other is taken for the signed URL's.
    pub(crate) fn of(word: &str) -> Self {
        Self::ALL.iter().copied().find(|via| via.as_str() == word).unwrap_or(Self::Presigned)
    }
}

words! {
    /// A part of the work on an upload.
    Phase {
        /// Waiting for its turn and for memory.
        Waiting = "waiting",
        /// Reading the object from the store.
        Fetching = "fetching",
        /// Unpacking and checking.
        Checking = "checking",
        /// Working out what changes.
        Merging = "merging",
        /// Writing the commit, durably.
        Committing = "committing",
    }
}

words! {
    /// What became of an upload.
    UploadEnd {
        /// There is a commit.
        Committed = "committed",
        /// The branch held all of it already.
        Unchanged = "unchanged",
        /// The bundle or the caller was refused.
        Refused = "refused",
        /// The server or the store failed.
        Failed = "failed",
        /// Nobody put or completed it in time.
        Expired = "expired",
        /// Somebody called it off.
        Cancelled = "cancelled",
    }
}

impl UploadEnd {
    /// Returns the class of the status that goes with it.
    pub(super) const fn usual_class(self) -> &'static str {
        match self {
            Self::Committed | Self::Unchanged => "2xx",
            Self::Failed => "5xx",
            Self::Refused | Self::Expired | Self::Cancelled => "4xx",
        }
    }

    /// Tells what an error means for an upload.
    pub(crate) fn of_error(error: &ApiError) -> Self {
        match error.status() {
            status if status.is_server_error() => Self::Failed,
            _ if error.code() == "upload_cancelled" => Self::Cancelled,
            _ => Self::Refused,
        }
    }
}

words! {
    /// What is asked of the object store.
    StoreOperation {
        /// Signing a URL.
        Sign = "sign",
        /// Asking for size and version.
        Head = "head",
        /// Freezing what was uploaded.
        Seal = "seal",
        /// Opening an object for reading.
        Open = "open",
        /// Writing an object ourselves.
        Put = "put",
        /// Deleting an object.
        Delete = "delete",
        /// Deleting all objects of a workspace.
        DeleteWorkspace = "delete_workspace",
        /// Listing objects.
        List = "list",
        /// Asking whether it takes objects.
        Check = "check",
        /// Forgetting what deleted objects left.
        Forget = "forget",
    }
}

words! {
    /// What a `git` process is for.
    GitService {
        /// Clone and fetch.
        UploadPack = "upload-pack",
        /// Push.
        ReceivePack = "receive-pack",
        /// Joining packs.
        Repack = "repack",
        /// Listing, fetching and pushing for a mirror.
        Mirror = "mirror",
    }
}

words! {
    /// What became of a message to Slack.
    SlackEnd {
        /// Slack took it.
        Sent = "sent",
        /// It is tried again later.
        Delayed = "delayed",
        /// It was given up.
        Lost = "lost",
    }
}

words! {
    /// What became of an attempt to tell a webhook.
    WebhookEnd {
        /// The receiver took it.
        Delivered = "delivered",
        /// It is tried again later.
        Delayed = "delayed",
        /// It was given up.
        Lost = "lost",
    }
}

/// Returns a method's label; one that HTTP does not know is `other`.
pub(crate) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Returns the class of a status.
pub(super) fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Returns the word of an outcome that has only two.
pub(super) const fn success(ok: bool) -> &'static str {
    if ok { "ok" } else { "failed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_few_words() {
        let words = [
            ApiError::conflict("branch_exists", ""),
            ApiError::unavailable("branch_busy", "", 1),
            ApiError::precondition_failed(""),
            ApiError::invalid("invalid_content", ""),
            ApiError::unavailable("store_down", "", 1),
        ]
        .map(|error| (WriteEnd::of_error(&error).as_str(), UploadEnd::of_error(&error).as_str()));
        assert_eq!(words.map(|(write, _)| write), ["conflict", "conflict", "conflict", "refused", "failed"]);
        assert_eq!(words.map(|(_, upload)| upload), ["refused", "failed", "refused", "refused", "failed"]);
    }

    #[test]
    fn a_method_that_nobody_knows_makes_no_label_of_its_own() {
        assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "other");
        assert_eq!((class(StatusCode::NOT_FOUND), class(StatusCode::OK)), ("4xx", "2xx"));
        assert_eq!(Via::of("server"), Via::Server);
    }
}
