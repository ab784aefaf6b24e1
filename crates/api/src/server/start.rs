//! Opening everything that a server needs, in order.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use url::Url;
use workstead_core::repository::{RepositoryStore, StoreOptions};
use workstead_presign::LocalStore;

use super::{ServeError, Server};
use crate::app::{AppState, Parts};
use crate::auth::token::{self, TokenHash};
use crate::data_dir::{DataDir, DataDirError};
use crate::error::ApiError;
use crate::git_http::{GitHttp, PushCheckError};
use crate::mirrors::{self, Mirrors};
use crate::seal::ServerKey;
use crate::settings::Settings;
use crate::store::tokens::NewToken;
use crate::store::{Database, DatabaseError, now};
use crate::{index, lifecycle, object_store, slack, upload, webhooks};

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A first question to the database failed.
    #[error("failed to prepare the database")]
    Query(#[from] sqlx::Error),
    /// The repositories can't be used.
    #[error("failed to open the repositories")]
    Repositories(#[from] workstead_core::repository::Error),
    /// The threads of the object store's client can't be started.
    #[error("failed to start the client of the object store")]
    ObjectStore(#[source] std::io::Error),
    /// Pushes can't be checked.
    #[error(transparent)]
    PushCheck(#[from] PushCheckError),
    /// This program's own path, which the hook of pushes runs, is unknown.
    #[error("failed to find out where this program lies")]
    Program(#[source] std::io::Error),
    /// The address can't be listened on.
    #[error("failed to listen on {address}; set {setting} to a free address")]
    Listen {
        /// The setting.
        setting: &'static str,
        /// Its address.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No address for clients follows from the address that is listened on.
    #[error("no client can use the address {address}; set WORKSTEAD_PUBLIC_URL")]
    NoPublicUrl {
        /// The address that is listened on.
        address: String,
    },
    /// What a crash cut short can't be finished.
    #[error("failed to finish what an earlier run left: {0}")]
    Recovery(String),
    /// The running server failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<ApiError> for StartError {
    fn from(error: ApiError) -> Self {
        Self::Recovery(error.cause().map_or_else(|| error.to_string(), ToString::to_string))
    }
}

pub(super) async fn bind(settings: Settings) -> Result<Server, StartError> {
    let data = DataDir::open(&settings.data_dir)?;
    let (listener, address) = listen("WORKSTEAD_LISTEN", &settings.listen).await?;
    let metrics = match &settings.metrics_listen {
        Some(address) => Some(listen("WORKSTEAD_METRICS_LISTEN", address).await?),
        None => None,
    };
    let public_url = match &settings.public_url {
        Some(url) => url.clone(),
        None => own_url(address)?,
    };
    let app = open_app(settings, public_url, &data).await?;
    let new_admin_token = put_admin(&app.database, &app.settings).await?;
    lifecycle::finish_interrupted(&app).await?;
    upload::settle_interrupted(&app).await?;
    index::catch_up(&app).await?;
    slack::start(&app);
    webhooks::start(&app);
    upload::start(&app);
    mirrors::start(&app);
    object_store::examine_at_start(&app);
    Ok(Server { listener, address, metrics, app, new_admin_token, _data: data })
}

/// Opens all that is kept in a data directory, and changes nothing of it but the form of the database.
pub(crate) async fn open_app(
    settings: Settings,
    public_url: Url,
    data: &DataDir,
) -> Result<AppState, StartError> {
    let key = data.server_key()?;
    let database = Database::open(&data.database()).await?;
    let options = StoreOptions {
        max_repository_bytes: Some(settings.repositories.max_bytes),
        ..StoreOptions::default()
    };
    let repositories = RepositoryStore::open_with(&data.repositories(), options)?;
    let local = Arc::new(LocalStore::new(data.objects(), key, public_url.clone()));
    let objects = object_store::from_settings(&settings, &local).map_err(StartError::ObjectStore)?;
    let server_key = ServerKey::new(key);
    let program = match &settings.hook_program {
        Some(program) => program.clone(),
        None => std::env::current_exe().map_err(StartError::Program)?,
    };
    let git = GitHttp::start(settings.git_limits.clone(), &data.run(), &program)?;
    let mirrors = Mirrors::prepare(&data.run()).map_err(DataDirError::from)?;
    let spool = data.spool()?;
    Ok(AppState::new(Parts {
        settings,
        public_url,
        database,
        repositories,
        objects,
        local,
        spool,
        git,
        mirrors,
        server_key,
    }))
}

async fn listen(
    setting: &'static str,
    address: &str,
) -> Result<(TcpListener, std::net::SocketAddr), StartError> {
    let refuse = |source| StartError::Listen { setting, address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(refuse)?;
    let local = listener.local_addr().map_err(refuse)?;
    Ok((listener, local))
}

/// Returns the address that a client on this machine reaches.
fn own_url(address: std::net::SocketAddr) -> Result<Url, StartError> {
    let host = match address.ip() {
        ip if ip.is_unspecified() => format!("localhost:{}", address.port()),
        _ => address.to_string(),
    };
    // An IPv6 address with a scope is no valid authority.
    Url::parse(&format!("http://{host}")).map_err(|_| StartError::NoPublicUrl { address: host })
}

/// Makes the admin and the admin's token what the settings say; returns a token that was just made.
async fn put_admin(database: &Database, settings: &Settings) -> Result<Option<SecretString>, StartError> {
    let now = now();
    let user_id = database.put_staff_user(&settings.admin_email, now).await?;
    let made = match settings.admin_token() {
        Some(_) => None,
        None if database.has_admin_token().await? => return Ok(None),
        None => Some(token::generate()),
    };
    let text = made.as_ref().map(ExposeSecret::expose_secret).or(settings.admin_token()).unwrap_or_default();
    let (id, hash, suffix) = (uuid::Uuid::now_v7().to_string(), TokenHash::of(text), token::suffix(text));
    let token = NewToken { id: &id, hash: &hash, suffix: &suffix, user_id, made_with: &id, now };
    database.put_admin_token(&token).await?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::users::{Changed, UserChange};

    #[test]
    fn our_own_address_is_one_that_clients_can_use() {
        let url = |address: &str| own_url(address.parse().unwrap()).unwrap().to_string();
        assert_eq!(url("127.0.0.1:8700"), "http://127.0.0.1:8700/");
        assert_eq!(url("0.0.0.0:80"), "http://localhost/");
        assert_eq!(url("[::1]:8700"), "http://[::1]:8700/");
        assert!(own_url("[fe80::1%3]:80".parse().unwrap()).is_err());
    }

    #[tokio::test]
    async fn the_admin_token_of_the_settings_replaces_the_old() {
        let temp = tempfile::tempdir().unwrap();
        let database = Database::open(&temp.path().join("x.db")).await.unwrap();
        let settings = |token: Option<&str>| {
            let token = token.map(str::to_owned);
            Settings::from_lookup(|name| token.clone().filter(|_| name == "WORKSTEAD_ADMIN_TOKEN")).unwrap()
        };
        let works =
            async |token: &str| database.find_token(&TokenHash::of(token), now()).await.unwrap().is_some();
        let made = put_admin(&database, &settings(None)).await.unwrap().unwrap();
        assert!(works(made.expose_secret()).await);
        assert!(put_admin(&database, &settings(None)).await.unwrap().is_none());
        let (one, two) = ("1".repeat(32), "2".repeat(32));
        assert!(put_admin(&database, &settings(Some(&one))).await.unwrap().is_none());
        assert!(works(&one).await && !works(made.expose_secret()).await);
        put_admin(&database, &settings(Some(&two))).await.unwrap();
        put_admin(&database, &settings(Some(&one))).await.unwrap();
        assert!(works(&one).await && !works(&two).await);
    }

    #[tokio::test]
    async fn an_admin_whose_tokens_ended_gets_a_new_one_at_the_next_start() {
        let temp = tempfile::tempdir().unwrap();
        let database = Database::open(&temp.path().join("x.db")).await.unwrap();
        let settings = Settings::from_lookup(|_| None).unwrap();
        let first = put_admin(&database, &settings).await.unwrap().unwrap();
        let password_hash = Some(SecretString::from("$argon2id$"));
        let change = UserChange { password_hash, ..UserChange::default() };
        assert!(matches!(database.change_user(1, &change, now()).await.unwrap(), Changed::Done(_)));
        let works = async |token: &SecretString| {
            database.find_token(&TokenHash::of(token.expose_secret()), now()).await.unwrap().is_some()
        };
        assert!(!works(&first).await);
        let second = put_admin(&database, &settings).await.unwrap().unwrap();
        assert!(works(&second).await && !works(&first).await);
    }
}
