//! The four known files of an SLX.

use crate::model::FileKind;
use crate::name::{SlxName, WorkspaceName};
use crate::path::{InvalidPath, RepoPath};

/// One of the four known files of an SLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlxFile {
    /// `slx.yaml`, which makes the directory an SLX.
    Slx,
    /// `runbook.yaml`, the tasks.
    Runbook,
    /// `sli.yaml`, the indicator.
    Sli,
    /// `slo.yaml`, the objective.
    Slo,
}

impl SlxFile {
    /// All of them, the one that makes an SLX first.
    pub const ALL: [Self; 4] = [Self::Slx, Self::Runbook, Self::Sli, Self::Slo];

    /// Parses the file's name, with or without `.yaml`.
    pub fn parse(text: &str) -> Option<Self> {
        let stem = text.strip_suffix(".yaml").unwrap_or(text);
        Self::ALL.into_iter().find(|file| file.stem() == stem)
    }

    /// Returns the name in the directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slx => "slx.yaml",
            Self::Runbook => "runbook.yaml",
            Self::Sli => "sli.yaml",
            Self::Slo => "slo.yaml",
        }
    }

    /// Returns the name without its ending, as routes call it.
    pub const fn stem(self) -> &'static str {
        match self {
            Self::Slx => "slx",
            Self::Runbook => "runbook",
            Self::Sli => "sli",
            Self::Slo => "slo",
        }
    }

    /// Returns what the model calls the file.
    pub const fn kind(self) -> FileKind {
        match self {
            Self::Slx => FileKind::Slx,
            Self::Runbook => FileKind::Runbook,
            Self::Sli => FileKind::Sli,
            Self::Slo => FileKind::Slo,
        }
    }

    /// Returns where the file of an SLX lies.
    pub fn path(self, slx: &SlxName) -> Result<RepoPath, InvalidPath> {
        RepoPath::parse(&format!("slxs/{slx}/{}", self.name()))
    }
}

/// Which SLX is meant.
#[derive(Debug, Clone, Copy)]
pub struct SlxTarget<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceName,
    /// The short name.
    pub slx: &'a SlxName,
}

impl SlxTarget<'_> {
    /// Returns `<workspace>--<short name>`.
    pub fn qualified(&self) -> String {
        self.slx.qualified(self.workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_kinds_agree() {
        let slx = SlxName::parse("Z\u{fc}rich (prod)").unwrap();
        for file in SlxFile::ALL {
            assert_eq!(SlxFile::parse(file.name()), Some(file));
            assert_eq!(SlxFile::parse(file.stem()), Some(file));
            assert_eq!(FileKind::of(&file.path(&slx).unwrap()), file.kind());
        }
        assert_eq!(SlxFile::Sli.path(&slx).unwrap().as_str(), "slxs/Z\u{fc}rich (prod)/sli.yaml");
        assert_eq!((SlxFile::parse("workflow"), SlxFile::parse("SLX.yaml")), (None, None));
    }
}
