//! `slx.yaml` as clients send it.

use serde_json::{Map, Value as Json};

use super::apply::{ApplyError, Setting, Settings, write};
use super::fields::{Fields, pointer, shown};
use super::file::{SlxFile, SlxTarget};
use super::payload::{PayloadError, SyncPayload};
use crate::model::NamedValue;
use crate::name::{SlxName, WorkspaceName};
use crate::workspace_file::FieldProblem;

/// The fields of `slx.yaml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlxPayload {
    /// The name, with or without its workspace: see [`SlxPayload::slx_name`].
    pub name: String,
    /// The name for people.
    pub alias: Option<String>,
    /// What should be true of the thing that is watched.
    pub statement: Option<String>,
    /// The addresses of those who answer for it.
    pub owners: Option<Vec<String>>,
    /// The tags; a name may be there more than once.
    pub tags: Option<Vec<NamedValue>>,
    /// The URL of the icon.
    pub image_url: Option<String>,
    /// What tells where the thing is, such as `resourcePath` and `hierarchy`; written as it is.
    pub additional_context: Option<Map<String, Json>>,
}

impl SlxPayload {
    /// Returns the short name: `name` without `<workspace>--`.
    pub fn slx_name(&self, workspace: &WorkspaceName) -> Result<SlxName, PayloadError> {
        let refuse = |message: String, hint: String| {
            let problem =
                FieldProblem { pointer: pointer("name"), code: "invalid_name", message, hint: Some(hint) };
            Err(PayloadError::new(Self::MODEL, problem))
        };
        let prefix = format!("{workspace}--");
        let short = match self.name.strip_prefix(&prefix) {
            Some(short) => short,
            None if self.name.contains("--") => {
                let message = format!(
                    "`name` is {:?}, which belongs to no SLX of workspace `{workspace}`",
                    shown(&self.name)
                );
                return refuse(message, format!("write `{prefix}<short name>`"));
            }
            None => &self.name,
        };
        match SlxName::parse(short) {
            Ok(name) => Ok(name),
            Err(error) => refuse(error.to_string(), format!("write `{prefix}<short name>`")),
        }
    }

    fn settings(&self) -> Settings<'_> {
        let mut settings = Settings::default();
        settings.text(&["alias"], self.alias.as_deref());
        settings.text(&["imageURL"], self.image_url.as_deref());
        settings.text(&["statement"], self.statement.as_deref());
        settings.add(&["owners"], self.owners.as_deref().map(Setting::Texts));
        settings.add(&["tags"], self.tags.as_deref().map(Setting::values));
        settings.add(&["additionalContext"], self.additional_context.as_ref().map(Setting::object));
        settings
    }
}

impl SyncPayload for SlxPayload {
    const MODEL: &'static str = "SLXModel";
    const FILE: SlxFile = SlxFile::Slx;

    fn parse(payload: &Map<String, Json>) -> Result<Self, PayloadError> {
        let mut fields = Fields::new(Self::MODEL, payload);
        let payload = Self {
            name: fields.required_text("name", "send `<workspace>--<short name>`"),
            alias: fields.text("alias"),
            statement: fields.text("statement"),
            owners: fields.texts("owners"),
            tags: fields.pairs("tags", "value"),
            image_url: fields.text_of("image_url", &["imageURL"]),
            additional_context: fields.object("additional_context"),
        };
        fields.finish(payload)
    }

    fn apply(&self, target: SlxTarget<'_>, existing: Option<&str>) -> Result<String, ApplyError> {
        if existing.is_none() {
            PayloadError::check_complete(Self::MODEL, &[("alias", self.alias.is_some())])?;
        }
        write(Self::FILE, target, existing, &self.settings())
    }
}
