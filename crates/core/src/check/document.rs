//! The check of one parsed document.

use super::builder_file::check_builder_file;
use super::lists::check_workspace_lists;
use super::names::check_names;
use super::nearest::nearest;
use super::place::{Place, Report, quote};
use super::schema::{HEADER, plain_fields, schema};
use super::shape::check_record;
use crate::model::FileKind;
use crate::name::WorkspaceName;
use crate::yaml::{Node, Value};

/// What every file with a `kind` says.
pub(crate) const API_VERSION: &str = "runwhen.com/v1";

/// Checks a document of a known kind.
pub(crate) fn check_document(
    report: &mut Report<'_>,
    workspace: &WorkspaceName,
    kind: FileKind,
    root: &Node,
) {
    let place = Place::ROOT;
    if !matches!(root.value, Value::Mapping(_)) {
        let message = format!("the document must be a mapping, not {}", root.describe());
        let hint = format!("write `key: value` lines as {} has them", kind.place());
        return report.error((root.span.start, &place), "wrong_type", message, hint);
    }
    let Some(schema) = schema(kind) else {
        check_record(report, root, plain_fields(kind), &place);
        return check_builder_file(report, workspace, kind, root);
    };
    check_record(report, root, HEADER, &place);
    check_api_version(report, root);
    check_record(report, root, &[schema.metadata], &place);
    check_names(report, workspace, kind, root);
    // The fields of another kind would only be noise below the one problem that counts.
    if is_of_kind(report, kind, root) {
        check_record(report, root, &[schema.spec], &place);
        if kind == FileKind::Workspace {
            check_workspace_lists(report, root);
        }
    }
}

fn check_api_version(report: &mut Report<'_>, root: &Node) {
    let Some(node) = root.get("apiVersion") else { return };
    let Some(version) = node.as_text().filter(|version| !version.is_empty() && *version != API_VERSION)
    else {
        return;
    };
    let message = format!("`apiVersion` is {}, not {API_VERSION:?}", quote(version));
    let at = (node.span.start, &Place::ROOT.key("apiVersion"));
    report.error(at, "wrong_api_version", message, format!("write `apiVersion: {API_VERSION}`"));
}

/// Tells whether `kind` is right, or missing, which is reported elsewhere.
fn is_of_kind(report: &mut Report<'_>, kind: FileKind, root: &Node) -> bool {
    let Some(expected) = kind.kind_name() else { return true };
    let Some(node) = root.get("kind") else { return true };
    let Some(found) = node.as_text().filter(|found| !found.is_empty() && *found != expected) else {
        return true;
    };
    let known = |other: &FileKind| other.kind_name().is_some_and(|name| name == found);
    let hint = match FileKind::NAMED.into_iter().find(known) {
        Some(other) => format!("a {found} belongs in {}; here write `kind: {expected}`", other.place()),
        None if nearest(found, [expected]).is_some() => format!("did you mean `{expected}`?"),
        None => format!("write `kind: {expected}`"),
    };
    let message = format!("`kind` is {}, but {} holds a {expected}", quote(found), kind.place());
    report.error((node.span.start, &Place::ROOT.key("kind")), "wrong_kind", message, hint);
    false
}
