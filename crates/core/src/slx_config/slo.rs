//! `slo.yaml` as clients send it.

use serde_json::{Map, Number, Value as Json};

use super::apply::{ApplyError, CodePath, Setting, Settings, write};
use super::fields::Fields;
use super::file::{SlxFile, SlxTarget};
use super::payload::{CodeBundle, PayloadError, SyncPayload};

/// The fields of `slo.yaml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SloPayload {
    /// The number of the SLX, which the caller knows the name of.
    pub slx_id: i64,
    /// The queries; a path to YAML, unless it ends in `.robot`.
    pub code_bundle: CodeBundle,
    /// The kind of objective, such as `simple-mwmb`.
    pub slo_spec_type: Option<String>,
    /// The per cent of the time that the indicator must be good.
    pub objective: Option<Number>,
    /// The value that the indicator is compared with.
    pub threshold: Option<Number>,
    /// How it is compared, such as `eq`.
    pub operand: Option<String>,
}

impl SloPayload {
    fn settings(&self, is_new: bool) -> Settings<'_> {
        let runs_robot = self.code_bundle.path.as_deref().is_some_and(is_robot);
        let mut settings = Settings::default();
        let number = |number: &Number| Setting::Free(Json::Number(number.clone()));
        settings.code_bundle(
            &self.code_bundle,
            if runs_robot { CodePath::Robot } else { CodePath::Yaml },
            is_new,
        );
        settings.text(&["sloSpecType"], self.slo_spec_type.as_deref());
        settings.add(&["objective"], self.objective.as_ref().map(number));
        settings.add(&["threshold"], self.threshold.as_ref().map(number));
        settings.text(&["operand"], self.operand.as_deref());
        settings
    }
}

impl SyncPayload for SloPayload {
    const MODEL: &'static str = "SLOModel";
    const FILE: SlxFile = SlxFile::Slo;

    fn parse(payload: &Map<String, Json>) -> Result<Self, PayloadError> {
        let mut fields = Fields::new(Self::MODEL, payload);
        let payload = Self {
            slx_id: fields.id("slx_id"),
            code_bundle: CodeBundle::read(&mut fields),
            slo_spec_type: fields.text("slo_spec_type"),
            objective: fields.number("objective"),
            threshold: fields.number("threshold"),
            operand: fields.text("operand"),
        };
        fields.finish(payload)
    }

    fn apply(&self, target: SlxTarget<'_>, existing: Option<&str>) -> Result<String, ApplyError> {
        if existing.is_none() {
            let bundle = &self.code_bundle;
            let needed = [
                ("code_bundle_repo_url", bundle.repo_url.is_some()),
                ("code_bundle_path", bundle.path.is_some()),
            ];
            PayloadError::check_complete(Self::MODEL, &needed)?;
        }
        write(Self::FILE, target, existing, &self.settings(existing.is_none()))
    }
}

/// Tells whether a path leads to a Robot file.
fn is_robot(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("robot"))
}
