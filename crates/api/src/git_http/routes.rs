//! The URLs under `/git/`, and under a second prefix when a setting says one: who asks, for which workspace, whether they may.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{self, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{get, post};
use secrecy::ExposeSecret as _;
use workstead_core::door::PermissionChange;
use workstead_core::repository::Hold;

use super::alias::{AliasPrefix, lies_below};
use super::credentials;
use super::exchange::{AfterPush, ExchangeError};
use super::gateway::{GatewayError, Purpose};
use super::input::InputError;
use super::push_check::options::PushOptions;
use super::push_check::rules::Rules;
use super::push_check::tickets::Judge;
use super::push_check::wire::{RefUpdate, Verdict};
use super::service::Service;
use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::events;
use crate::housekeeping;
use crate::index;
use crate::metrics::{WriteDoor, WriteEnd};
use crate::people::last_admin::LastAdmin;
use crate::store::now;
use crate::workspace::Workspace;

const NO_TOKEN: &str = "this needs a token: give it as the password, with any user name";

/// Where repositories are found.
const PREFIX: &str = "/git";

/// Returns the routes of smart HTTP, below `/git` and the alias; whatever else is asked for there is not there.
pub(crate) fn routes(alias: Option<&AliasPrefix>) -> Router<AppState> {
    let below = |prefix: &str| {
        let path = |end: &str| format!("{prefix}/{{repository}}/{end}");
        Router::new()
            .route(&path("info/refs"), get(advertise))
            .route(&path("git-upload-pack"), post(upload_pack))
            .route(&path("git-receive-pack"), post(receive_pack))
    };
    let routes = below(PREFIX);
    alias.map(|alias| below(alias.as_str())).into_iter().fold(routes, Router::merge)
}

/// Challenges whoever asks for anything below `/git` or the alias without credentials, be it there or not.
pub(crate) async fn require_credentials(
    State(app): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let alias = app.settings.git_alias_prefix.as_ref().map(AliasPrefix::as_str);
    let is_git = lies_below(path, PREFIX) || alias.is_some_and(|alias| lies_below(path, alias));
    if is_git && credentials::token(request.headers()).is_none() {
        return Err(challenge(NO_TOKEN));
    }
    Ok(next.run(request).await)
}

fn challenge(detail: &str) -> ApiError {
    let error = ApiError::new(StatusCode::UNAUTHORIZED, "not_signed_in", detail);
    error.header(header::WWW_AUTHENTICATE, credentials::CHALLENGE)
}

async fn advertise(
    State(app): State<AppState>,
    extract::Path(repository): extract::Path<String>,
    RawQuery(query): RawQuery,
    context: RequestContext,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let word = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "service");
    let service = word.and_then(|(_, word)| Service::parse(&word));
    let caller = caller(&app, &headers, &context).await?;
    let Some(service) = service else {
        let detail = "the dumb protocol is not offered; use a client that speaks Git's smart protocol";
        return Err(ApiError::not_found("not_found", detail));
    };
    let action = match service {
        Service::UploadPack => Action::Fetch,
        Service::ReceivePack => Action::Push,
    };
    let workspace = enter(&app, &caller, &repository, action).await?;
    let (id, token) = (workspace.id(), caller.token_id());
    match service {
        Service::UploadPack => app.right_of_way.fetch_begun(id, token, Instant::now()),
        Service::ReceivePack => app.right_of_way.push_asked(id, token, Instant::now()),
    }
    let directory = workspace.repository().directory().to_owned();
    app.git.advertise(service, &headers, directory).await.map_err(|error| refusal(&app, error))
}

async fn upload_pack(
    State(app): State<AppState>,
    extract::Path(repository): extract::Path<String>,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = caller(&app, &headers, &context).await?;
    let workspace = enter(&app, &caller, &repository, Action::Fetch).await?;
    app.right_of_way.fetch_begun(workspace.id(), caller.token_id(), Instant::now());
    let directory = workspace.repository().directory().to_owned();
    let answer = app.git.exchange(&headers, body, directory, Purpose::Fetch).await;
    answer.map_err(|error| refusal(&app, error))
}

async fn receive_pack(
    State(app): State<AppState>,
    extract::Path(repository): extract::Path<String>,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = caller(&app, &headers, &context).await?;
    let workspace = enter(&app, &caller, &repository, Action::Push).await?;
    let directory = workspace.repository().directory().to_owned();
    let push = Push {
        begun: Instant::now(),
        judged: Arc::default(),
        pusher: caller.email().to_owned(),
        token_id: caller.token_id().to_owned(),
        updates: Arc::default(),
    };
    let judge = judge(app.clone(), caller, Arc::clone(&workspace), push.clone());
    let shared = Arc::clone(&workspace);
    // What Git finds there when it looks whether something is missing must be there when its references move.
    let hold = app.work.blocking(move || shared.repository().hold()).await?;
    let purpose = Purpose::Push { judge, after: after(app.clone(), workspace, push, hold) };
    let answer = app.git.exchange(&headers, body, directory, purpose).await;
    answer.map_err(|error| refusal(&app, error))
}

/// Finds who asks. Absent or bad credentials are always 401: a client asks for some only then.
async fn caller(app: &AppState, headers: &HeaderMap, context: &RequestContext) -> Result<Caller, ApiError> {
    let token = credentials::token(headers).ok_or_else(|| challenge(NO_TOKEN))?;
    let found = auth::authenticate(app, token.expose_secret()).await;
    let caller = found.map_err(|error| match error.status() {
        StatusCode::UNAUTHORIZED => challenge(error.detail()),
        _ => error,
    })?;
    context.note_caller(caller.email());
    Ok(caller)
}

/// Finds the workspace of `<name>.git` if the caller may do this.
async fn enter(
    app: &AppState,
    caller: &Caller,
    repository: &str,
    action: Action,
) -> Result<Arc<Workspace>, ApiError> {
    let name = repository.strip_suffix(".git").ok_or_else(|| {
        ApiError::not_found("not_found", "there is no such repository; its address ends with <workspace>.git")
    })?;
    Ok(access::enter(app, caller, name, action).await?.workspace)
}

/// One push, as it is counted.
#[derive(Clone)]
struct Push {
    begun: Instant,
    /// What the check made of it; nothing when Git itself refused what came.
    judged: Arc<OnceLock<Judged>>,
    pusher: String,
    token_id: String,
    /// What it was to move.
    updates: Arc<OnceLock<Vec<RefUpdate>>>,
}

/// What the check made of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Accepted,
    Refused,
    /// It was only tried.
    Tried,
}

impl Push {
    fn is_accepted(&self) -> bool {
        self.judged.get() == Some(&Judged::Accepted)
    }

    fn end(&self, settled: bool) -> WriteEnd {
        match self.judged.get() {
            Some(Judged::Accepted) if settled => WriteEnd::Committed,
            Some(Judged::Accepted) => WriteEnd::Failed,
            Some(Judged::Tried) => WriteEnd::Unchanged,
            Some(Judged::Refused) | None => WriteEnd::Refused,
        }
    }
}

/// Makes what judges the push when its objects are there.
///
/// Roles are read then, not when the push began: it may have taken long, and the rule is the present
/// head's.
fn judge(app: AppState, caller: Caller, workspace: Arc<Workspace>, push: Push) -> Judge {
    let runtime = tokio::runtime::Handle::current();
    Box::new(move |request| {
        let asked = access::authorize_again(&app, &caller, &workspace, Action::Push);
        let (present, role) = match runtime.block_on(asked) {
            Ok(known) => known,
            Err(error) => return Verdict::refused(format!("error: {}; nothing was changed", error.detail())),
        };
        let last_admin = LastAdmin::of(&app, &present, runtime.clone());
        let check = |change: &PermissionChange| {
            last_admin.check(change).map_err(|error| (error.code().to_owned(), error.detail().to_owned()))
        };
        let follows = match runtime.block_on(app.database.followed_upstream(workspace.id())) {
            Ok(follows) => follows,
            Err(error) => return unable(&error),
        };
        let brought = RefCell::default();
        let rules = Rules {
            workspace: workspace.name(),
            repository: workspace.repository(),
            branch: workspace.branch(),
            protected: &app.settings.protected_branches,
            role,
            facts: &app.facts,
            limits: app.git.limits(),
            check_permissions: &check,
            follows: follows.as_deref(),
            replaceable: None,
            brought: &brought,
        };
        let mut verdict = rules.judge(request);
        if verdict.accepted {
            // Before any reference moves: what is not noted may not leave by a mirror later.
            let names = brought.take();
            let admitting = app.database.admit_dot_names(workspace.id(), &names, caller.email(), now());
            if let Err(error) = runtime.block_on(admitting) {
                verdict = unable(&error);
            }
        }
        push.judged.get_or_init(|| match (verdict.accepted, PushOptions::read(&request.options).dry_run) {
            (true, _) => Judged::Accepted,
            (false, true) => Judged::Tried,
            (false, false) => Judged::Refused,
        });
        push.updates.get_or_init(|| request.updates.clone());
        verdict
    })
}

/// Refuses a push because the database fails.
fn unable(error: &sqlx::Error) -> Verdict {
    tracing::error!(%error, "a push is refused because the database fails");
    Verdict::refused("error: the server's database can't be asked; nothing was changed, try again")
}

/// Makes what follows the push: durable directories, the server's own view, the index.
fn after(app: AppState, workspace: Arc<Workspace>, push: Push, hold: Hold) -> AfterPush {
    Box::pin(async move {
        let settled = settle_push(&app, Arc::clone(&workspace)).await;
        drop(hold);
        if settled.is_ok() && push.is_accepted() {
            app.right_of_way.push_accepted(workspace.id(), &push.token_id, Instant::now());
            let updates = push.updates.get().map(Vec::as_slice).unwrap_or_default();
            events::pushed(&app, &workspace, push.pusher.clone(), updates).await;
        }
        app.metrics.wrote(WriteDoor::Push, push.end(settled.is_ok()), push.begun);
        settled
    })
}

async fn settle_push(
    app: &AppState,
    workspace: Arc<Workspace>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let shared = Arc::clone(&workspace);
    let before = workspace.head().ok();
    let max_time = app.git.limits().max_time;
    let settled = app.work.blocking(move || {
        let repository = shared.repository();
        // References may have moved all the same: they are seen first, and what is not durable is reported then.
        let settled = super::settle::settle(repository.directory(), max_time);
        (repository.refresh(), settled)
    });
    let (refreshed, settled) = settled.await.map_err(boxed)?;
    refreshed?;
    if workspace.head().ok() == before {
        housekeeping::consolidate(app, &workspace);
    } else {
        index::moved(app, &workspace).await;
    }
    Ok(settled?)
}

#[expect(clippy::needless_pass_by_value, reason = "it is a mapping of errors")]
fn boxed(error: ApiError) -> Box<dyn std::error::Error + Send + Sync> {
    format!("{error:?}").into()
}

/// Shapes a failure that came before the first byte of an answer.
fn refusal(app: &AppState, error: GatewayError) -> ApiError {
    let unavailable = |code, detail: String| ApiError::unavailable(code, detail, 5);
    let text = error.to_string();
    match error {
        GatewayError::MediaType(_) | GatewayError::Encoding => {
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text)
        }
        GatewayError::PushCheck(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, source, "pushes are refused because they can't be checked");
            unavailable(
                "push_check_unavailable",
                "the server can't check pushes at present; its log says why".to_owned(),
            )
        }
        GatewayError::Exchange(error) => match error {
            ExchangeError::Busy(_) => unavailable("busy", format!("{text}; try again")),
            ExchangeError::Deadline(_) => unavailable("too_slow", text),
            ExchangeError::Input(InputError::TooLarge { limit }) => {
                let setting = "WORKSTEAD_GIT_MAX_PUSH_BYTES";
                ApiError::too_large(
                    "the request",
                    &format!("more than {limit}"),
                    app.git.limits().max_push_bytes,
                    setting,
                )
            }
            ExchangeError::Input(InputError::Idle(_)) | ExchangeError::Stalled(_) => {
                ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", text)
            }
            ExchangeError::Input(_) | ExchangeError::Gone => ApiError::bad_request("malformed_request", text),
            ExchangeError::Failed { .. } => ApiError::bad_request(
                "malformed_request",
                "git could not answer this request; the server's log says why",
            ),
            error => ApiError::internal(error),
        },
    }
}
