//! What references lead to.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{Seek as _, Write as _};
use std::time::Duration;

use super::House;
use crate::repository::error::{Error, Result};
use crate::repository::refs::raw;
use crate::repository::tree_format::RawId;

/// How to follow references.
#[derive(Debug, Clone, Copy)]
pub(super) struct Following {
    /// Whether objects may be missing; what they would lead to is not told then.
    pub(super) leniently: bool,
    /// Longest that it may take.
    pub(super) limit: Duration,
}

/// Returns where all references point, whatever they are called; the work tree's, records' and tags' too.
pub(super) fn tips(handle: &git2::Repository) -> Result<BTreeSet<RawId>> {
    let read = || {
        let mut tips = BTreeSet::new();
        for reference in handle.references()? {
            tips.extend(reference?.target().map(raw));
        }
        // Usually the name of a branch; but who knows.
        tips.extend(handle.find_reference("HEAD")?.target().map(raw));
        Ok(tips)
    };
    read().map_err(Error::git("read the references"))
}

impl House<'_> {
    /// Tells every object that some lead to, and others do not.
    pub(super) fn follow(
        &self,
        from: &mut dyn Iterator<Item = RawId>,
        without: &BTreeSet<RawId>,
        following: Following,
        mut each: impl FnMut(&RawId) + Send,
    ) -> Result<()> {
        let mut input = std::io::BufWriter::new(tempfile::tempfile()?);
        let mut any = false;
        for id in from {
            any = true;
            writeln!(input, "{}", hex::encode(id))?;
        }
        if !any {
            return Ok(());
        }
        for id in without {
            writeln!(input, "^{}", hex::encode(id))?;
        }
        let mut input = input.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        input.rewind()?;
        let missing = if following.leniently { "--missing=allow-any" } else { "--missing=error" };
        let arguments = ["--objects", "--no-object-names", missing, "--stdin"].map(OsStr::new);
        let run = self.run("rev-list", &arguments, following.limit).reading(input);
        run.lines(|line| {
            let mut id = [0; 20];
            if hex::decode_to_slice(line, &mut id).is_ok() {
                each(&id);
            }
        })
    }
}
