//! The installation of our Slack app: to Slack and back (<https://docs.slack.dev/authentication/installing-with-oauth>).

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;
use workstead_core::role::Role;

use super::SlackApp;
use super::client::As;
use super::connection::{Connected, Team, keep, rotating, scopes};
use super::state::{self, LIFETIME, State};
use crate::access::{self, Permit};
use crate::app::AppState;
use crate::error::ApiError;
use crate::query::Query;
use crate::store::now;
use crate::store::slack::Via;
use crate::workspace::{self, Workspace};

/// Where Slack sends people back to, which the Slack app must list among its redirect URLs.
const CALLBACK: &str = "/api/v3/integrations/slack/callback";
/// What the bot is to be allowed: posting, also to public channels that it did not join.
const SCOPES: &str = "chat:write,chat:write.public";
/// Has the person choose a channel at Slack.
const CHOOSE_CHANNEL: &str = "incoming-webhook";
/// Longest code that is passed on.
const MAX_CODE_CHARS: usize = 1000;

/// An installation that was begun.
pub(super) struct Begun {
    pub(super) install_url: String,
    pub(super) expires_at: Timestamp,
}

/// Begins an installation for the caller and their workspace.
pub(super) async fn begin(
    app: &AppState,
    slack_app: &SlackApp,
    permit: &Permit,
    channel: Option<&str>,
) -> Result<Begun, ApiError> {
    let now = now();
    let state = State {
        id: uuid::Uuid::new_v4().to_string(),
        workspace_id: permit.workspace.id().to_owned(),
        user_id: permit.caller.user_id(),
        expires_at: now + LIFETIME,
    };
    let signed = state.sign(&app.server_key)?;
    if !app.database.add_slack_state(&state.row(channel), now).await? {
        return Err(ApiError::workspace_not_found(permit.workspace.name().as_str()));
    }
    let mut url = Url::parse(&app.slack.client.url("/oauth/v2/authorize")).map_err(ApiError::internal)?;
    let scope = if channel.is_some() { SCOPES.to_owned() } else { format!("{SCOPES},{CHOOSE_CHANNEL}") };
    url.query_pairs_mut()
        .append_pair("client_id", &slack_app.client_id)
        .append_pair("scope", &scope)
        .append_pair("redirect_uri", &app.url(CALLBACK))
        .append_pair("state", &signed);
    Ok(Begun { install_url: url.into(), expires_at: state.expires_at })
}

/// What an installation came to.
pub(crate) struct Installed {
    pub(crate) workspace: String,
    pub(crate) team: String,
    pub(crate) channel: String,
}

/// What `oauth.v2.access` answers.
#[derive(Deserialize)]
struct Grant {
    access_token: String,
    token_type: String,
    #[serde(default)]
    scope: String,
    /// Absent when the app was installed for an organization as a whole.
    team: Option<Named>,
    enterprise: Option<Named>,
    /// The channel that the person chose. Its address for posting is not kept: the bot posts.
    incoming_webhook: Option<ChosenChannel>,
    /// There when the token dies within hours.
    refresh_token: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct ChosenChannel {
    channel: String,
    channel_id: String,
}

/// Finishes an installation with what Slack sent through the person's browser.
pub(crate) async fn finish(app: &AppState, query: &Query) -> Result<Installed, ApiError> {
    let now = now();
    let state = State::verify(&app.server_key, query.text("state").unwrap_or_default(), now)?;
    // Taken at once: whatever comes of it, it was used.
    let begun_with = app.database.take_slack_state(&state.row(None), now).await?;
    let channel = begun_with.ok_or_else(state::used)?;
    if query.text("error").is_some() {
        let detail = "the installation was given up at Slack; nothing was connected";
        return Err(ApiError::bad_request("slack_denied", detail));
    }
    let code = query.text("code").filter(|code| code.len() <= MAX_CODE_CHARS);
    let code =
        code.ok_or_else(|| ApiError::bad_request("slack_code_missing", "Slack sent no code; begin again"))?;
    maker(app, &state).await?;
    let grant = exchange(app, code).await?;
    let token_is_fit = grant.token_type == "bot" && scopes(&grant.scope).any(|scope| scope == "chat:write");
    if grant.refresh_token.is_some() {
        return Err(rotating());
    }
    if !token_is_fit {
        let detail =
            "Slack gave no bot token with the scope chat:write; check the Slack app's bot and begin again";
        return Err(ApiError::invalid("slack_scope_missing", detail));
    }
    let chosen = grant.incoming_webhook.map(|chosen| (chosen.channel_id, Some(chosen.channel)));
    let (channel, channel_name) = channel.map(|channel| (channel, None)).or(chosen).ok_or_else(|| {
        let detail =
            "no channel was chosen at Slack; begin again and choose one, or name it in the field channel";
        ApiError::invalid("slack_channel_missing", detail)
    })?;
    let team = grant.team.or(grant.enterprise);
    let team =
        team.ok_or_else(|| ApiError::invalid("slack_team_missing", "Slack named no team; begin again"))?;
    let team = Team { name: team.name.unwrap_or_else(|| team.id.clone()), id: team.id };
    // Asked again: the exchange took its time.
    let (workspace, email) = maker(app, &state).await?;
    let installed = Installed {
        workspace: workspace.name().as_str().to_owned(),
        team: team.name.clone(),
        channel: channel_name.as_ref().unwrap_or(&channel).clone(),
    };
    let (via, token) = (Via::Oauth, SecretString::from(grant.access_token));
    let connected = Connected { via, token, team, channel, channel_name, scopes: grant.scope };
    keep(app, &workspace, &email, connected).await?;
    Ok(installed)
}

/// Finds who began the installation, who must still be an admin of that very workspace.
async fn maker(app: &AppState, state: &State) -> Result<(Arc<Workspace>, String), ApiError> {
    let gone = || {
        let detail =
            "who began this installation is no admin of the workspace any more; nothing was connected";
        ApiError::forbidden("slack_not_admin", detail)
    };
    let row = app.database.find_workspace_by_id(&state.workspace_id).await?.ok_or_else(gone)?;
    let user = app.database.find_slack_user(state.user_id).await?.ok_or_else(gone)?;
    let known = workspace::find(app, row.name.as_str()).await?.filter(|known| known.id() == row.id);
    // The row that was just read: the one in memory may name another owner.
    let workspace = Arc::new(known.ok_or_else(gone)?.with_row(row));
    let groups = app.database.groups_of(&user.email).await?;
    let role = access::role_of_user(app, (&user.email, &groups), user.is_staff, &workspace).await?;
    role.filter(|role| *role == Role::Admin).ok_or_else(gone)?;
    Ok((workspace, user.email))
}

async fn exchange(app: &AppState, code: &str) -> Result<Grant, ApiError> {
    let slack_app = app.slack.app.clone().ok_or_else(|| {
        let detail = "this server has no Slack app any more; set WORKSTEAD_SLACK_CLIENT_ID and WORKSTEAD_SLACK_CLIENT_SECRET";
        ApiError::invalid("slack_not_configured", detail)
    })?;
    let (client, code, callback) = (app.slack.client.clone(), code.to_owned(), app.url(CALLBACK));
    let answer = app.work.blocking(move || {
        let form = [("code", code.as_str()), ("redirect_uri", callback.as_str())];
        client.call::<Grant>("oauth.v2.access", &As::App(slack_app), &form)
    });
    Ok(answer.await?.map_err(|error| error.answer("the installation"))?.body)
}
