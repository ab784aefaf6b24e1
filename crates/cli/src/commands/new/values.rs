//! What new files are filled with: the arguments, else what the workspace says, else what the machine knows.

use std::path::{Path, PathBuf};

use workstead_bundler::manifest::{ManifestType, ManifestValues};
use workstead_core::check::SchemaKind;
use workstead_core::model::WORKSPACE_FILE;
use workstead_core::name::{SlxName, WorkspaceName};
use workstead_core::role::Role;
use workstead_core::workspace_file::{Subject, WorkspaceConfig, WorkspaceFile};

use super::Args;
use crate::commands::validate::{nearest_directory, workspace_name};
use crate::error::CliError;
use crate::git::WorkTree;

/// The location of a workspace that names none, as the server takes it.
const DEFAULT_LOCATION: &str = "default";
/// The SLX of examples.
const EXAMPLE: &str = "my-slx";

/// Where files go and what they are filled with.
pub(super) struct Setting {
    pub(super) directory: PathBuf,
    pub(super) values: ManifestValues,
    /// What was guessed, or left out.
    pub(super) notes: Vec<String>,
}

/// Finds it out.
pub(super) fn find(args: &Args) -> Result<Setting, CliError> {
    let mut notes = Vec::new();
    let (directory, workspace, text) = if args.kind == ManifestType::Workspace {
        let workspace = new_workspace_name(args)?;
        (args.dir.clone().unwrap_or_else(|| workspace.as_str().into()), workspace, String::new())
    } else {
        let directory = args.dir.clone().unwrap_or_else(nearest_directory);
        let text = fs_err::read_to_string(directory.join(WORKSPACE_FILE)).unwrap_or_default();
        let absolute = std::path::absolute(&directory);
        let absolute =
            absolute.map_err(|error| CliError::user_caused(error, "failed to find the directory"))?;
        let named = workspace_name(args.workspace.as_ref(), Some(text.as_bytes()), &absolute)?;
        notes.extend(named.note);
        (directory, named.name, text)
    };
    let config = WorkspaceFile::read(&text).map(|file| file.config).unwrap_or_default();
    let server = server(args, &text, &mut notes)?;
    let location = args.location.clone().or_else(|| config.enabled_locations.first().cloned());
    let location = location.unwrap_or_else(|| DEFAULT_LOCATION.to_owned());
    let (slx, name) = names(args, &directory, &workspace)?;
    let values = ManifestValues {
        owner: owner(args, &config, &directory)?,
        workspace,
        slx,
        name,
        location_id: location.clone(),
        location_name: location,
        papi_url: server,
    };
    Ok(Setting { directory, values, notes })
}

fn new_workspace_name(args: &Args) -> Result<WorkspaceName, CliError> {
    let given = args.name.as_deref().map(WorkspaceName::parse).transpose();
    let given = given.map_err(|error| CliError::user(error.to_string()))?;
    let name = given.or_else(|| args.workspace.clone());
    name.ok_or_else(|| {
        CliError::user("a new workspace needs a name").hint("name it: `workstead new workspace NAME`")
    })
}

/// Returns the SLX that the file is about, and the name of a workflow or persona.
fn names(
    args: &Args,
    directory: &Path,
    workspace: &WorkspaceName,
) -> Result<(SlxName, Option<SlxName>), CliError> {
    let kind = args.kind;
    let parse = |text: &str| {
        let qualified = text.strip_prefix(workspace.as_str()).and_then(|rest| rest.strip_prefix("--"));
        SlxName::parse(qualified.unwrap_or(text)).map_err(|error| CliError::user(error.to_string()))
    };
    match (kind, &args.name) {
        (ManifestType::Slx | ManifestType::Sli | ManifestType::Slo | ManifestType::Runbook, Some(name)) => {
            Ok((parse(name)?, None))
        }
        (ManifestType::Workflow | ManifestType::Persona, Some(name)) => {
            let slx = args.slx.clone().or_else(|| first_slx(directory));
            Ok((slx.map_or_else(|| parse(EXAMPLE), Ok)?, Some(parse(name)?)))
        }
        (ManifestType::Workspace, _) => Ok((args.slx.clone().map_or_else(|| parse(EXAMPLE), Ok)?, None)),
        (ManifestType::WorkspaceInfo | ManifestType::UploadInfo | ManifestType::HelmValues, Some(_)) => {
            Err(CliError::user(format!("there is one {kind} in a workspace, so it takes no name")))
        }
        (ManifestType::WorkspaceInfo | ManifestType::UploadInfo | ManifestType::HelmValues, None) => {
            Ok((parse(EXAMPLE)?, None))
        }
        (_, None) => {
            let hint = format!("name it: `workstead new {kind} NAME`");
            Err(CliError::user(format!("a new {kind} needs a name")).hint(hint))
        }
    }
}

/// Returns the first SLX that is there.
fn first_slx(directory: &Path) -> Option<SlxName> {
    let entries = fs_err::read_dir(directory.join("slxs")).ok()?.filter_map(Result::ok);
    let with_slx = entries.filter(|entry| entry.path().join("slx.yaml").is_file());
    let names = with_slx.filter_map(|entry| SlxName::parse(entry.file_name().to_str()?).ok());
    names.min()
}

/// Returns the owner; an empty text where the file has no room for one.
fn owner(args: &Args, config: &WorkspaceConfig, directory: &Path) -> Result<String, CliError> {
    if let Some(owner) = &args.owner {
        return Ok(owner.clone());
    }
    let admin = config.permissions.iter().find_map(|permission| match &permission.subject {
        Subject::User(user) if Role::parse(&permission.role) == Ok(Role::Admin) => Some(user.clone()),
        _ => None,
    });
    if let Some(owner) = admin.or_else(|| known_to_git(directory)) {
        return Ok(owner);
    }
    let kind = args.kind;
    let has_no_owner = matches!(
        kind,
        ManifestType::Sli
            | ManifestType::Slo
            | ManifestType::Runbook
            | ManifestType::Workflow
            | ManifestType::Persona
    );
    if has_no_owner {
        return Ok(String::new());
    }
    Err(CliError::user(format!("a new {kind} names its owner, and none is known"))
        .hint("give the e-mail address with --owner"))
}

/// Returns the address that Git writes into commits.
fn known_to_git(directory: &Path) -> Option<String> {
    let place = if directory.is_dir() { directory } else { Path::new(".") };
    let written = WorkTree::anywhere(place).ok(&["config", "--get", "user.email"]).ok()?;
    let address = String::from_utf8(written).ok()?.trim().to_owned();
    Some(address).filter(|address| address.contains('@'))
}

/// Returns the server's address; an empty text when none is known and the file can do without.
fn server(args: &Args, workspace_file: &str, notes: &mut Vec<String>) -> Result<String, CliError> {
    let given = args.server.clone().filter(|server| !server.is_empty());
    if let Some(server) = given.or_else(|| named_by(workspace_file)) {
        return Ok(server);
    }
    let kind = args.kind;
    if matches!(kind, ManifestType::UploadInfo | ManifestType::HelmValues) {
        let message = format!("a new {kind} names its server, and none is known");
        return Err(CliError::user(message).hint("give the address with --server or WORKSTEAD_SERVER"));
    }
    notes.push(
        "no server is known, so editors are told no schema; --server or WORKSTEAD_SERVER names one"
            .to_owned(),
    );
    Ok(String::new())
}

/// Reads the server out of the line that tells editors the schema of `workspace.yaml`.
fn named_by(workspace_file: &str) -> Option<String> {
    let schema = SchemaKind::parse("workspace")?;
    let (before, after) = schema
        .modeline("\0")
        .split_once('/')
        .map(|(before, after)| (before.to_owned(), format!("/{after}")))?;
    let line = workspace_file.lines().find(|line| line.starts_with(&before))?;
    let server = line.strip_prefix(&before)?.strip_suffix(after.trim_end())?;
    (server.starts_with("http://") || server.starts_with("https://")).then(|| server.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_found_where_editors_are_told_it() {
        let text = "# x\n# yaml-language-server: $schema=https://ws.example/a/schemas/workspace.json\nkind: Workspace\n";
        assert_eq!(named_by(text).as_deref(), Some("https://ws.example/a"));
        assert_eq!(named_by("# yaml-language-server: $schema=schemas/workspace.json\n"), None);
        assert_eq!(named_by(""), None);
    }
}
