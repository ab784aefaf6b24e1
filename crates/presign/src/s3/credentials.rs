//! Where the keys of the store come from.

use std::sync::Mutex;
use std::time::SystemTime;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_s3::config::{Credentials, Region};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::S3Config;

/// Where the keys of a store come from.
#[derive(Debug, Clone)]
pub enum S3Credentials {
    /// The standard chain: environment, profile files, web identity, container, instance.
    Chain,
    /// One pair of keys.
    Fixed {
        /// The public half.
        access_key_id: String,
        /// The secret half.
        secret_access_key: SecretString,
    },
}

/// Gives the SDK the keys, and remembers how long those work that it gave last.
#[derive(Debug)]
pub(super) struct CredentialSource {
    region: Region,
    credentials: S3Credentials,
    /// Made at the first use, on a thread that may wait.
    chain: OnceCell<DefaultCredentialsChain>,
    expires_at: Mutex<Option<SystemTime>>,
}

impl CredentialSource {
    pub(super) fn new(config: &S3Config) -> Self {
        Self {
            region: Region::new(config.region.clone()),
            credentials: config.credentials.clone(),
            chain: OnceCell::new(),
            expires_at: Mutex::new(None),
        }
    }

    /// Returns when the keys that were given last stop working, and all URLs signed with them.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let expires_at = *self.expires_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Timestamp::try_from(expires_at?).ok()
    }

    async fn load(&self) -> provider::Result {
        let credentials = match &self.credentials {
            S3Credentials::Fixed { access_key_id, secret_access_key } => {
                let secret = secret_access_key.expose_secret();
                Credentials::new(access_key_id, secret, None, None, "workstead")
            }
            S3Credentials::Chain => {
                let chain = self.chain.get_or_init(|| {
                    // Without a region, the chain would ask the network for one.
                    DefaultCredentialsChain::builder().region(self.region.clone()).build()
                });
                chain.await.provide_credentials().await?
            }
        };
        *self.expires_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = credentials.expiry();
        Ok(credentials)
    }
}

impl ProvideCredentials for CredentialSource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.chain.get().and_then(ProvideCredentials::fallback_on_interrupt)
    }
}
