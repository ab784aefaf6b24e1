//! What a client may ask of an upload.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use workstead_core::merge::{Conflict, MergeMode, MergeOptions};

use crate::context::safe_line;
use crate::error::ApiError;
use crate::query::Query;

/// Most characters of a message that enter a commit.
const MAX_MESSAGE_CHARS: usize = 500;
/// Most characters of a build date.
const MAX_DATE_CHARS: usize = 100;

/// The options of one upload, as its record keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UploadOptions {
    pub(crate) merge_mode: MergeMode,
    /// Only with `threeway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conflict: Option<Conflict>,
    pub(crate) prune_stale_slxs: bool,
    pub(crate) prune_stale_resources: bool,
    pub(crate) allow_mass_prune: bool,
    /// Whether only a plan is wanted; the store finds it by this name, see `IS_NO_PLAN`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build_date: Option<String>,
}

impl UploadOptions {
    /// Reads the options of an address, over those of `self`.
    pub(crate) fn with_query(mut self, query: &Query) -> Result<Self, ApiError> {
        refuse_misspelt(query)?;
        if let Some(mode) = query.text("mergeMode") {
            self.merge_mode = parse_mode(mode)?;
        }
        if let Some(conflict) = query.text("conflict") {
            self.conflict = Some(parse_conflict(conflict)?);
        }
        self.check_conflict()?;
        let set = |field: &mut bool, name: &str| -> Result<(), ApiError> {
            if let Some(value) = query.boolean(name)? {
                *field = value;
            }
            Ok(())
        };
        set(&mut self.prune_stale_slxs, "pruneStaleSlxs")?;
        set(&mut self.prune_stale_resources, "pruneStaleResources")?;
        set(&mut self.allow_mass_prune, "allowMassPrune")?;
        set(&mut self.dry_run, "dryRun")?;
        self.set_message(query.text("message"));
        self.set_build_date(query.text("buildDate").or(query.text("build_date")));
        Ok(self)
    }

    /// Reads the options of a completion over those that the upload was opened with.
    ///
    /// A plan stays a plan: whoever completes it, or a notification of the store, must not make a commit of it.
    pub(crate) fn completed_with(self, query: &Query) -> Result<Self, ApiError> {
        let opened = self.dry_run;
        let options = self.with_query(query)?;
        if options.dry_run == opened {
            return Ok(options);
        }
        let detail = format!(
            "the parameter dryRun is {}, but the upload was opened with dryRun={opened}; open another one",
            options.dry_run
        );
        Err(ApiError::invalid("dry_run_fixed", detail))
    }

    /// Sets the message, made safe; an empty one leaves it.
    pub(crate) fn set_message(&mut self, message: Option<&str>) {
        let safe = message.map(|text| safe_line(text, MAX_MESSAGE_CHARS));
        self.message = safe.filter(|text| !text.is_empty()).or(self.message.take());
    }

    /// Sets the build date, made safe; an empty one leaves it.
    pub(crate) fn set_build_date(&mut self, date: Option<&str>) {
        let safe = date.map(|text| safe_line(text, MAX_DATE_CHARS));
        self.build_date = safe.filter(|text| !text.is_empty()).or(self.build_date.take());
    }

    /// Refuses a rule for conflicts that the merge mode does not know: it would be a promise that is not kept.
    fn check_conflict(&self) -> Result<(), ApiError> {
        if self.conflict.is_none() || self.merge_mode == MergeMode::ThreeWay {
            return Ok(());
        }
        let detail = "the option conflict has a meaning with mergeMode=threeway only; choose that merge mode, or leave conflict out";
        Err(ApiError::invalid("conflict_without_threeway", detail))
    }

    /// Returns the merge's options at a time; the server may allow mass prunes for all.
    pub(crate) fn merge_options(&self, allow_mass_prune: bool, now: Timestamp) -> MergeOptions {
        MergeOptions {
            mode: self.merge_mode,
            conflict: self.conflict.unwrap_or_default(),
            prune_stale_slxs: self.prune_stale_slxs,
            prune_stale_resources: self.prune_stale_resources,
            allow_mass_prune: self.allow_mass_prune || allow_mass_prune,
            build_date: self.build_date.clone(),
            now,
        }
    }
}

/// The options that an address may have.
const NAMES: [&str; 10] = [
    "allowMassPrune",
    "buildDate",
    "conflict",
    "dryRun",
    "mergeMode",
    "message",
    "pruneStaleResources",
    "pruneStaleSlxs",
    "sha256",
    "size",
];

/// Refuses an option that is one but for its capitals: without it, a dry run would be none.
fn refuse_misspelt(query: &Query) -> Result<(), ApiError> {
    for (given, _) in query.pairs() {
        let meant = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(given) && *name != given);
        if let Some(name) = meant {
            let detail = format!("there is no parameter {given}; write {name}");
            return Err(ApiError::bad_request("unknown_parameter", detail));
        }
    }
    Ok(())
}

/// Reads a merge mode.
pub(crate) fn parse_mode(text: &str) -> Result<MergeMode, ApiError> {
    match text {
        "keepexisting" => Ok(MergeMode::KeepExisting),
        "keepuploaded" => Ok(MergeMode::KeepUploaded),
        "threeway" => Ok(MergeMode::ThreeWay),
        other => {
            let shown: String = other.chars().take(100).collect();
            let detail = format!(
                "the merge mode {shown:?} is not known; choose keepexisting, keepuploaded or threeway"
            );
            Err(ApiError::invalid("unknown_merge_mode", detail))
        }
    }
}

/// Reads what becomes of conflicts.
pub(crate) fn parse_conflict(text: &str) -> Result<Conflict, ApiError> {
    match text {
        "existing" => Ok(Conflict::Existing),
        "uploaded" => Ok(Conflict::Uploaded),
        "fail" => Ok(Conflict::Fail),
        other => {
            let shown: String = other.chars().take(100).collect();
            let detail =
                format!("the option conflict is {shown:?}, expected existing, uploaded or fail; choose one");
            Err(ApiError::invalid("unknown_conflict", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_the_address() {
        let query = Query::parse(
            "mergeMode=threeway&conflict=fail&pruneStaleSlxs=true&allowMassPrune=1&message=a%0Ab&buildDate=x",
        );
        let options = UploadOptions::default().with_query(&query).unwrap();
        let json = serde_json::to_string(&options).unwrap();
        insta::assert_snapshot!(json, @r#"{"mergeMode":"threeway","conflict":"fail","pruneStaleSlxs":true,"pruneStaleResources":false,"allowMassPrune":true,"message":"a b","buildDate":"x"}"#);
        assert_eq!(serde_json::from_str::<UploadOptions>(&json).unwrap(), options);
    }

    #[test]
    fn options_are_spelt_as_they_are() {
        insta::assert_snapshot!(refusal("dryrun=true"), @"there is no parameter dryrun; write dryRun [unknown_parameter]");
        assert!(UploadOptions::default().with_query(&Query::parse("build_date=x&workspaceScope=y")).is_ok());
    }

    fn refusal(query: &str) -> String {
        UploadOptions::default().with_query(&Query::parse(query)).unwrap_err().to_string()
    }

    #[test]
    fn conflicts_are_settled_with_threeway_only() {
        let errors =
            ["conflict=fail", "mergeMode=keepexisting&conflict=existing", "mergeMode=threeway&conflict=ours"];
        insta::assert_snapshot!(errors.map(refusal).join("\n"), @r#"
        the option conflict has a meaning with mergeMode=threeway only; choose that merge mode, or leave conflict out [conflict_without_threeway]
        the option conflict has a meaning with mergeMode=threeway only; choose that merge mode, or leave conflict out [conflict_without_threeway]
        the option conflict is "ours", expected existing, uploaded or fail; choose one [unknown_conflict]
        "#);
        // The address says the last word over what a record keeps.
        let kept = UploadOptions { conflict: Some(Conflict::Fail), ..UploadOptions::default() };
        let kept = kept.with_query(&Query::parse("mergeMode=threeway")).unwrap();
        assert_eq!((kept.merge_mode, kept.conflict), (MergeMode::ThreeWay, Some(Conflict::Fail)));
    }

    #[test]
    fn what_is_not_kept_is_not_promised() {
        let errors = ["mergeMode=fourway", "dryRun=perhaps", "pruneStaleSlxs=maybe"].map(refusal);
        insta::assert_snapshot!(errors.join("\n"), @r#"
        the merge mode "fourway" is not known; choose keepexisting, keepuploaded or threeway [unknown_merge_mode]
        the parameter dryRun is "perhaps", expected true or false [invalid_parameter]
        the parameter pruneStaleSlxs is "maybe", expected true or false [invalid_parameter]
        "#);
        assert!(UploadOptions::default().with_query(&Query::parse("dryRun=false&via=presigned")).is_ok());
    }

    #[test]
    fn a_plan_is_opened_as_one_and_stays_one() {
        let open = |query: &str| UploadOptions::default().with_query(&Query::parse(query)).unwrap();
        let plan = open("dryRun=true");
        insta::assert_snapshot!(serde_json::to_string(&plan).unwrap(), @r#"{"mergeMode":"keepuploaded","pruneStaleSlxs":false,"pruneStaleResources":false,"allowMassPrune":false,"dryRun":true}"#);
        let complete = |options: &UploadOptions, query: &str| {
            options.clone().completed_with(&Query::parse(query)).map(|options| options.dry_run)
        };
        assert_eq!(complete(&plan, "allowMassPrune=true").ok(), Some(true));
        assert_eq!(complete(&plan, "dryRun=true").ok(), Some(true));
        assert_eq!(complete(&open(""), "dryRun=false").ok(), Some(false));
        insta::assert_snapshot!(complete(&plan, "dryRun=false").unwrap_err(), @"the parameter dryRun is false, but the upload was opened with dryRun=true; open another one [dry_run_fixed]");
        insta::assert_snapshot!(complete(&open(""), "dryRun=true").unwrap_err(), @"the parameter dryRun is true, but the upload was opened with dryRun=false; open another one [dry_run_fixed]");
    }
}
