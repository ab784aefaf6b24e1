//! Where uploaded objects lie.

use std::path::PathBuf;

use workstead_presign::{GcsConfig, S3Config};

use super::InvalidSetting;
use super::parse::{self, Reader};

/// Where uploaded objects lie, and how that is reached.
#[derive(Debug, Clone)]
pub enum StoreSettings {
    /// In the data directory.
    Local,
    /// In a bucket of S3, or of a store that speaks its protocol.
    S3(Box<S3Config>),
    /// In a bucket of Google Cloud Storage.
    Gcs(Box<GcsConfig>),
}

/// Reads which store there is; two are refused.
pub(super) fn read(reader: &Reader<'_>) -> Result<StoreSettings, InvalidSetting> {
    match (read_s3(reader)?, read_gcs(reader)?) {
        (Some(_), Some(_)) => Err(InvalidSetting {
            name: "WORKSTEAD_S3_BUCKET",
            value: "set together with WORKSTEAD_GCS_BUCKET".to_owned(),
            expected: "one of them, as uploads lie in one store",
        }),
        (Some(s3), None) => Ok(StoreSettings::S3(Box::new(s3))),
        (None, Some(gcs)) => Ok(StoreSettings::Gcs(Box::new(gcs))),
        (None, None) => Ok(StoreSettings::Local),
    }
}

fn read_s3(reader: &Reader<'_>) -> Result<Option<S3Config>, InvalidSetting> {
    let endpoint = reader.read_optional("WORKSTEAD_S3_ENDPOINT", parse::base_url)?;
    let public_endpoint = reader.read_optional("WORKSTEAD_S3_PUBLIC_ENDPOINT", parse::base_url)?;
    let region = reader.read("WORKSTEAD_S3_REGION", region)?;
    let path_style = reader.read_optional("WORKSTEAD_S3_PATH_STYLE", parse::boolean)?;
    let Some(bucket) = reader.read_optional("WORKSTEAD_S3_BUCKET", bucket)? else {
        let need_it = ["WORKSTEAD_S3_ENDPOINT", "WORKSTEAD_S3_PUBLIC_ENDPOINT"];
        return refuse_without(reader, &need_it, "set without WORKSTEAD_S3_BUCKET").map(|()| None);
    };
    Ok(Some(S3Config { endpoint, public_endpoint, path_style, ..S3Config::new(bucket, region) }))
}

fn read_gcs(reader: &Reader<'_>) -> Result<Option<GcsConfig>, InvalidSetting> {
    let endpoint = reader.read_optional("WORKSTEAD_GCS_ENDPOINT", parse::origin)?;
    let public_endpoint = reader.read_optional("WORKSTEAD_GCS_PUBLIC_ENDPOINT", parse::origin)?;
    let signer = reader.read_optional("WORKSTEAD_GCS_SIGNER", parse::email)?;
    // Google's own variable: without a bucket it is none of our business.
    let credentials_file =
        reader.read_optional("GOOGLE_APPLICATION_CREDENTIALS", |text| Some(PathBuf::from(text)))?;
    let Some(bucket) = reader.read_optional("WORKSTEAD_GCS_BUCKET", bucket)? else {
        let need_it = ["WORKSTEAD_GCS_ENDPOINT", "WORKSTEAD_GCS_PUBLIC_ENDPOINT", "WORKSTEAD_GCS_SIGNER"];
        return refuse_without(reader, &need_it, "set without WORKSTEAD_GCS_BUCKET").map(|()| None);
    };
    Ok(Some(GcsConfig { endpoint, public_endpoint, credentials_file, signer, ..GcsConfig::new(bucket) }))
}

/// Refuses settings that mean nothing without their bucket.
fn refuse_without(reader: &Reader<'_>, names: &[&'static str], what: &str) -> Result<(), InvalidSetting> {
    match names.iter().find(|name| reader.is_given(name)) {
        Some(&name) => Err(InvalidSetting { name, value: what.to_owned(), expected: "both or none" }),
        None => Ok(()),
    }
}

/// Parses a bucket's name by the widest rules that stores have.
fn bucket(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    ((3..=255).contains(&text.len()) && begins && text.bytes().all(allowed)).then(|| text.to_owned())
}

fn region(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (text.len() <= 64 && text.bytes().all(allowed)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn read_from(given: &[(&'static str, &'static str)]) -> Result<StoreSettings, String> {
        let lookup =
            |name: &str| given.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        Settings::from_lookup(lookup).map(|settings| settings.object_store).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_makes_the_store_s3() {
        assert!(matches!(read_from(&[]), Ok(StoreSettings::Local)));
        let Ok(StoreSettings::S3(aws)) = read_from(&[("WORKSTEAD_S3_BUCKET", "uploads")]) else {
            panic!("no S3")
        };
        assert_eq!((aws.bucket.as_str(), aws.region.as_str()), ("uploads", "us-east-1"));
        assert_eq!((&aws.endpoint, &aws.public_endpoint, aws.path_style), (&None, &None, None));
        let minio = read_from(&[
            ("WORKSTEAD_S3_BUCKET", "uploads"),
            ("WORKSTEAD_S3_ENDPOINT", "http://minio:9000/"),
            ("WORKSTEAD_S3_PUBLIC_ENDPOINT", "https://minio.example.com"),
            ("WORKSTEAD_S3_REGION", "garage"),
            ("WORKSTEAD_S3_PATH_STYLE", "false"),
        ]);
        let Ok(StoreSettings::S3(minio)) = minio else { panic!("no S3") };
        assert_eq!(minio.endpoint.as_ref().unwrap().as_str(), "http://minio:9000/");
        assert_eq!(minio.public_endpoint.as_ref().unwrap().as_str(), "https://minio.example.com/");
        assert_eq!((minio.region.as_str(), minio.path_style), ("garage", Some(false)));
    }

    #[test]
    fn a_bucket_of_google_makes_the_store_gcs() {
        let bucket = ("WORKSTEAD_GCS_BUCKET", "uploads");
        let key = ("GOOGLE_APPLICATION_CREDENTIALS", "/run/secrets/key.json");
        assert!(matches!(read_from(&[key]), Ok(StoreSettings::Local)));
        let Ok(StoreSettings::Gcs(plain)) = read_from(&[bucket, key]) else { panic!("no GCS") };
        assert_eq!((plain.bucket.as_str(), plain.endpoint, plain.public_endpoint), ("uploads", None, None));
        assert_eq!(plain.credentials_file, Some(PathBuf::from("/run/secrets/key.json")));
        let given = read_from(&[
            bucket,
            ("WORKSTEAD_GCS_ENDPOINT", "http://gcs:4443/"),
            ("WORKSTEAD_GCS_PUBLIC_ENDPOINT", "https://storage.googleapis.com"),
            ("WORKSTEAD_GCS_SIGNER", "a@p.iam.gserviceaccount.com"),
        ]);
        let Ok(StoreSettings::Gcs(given)) = given else { panic!("no GCS") };
        assert_eq!(given.endpoint.unwrap().as_str(), "http://gcs:4443/");
        assert_eq!(given.public_endpoint.unwrap().as_str(), "https://storage.googleapis.com/");
        assert_eq!(given.signer.as_deref(), Some("a@p.iam.gserviceaccount.com"));
    }

    #[test]
    fn settings_of_google_that_do_not_fit_are_refused_by_their_names() {
        let bucket = ("WORKSTEAD_GCS_BUCKET", "uploads");
        let errors = [
            read_from(&[("WORKSTEAD_GCS_ENDPOINT", "http://gcs:4443")]),
            read_from(&[("WORKSTEAD_GCS_SIGNER", "a@b.example")]),
            read_from(&[bucket, ("WORKSTEAD_GCS_ENDPOINT", "https://gcs.example.com/storage")]),
            read_from(&[bucket, ("WORKSTEAD_GCS_PUBLIC_ENDPOINT", "gcs:4443")]),
            read_from(&[bucket, ("WORKSTEAD_GCS_SIGNER", "projects/1")]),
            read_from(&[("WORKSTEAD_GCS_BUCKET", "gs://uploads")]),
        ];
        let errors: Vec<_> = errors.into_iter().map(Result::unwrap_err).collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        WORKSTEAD_GCS_ENDPOINT is set without WORKSTEAD_GCS_BUCKET: expected both or none
        WORKSTEAD_GCS_SIGNER is set without WORKSTEAD_GCS_BUCKET: expected both or none
        WORKSTEAD_GCS_ENDPOINT is "https://gcs.example.com/storage": expected an http or https URL without a path, like http://gcs:4443, with WORKSTEAD_GCS_BUCKET
        WORKSTEAD_GCS_PUBLIC_ENDPOINT is "gcs:4443": expected an http or https URL without a path, like https://storage.googleapis.com, with WORKSTEAD_GCS_BUCKET
        WORKSTEAD_GCS_SIGNER is "projects/1": expected an e-mail address, like uploads@project.iam.gserviceaccount.com, with WORKSTEAD_GCS_BUCKET
        WORKSTEAD_GCS_BUCKET is "gs://uploads": expected a bucket's name of 3 to 255 of a-z, A-Z, 0-9, dots, dashes and underscores; the other settings of GCS need it
        "#);
    }

    #[test]
    fn settings_that_do_not_fit_are_refused_by_their_names() {
        let bucket = ("WORKSTEAD_S3_BUCKET", "uploads");
        let errors = [
            read_from(&[("WORKSTEAD_S3_ENDPOINT", "http://minio:9000")]),
            read_from(&[("WORKSTEAD_S3_PUBLIC_ENDPOINT", "http://minio:9000")]),
            read_from(&[bucket, ("WORKSTEAD_GCS_BUCKET", "uploads")]),
            read_from(&[bucket, ("WORKSTEAD_S3_ENDPOINT", "minio:9000")]),
            read_from(&[bucket, ("WORKSTEAD_S3_PUBLIC_ENDPOINT", "s3://minio")]),
            read_from(&[bucket, ("WORKSTEAD_S3_REGION", "EU West")]),
            read_from(&[bucket, ("WORKSTEAD_S3_PATH_STYLE", "auto")]),
            read_from(&[("WORKSTEAD_S3_BUCKET", "uploads/x")]),
        ];
        let errors: Vec<_> = errors.into_iter().map(Result::unwrap_err).collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        WORKSTEAD_S3_ENDPOINT is set without WORKSTEAD_S3_BUCKET: expected both or none
        WORKSTEAD_S3_PUBLIC_ENDPOINT is set without WORKSTEAD_S3_BUCKET: expected both or none
        WORKSTEAD_S3_BUCKET is set together with WORKSTEAD_GCS_BUCKET: expected one of them, as uploads lie in one store
        WORKSTEAD_S3_ENDPOINT is "minio:9000": expected an http or https URL without query, like http://minio:9000, with WORKSTEAD_S3_BUCKET
        WORKSTEAD_S3_PUBLIC_ENDPOINT is "s3://minio": expected an http or https URL without query, like https://minio.example.com, with WORKSTEAD_S3_BUCKET
        WORKSTEAD_S3_REGION is "EU West": expected a region's name of a-z, 0-9 and dashes, like eu-central-1
        WORKSTEAD_S3_PATH_STYLE is "auto": expected true or false
        WORKSTEAD_S3_BUCKET is "uploads/x": expected a bucket's name of 3 to 255 of a-z, A-Z, 0-9, dots, dashes and underscores; the other settings of S3 need it
        "#);
    }
}
