//! Names and labels, which must agree with where the file lies.

use super::place::{Place, Report, quote};
use crate::model::{FileKind, persona_name, slx_directory};
use crate::name::WorkspaceName;
use crate::path::fold;
use crate::yaml::Node;

/// Checks `metadata.name` and the labels against the workspace and the path.
pub(crate) fn check_names(report: &mut Report<'_>, workspace: &WorkspaceName, kind: FileKind, root: &Node) {
    let Some(metadata) = root.get("metadata") else { return };
    let name = metadata.get("name").and_then(filled);
    let label = |key: &str| metadata.at(&["labels", key]).and_then(filled);
    let root_place = Place::ROOT;
    let metadata_place = root_place.key("metadata");
    let labels_place = metadata_place.key("labels");

    if let Some((node, text)) = label("workspace")
        && text != workspace.as_str()
    {
        report_workspace(report, workspace, (node, text), &labels_place.key("workspace"));
    }
    match (kind, slx_directory(report.path())) {
        (FileKind::Workspace, _) => {
            if let Some((node, text)) = name
                && text != workspace.as_str()
            {
                report_workspace(report, workspace, (node, text), &metadata_place.key("name"));
            }
        }
        (FileKind::Workflow, _) => {
            if let Some((node, text)) = label("slx")
                && short_name(workspace, text).is_none_or(str::is_empty)
            {
                report_workflow_label(report, workspace, (node, text), &labels_place.key("slx"));
            }
        }
        (FileKind::Persona, _) => {
            let expected = persona_name(report.path()).map(|short| format!("{workspace}--{short}"));
            if let (Some((node, text)), Some(expected)) = (name, expected)
                && text != expected
            {
                let place = metadata_place.key("name");
                let message = format!("{} is {}, but must be {expected:?}", place.name(), quote(text));
                let hint = "write the workspace and the file's name, or rename the file".to_owned();
                report.error((node.span.start, &place), "wrong_name", message, hint);
            }
        }
        (_, Some((directory, _))) => {
            let slx = Slx { workspace, directory };
            if let Some(found) = name {
                slx.check(report, found, "wrong_name", &metadata_place.key("name"));
            }
            if let Some(found) = label("slx") {
                slx.check(report, found, "wrong_label", &labels_place.key("slx"));
            }
        }
        _ => {}
    }
}

/// Returns a scalar and its text; absent, empty and other values are reported by the schema.
fn filled(node: &Node) -> Option<(&Node, &str)> {
    node.as_text().filter(|text| !text.is_empty()).map(|text| (node, text))
}

/// Cuts `<workspace>--` off.
fn short_name<'a>(workspace: &WorkspaceName, text: &'a str) -> Option<&'a str> {
    text.strip_prefix(workspace.as_str())?.strip_prefix("--")
}

pub(super) fn report_workspace(
    report: &mut Report<'_>,
    workspace: &WorkspaceName,
    (node, text): (&Node, &str),
    place: &Place<'_>,
) {
    let message = format!("{} is {}, but the workspace is `{workspace}`", place.name(), quote(text));
    let hint = format!("write `{workspace}`, or send the file to the workspace that it was made for");
    report.error((node.span.start, place), "wrong_workspace", message, hint);
}

fn report_workflow_label(
    report: &mut Report<'_>,
    workspace: &WorkspaceName,
    (node, text): (&Node, &str),
    place: &Place<'_>,
) {
    let message = format!("{} is {}, but must begin with `{workspace}--`", place.name(), quote(text));
    let hint = match text.split_once("--") {
        Some((_, slx)) => format!("write {}", quote(&format!("{workspace}--{slx}"))),
        None => format!("write {}, the workspace and the SLX's name", quote(&format!("{workspace}--{text}"))),
    };
    report.error((node.span.start, place), "wrong_label", message, hint);
}

/// What the files of one SLX are named by.
struct Slx<'a> {
    workspace: &'a WorkspaceName,
    directory: &'a str,
}

impl Slx<'_> {
    /// Checks that a text is the SLX's name with its workspace.
    fn check(
        &self,
        report: &mut Report<'_>,
        (node, text): (&Node, &str),
        code: &'static str,
        place: &Place<'_>,
    ) {
        let Self { workspace, directory } = self;
        let short = short_name(workspace, text);
        if short == Some(directory) {
            return;
        }
        let expected = format!("{workspace}--{directory}");
        let message = format!("{} is {}, but must be {expected:?}", place.name(), quote(text));
        let hint = match (short, text.split_once("--")) {
            (Some(short), _) if fold(short) == fold(directory) => {
                "the two differ only in case or Unicode form: write it as the directory is written".to_owned()
            }
            (Some(short), _) => {
                format!(
                    "write the directory's name behind `{workspace}--`, or rename the directory to {}",
                    quote(short)
                )
            }
            (None, Some((other, slx))) if slx == *directory => {
                format!("it was made for workspace {}: write `{workspace}`, or send it there", quote(other))
            }
            _ => format!("write the workspace and the directory's name: {expected:?}"),
        };
        report.error((node.span.start, place), code, message, hint);
    }
}
