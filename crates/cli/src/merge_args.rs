//! What the merge is to do, as flags and as the API's fields.

use serde_json::Value;

/// What the merge does with what people and earlier uploads left.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct MergeArgs {
    /// Which side wins where an SLX is in the repository and in the upload; by default what the server does untold:
    /// keepuploaded
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) merge_mode: Option<MergeMode>,
    /// With threeway: which side wins where both changed the same field
    #[arg(long, value_enum, value_name = "SIDE")]
    pub(crate) conflict: Option<Conflict>,
    /// Remove SLXs that earlier uploads of this location brought and this one lacks
    #[arg(long)]
    pub(crate) prune_stale_slxs: bool,
    /// Remove also files and workflows that earlier uploads brought and this one lacks
    #[arg(long)]
    pub(crate) prune_stale_resources: bool,
    /// Let a prune take more than half of the location's SLXs
    #[arg(long)]
    pub(crate) allow_mass_prune: bool,
    /// The commit's message
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// When the bundle was built, for the record of uploads
    #[arg(long, value_name = "DATE")]
    pub(crate) build_date: Option<String>,
}

/// Which side wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MergeMode {
    /// The repository's files stay
    #[value(name = "keepexisting")]
    KeepExisting,
    /// The uploaded files replace them
    #[value(name = "keepuploaded")]
    KeepUploaded,
    /// Each side keeps what it alone changed since the last upload
    #[value(name = "threeway")]
    ThreeWay,
}

impl MergeMode {
    /// Returns the word of the API.
    fn as_str(self) -> &'static str {
        match self {
            Self::KeepExisting => "keepexisting",
            Self::KeepUploaded => "keepuploaded",
            Self::ThreeWay => "threeway",
        }
    }
}

/// Which side wins where both changed the same field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Conflict {
    /// What the repository says
    Existing,
    /// What the upload says
    Uploaded,
    /// Neither: the upload is refused
    Fail,
}

impl Conflict {
    /// Returns the word of the API.
    fn as_str(self) -> &'static str {
        match self {
            Self::Existing => "existing",
            Self::Uploaded => "uploaded",
            Self::Fail => "fail",
        }
    }
}

impl MergeArgs {
    /// Returns the options as the API's field names and JSON values; what is not set is left to the server.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let words = [
            ("mergeMode", self.merge_mode.map(MergeMode::as_str)),
            ("conflict", self.conflict.map(Conflict::as_str)),
            ("message", self.message.as_deref()),
            ("buildDate", self.build_date.as_deref()),
        ];
        let flags = [
            ("pruneStaleSlxs", self.prune_stale_slxs),
            ("pruneStaleResources", self.prune_stale_resources),
            ("allowMassPrune", self.allow_mass_prune),
        ];
        let words = words.into_iter().filter_map(|(name, word)| Some((name, Value::from(word?))));
        let flags = flags.into_iter().filter(|(_, set)| *set).map(|(name, set)| (name, Value::from(set)));
        words.chain(flags).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_is_sent() {
        assert!(MergeArgs::default().fields().is_empty());
        let options = MergeArgs {
            merge_mode: Some(MergeMode::ThreeWay),
            conflict: Some(Conflict::Fail),
            prune_stale_slxs: true,
            message: Some("nightly".to_owned()),
            ..MergeArgs::default()
        };
        let fields: Vec<String> =
            options.fields().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        insta::assert_snapshot!(
            fields.join(" "),
            @r#"mergeMode="threeway" conflict="fail" message="nightly" pruneStaleSlxs=true"#
        );
    }
}
