//! The known fields of every kind of file.
//!
//! From the files that the builder makes and the published API. Only what the product cannot do
//! without is required: a workspace's history may hold files of many builders and many people.

use super::shape::Shape::{Any, Bool, Integer, List, Mapping, Number, Record, Role, Text, Texts};
use super::shape::{Field, Need, Shape, filled, optional, present};
use crate::model::FileKind;

/// What a kind of file holds beside `apiVersion` and `kind`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema {
    /// The field `metadata`.
    pub(crate) metadata: Field,
    /// The field `spec`.
    pub(crate) spec: Field,
}

/// Returns what the known fields of a kind of file are, or nothing for files without `kind`.
pub(crate) const fn schema(kind: FileKind) -> Option<Schema> {
    let (metadata, spec) = match kind {
        // People may begin with a bare workspace.
        FileKind::Workspace => (METADATA, optional("spec", Record(WORKSPACE))),
        FileKind::Slx => (SLX_METADATA, filled("spec", Record(SLX))),
        FileKind::Runbook => (SLX_METADATA, filled("spec", Record(RUNBOOK))),
        FileKind::Sli => (SLX_METADATA, filled("spec", Record(SLI))),
        FileKind::Slo => (SLX_METADATA, filled("spec", Record(SLO))),
        FileKind::Workflow => (METADATA, filled("spec", Record(WORKFLOW))),
        // The platform has a default for all that a persona can say.
        FileKind::Persona => (METADATA, optional("spec", Record(PERSONA))),
        FileKind::Manifest | FileKind::WorkspaceInfo | FileKind::UploadInfo | FileKind::Other => return None,
    };
    Some(Schema { metadata, spec })
}

/// Returns what the known fields of a file without `kind` are.
pub(crate) const fn plain_fields(kind: FileKind) -> &'static [Field] {
    match kind {
        FileKind::Manifest => MANIFEST,
        FileKind::WorkspaceInfo => WORKSPACE_INFO,
        FileKind::UploadInfo => UPLOAD_INFO,
        _ => &[],
    }
}

/// What every file with a `kind` begins with.
pub(crate) const HEADER: &[Field] = &[filled("apiVersion", Text), filled("kind", Text)];

const METADATA: Field = filled(
    "metadata",
    Record(&[filled("name", Text), optional("labels", Texts(&[])), optional("annotations", Texts(&[]))]),
);

/// The files of an SLX must carry its label too.
const SLX_METADATA: Field = filled(
    "metadata",
    Record(&[filled("name", Text), filled("labels", Texts(&["slx"])), optional("annotations", Texts(&[]))]),
);

const NAMED_VALUE: Shape = Record(&[filled("name", Text), present("value", Text)]);
const NAMED_VALUES: Shape = List(Need::Filled, &NAMED_VALUE);
const NAMED_SECRET: Shape = Record(&[filled("name", Text), present("workspaceKey", Text)]);
const NAMED_SECRETS: Shape = List(Need::Filled, &NAMED_SECRET);
/// Strings of which none may be empty.
const NAMES: Shape = List(Need::Filled, &Text);
/// Strings as a template may leave them.
const TEXTS: Shape = List(Need::Optional, &Text);

const PERMISSION: Shape = Record(&[optional("user", Text), optional("group", Text), filled("role", Role)]);
const GROUP: Shape = Record(&[filled("name", Text), optional("slxs", NAMES), optional("dependsOn", NAMES)]);
/// The builder calls the object `directObject`.
const RELATIONSHIP: Shape =
    Record(&[filled("subject", Text), filled("verb", Text), filled("object", Text).or("directObject")]);

/// By category; what a provider wants to know is its own affair.
const LLM_CONFIG: Shape = Record(&[
    optional("DEFAULT", Mapping),
    optional("CHAT", Mapping),
    optional("BACKGROUND", Mapping),
    optional("EMBEDDING", Mapping),
]);

const WORKSPACE: &[Field] = &[
    optional("displayName", Text),
    optional("description", Text),
    optional("permissions", List(Need::Filled, &PERMISSION)),
    optional("enabledLocations", NAMES),
    optional("enabledLocation", NAMES),
    optional("configProvided", NAMED_VALUES),
    optional("secretsProvided", NAMED_SECRETS),
    optional("slxGroups", List(Need::Filled, &GROUP)),
    optional("slxRelationships", List(Need::Filled, &RELATIONSHIP)),
    optional("llmConfig", LLM_CONFIG),
    optional("uploads", Record(&[optional("allowMassPrune", Bool)])),
];

const CODE_BUNDLE: Shape = Record(&[
    optional("repoUrl", Text),
    optional("ref", Text),
    optional("pathToRobot", Text),
    optional("pathToYaml", Text),
]);

const SLX: &[Field] = &[
    optional("alias", Text),
    optional("statement", Text),
    optional("asMeasuredBy", Text),
    optional("imageURL", Text),
    optional("icon", Text),
    optional("owners", TEXTS),
    optional("configProvided", NAMED_VALUES),
    optional("tags", List(Need::Filled, &NAMED_VALUE)),
    optional("additionalContext", Record(&[optional("hierarchy", TEXTS), optional("resourcePath", Text)])),
];

const RUNBOOK: &[Field] = &[
    optional("location", Text),
    optional("description", Text),
    optional("codeBundle", CODE_BUNDLE),
    optional("configProvided", NAMED_VALUES),
    optional("secretsProvided", NAMED_SECRETS),
];

const SLI: &[Field] = &[
    optional("displayUnitsLong", Text),
    optional("displayUnitsShort", Text),
    optional("description", Text),
    optional("locations", TEXTS),
    optional("codeBundle", CODE_BUNDLE),
    optional("intervalStrategy", Text),
    optional("intervalSeconds", Integer),
    optional("configProvided", NAMED_VALUES),
    optional("secretsProvided", NAMED_SECRETS),
    optional("alertConfig", Record(&[optional("tasks", Record(TASK_RUNNER))])),
];

const TASK_RUNNER: &[Field] = &[optional("persona", Text), optional("sessionTTL", Text)];

const SLO: &[Field] = &[
    optional("codeBundle", CODE_BUNDLE),
    optional("sloSpecType", Text),
    optional("objective", Number),
    optional("threshold", Number),
    optional("operand", Text),
];

const TASKS: Shape = Record(&[
    optional("slx", Text),
    optional("persona", Text),
    optional("titles", TEXTS),
    optional("sessionTTL", Text),
]);

const ACTIVITY: Shape = Record(&[
    optional("name", Text),
    optional("displayName", Text),
    optional("description", Text),
    optional("match", Record(&[optional("activityVerbs", TEXTS), optional("slxs", TEXTS)])),
    optional("actions", List(Need::Filled, &Record(&[optional("tasks", TASKS)]))),
]);

const WORKFLOW: &[Field] = &[optional("fromActivities", List(Need::Filled, &ACTIVITY))];

const PERSONA: &[Field] = &[
    optional("fullName", Text),
    optional("description", Text),
    optional("avatarUrl", Text),
    optional("search", Mapping),
    optional("filter", Record(THRESHOLD)),
    optional("run", Record(THRESHOLD)),
];

const THRESHOLD: &[Field] = &[optional("confidenceThreshold", Number)];

/// What the builder reads of its `workspaceInfo.yaml`; other settings come in its `uploadInfo.yaml`.
const WORKSPACE_INFO: &[Field] = &[
    optional("workspaceName", Text),
    optional("workspaceOwnerEmail", Text),
    optional("papiURL", Text),
    optional("token", Text),
    optional("locationId", Text),
    optional("locationName", Text),
    optional("defaultLocation", Text),
    optional("defaultLocationName", Text),
    optional("defaultLOD", Text),
    optional("namespaceLODs", Texts(&[])),
    optional("namespaces", TEXTS),
    optional("cloudConfig", Mapping),
    optional("codeCollections", List(Need::Optional, &Any)),
    optional("taskTagExclusions", TEXTS),
    optional("custom", Mapping),
    optional("secrets", Mapping),
    optional("overrides", Mapping),
];

const UPLOAD_INFO: &[Field] = &[
    optional("workspaceName", Text),
    optional("token", Text),
    optional("workspaceOwnerEmail", Text),
    optional("papiURL", Text),
    optional("locationId", Text),
    optional("locationName", Text),
    optional("defaultLocation", Text),
    optional("defaultLocationName", Text),
];

/// The record of uploads, which has no `kind` and is read tolerantly.
const MANIFEST: &[Field] = &[
    optional("version", Text),
    optional("lastBuildDate", Text),
    optional("lastUploadDate", Text),
    optional("slxs", List(Need::Filled, &Record(&[filled("fullName", Text), filled("name", Text)]))),
    optional(
        "tombstones",
        List(Need::Filled, &Record(&[filled("fullName", Text), optional("lastSeen", Text)])),
    ),
];
