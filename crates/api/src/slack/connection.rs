//! How a workspace stands with Slack, and the changes of that which need no browser.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::{As, cure, is_of_channel};
use super::{bound_to, oauth, open_token};
use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::query::rfc3339;
use crate::seal::Purpose;
use crate::store::now;
use crate::store::slack::{NewSlack, SlackRow, Via};
use crate::workspace::Workspace;

/// Most characters of a channel's name (Slack allows 80) with its `#`.
const MAX_CHANNEL_CHARS: usize = 81;
/// Most characters of a token.
const MAX_TOKEN_CHARS: usize = 512;

/// What to do about Slack; nothing asks for the address at which the app is installed.
#[derive(Deserialize, ToSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SlackRequest {
    /// A bot's token (`xoxb-...`) to connect with at once; it needs `channel` and the scope `chat:write`.
    #[schema(write_only)]
    bot_token: Option<String>,
    /// The id or name of the channel that messages go to; without it the person chooses one at Slack.
    #[schema(max_length = 81)]
    channel: Option<String>,
    /// Whether to install anew although the workspace is connected.
    reconnect: Option<bool>,
}

/// How a workspace stands with Slack.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SlackStatus {
    status: Standing,
    /// Whether this server has a Slack app to install.
    can_install: bool,
    /// Where an admin of the Slack team installs the app, within ten minutes and once.
    #[serde(skip_serializing_if = "Option::is_none")]
    install_url: Option<String>,
    /// Until when the installation that is under way can be finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// The name of the Slack team.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// The channel that messages go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// What the bot may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// The e-mail address of who connected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<String>,
    /// Why no messages are sent, when it is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<SlackProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message_at: Option<String>,
    /// The last message that was given up, if any was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_lost: Option<SlackProblem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SlackStanding)]
enum Standing {
    NotConfigured,
    Pending,
    Connected,
    /// Connected, but Slack refuses the token or the channel: connect again, or name another channel.
    Broken,
}

/// Something that Slack refused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SlackProblem {
    /// Slack's word for it.
    code: String,
    detail: String,
    since: String,
}

impl SlackProblem {
    fn of(word: Option<&str>, since: Option<Timestamp>) -> Option<Self> {
        let (word, since) = word.zip(since)?;
        let detail = format!("Slack refused ({word}): {}", cure(word));
        Some(Self { code: word.to_owned(), detail, since: rfc3339(since) })
    }
}

impl SlackStatus {
    fn bare(app: &AppState, status: Standing) -> Self {
        Self {
            status,
            can_install: app.slack.app.is_some(),
            install_url: None,
            expires_at: None,
            team: None,
            channel: None,
            scopes: None,
            connected_by: None,
            connected_at: None,
            problem: None,
            last_message_at: None,
            last_lost: None,
        }
    }

    fn connected(app: &AppState, row: &SlackRow) -> Self {
        let status = if row.broken.is_some() { Standing::Broken } else { Standing::Connected };
        let refused = row.broken.as_ref().map(|(since, word)| (word.as_str(), *since)).unzip();
        let lost = row.lost.as_ref().map(|(since, word)| (word.as_str(), *since)).unzip();
        Self {
            team: Some(row.team.clone()),
            channel: Some(row.channel_name.as_ref().unwrap_or(&row.channel).clone()),
            scopes: Some(scopes(&row.scopes).map(str::to_owned).collect()),
            connected_by: Some(row.connected_by.clone()),
            connected_at: Some(rfc3339(row.connected_at)),
            problem: SlackProblem::of(refused.0, refused.1),
            last_message_at: row.last_sent_at.map(rfc3339),
            last_lost: SlackProblem::of(lost.0, lost.1),
            ..Self::bare(app, status)
        }
    }
}

pub(super) fn scopes(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|scope| !scope.is_empty())
}

/// Says how a workspace stands with Slack.
pub(crate) async fn status(app: &AppState, workspace: &Workspace) -> Result<SlackStatus, ApiError> {
    if let Some(row) = app.database.find_slack(workspace.id()).await? {
        return Ok(SlackStatus::connected(app, &row));
    }
    let pending = app.database.pending_slack(workspace.id(), now()).await?;
    let status = if pending.is_some() { Standing::Pending } else { Standing::NotConfigured };
    Ok(SlackStatus { expires_at: pending.map(rfc3339), ..SlackStatus::bare(app, status) })
}

/// Connects by a token, changes the channel, or begins an installation; whatever the request asks for.
pub(crate) async fn connect(
    app: &AppState,
    permit: &Permit,
    request: SlackRequest,
) -> Result<SlackStatus, ApiError> {
    let channel = request.channel.as_deref().map(read_channel).transpose()?;
    let workspace = &permit.workspace;
    if let Some(token) = request.bot_token.map(SecretString::from) {
        let channel = channel.ok_or_else(|| {
            let detail = "the field channel is missing: a token comes with the channel that it posts to";
            ApiError::invalid("missing_field", detail)
        })?;
        connect_by_token(app, permit, token, channel).await?;
        return status(app, workspace).await;
    }
    let row = app.database.find_slack(workspace.id()).await?;
    if let Some(row) = row.filter(|_| request.reconnect != Some(true)) {
        let word = row.broken.as_ref().map(|(_, word)| word.as_str());
        let is_curable = word.is_none_or(is_of_channel);
        if let Some(channel) = channel.as_deref().filter(|_| is_curable) {
            app.database.set_slack_channel(&row.id, channel).await?;
            return status(app, workspace).await;
        }
        if row.broken.is_none() {
            return Ok(SlackStatus::connected(app, &row));
        }
    }
    let Some(slack_app) = &app.slack.app else { return status(app, workspace).await };
    let begun = oauth::begin(app, slack_app, permit, channel.as_deref()).await?;
    Ok(SlackStatus {
        install_url: Some(begun.install_url),
        expires_at: Some(rfc3339(begun.expires_at)),
        ..SlackStatus::bare(app, Standing::Pending)
    })
}

/// Reads a channel: whether it exists only Slack can say, once something is sent to it.
fn read_channel(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let plain = |c: char| c.is_alphanumeric() || "#-_.".contains(c);
    if !text.is_empty() && text.chars().all(plain) && text.chars().count() <= MAX_CHANNEL_CHARS {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().take(100).collect();
    let detail = format!(
        "the channel {shown:?} can't be one: expected an id like C0123456789 or a name like #deployments, of at most {MAX_CHANNEL_CHARS} characters"
    );
    Err(ApiError::invalid("invalid_channel", detail))
}

/// What `auth.test` answers.
#[derive(Deserialize)]
struct Tested {
    team: String,
    team_id: String,
    /// Absent when the token is a person's.
    bot_id: Option<String>,
}

async fn connect_by_token(
    app: &AppState,
    permit: &Permit,
    token: SecretString,
    channel: String,
) -> Result<(), ApiError> {
    check_token(token.expose_secret())?;
    let (client, caller) = (app.slack.client.clone(), As::Bot(token.clone()));
    let tested = app.work.blocking(move || client.call::<Tested>("auth.test", &caller, &[])).await?;
    let tested = tested.map_err(|error| error.answer("the token"))?;
    if tested.body.bot_id.is_none() {
        return Err(not_a_bot());
    }
    let granted = tested.scopes.unwrap_or_default();
    if !granted.is_empty() && !scopes(&granted).any(|scope| scope == "chat:write") {
        let detail = "the token lacks the scope chat:write; add it to the Slack app, install that again and take the new token";
        return Err(ApiError::invalid("slack_scope_missing", detail));
    }
    // Asked again: Slack took its time.
    let permit = permit.renewed(app).await?;
    let team = Team { id: tested.body.team_id, name: tested.body.team };
    let connected = Connected { via: Via::Token, token, team, channel, channel_name: None, scopes: granted };
    keep(app, &permit.workspace, permit.caller.email(), connected).await
}

fn check_token(token: &str) -> Result<(), ApiError> {
    if token.starts_with("xoxe") {
        return Err(rotating());
    }
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.starts_with("xoxb-") && visible && token.len() <= MAX_TOKEN_CHARS {
        return Ok(());
    }
    Err(not_a_bot())
}

fn not_a_bot() -> ApiError {
    let detail = "botToken is not the token of a bot; take the Bot User OAuth Token of the Slack app, it begins with xoxb-";
    ApiError::invalid("not_a_bot_token", detail)
}

/// Refuses tokens that die within hours.
pub(super) fn rotating() -> ApiError {
    let detail = "the Slack app rotates its tokens, which this server does not follow; use an app without token rotation";
    ApiError::invalid("slack_token_rotates", detail)
}

/// The Slack team that a token is good for.
pub(super) struct Team {
    pub(super) id: String,
    pub(super) name: String,
}

/// What a connection consists of.
pub(super) struct Connected {
    pub(super) via: Via,
    pub(super) token: SecretString,
    pub(super) team: Team,
    pub(super) channel: String,
    pub(super) channel_name: Option<String>,
    pub(super) scopes: String,
}

/// Keeps a connection in place of the one before, as long as the workspace is there.
pub(super) async fn keep(
    app: &AppState,
    workspace: &Workspace,
    email: &str,
    connected: Connected,
) -> Result<(), ApiError> {
    let bound_to = bound_to(workspace.id());
    let sealed = app.server_key.seal(Purpose::Integrations, &bound_to, connected.token.expose_secret())?;
    let id = uuid::Uuid::now_v7().to_string();
    let new = NewSlack {
        id: &id,
        workspace_id: workspace.id(),
        via: connected.via,
        sealed_token: &sealed,
        team_id: &connected.team.id,
        team: &connected.team.name,
        channel: &connected.channel,
        channel_name: connected.channel_name.as_deref(),
        scopes: &connected.scopes,
        connected_by: email,
        now: now(),
    };
    if app.database.put_slack(&new).await? {
        Ok(())
    } else {
        Err(ApiError::workspace_not_found(workspace.name().as_str()))
    }
}

/// What `auth.revoke` answers, of which nothing matters.
#[derive(Deserialize)]
struct Revoked {}

/// Forgets a workspace's connection, and has Slack end the token when it was made for this server.
pub(crate) async fn disconnect(app: &AppState, workspace: &Workspace) -> Result<(), ApiError> {
    let row = app.database.find_slack(workspace.id()).await?;
    app.database.remove_slack(workspace.id()).await?;
    let Some(row) = row.filter(|row| row.via == Via::Oauth) else { return Ok(()) };
    // Slack gives a team one token for an app, however often it is installed.
    if app.database.has_slack_team(&row.team_id).await? {
        return Ok(());
    }
    let token = match open_token(&app.server_key, &row) {
        Ok(token) => token,
        Err(error) => {
            tracing::warn!(workspace = %workspace.name(), cause = error.cause(), "a Slack token can't be revoked");
            return Ok(());
        }
    };
    let client = app.slack.client.clone();
    let revoked =
        app.work.blocking(move || client.call::<Revoked>("auth.revoke", &As::Bot(token), &[])).await?;
    if let Err(error) = revoked {
        tracing::warn!(workspace = %workspace.name(), %error, "Slack did not revoke a token");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_ids_or_names() {
        for good in ["C0123456789", "#deploy-ments_1", "général", " #x "] {
            assert_eq!(read_channel(good).unwrap(), good.trim());
        }
        for bad in ["", " ", "#a b", "<!here>", "a\nb", &"x".repeat(82)] {
            assert_eq!(read_channel(bad).unwrap_err().code(), "invalid_channel", "{bad}");
        }
    }

    #[test]
    fn only_tokens_of_bots_are_taken() {
        assert!(check_token("xoxb-1-2-abc").is_ok());
        for (bad, code) in [
            ("xoxp-1", "not_a_bot_token"),
            ("xoxb-1 2", "not_a_bot_token"),
            ("xoxb-\r\nX: y", "not_a_bot_token"),
            ("", "not_a_bot_token"),
            ("xoxe.xoxb-1", "slack_token_rotates"),
        ] {
            assert_eq!(check_token(bad).unwrap_err().code(), code, "{bad}");
        }
    }
}
