//! Looking whether the store works: at the start, and whenever somebody asks for the health.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata as _};
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::S3Store;
use super::call::Call;
use super::connection;
use super::objects::checksum;
use crate::error::StoreError;
use crate::key::PREFIX;
use crate::store::Examination;

/// The object that is put and taken away; below the same prefix as uploads, so no policy needs a second one.
const PROBE: &str = "uploads/.workstead-check";
const CONTENT: &[u8] = b"written by a check of Workstead\n";

/// A difference of the clocks that is worth a word, in seconds.
const NOTABLE_SKEW: i64 = 30;
/// One that takes a good part of a URL's life; stores refuse at 15 minutes.
const GREATEST_SKEW: i64 = 5 * 60;

impl S3Store {
    /// Puts a little and takes it away again, and compares the clocks.
    pub fn check(&self) -> Result<(), StoreError> {
        self.runtime.block_on(async {
            let (_, skew) = self.put_probe().await?;
            self.ask_delete(PROBE, None).await?;
            self.judge_skew(skew)
        })
    }

    /// Does all that uploads need once, and looks at the public endpoint.
    pub fn examine(&self) -> Examination {
        let mut warnings = Vec::new();
        let failure = self.runtime.block_on(async {
            let failure = self.try_all(&mut warnings).await.err();
            warnings.extend(self.look_at_public_endpoint().await);
            failure
        });
        Examination { failure, warnings }
    }

    async fn try_all(&self, warnings: &mut Vec<String>) -> Result<(), StoreError> {
        let (put, skew) = self.put_probe().await?;
        self.read_probe().await?;
        let listing = self.client.list_objects_v2().bucket(&self.config.bucket).prefix(PREFIX).max_keys(1);
        listing.send().await.map_err(|error| self.call("s3:ListBucket", None).failed(error))?;
        self.ask_delete(PROBE, None).await?;
        if put.version_id().is_some_and(|version| version != "null") {
            warnings.push(format!(
                "the bucket `{}` keeps old versions, so deleted uploads stay; give it a lifecycle rule that expires noncurrent versions below uploads/",
                self.config.bucket
            ));
        }
        self.judge_skew(skew)?;
        let notable = skew.filter(|skew| skew.abs() >= NOTABLE_SKEW);
        warnings.extend(notable.map(|skew| format!("{}; set both by NTP", self.skewed(skew))));
        Ok(())
    }

    /// Puts the probe; also returns how many seconds the store's clock is ahead, if it says.
    async fn put_probe(&self) -> Result<(PutObjectOutput, Option<i64>), StoreError> {
        let clock = StoreClock::default();
        let request = self
            .client
            .put_object()
            .bucket(&self.config.bucket)
            .key(PROBE)
            .content_type("text/plain")
            .checksum_sha256(checksum(Sha256::digest(CONTENT).into()))
            .body(ByteStream::from_static(CONTENT));
        let sent = request.customize().interceptor(clock.clone()).send().await;
        let put = sent.map_err(|error| self.call("s3:PutObject", None).failed(error))?;
        Ok((put, clock.ahead()))
    }

    async fn read_probe(&self) -> Result<(), StoreError> {
        let call = self.call("s3:GetObject", None);
        let request = self.client.get_object().bucket(&self.config.bucket).key(PROBE);
        let answer = request.send().await.map_err(|error| match error.code() {
            // Another server of the same store took it away this moment: that it may be read is seen.
            Some("NoSuchKey") => None,
            _ => Some(call.failed(error)),
        });
        match answer {
            Err(None) => Ok(()),
            Err(Some(error)) => Err(error),
            Ok(answer) => {
                let read = answer.body.collect().await;
                read.map(drop).map_err(|error| connection::failure(&call, &error))
            }
        }
    }

    fn judge_skew(&self, skew: Option<i64>) -> Result<(), StoreError> {
        match skew {
            Some(skew) if skew.abs() >= GREATEST_SKEW => Err(StoreError::Refused {
                reason: self.skewed(skew),
                cure: "set both by NTP, or signed URLs are refused or end early".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn skewed(&self, ahead: i64) -> String {
        let (seconds, way) = (ahead.unsigned_abs(), if ahead > 0 { "behind" } else { "ahead of" });
        format!(
            "the clock of this machine is {seconds} seconds {way} that of {}",
            self.call("", None).store()
        )
    }

    /// Says what is wrong with the public endpoint as it is seen from here; clients may see it otherwise.
    async fn look_at_public_endpoint(&self) -> Option<String> {
        let public = self.config.public_endpoint.as_ref();
        let public = public.filter(|public| self.config.endpoint.as_ref() != Some(*public))?;
        let call = Call { endpoint: Some(public), ..self.call("s3:ListBucket", None) };
        let error = self.public.head_bucket().bucket(&self.config.bucket).send().await.err()?;
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let name = call.store();
        Some(match status {
            Some(401 | 403) => format!(
                "the public endpoint {name} refuses what this server signs; a proxy there must pass the Host header and the path as they are"
            ),
            Some(status) => format!(
                "the public endpoint {name} answers with status {status}; check that WORKSTEAD_S3_PUBLIC_ENDPOINT leads to the store"
            ),
            None => format!(
                "the public endpoint can't be used from here ({}); signed URLs work only for clients that can",
                reason(&call.failed(error))
            ),
        })
    }
}

/// Returns what went wrong without the cure, which names the other endpoint.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { reason } | StoreError::Refused { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

/// Reads the store's clock from its answers.
#[derive(Debug, Clone, Default)]
struct StoreClock(Arc<Mutex<Option<i64>>>);

impl StoreClock {
    /// Returns how many seconds the store's clock is ahead of ours.
    fn ahead(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for StoreClock {
    fn name(&self) -> &'static str {
        "StoreClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        let ahead = date.map(|date| date.secs() - Timestamp::now().as_second());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
        Ok(())
    }
}
