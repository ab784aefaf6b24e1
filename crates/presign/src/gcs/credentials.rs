//! As whom the server speaks to Google: Google's crate finds the credentials and keeps their tokens fresh.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::service_account::AccessSpecifier;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, external_account, impersonated, mds, service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use google_cloud_auth::signer::Signer;
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use secrecy::SecretString;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::answer::refused;
use super::client::{self, Patience};
use super::sign_blob::{Account, SignBlob};
use crate::error::StoreError;

/// What a key of a service account asks to be allowed: objects only.
const OBJECTS_SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// What other credentials ask for: `signBlob` too; their roles say what they really may.
const CLOUD_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long Google's crate is waited for; it tries again by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the services are that credentials need besides the store.
#[derive(Debug, Clone)]
pub(super) struct Services {
    pub(super) iam: String,
    /// Google's crate knows where the metadata server is.
    pub(super) metadata: Option<String>,
    /// Where `gcloud` leaves a person's credentials.
    pub(super) well_known: Option<PathBuf>,
}

impl Default for Services {
    fn default() -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Self {
            iam: "https://iamcredentials.googleapis.com".to_owned(),
            metadata: None,
            well_known: home.map(|home| home.join(".config/gcloud/application_default_credentials.json")),
        }
    }
}

/// The credentials, found at their first use and again after they were refused.
#[derive(Debug)]
pub(super) struct Credentials {
    file: Option<PathBuf>,
    signer: Option<String>,
    services: Services,
    patience: Patience,
    identity: Mutex<Option<Arc<Identity>>>,
    /// Refreshes tokens; taken only by `drop`.
    runtime: Option<Runtime>,
}

/// Credentials that were found.
#[derive(Debug)]
struct Identity {
    signer: Signer,
    token: AccessTokenCredentials,
}

impl Credentials {
    pub(super) fn new(
        file: Option<PathBuf>,
        signer: Option<String>,
        services: Services,
        patience: Patience,
    ) -> io::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("gcs-credentials").enable_all().build()?;
        let identity = Mutex::default();
        Ok(Self { file, signer, services, patience, identity, runtime: Some(runtime) })
    }

    /// Returns a token for a request.
    pub(super) fn token(&self) -> Result<SecretString, StoreError> {
        let identity = self.identity()?;
        let asked = Arc::clone(&identity);
        let token = self.wait(async move { asked.token.access_token().await })?;
        match token {
            Ok(token) => Ok(token.token.into()),
            Err(error) => {
                // Google's crate does not try again after an error that lasts.
                self.forget();
                Err(unavailable(&error))
            }
        }
    }

    /// Signs a URL.
    pub(super) fn sign(&self, url: SignedUrlBuilder) -> Result<String, StoreError> {
        let identity = self.identity()?;
        let signer = identity.signer.clone();
        let url = self.wait(async move { url.sign_with(&signer).await })?;
        url.map_err(|error| {
            self.forget();
            cause(error)
        })
    }

    /// Signs something that is of no use to anybody.
    pub(super) fn check_signer(&self) -> Result<(), StoreError> {
        let identity = self.identity()?;
        let signer = identity.signer.clone();
        let signature = self.wait(async move {
            signer.client_email().await?;
            signer.sign("workstead").await
        })?;
        signature.map(|_| ()).map_err(|error| {
            self.forget();
            cause(error)
        })
    }

    fn identity(&self) -> Result<Arc<Identity>, StoreError> {
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = &*identity {
            return Ok(Arc::clone(identity));
        }
        let found = Arc::new(self.find()?);
        Ok(Arc::clone(identity.insert(found)))
    }

    /// Has credentials found anew at their next use: their file may be another one then.
    pub(super) fn forget(&self) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn find(&self) -> Result<Identity, StoreError> {
        // Google's crate spawns what refreshes tokens.
        let _entered = self.runtime().enter();
        let well_known = || self.services.well_known.as_ref().filter(|path| path.is_file());
        match self.file.as_ref().or_else(well_known) {
            Some(file) => self.of_file(&read(file)?),
            None => self.of_metadata().map_err(|error| unusable(&error)),
        }
    }

    fn of_file(&self, json: &Value) -> Result<Identity, StoreError> {
        let text = |name: &str| json[name].as_str();
        let impersonated = text("service_account_impersonation_url").and_then(impersonated_account);
        let found = match text("type") {
            Some("service_account") => of_key(json),
            Some("impersonated_service_account") => {
                let builder = impersonated::Builder::new(json.clone()).with_scopes([CLOUD_SCOPE]);
                builder.build_access_token_credentials().map(|token| self.by_iam(impersonated, token))
            }
            Some("external_account") => {
                let builder = external_account::Builder::new(json.clone()).with_scopes([CLOUD_SCOPE]);
                builder.build_access_token_credentials().map(|token| self.by_iam(impersonated, token))
            }
            Some("authorized_user") => {
                let builder = user_account::Builder::new(json.clone());
                builder.build_access_token_credentials().map(|token| self.by_iam(None, token))
            }
            _ => {
                return Err(bad_file(
                    "has a `type` that is none of service_account, external_account, \
                    impersonated_service_account, authorized_user",
                ));
            }
        };
        found.map_err(|error| unusable(&error))
    }

    fn of_metadata(&self) -> Result<Identity, BuildError> {
        let builder = || {
            let builder = mds::Builder::default().with_scopes([CLOUD_SCOPE]);
            self.services.metadata.iter().fold(builder, mds::Builder::with_endpoint)
        };
        let token = builder().build_access_token_credentials()?;
        let account = match &self.signer {
            Some(email) => Account::Known(email.clone()),
            None => Account::OfMetadata(builder().build_signer()?),
        };
        Ok(self.signed_by(account, token))
    }

    fn by_iam(&self, account: Option<String>, token: AccessTokenCredentials) -> Identity {
        let email = self.signer.clone().or(account);
        self.signed_by(email.map_or(Account::Unknown, Account::Known), token)
    }

    fn signed_by(&self, account: Account, token: AccessTokenCredentials) -> Identity {
        let (endpoint, patience) = (self.services.iam.clone(), self.patience);
        let agent = client::agent(&endpoint, patience);
        let signer = SignBlob { agent, endpoint, account, token: token.clone(), patience };
        Identity { signer: signer.into(), token }
    }

    /// Runs something of Google's crate to its end; in any thread, an async one too.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, result) = mpsc::sync_channel(1);
        let task = self.runtime().spawn(async move {
            // Nobody listens any more when it took too long.
            let _ = done.send(work.await);
        });
        result.recv_timeout(PATIENCE).map_err(|_| {
            task.abort();
            let reason = format!("Google gave no token or signature within {} seconds", PATIENCE.as_secs());
            StoreError::Unavailable { reason }
        })
    }

    fn runtime(&self) -> &Runtime {
        // Only `drop` takes it.
        self.runtime.as_ref().expect("the store is in use")
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        // Dropping a runtime waits, which a thread of another one must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Shapes that no token could be had; Google's own text may hold what a server answered.
pub(super) fn unavailable(error: &CredentialsError) -> StoreError {
    if error.is_transient() {
        return StoreError::Unavailable {
            reason: "no token for it can be had from Google just now".to_owned(),
        };
    }
    refused(
        "Google gives no token for the server's credentials".to_owned(),
        "see that GOOGLE_APPLICATION_CREDENTIALS names a valid key file, or that the server runs with a service account",
    )
}

fn of_key(json: &Value) -> Result<Identity, BuildError> {
    let builder = || {
        let scopes = AccessSpecifier::from_scopes([OBJECTS_SCOPE]);
        service_account::Builder::new(json.clone()).with_access_specifier(scopes)
    };
    Ok(Identity { signer: builder().build_signer()?, token: builder().build_access_token_credentials()? })
}

/// Returns the account of `https://…/serviceAccounts/<e-mail address>:generateAccessToken`.
fn impersonated_account(url: &str) -> Option<String> {
    let (_, last) = url.rsplit_once("/serviceAccounts/")?;
    last.strip_suffix(":generateAccessToken").map(str::to_owned)
}

fn read(file: &Path) -> Result<Value, StoreError> {
    let text = fs_err::read(file).map_err(|error| bad_file(&format!("can't be read ({})", error.kind())))?;
    serde_json::from_slice(&text).map_err(|_| bad_file("is not JSON"))
}

fn bad_file(what: &str) -> StoreError {
    refused(
        format!("the file of Google's credentials {what}"),
        "set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file that the server can read",
    )
}

fn unusable(error: &BuildError) -> StoreError {
    // What is wrong with a field may quote it.
    let what = if error.is_missing_field() { "lacks a field" } else { "is not complete" };
    bad_file(what)
}

/// Takes our own error out of Google's, or says what kind of error it is.
fn cause(error: impl Error + Send + Sync + 'static) -> StoreError {
    let mut current: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = current {
        if let Some(ours) = inner.downcast_ref::<StoreError>() {
            return copied(ours);
        }
        if let Some(signing) = inner.downcast_ref::<google_cloud_auth::signer::SigningError>()
            && signing.is_transport()
        {
            return StoreError::Unavailable {
                reason: "the metadata server does not say who signs".to_owned(),
            };
        }
        current = inner.source();
    }
    bad_file("has a private key that can't be used")
}

/// Copies an error that is borrowed from inside another.
fn copied(error: &StoreError) -> StoreError {
    match error {
        StoreError::Refused { reason, cure } => {
            StoreError::Refused { reason: reason.clone(), cure: cure.clone() }
        }
        StoreError::Unavailable { reason } => StoreError::Unavailable { reason: reason.clone() },
        other => StoreError::Io(io::Error::other(other.to_string())),
    }
}
