//! What a person may do in a workspace.

use std::fmt;

/// A role on a workspace, from the least to the most powerful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything, changes nothing.
    ReadOnly,
    /// Also runs what is there.
    ReadAndRun,
    /// Also runs it through the assistant.
    ReadAndRunWithAssistant,
    /// Also changes the configuration: writes, uploads and pushes.
    ReadWrite,
    /// Also changes who may do what, and deletes the workspace.
    Admin,
}

/// Why a text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no role: it must be one of readonly, readandrun, readandrunwithassistant, readwrite, admin"
)]
pub struct UnknownRole(String);

impl Role {
    /// Every role, from the least to the most powerful.
    pub const ALL: [Self; 5] =
        [Self::ReadOnly, Self::ReadAndRun, Self::ReadAndRunWithAssistant, Self::ReadWrite, Self::Admin];

    /// Parses a role's name, whatever its case.
    pub fn parse(text: &str) -> Result<Self, UnknownRole> {
        let named = |role: &Self| role.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownRole(text.chars().take(100).collect()))
    }

    /// Returns the name as it stands in `workspace.yaml` and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readonly",
            Self::ReadAndRun => "readandrun",
            Self::ReadAndRunWithAssistant => "readandrunwithassistant",
            Self::ReadWrite => "readwrite",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::parse(text)
    }
}

impl serde::Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_written_in_one() {
        let names: Vec<_> = Role::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["readonly", "readandrun", "readandrunwithassistant", "readwrite", "admin"]);
        for role in Role::ALL {
            assert_eq!(Role::parse(&role.as_str().to_uppercase()), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for bad in ["", "owner", "admin ", "read write"] {
            assert!(Role::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn roles_grow_in_power() {
        assert!(Role::ALL.is_sorted());
        assert!(Role::ReadWrite < Role::Admin && Role::ReadOnly < Role::ReadAndRun);
    }
}
