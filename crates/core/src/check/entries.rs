//! What may not lie in a repository at all, whatever it holds: said the same by a push and before one.

use crate::problem::{Problem, Severity};
use crate::repository::IrregularKind;

/// Reports an entry that is no file of a workspace.
pub fn irregular_entry(path: &str, kind: &IrregularKind) -> Problem {
    let hint = match kind {
        IrregularKind::Symlink => "commit a regular file instead",
        IrregularKind::Submodule => "commit the files themselves",
        _ => "rename it",
    };
    problem(path, "irregular_entry", format!("the path {kind}"), hint)
}

/// Reports a file that is larger than files may be.
pub fn file_too_large(path: &str, size: u64, limit: u64) -> Problem {
    let message = format!("the file has {size} bytes, more than the limit of {limit}");
    problem(path, "file_too_large", message, "make it smaller, or raise WORKSTEAD_UPLOAD_MAX_FILE_BYTES")
}

/// Reports changed files that are together larger than they may be.
pub fn push_too_large(total: u64, limit: u64) -> Problem {
    let message = format!("the changed files have {total} bytes, more than the limit of {limit}");
    let hint = "push in several steps, or raise WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES";
    problem("(all files)", "push_too_large", message, hint)
}

fn problem(path: &str, code: &'static str, message: String, hint: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        line: 0,
        column: 0,
        pointer: String::new(),
        code,
        message,
        hint: Some(hint.to_owned()),
        severity: Severity::Error,
    }
}
