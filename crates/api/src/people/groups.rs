//! Groups of users, to which `spec.permissions` gives roles by name.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::ApiError;
use crate::fields::{self, Fields};
use crate::query::rfc3339;
use crate::settings::is_email;
use crate::store::groups::GroupRow;
use crate::store::now;

const MAX_NAME_CHARS: usize = 63;
const NAME: &str =
    "1 to 63 lower-case letters, digits, dots, hyphens and underscores, first a letter or digit";

/// A group of users.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    /// What `spec.permissions` calls it.
    name: String,
    /// E-mail addresses, whether or not there is a user of that address yet.
    members: Vec<String>,
    created_at: String,
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Self { name: row.name, members: row.members, created_at: rfc3339(row.created_at) }
    }
}

/// Makes a group without members, of the field name.
pub(crate) async fn create(app: &AppState, mut fields: Fields) -> Result<Group, ApiError> {
    let name = fields.text("name")?.ok_or_else(|| fields::missing("name", NAME))?;
    fields.finish()?;
    if !is_name(&name) {
        return Err(fields::refuse("name", &name.into(), NAME));
    }
    if !app.database.add_group(&name, now()).await? {
        return Err(ApiError::conflict("group_exists", format!("there is a group {name} already")));
    }
    find(app, &name).await
}

/// Finds a group with its members.
pub(crate) async fn find(app: &AppState, name: &str) -> Result<Group, ApiError> {
    let row = app.database.find_group(name).await?;
    row.map(Group::from).ok_or_else(|| not_found(name))
}

/// Removes a group: the roles that it was given are nobody's from now on.
pub(crate) async fn delete(app: &AppState, name: &str) -> Result<(), ApiError> {
    let is_done = app.database.delete_group(name).await?;
    app.callers.forget_all();
    if is_done { Ok(()) } else { Err(not_found(name)) }
}

/// Makes an address a member, and returns the group.
pub(crate) async fn add_member(app: &AppState, name: &str, email: &str) -> Result<Group, ApiError> {
    if !is_email(email) {
        let shown: String = email.chars().take(100).collect();
        let detail = format!("the member {shown:?} is no e-mail address");
        return Err(ApiError::invalid("invalid_email", detail));
    }
    if !app.database.add_group_member(name, email).await? {
        return Err(not_found(name));
    }
    app.callers.forget_all();
    find(app, name).await
}

/// Ends a membership.
pub(crate) async fn remove_member(app: &AppState, name: &str, email: &str) -> Result<(), ApiError> {
    let group = find(app, name).await?;
    let is_done = app.database.remove_group_member(name, email).await?;
    app.callers.forget_all();
    if is_done {
        return Ok(());
    }
    let shown: String = email.chars().take(100).collect();
    let detail = format!("{shown:?} is no member of group {}", group.name);
    Err(ApiError::not_found("member_not_found", detail))
}

fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_NAME_CHARS).contains(&text.len())
        && is_plain(text.as_bytes()[0])
        && text.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'-' | b'_'))
}

fn not_found(name: &str) -> ApiError {
    let name: String = name.chars().take(100).collect();
    ApiError::not_found("group_not_found", format!("there is no group {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "sre", "team.eu-1_x", "0", &"x".repeat(63)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
