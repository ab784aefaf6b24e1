//! Requests of Git clients against one repository, past authentication and permission.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::command::PushContext;
use super::exchange::{AfterPush, Exchange, ExchangeError, Transport};
use super::input::{Encoding, Input};
use super::limits::GitLimits;
use super::push_check::tickets::Judge;
use super::push_check::{PushCheck, PushCheckError};
use super::service::{Protocol, Service};
use crate::metrics::GitMetrics;

/// Most bytes of commands around a pack.
const MAX_COMMAND_BYTES: u64 = 4 << 20;

/// Why a request got no answer of Git's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// The body is not of the service's type.
    #[error("the request's content type must be `{0}`")]
    MediaType(&'static str),
    /// The body is packed in an unknown way.
    #[error("the request's content encoding must be gzip or none")]
    Encoding,
    /// Pushes can't be checked, so there are none.
    #[error(transparent)]
    PushCheck(#[from] PushCheckError),
    /// The exchange failed.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

/// What a POST is for.
pub(crate) enum Purpose {
    /// `git-upload-pack`.
    Fetch,
    /// `git-receive-pack`.
    Push {
        /// Decides before any reference moves.
        judge: Judge,
        /// Runs when the process has ended, before the client is told.
        after: AfterPush,
    },
}

/// The Git transport of the server.
#[derive(Debug)]
pub struct GitHttp {
    transport: Transport,
    push_check: PushCheck,
}

impl GitHttp {
    /// Prepares the transport; `run` is a directory of ours, `program` the `workstead` binary.
    pub fn start(limits: GitLimits, run: &Path, program: &Path) -> Result<Self, PushCheckError> {
        Ok(Self { transport: Transport::new(limits), push_check: PushCheck::start(run, program)? })
    }

    /// Counts processes into these metrics.
    pub(crate) fn measured_by(mut self, metrics: GitMetrics) -> Self {
        self.transport.metrics = metrics;
        self
    }

    /// Returns the limits in force.
    pub(crate) fn limits(&self) -> &GitLimits {
        self.transport.limits()
    }

    /// Answers `info/refs`.
    pub(crate) async fn advertise(
        &self,
        service: Service,
        headers: &HeaderMap,
        directory: PathBuf,
    ) -> Result<Response, GatewayError> {
        let push = match service {
            Service::UploadPack => None,
            Service::ReceivePack => Some(PushContext { hooks: self.push_check.hooks().await?, ticket: None }),
        };
        let protocol = protocol(headers);
        let exchange = Exchange { service, directory, protocol, input: None, push, after: None };
        let body = self.transport.run(exchange).await?;
        Ok(answer(service.advertisement_type(), body))
    }

    /// Answers a POST to a service.
    pub(crate) async fn exchange(
        &self,
        headers: &HeaderMap,
        body: Body,
        directory: PathBuf,
        purpose: Purpose,
    ) -> Result<Response, GatewayError> {
        let limits = self.transport.limits();
        let (service, limit) = match purpose {
            Purpose::Fetch => (Service::UploadPack, limits.max_fetch_request_bytes),
            // Git itself refuses a larger pack and says so; what follows it is read and dropped.
            Purpose::Push { .. } => {
                (Service::ReceivePack, limits.max_push_bytes.saturating_mul(2) + MAX_COMMAND_BYTES)
            }
        };
        let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if media_type != Some(service.request_type().as_bytes()) {
            return Err(GatewayError::MediaType(service.request_type()));
        }
        let encoding = Encoding::of(headers).ok_or(GatewayError::Encoding)?;
        let input = Some(Input::new(body, encoding, limit, limits.max_idle));
        let (push, after) = match purpose {
            Purpose::Fetch => (None, None),
            Purpose::Push { judge, after } => {
                let hooks = self.push_check.hooks().await?;
                let ticket = self.push_check.issue(judge);
                let context = PushContext { hooks, ticket: Some(ticket.secret().to_owned()) };
                let after: AfterPush = Box::pin(async move {
                    // Good until the process has ended and no longer.
                    drop(ticket);
                    after.await
                });
                (Some(context), Some(after))
            }
        };
        let exchange = Exchange { service, directory, protocol: protocol(headers), input, push, after };
        let body = self.transport.run(exchange).await?;
        Ok(answer(service.result_type(), body))
    }
}

fn protocol(headers: &HeaderMap) -> Protocol {
    let value = headers.get("git-protocol").and_then(|value| value.to_str().ok());
    value.map(Protocol::parse).unwrap_or_default()
}

/// Makes an answer that nobody may cache, as `git http-backend` does.
fn answer(media_type: &'static str, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-cache, max-age=0, must-revalidate"),
        (header::PRAGMA, "no-cache"),
    ];
    (headers, body).into_response()
}
