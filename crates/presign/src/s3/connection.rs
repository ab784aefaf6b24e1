//! Why no answer came: credentials, names, connections, TLS.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;

use super::call::{Call, one_line};
use crate::error::StoreError;

/// Says why a call got no answer.
pub(super) fn failure(call: &Call<'_>, error: &(dyn Error + 'static)) -> StoreError {
    let causes = causes(error);
    if let Some(error) = causes.iter().find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        return no_credentials(error);
    }
    let store = call.store();
    let says = |text: &str| causes.iter().any(|cause| cause.to_string().contains(text));
    let kind =
        causes.iter().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
    let refused = |reason: String, cure: &str| StoreError::Refused { reason, cure: cure.to_owned() };
    if says("invalid peer certificate") {
        let last = last(&causes);
        return refused(
            format!("the certificate of {store} is not trusted ({last})"),
            "give the server the store's authority by SSL_CERT_FILE, or the store a certificate for that name",
        );
    }
    if says("InvalidContentType") || says("corrupt message") {
        return refused(
            format!("{store} does not speak TLS"),
            "write http:// instead of https:// in WORKSTEAD_S3_ENDPOINT, or let the store speak TLS",
        );
    }
    if says("dns error") || says("failed to lookup address") {
        return call.unavailable("has a host name that can't be resolved here");
    }
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => call.unavailable("refuses connections"),
        Some(io::ErrorKind::TimedOut) => call.unavailable("did not answer in time"),
        _ if says("timed out") || says("timeout") => call.unavailable("did not answer in time"),
        _ => call.unavailable(&format!("can't be talked to ({})", last(&causes))),
    }
}

fn no_credentials(error: &CredentialsError) -> StoreError {
    let cure = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the server a role; docs/STORES.md lists the ways";
    let reason = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "there are no credentials: none in the environment, in profile files, by web identity, of the container or of the instance".to_owned()
        }
        CredentialsError::ProviderTimedOut(_) => {
            "the credentials could not be had: their service did not answer in time".to_owned()
        }
        _ => format!("the credentials could not be had ({})", last(&causes(error))),
    };
    StoreError::Refused { reason, cure: cure.to_owned() }
}

/// Returns an error and what caused it, the cause of all last.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = vec![error];
    let mut cause = error;
    while let Some(source) = cause.source() {
        causes.push(source);
        cause = source;
    }
    causes
}

/// Returns the last cause in words: sockets and the SDK say there what happened.
pub(super) fn last(causes: &[&(dyn Error + 'static)]) -> String {
    causes.last().map(|cause| one_line(&cause.to_string())).unwrap_or_default()
}
