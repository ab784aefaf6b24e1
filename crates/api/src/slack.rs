//! Slack: connecting a workspace with a channel, and telling there what came of each upload.
//!
//! `oauth` leads a person to Slack and back and takes the bot's token from Slack; `connection` takes a token that
//! a person brings, shows how things stand, and disconnects. `deliver` sends the messages that the database holds
//! since an upload's outcome was recorded: in the background, again when Slack is away, and after a restart.

mod client;
mod connection;
mod deliver;
mod message;
mod oauth;
mod page;
mod state;

use std::sync::Arc;

use secrecy::SecretString;

use self::client::Client;
pub(crate) use self::connection::{SlackRequest, SlackStatus, connect, disconnect, status};
use self::deliver::Signals;
pub(crate) use self::deliver::start;
pub(crate) use self::oauth::finish;
pub(crate) use self::page::answer;
use crate::error::ApiError;
use crate::seal::{Purpose, ServerKey};
use crate::settings::Settings;
use crate::store::slack::SlackRow;

/// What this server has to do with Slack.
pub(crate) struct Slack {
    client: Client,
    /// The Slack app of this server, when there is one.
    app: Option<SlackApp>,
    signals: Arc<Signals>,
}

/// The Slack app that people install.
#[derive(Debug, Clone)]
pub(crate) struct SlackApp {
    client_id: String,
    client_secret: SecretString,
}

impl Slack {
    /// Takes the settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        let app = settings.slack_client_id.clone().zip(settings.slack_client_secret.clone());
        Self {
            client: Client::new(&settings.slack_base_url),
            app: app.map(|(client_id, client_secret)| SlackApp { client_id, client_secret }),
            signals: Arc::default(),
        }
    }

    /// Has the messages sent that are due.
    pub(crate) fn wake(&self) {
        self.signals.wake();
    }

    /// Ends the sending, after the message that is under way.
    pub(crate) fn stop(&self) {
        self.signals.stop();
    }
}

/// Says what a workspace's token is sealed for.
fn bound_to(workspace_id: &str) -> String {
    format!("{workspace_id}/slack")
}

/// Opens the token of an integration.
fn open_token(key: &ServerKey, row: &SlackRow) -> Result<SecretString, ApiError> {
    key.open(Purpose::Integrations, &bound_to(&row.workspace_id), &row.sealed_token)
}
