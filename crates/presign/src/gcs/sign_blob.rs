//! Signatures by the IAM service, for accounts whose key nobody has.
//!
//! Google's crate can ask for them too, but neither for the workload identities of other clouds nor at another address, and
//! it waits for a minute; its builder of URLs takes any [`SigningProvider`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use google_cloud_auth::credentials::AccessTokenCredentials;
use google_cloud_auth::signer::{Signer, SigningError, SigningProvider};
use secrecy::SecretString;
use serde_json::json;
use ureq::Agent;
use ureq::http::header::AUTHORIZATION;

use super::answer::refused;
use super::client::{self, Patience};
use super::credentials::unavailable;
use crate::error::StoreError;

/// Who signs.
#[derive(Debug, Clone)]
pub(super) enum Account {
    /// An account known by its e-mail address.
    Known(String),
    /// The one whom the metadata server names.
    OfMetadata(Signer),
    /// Nobody: the credentials name none.
    Unknown,
}

/// Asks the IAM service for signatures.
#[derive(Debug, Clone)]
pub(super) struct SignBlob {
    pub(super) agent: Agent,
    pub(super) endpoint: String,
    pub(super) account: Account,
    pub(super) token: AccessTokenCredentials,
    pub(super) patience: Patience,
}

impl SigningProvider for SignBlob {
    async fn client_email(&self) -> Result<String, SigningError> {
        match &self.account {
            Account::Known(email) => Ok(email.clone()),
            Account::OfMetadata(signer) => {
                let email = signer.client_email().await?;
                // The identity pool of a Kubernetes service account that stands for no Google one has no address.
                if email.contains('@') { Ok(email) } else { Err(failed(nobody())) }
            }
            Account::Unknown => Err(failed(nobody())),
        }
    }

    async fn sign(&self, content: &[u8]) -> Result<Bytes, SigningError> {
        let email = self.client_email().await?;
        let token = self.token.access_token().await.map_err(|error| failed(unavailable(&error)))?;
        let (this, token, content) = (self.clone(), SecretString::from(token.token), content.to_owned());
        let signed = tokio::task::spawn_blocking(move || this.ask(&email, &token, &content)).await;
        signed.map_err(SigningError::from_msg)?.map_err(failed)
    }
}

impl SignBlob {
    fn ask(&self, email: &str, token: &SecretString, content: &[u8]) -> Result<Bytes, StoreError> {
        let mut url = url::Url::parse(&self.endpoint)
            .map_err(|_| refused("its address is malformed".to_owned(), "report this as a fault"))?;
        // The address goes into the path as one piece, whatever is in it.
        url.path_segments_mut().map_err(|()| nobody())?.pop_if_empty().extend([
            "v1",
            "projects",
            "-",
            "serviceAccounts",
            &format!("{email}:signBlob"),
        ]);
        let body = json!({ "payload": STANDARD.encode(content) });
        let answer = client::ask(self.patience, &mut || {
            self.agent.post(url.as_str()).header(AUTHORIZATION, client::bearer(token)).send_json(&body)
        })?;
        let answer = client::success(answer).map_err(|refusal| refusal.of_signer(email))?;
        let answer = client::json(answer)?;
        let signature = answer["signedBlob"].as_str().and_then(|text| STANDARD.decode(text).ok());
        signature.map(Bytes::from).ok_or_else(|| StoreError::Unavailable {
            reason: "signBlob answers without a signature".to_owned(),
        })
    }
}

fn nobody() -> StoreError {
    refused(
        "the server's credentials name no service account that could sign".to_owned(),
        "set WORKSTEAD_GCS_SIGNER to the e-mail address of one, and let the server sign as it (roles/iam.serviceAccountTokenCreator)",
    )
}

/// Passes our error through Google's; [`super::credentials`] takes it out again.
fn failed(error: StoreError) -> SigningError {
    SigningError::from_msg(error)
}
