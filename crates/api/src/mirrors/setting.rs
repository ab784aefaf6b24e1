//! What staff set, kept with its secrets sealed.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;
use workstead_core::role::Role;

use super::bound_to;
use crate::access::Permit;
use crate::app::AppState;
use crate::branches::read_branch;
use crate::egress::Refusal;
use crate::error::ApiError;
use crate::fields::{Fields, missing, refuse};
use crate::seal::Purpose;
use crate::store::mirrors::{Direction, MirrorRow, NewMirror};
use crate::store::now;
use crate::workspace::Workspace;

/// The user name that goes with a token where none is set: GitHub, GitLab and Gitea look at the token.
pub(super) const DEFAULT_USERNAME: &str = "git";
/// Most characters of a user name.
const MAX_USERNAME_CHARS: usize = 255;
/// Most characters of a password or token.
const MAX_PASSWORD_CHARS: usize = 1000;
/// Most minutes between two looks: a week.
const MAX_INTERVAL_MINUTES: u32 = 7 * 24 * 60;
/// How often an upstream is looked at when nothing is heard.
const PULL_MINUTES: u32 = 15;
/// The same of a push, which every commit wakes.
const PUSH_MINUTES: u32 = 60;

/// A mirror to be set.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `Wanted::read` reads")]
pub(crate) struct MirrorWrite {
    /// `push`: what is committed here goes there; `pull`: the other way round, and the default branch is written there
    /// only.
    direction: String,
    /// The upstream repository, `https://host/path`, without credentials.
    url: String,
    /// The branch there; `main` unless it is given.
    branch: Option<String>,
    /// The user name for the upstream; `git` unless it is given.
    #[schema(max_length = 255)]
    username: Option<String>,
    /// A password or token, kept encrypted and never answered. Left out, the one before stays as long as `url` has the
    /// same scheme, host and port; null removes it.
    #[schema(write_only, max_length = 1000)]
    password: Option<String>,
    /// How often the upstream is looked at when nothing is heard; 15 for a pull and 60 for a push unless it is given.
    #[schema(minimum = 1, maximum = 10080)]
    interval_minutes: Option<u32>,
    /// As whose a pull is judged, `readwrite` or `admin`: only with `admin` may it change permissions and bring root
    /// names that begin with a dot.
    role: Option<String>,
    /// Whether the upstream's webhook gets a new secret.
    new_hook_secret: Option<bool>,
}

/// What was asked for, checked.
struct Wanted {
    direction: Direction,
    url: Url,
    branch: String,
    username: Given<String>,
    password: Given<SecretString>,
    interval_minutes: u32,
    role: Role,
    new_hook_secret: bool,
}

/// What a body says of a field that may stay as it was.
enum Given<T> {
    Nothing,
    Null,
    Value(T),
}

impl<T> Given<T> {
    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

/// A mirror that was set, with the secret of its hook when that is new.
pub(crate) struct Set {
    pub(crate) row: MirrorRow,
    pub(crate) hook_secret: Option<SecretString>,
}

/// Sets the mirror of a workspace.
pub(crate) async fn set(app: &AppState, permit: &Permit, body: Fields) -> Result<Set, ApiError> {
    let wanted = Wanted::read(app, body)?;
    check_address(app, &wanted.url).await?;
    let workspace = &permit.workspace;
    let before = app.database.find_mirror(workspace.id()).await?;
    let before = before.as_ref();
    let (username, sealed_password) = credentials(app, workspace, before, &wanted)?;
    let (sealed_hook_secret, hook_secret) = hook_secret(app, workspace, before, &wanted)?;
    let is_same_place = before.is_some_and(|before| {
        before.direction == wanted.direction
            && before.url == wanted.url.as_str()
            && before.branch == wanted.branch
    });
    let new = NewMirror {
        workspace_id: workspace.id(),
        direction: wanted.direction,
        url: wanted.url.as_str(),
        branch: &wanted.branch,
        username: username.as_deref(),
        sealed_password: sealed_password.as_deref(),
        sealed_hook_secret: sealed_hook_secret.as_deref(),
        interval_minutes: wanted.interval_minutes,
        role: wanted.role,
        set_by: permit.caller.email(),
        revision: before.filter(|_| is_same_place).and_then(|before| before.revision.as_deref()),
        now: now(),
    };
    let is_set = app.database.put_mirror(&new, before.map(|before| before.version)).await?;
    let row = app.database.find_mirror(workspace.id()).await?.filter(|_| is_set);
    let row = row.ok_or_else(|| {
        ApiError::conflict("mirror_changed", "the mirror was changed meanwhile; look at it and try again")
    })?;
    let (direction, url) = (row.direction.as_str(), &row.url);
    tracing::info!(workspace = %workspace.name(), direction, url, by = permit.caller.email(), "a mirror was set");
    app.mirrors.changed();
    Ok(Set { row, hook_secret })
}

/// Removes the mirror of a workspace, if there is one.
pub(crate) async fn remove(app: &AppState, permit: &Permit) -> Result<(), ApiError> {
    if app.database.remove_mirror(permit.workspace.id()).await? {
        let (workspace, by) = (permit.workspace.name(), permit.caller.email());
        tracing::info!(%workspace, by, "a mirror was removed");
        app.mirrors.changed();
    }
    Ok(())
}

impl Wanted {
    fn read(app: &AppState, mut body: Fields) -> Result<Self, ApiError> {
        let direction = body.required_text("direction")?;
        let direction = Direction::parse(&direction)
            .ok_or_else(|| refuse("direction", &Value::from(direction), "push or pull"))?;
        let is_pull = direction == Direction::Pull;
        let url = body.required_text("url")?;
        let branch = body.text("branch")?.unwrap_or_else(|| "main".to_owned());
        let username = match body.text_or_empty("username")? {
            None => Given::Nothing,
            Some(text) => Given::of(read_username(text)?),
        };
        let password = match body.value("password") {
            None => Given::Nothing,
            Some(value) => Given::of(read_password(value)?),
        };
        let interval = body.whole_number("intervalMinutes", 1..=MAX_INTERVAL_MINUTES)?;
        let role = body.text("role")?;
        let new_hook_secret = body.boolean("newHookSecret")?.unwrap_or_default();
        body.finish()?;
        let role = role.map(|role| read_role(role, is_pull)).transpose()?.unwrap_or(Role::ReadWrite);
        let default = if is_pull { PULL_MINUTES } else { PUSH_MINUTES };
        Ok(Self {
            direction,
            url: read_url(app, &url)?,
            branch: read_branch(&branch)?.to_string(),
            username,
            password,
            interval_minutes: interval.unwrap_or(default),
            role,
            new_hook_secret,
        })
    }
}

fn read_url(app: &AppState, text: &str) -> Result<Url, ApiError> {
    let target = app.egress.target(text).map_err(|refusal| refusal.answer("url"))?;
    if target.url().query().is_some() {
        let detail = "the field url has a query, expected the address of a repository without one";
        return Err(ApiError::invalid("invalid_url", detail));
    }
    Ok(target.url().clone())
}

/// Refuses an address that is not gone to; one that can't be found now may be found later.
async fn check_address(app: &AppState, url: &Url) -> Result<(), ApiError> {
    let target = app.egress.target(url.as_str()).map_err(|refusal| refusal.answer("url"))?;
    match app.egress.check(&target).await {
        Ok(_) | Err(Refusal::Unresolved { .. }) => Ok(()),
        Err(refusal) => Err(refusal.answer("url")),
    }
}

fn read_role(text: String, is_pull: bool) -> Result<Role, ApiError> {
    let role = Role::parse(&text).ok().filter(|role| matches!(role, Role::ReadWrite | Role::Admin));
    let role = role.ok_or_else(|| refuse("role", &Value::from(text), "readwrite or admin"))?;
    if is_pull || role == Role::ReadWrite {
        return Ok(role);
    }
    Err(ApiError::invalid("invalid_field", "the field role is of a pull: a push changes nothing here"))
}

fn read_username(text: String) -> Result<Option<String>, ApiError> {
    let is_plain = |c: char| !c.is_control() && c != ':';
    if text.chars().all(is_plain) && text.chars().count() <= MAX_USERNAME_CHARS {
        return Ok(Some(text).filter(|text| !text.is_empty()));
    }
    let expected = format!(
        "a user name of at most {MAX_USERNAME_CHARS} characters without colons and control characters"
    );
    Err(refuse("username", &Value::from(text), &expected))
}

/// Reads a secret, which no refusal shows.
fn read_password(value: Value) -> Result<Option<SecretString>, ApiError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        _ => return Err(ApiError::invalid("invalid_field", "the field password is not a string")),
    };
    if text.chars().any(char::is_control) || text.chars().count() > MAX_PASSWORD_CHARS {
        let detail = format!(
            "the field password is too long or has control characters, expected at most {MAX_PASSWORD_CHARS} characters on one line"
        );
        return Err(ApiError::invalid("invalid_field", detail));
    }
    Ok(Some(text).filter(|text| !text.is_empty()).map(SecretString::from))
}

/// Decides which credentials go with the new setting; those for one host never go to another.
fn credentials(
    app: &AppState,
    workspace: &Workspace,
    before: Option<&MirrorRow>,
    wanted: &Wanted,
) -> Result<(Option<String>, Option<String>), ApiError> {
    let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    let same_host = before.filter(|before| origin(&before.url) == Some(wanted.url.origin()));
    let kept = same_host.and_then(|before| before.username.clone());
    let username = match &wanted.username {
        Given::Nothing => kept,
        Given::Null => None,
        Given::Value(username) => Some(username.clone()),
    };
    let sealed = match &wanted.password {
        Given::Null => None,
        Given::Value(password) => {
            let bound_to = bound_to(workspace.id(), "password");
            Some(app.server_key.seal(Purpose::Mirrors, &bound_to, password.expose_secret())?)
        }
        Given::Nothing => {
            let before_had = before.is_some_and(|before| before.sealed_password.is_some());
            if before_had && same_host.is_none() {
                let expected =
                    "it, or null for none: the one that is kept is for another scheme, host or port";
                return Err(missing("password", expected));
            }
            same_host.and_then(|before| before.sealed_password.clone())
        }
    };
    Ok((username, sealed))
}

/// Keeps the secret of a pull's hook, or makes one.
fn hook_secret(
    app: &AppState,
    workspace: &Workspace,
    before: Option<&MirrorRow>,
    wanted: &Wanted,
) -> Result<(Option<String>, Option<SecretString>), ApiError> {
    if wanted.direction == Direction::Push {
        return Ok((None, None));
    }
    let kept = before.and_then(|before| before.sealed_hook_secret.clone());
    if let Some(kept) = kept.filter(|_| !wanted.new_hook_secret) {
        return Ok((Some(kept), None));
    }
    let random: [u8; 32] = rand::random();
    let secret = SecretString::from(hex::encode(random));
    let bound_to = bound_to(workspace.id(), "hook");
    let sealed = app.server_key.seal(Purpose::Mirrors, &bound_to, secret.expose_secret())?;
    Ok((Some(sealed), Some(secret)))
}
