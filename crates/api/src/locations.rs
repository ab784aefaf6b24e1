//! Locations: where the runners of a workspace run its SLIs and runbooks.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::store::now;
use crate::store::workspaces::VisibleTo;
use crate::view;
use crate::workspace::Workspace;

const MAX_CHARS: usize = 200;

/// Whether the runners of a location are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LocationHealth)]
pub(crate) enum Health {
    /// A runner sent a heartbeat lately.
    Healthy,
    /// The last heartbeat is too long ago.
    Stale,
    /// No runner is registered.
    Unknown,
}

impl Health {
    /// Judges by the last heartbeat.
    pub(crate) fn of(last_heartbeat: Option<Timestamp>, now: Timestamp, stale_after: Duration) -> Self {
        match last_heartbeat {
            None => Self::Unknown,
            // One of the future comes from a clock that was put back.
            Some(last) if last > now || now.duration_since(last).unsigned_abs() <= stale_after => {
                Self::Healthy
            }
            Some(_) => Self::Stale,
        }
    }
}

/// A location that a workspace may run at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuthorizedLocation {
    /// What `runbook.yaml` names in `spec.location`.
    name: String,
    /// The same: clients write it back into files.
    value: String,
    /// Always `private`: each location belongs to this installation.
    #[serde(rename = "type")]
    kind: &'static str,
    health: Health,
}

/// Checks a location that a client names, or says what it must be.
pub(crate) fn parse_location(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    let clean = text.trim() == text && !text.chars().any(char::is_control);
    if (1..=MAX_CHARS).contains(&chars) && clean {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().take(100).collect();
    Err(format!(
        "location is {shown:?} of {chars} characters, expected one line of 1 to {MAX_CHARS} characters without blanks around it"
    ))
}

/// Lists the locations of a workspace: those that it enables, in its order, then others of its runners.
pub(crate) async fn of_workspace(
    app: &AppState,
    workspace: &std::sync::Arc<Workspace>,
) -> Result<Vec<AuthorizedLocation>, ApiError> {
    let view = view::of_head(app, workspace).await?;
    let enabled = view.file().map(|file| file.config.enabled_locations.clone()).unwrap_or_default();
    let beats = app.database.location_heartbeats(VisibleTo::Staff, Some(workspace.id())).await?;
    Ok(joined(enabled, &beats, now(), app.settings.runner_stale_after))
}

/// Lists the locations of all workspaces that the caller sees, by name.
pub(crate) async fn visible_to(app: &AppState, caller: &Caller) -> Result<Vec<AuthorizedLocation>, ApiError> {
    let visible = VisibleTo::of(caller);
    let lists = app.database.enabled_locations(visible).await?;
    let beats = app.database.location_heartbeats(visible, None).await?;
    let stale_after = app.settings.runner_stale_after;
    let sorted = app.work.blocking(move || {
        // A damaged row names none, like in the list of workspaces.
        let read = |list: &String| serde_json::from_str::<Vec<String>>(list).unwrap_or_default();
        let enabled = lists.iter().flat_map(read).collect();
        let mut locations = joined(enabled, &beats, now(), stale_after);
        locations.sort_by(|one, other| one.name.cmp(&other.name));
        locations
    });
    sorted.await
}

/// Joins enabled locations and those of runners; each name comes once.
fn joined(
    enabled: Vec<String>,
    heartbeats: &[(String, Timestamp)],
    now: Timestamp,
    stale_after: Duration,
) -> Vec<AuthorizedLocation> {
    let beats: BTreeMap<_, _> = heartbeats.iter().map(|(name, last)| (name.as_str(), *last)).collect();
    let mut seen = std::collections::HashSet::new();
    let others = heartbeats.iter().map(|(name, _)| name.clone());
    let mut locations = Vec::new();
    for name in enabled.into_iter().chain(others).filter(|name| !name.is_empty()) {
        if seen.insert(name.clone()) {
            let health = Health::of(beats.get(name.as_str()).copied(), now, stale_after);
            locations.push(AuthorizedLocation { value: name.clone(), name, kind: "private", health });
        }
    }
    locations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_comes_once_with_the_health_of_its_last_heartbeat() {
        let now = Timestamp::from_second(10_000).unwrap();
        let ago = |seconds: i64| Timestamp::from_second(10_000 - seconds).unwrap();
        let enabled = ["b", "a", "b", ""].map(str::to_owned).to_vec();
        let beats = [("a", 600), ("b", 601), ("c", -5)].map(|(name, age)| (name.to_owned(), ago(age)));
        let listed = joined(enabled, &beats, now, Duration::from_mins(10));
        let shown: Vec<_> = listed.iter().map(|one| format!("{} {:?}", one.name, one.health)).collect();
        assert_eq!(shown, ["b Stale", "a Healthy", "c Healthy"]);
        let bare = joined(vec!["x".to_owned()], &[], now, Duration::from_mins(10));
        insta::assert_snapshot!(serde_json::to_string(&bare).unwrap(), @r#"[{"name":"x","value":"x","type":"private","health":"unknown"}]"#);
    }

    #[test]
    fn a_location_is_one_line() {
        assert_eq!(parse_location("loc 1/é").unwrap(), "loc 1/é");
        for bad in ["", " a", "a ", "a\nb", "a\u{7f}", &"x".repeat(201)] {
            assert!(parse_location(bad).is_err(), "{bad:?}");
        }
        insta::assert_snapshot!(parse_location("a\n").unwrap_err(), @r#"location is "a\n" of 2 characters, expected one line of 1 to 200 characters without blanks around it"#);
    }
}
