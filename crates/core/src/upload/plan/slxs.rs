//! The SLXs of a plan.

use std::collections::HashMap;

use serde::Serialize;

use super::{PlanCounts, PlanLimits};
use crate::merge::{KeptReason, MergeMode, MergeSummary};

/// Why an SLX has another name than the upload gives it.
const RENAMED: &str = "renamed_by_people";

/// What would happen to one SLX.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedSlx {
    /// Its name in the repository; of one that stays out, its name in the upload.
    pub name: String,
    /// Its name in the upload, where people gave it another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_name: Option<String>,
    /// What would happen.
    pub action: SlxAction,
    /// Why, as a stable word, where the action alone does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// What would happen to an SLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlxAction {
    /// It comes.
    Added,
    /// Its files change.
    Changed,
    /// It stays as it is, although the upload has another one or none.
    Kept,
    /// It stays as it is under the name that people gave it.
    Renamed,
    /// It stays out because people deleted it.
    Tombstoned,
    /// It goes because the upload lacks it.
    Pruned,
    /// It stays out because it can't come in.
    Conflict,
}

/// Lists what would happen to SLXs, each once, in the order of names.
pub(super) fn list(
    summary: &MergeSummary,
    mode: MergeMode,
    limits: &PlanLimits,
    counts: &mut PlanCounts,
) -> Vec<PlannedSlx> {
    let mut renamed: HashMap<&str, &str> =
        summary.renamed.iter().map(|one| (one.name.as_str(), one.uploaded_name.as_str())).collect();
    // Without the mode that keeps, what stays is what people edited.
    let why_kept = if mode == MergeMode::KeepExisting { "keep_existing" } else { "edited" };
    let mut slxs = Vec::new();
    for (names, action, reason) in [
        (&summary.added, SlxAction::Added, None),
        (&summary.changed, SlxAction::Changed, None),
        (&summary.kept, SlxAction::Kept, Some(why_kept)),
    ] {
        slxs.extend(names.iter().map(|name| {
            let uploaded_name = renamed.remove(name.as_str()).map(str::to_owned);
            let reason = reason.or(uploaded_name.as_ref().map(|_| RENAMED));
            PlannedSlx { name: name.clone(), uploaded_name, action, reason }
        }));
    }
    slxs.extend(renamed.into_iter().map(|(name, uploaded_name)| PlannedSlx {
        uploaded_name: Some(uploaded_name.to_owned()),
        ..planned(name, SlxAction::Renamed, RENAMED)
    }));
    slxs.extend(
        summary.tombstoned.iter().map(|name| planned(name, SlxAction::Tombstoned, "deleted_by_people")),
    );
    slxs.extend(summary.pruned.iter().map(|name| planned(name, SlxAction::Pruned, "not_uploaded")));
    slxs.extend(
        summary.pruned_kept.iter().map(|kept| planned(&kept.name, SlxAction::Kept, word(kept.reason))),
    );
    // Those with a path are fields that both sides changed; their SLXs are changed or kept.
    let left_out = summary.conflicts.iter().filter(|conflict| conflict.path.is_none());
    slxs.extend(left_out.map(|conflict| planned(&conflict.name, SlxAction::Conflict, conflict.code)));

    for slx in &slxs {
        *count_of(counts, slx.action) += 1;
    }
    counts.unchanged = summary.counts.unchanged.saturating_sub(counts.renamed);
    counts.slxs_omitted = slxs.len().saturating_sub(limits.max_slxs);
    // When there are too many, those that something happens to come before those that stay.
    slxs.sort_by(|one, other| {
        (stays(one.action), &one.name, one.action).cmp(&(stays(other.action), &other.name, other.action))
    });
    slxs.truncate(limits.max_slxs);
    slxs.sort_by(|one, other| (&one.name, one.action).cmp(&(&other.name, other.action)));
    slxs
}

fn planned(name: &str, action: SlxAction, reason: &'static str) -> PlannedSlx {
    PlannedSlx { name: name.to_owned(), uploaded_name: None, action, reason: Some(reason) }
}

fn stays(action: SlxAction) -> bool {
    !matches!(action, SlxAction::Added | SlxAction::Changed | SlxAction::Pruned)
}

fn count_of(counts: &mut PlanCounts, action: SlxAction) -> &mut usize {
    match action {
        SlxAction::Added => &mut counts.added,
        SlxAction::Changed => &mut counts.changed,
        SlxAction::Kept => &mut counts.kept,
        SlxAction::Renamed => &mut counts.renamed,
        SlxAction::Tombstoned => &mut counts.tombstoned,
        SlxAction::Pruned => &mut counts.pruned,
        SlxAction::Conflict => &mut counts.conflict,
    }
}

/// Returns the word that the summary has for a reason too.
fn word(reason: KeptReason) -> &'static str {
    match reason {
        KeptReason::HandMade => "hand_made",
        KeptReason::OtherLocation => "other_location",
        KeptReason::NoLocation => "no_location",
        KeptReason::NoRecord => "no_record",
        KeptReason::Edited => "edited",
    }
}
