//! The SDK's clients: one for each name under which the store is known.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, IdentityCache, ProvideCredentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use url::Url;

use super::credentials::CredentialSource;
use super::{Patience, S3Config};

/// How often a call is tried: a job tries again anyway, and a person waits.
const ATTEMPTS: u32 = 3;
/// Most time between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long before their end temporary keys are replaced; a URL lives no longer than the keys it was signed with.
const KEY_RESERVE: Duration = Duration::from_mins(5);
/// The slowest transfer that is worth waiting for, in bytes per second.
const SLOWEST: u64 = 64 << 10;

/// Makes a client; nothing is sent.
pub(super) fn connect(config: &S3Config, endpoint: Option<&Url>, keys: &Arc<CredentialSource>) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(LONGEST_PAUSE);
    let keys: Arc<dyn ProvideCredentials> = Arc::<CredentialSource>::clone(keys);
    let Patience { answer, stall, .. } = config.patience;
    let stalls = StalledStreamProtectionConfig::enabled().grace_period(stall).build();
    // Only the chain of credentials is read from the environment: other settings have names of ours.
    let mut settings = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .identity_cache(IdentityCache::lazy().buffer_time(KEY_RESERVE).build())
        .force_path_style(config.path_style.unwrap_or(endpoint.is_some()))
        // Stores of other makers know SHA-256, but not each newer checksum that the SDK would add.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(retries)
        .timeout_config(timeouts(config.patience, answer))
        .stalled_stream_protection(stalls);
    if let Some(endpoint) = endpoint {
        settings = settings.endpoint_url(endpoint.as_str().trim_end_matches('/'));
    }
    Client::from_conf(settings.build())
}

/// Returns the bounds of a call each of whose attempts may take some time.
pub(super) fn timeouts(patience: Patience, attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(patience.connect)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * ATTEMPTS + LONGEST_PAUSE * ATTEMPTS)
        .build()
}

/// Returns how long a body may take altogether.
pub(super) fn time_to_send(patience: Patience, size: u64) -> Duration {
    patience.answer + patience.stall + Duration::from_secs(size / SLOWEST)
}
