//! `/users`: users, for the staff, and who one is oneself.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access;
use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::paging::Page;
use crate::people::{self, User};
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};

/// A user to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct UserCreate {
    /// One user for each address, whatever its case.
    email: String,
    full_name: Option<String>,
    is_staff: Option<bool>,
    /// At least 8 characters. Without one nobody signs in by password.
    password: Option<String>,
}

/// What changes of a user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct UserUpdate {
    is_active: Option<bool>,
    /// A new password, at least 8 characters.
    password: Option<String>,
    full_name: Option<String>,
    is_staff: Option<bool>,
}

/// A new password of one's own.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct PasswordChange {
    current_password: String,
    /// At least 8 characters.
    new_password: String,
}

/// Nothing more to say.
#[derive(Serialize, ToSchema)]
pub(crate) struct Empty {}

/// The caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whoami {
    id: i64,
    /// The e-mail address.
    username: String,
    primary_email: String,
    is_staff: bool,
    /// The same as `isStaff`.
    is_superuser: bool,
}

/// Lists all users, by e-mail address.
#[utoipa::path(get, path = "/api/v3/users", tag = "People", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<User>)))]
pub(crate) async fn list(State(app): State<AppState>, query: Query) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let count = app.database.count_users().await?;
    page.check(count)?;
    let rows = app.database.list_users(page.offset, page.size).await?;
    let results = rows.into_iter().map(|row| json!(User::from(row))).collect::<Vec<_>>();
    page.answer(&app.url("/api/v3/users"), count, &query, &results)
}

/// Makes a user.
#[utoipa::path(post, path = "/api/v3/users", tag = "People", request_body = UserCreate,
    responses(
        (status = 201, description = "The new user.", body = User),
        (status = 409, description = "There is one of this e-mail address.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = Fields::read(&app, &headers, body).await?;
    access::require_staff(&auth::authenticate_again(&app, &caller).await?)?;
    let user = people::create(&app, fields).await?;
    Ok(reply::json(StatusCode::CREATED, &json!(user)))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v3/users/{user}", tag = "People",
    responses((status = 200, description = "The user.", body = User)))]
pub(crate) async fn get(State(app): State<AppState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let user = people::find(&app, &id).await?;
    Ok(reply::json(StatusCode::OK, &json!(user)))
}

/// Changes a user.
///
/// What is left out stays. Disabling and a new password end every session and token of the user at once, the upload
/// tokens that they made included. The last active member of the staff stays that.
#[utoipa::path(patch, path = "/api/v3/users/{user}", tag = "People", request_body = UserUpdate,
    responses(
        (status = 200, description = "The user as it is now.", body = User),
        (status = 409, description = "It is the last active member of the staff.", body = ErrorBody),
    ))]
pub(crate) async fn update(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = Fields::read(&app, &headers, body).await?;
    access::require_staff(&auth::authenticate_again(&app, &caller).await?)?;
    let id = id.parse().map_err(|_| people::not_found(&id))?;
    let state = app.clone();
    let user = app.work.to_end(async move { people::change(&state, id, fields).await }).await?;
    Ok(reply::json(StatusCode::OK, &json!(user)))
}

/// Changes the caller's own password.
///
/// It ends every session and token of the caller at once, the one of this request included.
#[utoipa::path(post, path = "/api/v3/users/password", tag = "People", request_body = PasswordChange,
    responses(
        (status = 200, description = "It is changed.", body = Empty),
        (status = 409, description = "There is no password to change.", body = ErrorBody),
    ))]
pub(crate) async fn change_password(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = Fields::read(&app, &headers, body).await?;
    let caller = auth::authenticate_again(&app, &caller).await?;
    let state = app.clone();
    let changed = async move { people::change_own_password(&state, &caller, fields).await };
    app.work.to_end(changed).await?;
    Ok(reply::json(StatusCode::OK, &json!(Empty {})))
}

/// Says who the caller is.
#[utoipa::path(get, path = "/api/v3/users/whoami", tag = "People",
    responses((status = 200, description = "The caller.", body = Whoami)))]
pub(crate) async fn whoami(caller: Caller) -> Response {
    let whoami = Whoami {
        id: caller.user_id(),
        username: caller.email().to_owned(),
        primary_email: caller.email().to_owned(),
        is_staff: caller.is_staff(),
        is_superuser: caller.is_staff(),
    };
    reply::json(StatusCode::OK, &json!(whoami))
}
