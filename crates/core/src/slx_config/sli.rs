//! `sli.yaml` as clients send it.

use serde_json::{Map, Value as Json};

use super::apply::{ApplyError, CodePath, Setting, Settings, write};
use super::fields::Fields;
use super::file::{SlxFile, SlxTarget};
use super::payload::{CodeBundle, NamedSecret, PayloadError, SyncPayload, secrets};
use crate::model::NamedValue;

/// How a new indicator is measured unless the client says otherwise.
const INTERVAL_STRATEGY: &str = "intermezzo";
/// How often a new indicator is measured unless the client says otherwise.
const INTERVAL_SECONDS: i64 = 300;

/// The fields of `sli.yaml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SliPayload {
    /// The number of the SLX, which the caller knows the name of.
    pub slx_id: i64,
    /// The location that measures it.
    pub runner_uuid: Option<String>,
    /// The unit in full.
    pub display_units_long: Option<String>,
    /// The unit for small places.
    pub display_units_short: Option<String>,
    /// What is measured.
    pub description: Option<String>,
    /// The code.
    pub code_bundle: CodeBundle,
    /// How the intervals are spread.
    pub interval_strategy: Option<String>,
    /// Seconds between two measurements.
    pub interval_seconds: Option<i64>,
    /// Configuration values.
    pub config_provided: Option<Vec<NamedValue>>,
    /// Secrets.
    pub secrets_provided: Option<Vec<NamedSecret>>,
    /// What happens when the indicator is bad; written as it is.
    pub alert_config: Option<Map<String, Json>>,
}

impl SliPayload {
    fn settings(&self, is_new: bool) -> Settings<'_> {
        let mut settings = Settings::default();
        settings.add(&["locations"], self.runner_uuid.as_deref().map(Setting::First));
        settings.text(&["displayUnitsLong"], self.display_units_long.as_deref());
        settings.text(&["displayUnitsShort"], self.display_units_short.as_deref());
        settings.text(&["description"], self.description.as_deref());
        let seconds = self.interval_seconds.or(is_new.then_some(INTERVAL_SECONDS));
        settings.add(&["intervalSeconds"], seconds.map(|seconds| Setting::Free(seconds.into())));
        let strategy = self.interval_strategy.as_deref();
        settings.text(&["intervalStrategy"], strategy.or(is_new.then_some(INTERVAL_STRATEGY)));
        settings.add(&["alertConfig"], self.alert_config.as_ref().map(Setting::object));
        settings.code_bundle(&self.code_bundle, CodePath::Robot, is_new);
        settings.provided(self.config_provided.as_deref(), self.secrets_provided.as_deref(), is_new);
        settings
    }
}

impl SyncPayload for SliPayload {
    const MODEL: &'static str = "SLIModel";
    const FILE: SlxFile = SlxFile::Sli;

    fn parse(payload: &Map<String, Json>) -> Result<Self, PayloadError> {
        let mut fields = Fields::new(Self::MODEL, payload);
        let payload = Self {
            slx_id: fields.id("slx_id"),
            runner_uuid: fields.filled_text("runner_uuid"),
            display_units_long: fields.text("display_units_long"),
            display_units_short: fields.text("display_units_short"),
            description: fields.text("description"),
            code_bundle: CodeBundle::read(&mut fields),
            interval_strategy: fields.text("interval_strategy"),
            interval_seconds: fields.positive("interval_seconds"),
            config_provided: fields.pairs("config_provided", "value"),
            secrets_provided: secrets(&mut fields),
            alert_config: fields.object("alert_config"),
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
