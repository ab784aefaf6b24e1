//! Setting aside what nothing leads to, in a pack of its own.

use std::ffi::{OsStr, OsString};
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use super::examine::Found;
use super::packs::Pack;
use super::state::later;
use super::{House, HouseKept, Housekeeping, MAX_TIME};
use crate::repository::error::{Error, Result};
use crate::repository::layout::sync_directory;
use crate::repository::tree_format::RawId;

/// Into so many parts the grace is divided: a new pack is set aside when the last one is older than one of them.
///
/// So a repository has few of them at a time, whatever happens in it.
const PARTS: u32 = 4;

impl House<'_> {
    /// Sets aside what nothing leads to, and takes back what something does.
    pub(super) fn set_aside(
        &self,
        task: &Housekeeping<'_>,
        found: &Found,
        kept: &mut HouseKept,
    ) -> Result<()> {
        let directory = self.repository.objects().directory().join("pack");
        for aside in found.aside.iter().filter(|aside| aside.is_in_use) {
            aside.pack.unmark()?;
            // What of it is unreachable is set aside another time.
            kept.postponed = true;
        }
        if kept.postponed || found.unreachable.is_empty() {
            return Ok(());
        }
        let pause = task.grace / PARTS;
        if found.aside.iter().any(|aside| aside.since <= task.now && task.now < later(aside.since, pause)) {
            kept.postponed = true;
            return Ok(());
        }
        let pack = self.write_pack_of(&found.unreachable, &directory)?;
        pack.mark(task.now)?;
        // It is there for good before what it was copied from goes.
        sync_directory(&directory)?;
        self.repository.objects().renew();
        kept.set_aside = found.unreachable.len();
        self.remove_copies(found, &pack)
    }

    fn write_pack_of(&self, ids: &[RawId], directory: &Path) -> Result<Pack> {
        let mut input = std::io::BufWriter::new(tempfile::tempfile()?);
        for id in ids {
            writeln!(input, "{}", hex::encode(id))?;
        }
        let mut input = input.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        input.rewind()?;
        let base = directory.join("pack");
        let arguments = [OsStr::new("-q"), base.as_os_str()];
        let mut name = None;
        self.run("pack-objects", &arguments, MAX_TIME).reading(input).lines(|line| {
            name = std::str::from_utf8(line).ok().map(|hash| format!("pack-{hash}"));
        })?;
        let name = name.ok_or_else(|| Error::Damaged("git told no name of the pack it wrote".to_owned()))?;
        Ok(Pack::at(directory, &name))
    }

    /// Writes the packs anew that hold what was set aside, without it.
    fn remove_copies(&self, found: &Found, aside: &Pack) -> Result<()> {
        let is_aside = |id: &RawId| found.unreachable.binary_search(id).is_ok();
        let mut arguments: Vec<OsString> =
            ["-a", "-d", "-k", "-n", "-q", "--no-write-bitmap-index"].map(OsString::from).to_vec();
        let mut any = false;
        for pack in &found.ordinary {
            if pack.file_name() == aside.file_name() {
                // It held nothing else, and is what it was.
                continue;
            }
            if pack.ids()?.iter().any(is_aside) {
                any = true;
            } else {
                arguments.push(format!("--keep-pack={}", pack.file_name()).into());
            }
        }
        if !any {
            return Ok(());
        }
        let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
        self.replace_packs(&arguments, REWRITE_TIME)
    }
}

/// Longest that packs may take to be written anew.
const REWRITE_TIME: Duration = MAX_TIME;
