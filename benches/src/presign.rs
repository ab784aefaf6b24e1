//! Signing upload URLs against boto3's `generate_presigned_url`: the same uploads, one thread each, no network.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use url::Url;
use workstead_presign::{ObjectKey, PutConditions, S3Config, S3Credentials, S3Store};

use crate::report::Report;

/// How long each side signs in one repetition.
const TIME: Duration = Duration::from_secs(2);
/// URLs between two looks at the clock.
const BATCH: u64 = 50;
const BOTO3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/presign_boto3.py");
const INSTALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/install-test-tools");

/// Measures both sides in turns.
pub(crate) fn measure(runs: usize, report: &mut Report) -> Result<()> {
    let python = install_boto3()?;
    let store = store()?;
    let (mut ours, mut boto3) = (vec![], vec![]);
    for _ in 0..runs {
        boto3.push(boto3_rate(&python)?);
        ours.push(rate(&store)?);
    }
    let (ours, boto3) = (median(ours), median(boto3));
    report.row(
        "signing an upload URL / boto3 `generate_presigned_url` (rate)",
        format!("{ours:.0}/s"),
        format!("{boto3:.0}/s"),
        format!("{:.1}", ours / boto3),
        "3",
    );
    Ok(())
}

/// Makes the store that signs what `presign_boto3.py` signs.
fn store() -> Result<S3Store> {
    let credentials = S3Credentials::Fixed {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
    };
    let endpoint = Some(Url::parse("http://127.0.0.1:9000")?);
    Ok(S3Store::new(S3Config { endpoint, credentials, ..S3Config::new("uploads", "us-east-1") })?)
}

/// Returns how many URLs the server's own signing gives in a second.
fn rate(store: &S3Store) -> Result<f64> {
    let sign = |number: u64| -> Result<()> {
        let conditions = PutConditions {
            size: Some(1000 + number),
            sha256: Some([7; 32]),
            max_bytes: 64 << 20,
            expires_at: Timestamp::now() + SignedDuration::from_mins(15),
        };
        let signed = store.sign_put(&ObjectKey::new("bench", &number.to_string())?, &conditions)?;
        ensure!(signed.url.expose().contains("X-Amz-Signature="), "a URL without a signature");
        Ok(())
    };
    sign(0)?;
    let (mut count, began) = (0, Instant::now());
    while began.elapsed() < TIME {
        for _ in 0..BATCH {
            count += 1;
            sign(count)?;
        }
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

fn boto3_rate(python: &Path) -> Result<f64> {
    let output = Command::new(python).arg(BOTO3).arg(TIME.as_secs().to_string()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{BOTO3} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    printed.trim().parse().with_context(|| format!("{BOTO3} printed {printed:?}"))
}

/// Installs boto3 and returns the interpreter that has it.
fn install_boto3() -> Result<PathBuf> {
    let output = Command::new(INSTALL).arg("boto3").output().context(INSTALL)?;
    let printed = String::from_utf8(output.stdout)?;
    let last = printed.lines().last().unwrap_or_default();
    if !output.status.success() {
        bail!("boto3 can't be installed: {last}");
    }
    Ok(PathBuf::from(last).join("bin/python"))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
