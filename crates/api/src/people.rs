//! Users: who they are, and their passwords.

pub(crate) mod groups;
pub(crate) mod last_admin;
pub(crate) mod tokens;

use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::auth::Caller;
use crate::auth::login;
use crate::auth::password;
use crate::context::safe_line;
use crate::error::ApiError;
use crate::fields::{self, Fields};
use crate::query::rfc3339;
use crate::settings::is_email;
use crate::store::now;
use crate::store::users::{Changed, NewUser, UserChange, UserRow};

/// Most characters of a person's name.
const MAX_NAME_CHARS: usize = 200;

/// A user of this server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    id: i64,
    email: String,
    #[schema(required)]
    full_name: Option<String>,
    /// Whether they see and may do everything.
    is_staff: bool,
    /// Whether they may sign in, and their tokens work.
    is_active: bool,
    created_at: String,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            full_name: row.full_name,
            is_staff: row.is_staff,
            is_active: row.is_active,
            created_at: rfc3339(row.created_at),
        }
    }
}

/// Makes a user of the fields email, fullName, isStaff and password.
pub(crate) async fn create(app: &AppState, mut fields: Fields) -> Result<User, ApiError> {
    let email = read_email(&mut fields)?;
    let full_name = fields.text("fullName")?.map(|text| safe_line(&text, MAX_NAME_CHARS));
    let full_name = full_name.filter(|name| !name.is_empty());
    let is_staff = fields.boolean("isStaff")?.unwrap_or(false);
    let password = fields.secret("password")?;
    fields.finish()?;
    let password_hash = hash_new(app, password).await?;
    let new = NewUser { email, full_name, is_staff, password_hash };
    let made = app.database.add_user(&new, now()).await?;
    made.map(User::from).ok_or_else(|| {
        let detail = format!("there is a user {} already; change that one", new.email);
        ApiError::conflict("user_exists", detail)
    })
}

/// Changes a user by the fields isActive, password, fullName and isStaff; what is left out stays.
pub(crate) async fn change(app: &AppState, id: i64, mut fields: Fields) -> Result<User, ApiError> {
    let is_active = fields.boolean("isActive")?;
    let password = fields.secret("password")?;
    let full_name = fields.text_or_empty("fullName")?.map(|text| safe_line(&text, MAX_NAME_CHARS));
    let is_staff = fields.boolean("isStaff")?;
    fields.finish()?;
    let password_hash = hash_new(app, password).await?;
    let change = UserChange { full_name, is_staff, is_active, password_hash };
    let changed = app.database.change_user(id, &change, now()).await?;
    // What callers may do was remembered, and may be less now.
    app.callers.forget_all();
    match changed {
        Changed::Done(row) => Ok(row.into()),
        Changed::NotFound => Err(not_found(&id.to_string())),
        Changed::LastStaff => Err(ApiError::conflict(
            "last_staff",
            format!("user {id} is the last active member of the staff; make another one staff first"),
        )),
    }
}

/// Replaces the caller's own password, given the present one, and ends all sessions and tokens.
pub(crate) async fn change_own_password(
    app: &AppState,
    caller: &Caller,
    mut fields: Fields,
) -> Result<(), ApiError> {
    let current = fields.required_secret("currentPassword")?;
    let new = fields.required_secret("newPassword")?;
    fields.finish()?;
    password::check_new(&new)?;
    let login = app.database.find_login(caller.email()).await?;
    let old = login.and_then(|login| login.password_hash).ok_or_else(|| {
        let detail = "you have no password yet; a member of the staff sets the first one";
        ApiError::conflict("no_password", detail)
    })?;
    // A stolen token must not be a way to guess the password.
    let attempt = login::begin_attempt(app, caller.email(), None)?;
    let is_right = match app.passwords.check(&app.work, current, Some(old.clone())).await {
        Ok(is_right) => is_right,
        Err(error) => {
            attempt.forgive(app);
            return Err(error);
        }
    };
    let wrong = || ApiError::forbidden("wrong_password", "the field currentPassword is not your password");
    if !is_right {
        return Err(wrong());
    }
    attempt.forgive(app);
    let new = app.passwords.hash(&app.work, new).await?;
    let is_done = app.database.replace_password(caller.user_id(), &old, &new, now()).await?;
    app.callers.forget_all();
    if is_done { Ok(()) } else { Err(wrong()) }
}

/// Finds a user by the text of an id.
pub(crate) async fn find(app: &AppState, id: &str) -> Result<User, ApiError> {
    let row = match id.parse() {
        Ok(id) => app.database.find_user(id).await?,
        Err(_) => None,
    };
    row.map(User::from).ok_or_else(|| not_found(id))
}

/// Answers 404 for a user.
pub(crate) fn not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(100).collect();
    ApiError::not_found("user_not_found", format!("there is no user {id:?}"))
}

fn read_email(fields: &mut Fields) -> Result<String, ApiError> {
    let expected = "an e-mail address";
    let text = fields.text("email")?.ok_or_else(|| fields::missing("email", expected))?;
    let email = text.trim();
    if is_email(email) {
        return Ok(email.to_owned());
    }
    Err(fields::refuse("email", &text.into(), expected))
}

async fn hash_new(app: &AppState, password: Option<SecretString>) -> Result<Option<SecretString>, ApiError> {
    let Some(password) = password else { return Ok(None) };
    password::check_new(&password)?;
    app.passwords.hash(&app.work, password).await.map(Some)
}
