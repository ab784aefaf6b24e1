//! The known fields of every kind of file.
//!
//! From the files that the builder makes and the published API. Only what the product cannot do
//! without is required: a workspace's history may hold files of many builders and many people.

use super::shape::Shape::{Any, Bool, Choice, Integer, List, Mapping, Number, Record, Role, Text, Texts};
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
const NAMED_SECRET: Shape = Record(&[
    filled("name", Text),
    present("workspaceKey", Text).is("The name of a secret of the workspace, never its value."),
]);
const NAMED_SECRETS: Shape = List(Need::Filled, &NAMED_SECRET);
/// Strings of which none may be empty.
const NAMES: Shape = List(Need::Filled, &Text);
/// Strings as a template may leave them.
const TEXTS: Shape = List(Need::Optional, &Text);

/// Whom a permission may be for: one of these, not both.
pub(crate) const SUBJECTS: [&str; 2] = ["user", "group"];
const PERMISSION: Shape = Choice(
    &[
        optional("user", Text).is("An e-mail address."),
        optional("group", Text).is("A group of the server."),
        filled("role", Role).is("Each role includes those before it."),
    ],
    &SUBJECTS,
);
const GROUP: Shape = Record(&[
    filled("name", Text),
    optional("slxs", NAMES).is("Short names: directories under slxs/."),
    optional("dependsOn", NAMES).is("Groups that this one depends on."),
]);
/// The builder calls the object `directObject`.
const RELATIONSHIP: Shape = Record(&[
    filled("subject", Text),
    filled("verb", Text).is("Free text, as dependent-on."),
    filled("object", Text).or("directObject"),
]);

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
    optional("permissions", List(Need::Filled, &PERMISSION))
        .is("Who may do what; changing it takes the role admin."),
    optional("enabledLocations", NAMES).is("Where runbooks and SLIs of this workspace may run."),
    optional("enabledLocation", NAMES).is("As the workspace builder writes `enabledLocations`."),
    optional("configProvided", NAMED_VALUES),
    optional("secretsProvided", NAMED_SECRETS),
    optional("slxGroups", List(Need::Filled, &GROUP)).is("SLXs that belong together."),
    optional("slxRelationships", List(Need::Filled, &RELATIONSHIP)).is("How SLXs relate."),
    optional("llmConfig", LLM_CONFIG).is("Which language model to use, by category."),
    optional(
        "uploads",
        Record(&[optional("allowMassPrune", Bool)
            .is("Whether uploads may prune more than half of a location's SLXs unasked.")]),
    ),
];

const CODE_BUNDLE: Shape = Record(&[
    optional("repoUrl", Text),
    optional("ref", Text),
    optional("pathToRobot", Text).is("The robot file in the repository of the code."),
    optional("pathToYaml", Text),
]);

const SLX: &[Field] = &[
    optional("alias", Text).is("What people see in lists."),
    optional("statement", Text).is("What should be true."),
    optional("asMeasuredBy", Text).is("How it is measured, in words."),
    optional("imageURL", Text),
    optional("icon", Text),
    optional("owners", TEXTS),
    optional("configProvided", NAMED_VALUES),
    optional("tags", List(Need::Filled, &NAMED_VALUE)),
    optional("additionalContext", Record(&[optional("hierarchy", TEXTS), optional("resourcePath", Text)])),
];

const RUNBOOK: &[Field] = &[
    optional("location", Text).is("Where it runs; one of the workspace's enabled locations."),
    optional("description", Text),
    optional("codeBundle", CODE_BUNDLE),
    optional("configProvided", NAMED_VALUES),
    optional("secretsProvided", NAMED_SECRETS),
];

const SLI: &[Field] = &[
    optional("displayUnitsLong", Text),
    optional("displayUnitsShort", Text),
    optional("description", Text),
    optional("locations", TEXTS).is("Where it runs; each one of the workspace's enabled locations."),
    optional("codeBundle", CODE_BUNDLE),
    optional("intervalStrategy", Text),
    optional("intervalSeconds", Integer).is("Seconds from one measurement to the next."),
    optional("configProvided", NAMED_VALUES),
    optional("secretsProvided", NAMED_SECRETS),
    optional("alertConfig", Record(&[optional("tasks", Record(TASK_RUNNER))])),
];

const TASK_RUNNER: &[Field] = &[optional("persona", Text), optional("sessionTTL", Text)];

const SLO: &[Field] = &[
    optional("codeBundle", CODE_BUNDLE),
    optional("sloSpecType", Text),
    optional("objective", Number).is("Percent of the time in which the SLI meets the threshold."),
    optional("threshold", Number).is("What the SLI is compared with by the operand."),
    optional("operand", Text),
];

const TASKS: Shape = Record(&[
    optional("slx", Text),
    optional("persona", Text),
    optional("titles", TEXTS).is("Titles of tasks; * is all of them."),
    optional("sessionTTL", Text),
]);

const ACTIVITY: Shape = Record(&[
    optional("name", Text),
    optional("displayName", Text),
    optional("description", Text),
    optional(
        "match",
        Record(&[
            optional("activityVerbs", TEXTS).is("What begins it, as SLI_ALERTS_STARTED."),
            optional("slxs", TEXTS),
        ]),
    ),
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

const THRESHOLD: &[Field] =
    &[optional("confidenceThreshold", Number).is("From 0 to 1: how well a task must fit.")];

/// What the builder reads of its `workspaceInfo.yaml`; other settings come in its `uploadInfo.yaml`.
const WORKSPACE_INFO: &[Field] = &[
    optional("workspaceName", Text),
    optional("workspaceOwnerEmail", Text),
    optional("papiURL", Text).is("The server's address, without a slash at its end."),
    optional("token", Text).is("A secret; the repository takes the file only without."),
    optional("locationId", Text),
    optional("locationName", Text),
    optional("defaultLocation", Text),
    optional("defaultLocationName", Text),
    optional("defaultLOD", Text).is("How much to make of what is found: none, basic or detailed."),
    optional("namespaceLODs", Texts(&[])),
    optional("namespaces", TEXTS),
    optional("cloudConfig", Mapping).is("Where to look; the builder does nothing without it."),
    optional("codeCollections", List(Need::Optional, &Any)),
    optional("taskTagExclusions", TEXTS),
    optional("custom", Mapping),
    optional("secrets", Mapping),
    optional("overrides", Mapping),
];

const UPLOAD_INFO: &[Field] = &[
    optional("workspaceName", Text),
    optional("token", Text).is("A secret; the repository takes the file only without."),
    optional("workspaceOwnerEmail", Text),
    optional("papiURL", Text).is("The server's address, without a slash at its end."),
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
