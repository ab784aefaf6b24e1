//! The builder's `uploadInfo.yaml`: where it uploads to, and with what token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use workstead_core::check::SchemaKind;
use workstead_core::model::FileKind;
use workstead_core::name::WorkspaceName;
use workstead_core::yaml::write::write_scalar;

/// What the workspace builder must know to upload.
///
/// Debug hides the token; [`Self::to_json`] and [`Self::to_yaml`] show it, so their results are secrets.
#[derive(Debug, Clone)]
pub struct BuilderConfig {
    /// The workspace.
    pub workspace_name: WorkspaceName,
    /// The upload token.
    pub token: SecretString,
    /// The workspace owner's e-mail address.
    pub workspace_owner_email: String,
    /// The server's address, to which the builder adds `/api/v3`; slashes at its end are dropped.
    pub papi_url: String,
    /// The id of the location that the builder works for.
    pub location_id: String,
    /// That location's name.
    pub location_name: String,
    /// The id of the location for what names none.
    pub default_location: String,
    /// That location's name.
    pub default_location_name: String,
}

impl BuilderConfig {
    /// Returns the configuration as a JSON object, which is valid YAML too.
    pub fn to_json(&self) -> Value {
        let fields = self.fields().map(|(key, value)| (key.to_owned(), Value::from(value)));
        Value::Object(fields.into_iter().collect::<Map<_, _>>())
    }

    /// Returns the configuration as a YAML file, quoted where a reader could take a value for anything but text.
    ///
    /// It begins with the comment that tells editors the file's schema.
    pub fn to_yaml(&self) -> String {
        let schema = SchemaKind::of(FileKind::UploadInfo).map(|schema| schema.modeline(&self.papi_url));
        let lines = self.fields().map(|(key, value)| format!("{key}: {}\n", write_scalar(value)));
        schema.unwrap_or_default() + &lines.concat()
    }

    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("workspaceName", self.workspace_name.as_str()),
            ("token", self.token.expose_secret()),
            ("workspaceOwnerEmail", &self.workspace_owner_email),
            ("papiURL", self.papi_url.trim_end_matches('/')),
            ("locationId", &self.location_id),
            ("locationName", &self.location_name),
            ("defaultLocation", &self.default_location),
            ("defaultLocationName", &self.default_location_name),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> BuilderConfig {
        BuilderConfig {
            workspace_name: WorkspaceName::parse("my-workspace").unwrap(),
            token: "wst_secret".into(),
            workspace_owner_email: "owner@example.com".to_owned(),
            papi_url: "https://workstead.example.com/".to_owned(),
            location_id: "017".to_owned(),
            location_name: "no \"quotes\": #\n\u{85}".to_owned(),
            default_location: "017".to_owned(),
            default_location_name: "Zürich".to_owned(),
        }
    }

    #[test]
    fn yaml_quotes_what_could_be_misread() {
        insta::assert_snapshot!(config().to_yaml(), @r#"
        # yaml-language-server: $schema=https://workstead.example.com/schemas/uploadinfo.json
        workspaceName: my-workspace
        token: wst_secret
        workspaceOwnerEmail: owner@example.com
        papiURL: https://workstead.example.com
        locationId: '017'
        locationName: "no \"quotes\": #\n\x85"
        defaultLocation: '017'
        defaultLocationName: Zürich
        "#);
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let config = config();
        for text in [config.to_yaml(), config.to_json().to_string()] {
            let read = workstead_core::yaml::parse(&text).unwrap();
            assert_eq!(read.to_json(), config.to_json());
        }
    }

    #[test]
    fn debug_hides_the_token() {
        let shown = format!("{:?}", config());
        assert!(!shown.contains("wst_secret"), "{shown}");
        assert!(shown.contains("my-workspace"));
    }
}
