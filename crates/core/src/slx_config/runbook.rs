//! `runbook.yaml` as clients send it.

use serde_json::{Map, Value as Json};

use super::apply::{ApplyError, CodePath, Setting, Settings, write};
use super::fields::Fields;
use super::file::{SlxFile, SlxTarget};
use super::payload::{CodeBundle, NamedSecret, PayloadError, SyncPayload, secrets};
use crate::model::NamedValue;

/// The fields of `runbook.yaml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunbookPayload {
    /// The number of the SLX, which the caller knows the name of.
    pub slx_id: i64,
    /// The location that runs it.
    pub runner_uuid: Option<String>,
    /// The code.
    pub code_bundle: CodeBundle,
    /// Configuration values.
    pub config_provided: Option<Vec<NamedValue>>,
    /// Secrets.
    pub secrets_provided: Option<Vec<NamedSecret>>,
    /// What the code needs of its runner; written as it is.
    pub requirements: Option<Map<String, Json>>,
    /// Variables that may be given for a single run; written as they are.
    pub runtime_vars_provided: Option<Vec<Json>>,
}

impl RunbookPayload {
    fn settings(&self, is_new: bool) -> Settings<'_> {
        let mut settings = Settings::default();
        settings.text(&["location"], self.runner_uuid.as_deref());
        settings.code_bundle(&self.code_bundle, CodePath::Robot, is_new);
        settings.provided(self.config_provided.as_deref(), self.secrets_provided.as_deref(), is_new);
        settings.add(&["requirements"], self.requirements.as_ref().map(Setting::object));
        let variables = self.runtime_vars_provided.as_ref().map(|list| Setting::Free(list.clone().into()));
        settings.add(&["runtimeVarsProvided"], variables);
        settings
    }
}

impl SyncPayload for RunbookPayload {
    const MODEL: &'static str = "RunbookModel";
    const FILE: SlxFile = SlxFile::Runbook;

    fn parse(payload: &Map<String, Json>) -> Result<Self, PayloadError> {
        let mut fields = Fields::new(Self::MODEL, payload);
        let payload = Self {
            slx_id: fields.id("slx_id"),
            runner_uuid: fields.filled_text("runner_uuid"),
            code_bundle: CodeBundle::read(&mut fields),
            config_provided: fields.pairs("config_provided", "value"),
            secrets_provided: secrets(&mut fields),
            requirements: fields.object("requirements"),
            runtime_vars_provided: fields.named_objects("runtime_vars_provided"),
        };
        fields.finish(payload)
    }

    fn apply(&self, target: SlxTarget<'_>, existing: Option<&str>) -> Result<String, ApplyError> {
        if existing.is_none() {
            let bundle = &self.code_bundle;
            let needed = [
                ("runner_uuid", self.runner_uuid.is_some()),
                ("code_bundle_repo_url", bundle.repo_url.is_some()),
                ("code_bundle_path", bundle.path.is_some()),
            ];
            PayloadError::check_complete(Self::MODEL, &needed)?;
        }
        write(Self::FILE, target, existing, &self.settings(existing.is_none()))
    }
}
