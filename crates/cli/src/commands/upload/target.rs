//! Where an upload goes to, and as whom: flags before the environment before `uploadInfo.yaml`.

use std::path::PathBuf;

use secrecy::SecretString;
use workstead_core::name::WorkspaceName;

use super::upload_info::UploadInfo;
use crate::error::CliError;
use crate::token::TokenSource;

/// The server of somebody who says nothing else.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8700";

/// What `--help` says of the server; the variable is read by hand, since CI sets what it lacks to nothing.
const SERVER_HELP: &str = "The server's address [env: WORKSTEAD_SERVER] [default: http://127.0.0.1:8700]";

/// Where to, as arguments say it.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// The workspace to upload to.
    #[arg(long, short, value_name = "NAME", help = "The workspace to upload to [env: WORKSTEAD_WORKSPACE]")]
    workspace: Option<WorkspaceName>,
    /// The server's address.
    #[arg(long, value_name = "URL", help = SERVER_HELP)]
    server: Option<String>,
    /// Where the token comes from.
    #[command(flatten)]
    token: TokenSource,
    /// Take workspace, server and token from the workspace builder's uploadInfo.yaml, where neither a flag nor the
    /// environment gives them
    #[arg(long, value_name = "FILE")]
    upload_info: Option<PathBuf>,
}

/// Where to, and as whom.
#[derive(Debug)]
pub(crate) struct Target {
    /// The workspace.
    pub(crate) workspace: WorkspaceName,
    /// The server's address.
    pub(crate) server: String,
    /// Who asks.
    pub(crate) token: SecretString,
}

impl TargetArgs {
    /// Puts together what flags, the environment and the file say.
    pub(crate) fn find(&self) -> Result<Target, CliError> {
        self.find_with(|name| std::env::var(name).ok())
    }

    fn find_with(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Target, CliError> {
        // CI sets what it lacks to the empty text.
        let set =
            |name: &str| environment(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let info = self.upload_info.as_deref().map(UploadInfo::read).transpose()?.unwrap_or_default();
        let workspace = match &self.workspace {
            Some(name) => name.clone(),
            None => parse_name(set("WORKSTEAD_WORKSPACE"), info.workspace)?,
        };
        let server = self.server.clone().or_else(|| set("WORKSTEAD_SERVER")).or(info.server);
        Ok(Target {
            workspace,
            server: server.unwrap_or_else(|| DEFAULT_SERVER.to_owned()),
            token: self.token.read_or(set(crate::token::TOKEN_VARIABLE), info.token)?,
        })
    }
}

fn parse_name(variable: Option<String>, file: Option<String>) -> Result<WorkspaceName, CliError> {
    let (name, origin) = match (variable, file) {
        (Some(name), _) => (name, "WORKSTEAD_WORKSPACE"),
        (None, Some(name)) => (name, "the workspaceName of --upload-info"),
        (None, None) => {
            return Err(CliError::user("no workspace was named")
                .hint("name it with --workspace, WORKSTEAD_WORKSPACE or --upload-info"));
        }
    };
    WorkspaceName::parse(&name).map_err(|error| {
        CliError::user_caused(error, format!("{origin} is `{name}`, no name of a workspace"))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        target: TargetArgs,
    }

    fn find(arguments: &[&str], environment: &[(&str, &str)]) -> Result<[String; 3], String> {
        let line = Line::try_parse_from([&["upload"], arguments].concat()).unwrap();
        let lookup = |name: &str| {
            environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        };
        let target = line.target.find_with(lookup).map_err(|error| error.report())?;
        Ok([target.workspace.to_string(), target.server, target.token.expose_secret().to_owned()])
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = file("workspaceName: of-file\ntoken: wst_file\npapiURL: https://file.example\n");
        let info = file.path().to_str().unwrap();
        let environment = [
            ("WORKSTEAD_WORKSPACE", "of-env"),
            ("WORKSTEAD_SERVER", "https://env.example"),
            ("WORKSTEAD_TOKEN", "wst_env"),
        ];
        let from = |arguments: &[&str], environment| find(arguments, environment).unwrap();
        assert_eq!(from(&["--upload-info", info], &[]), ["of-file", "https://file.example", "wst_file"]);
        let all = ["--upload-info", info, "-w", "of-flag", "--server", "https://flag.example"];
        assert_eq!(from(&all[..2], &environment), ["of-env", "https://env.example", "wst_env"]);
        assert_eq!(from(&all, &environment), ["of-flag", "https://flag.example", "wst_env"]);
        // What CI sets to nothing is not set.
        let nothing = environment.map(|(name, _)| (name, ""));
        assert_eq!(from(&all[..2], &nothing), ["of-file", "https://file.example", "wst_file"]);
        assert_eq!(from(&["-w", "a-b"], &environment[2..])[1], DEFAULT_SERVER);
    }

    #[test]
    fn what_is_missing_is_said() {
        let token = [("WORKSTEAD_TOKEN", "wst_env")];
        insta::assert_snapshot!(find(&[], &token).unwrap_err(), @r"
        error: no workspace was named
        hint: name it with --workspace, WORKSTEAD_WORKSPACE or --upload-info
        ");
        insta::assert_snapshot!(find(&["-w", "abc"], &[]).unwrap_err(), @r"
        error: no token was given
        hint: set WORKSTEAD_TOKEN, or name a file with --token-file
        ");
        let file = file("workspaceName: 'Not a name'\ntoken: wst_geheim\n");
        let error = find(&["--upload-info", file.path().to_str().unwrap()], &[]).unwrap_err();
        assert!(error.starts_with("error: the workspaceName of --upload-info is `Not a name`"), "{error}");
        assert!(find(&["--upload-info", "/nowhere"], &[]).unwrap_err().contains("`/nowhere`"));
    }
}
