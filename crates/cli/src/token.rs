//! The caller's token, which never stands in the arguments where `ps` shows it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::error::CliError;

/// The variable that holds the token.
pub(crate) const TOKEN_VARIABLE: &str = "WORKSTEAD_TOKEN";

/// Where the token comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenSource {
    /// Read the token from this file; by default it comes from `WORKSTEAD_TOKEN`
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl TokenSource {
    /// Reads the token: the file when one is named, else the variable, else what another source gives.
    pub(crate) fn read_or(
        &self,
        variable: Option<String>,
        other: Option<SecretString>,
    ) -> Result<SecretString, CliError> {
        match other {
            Some(token) if self.token_file.is_none() && variable.is_none() => {
                choose(None, Some(token.expose_secret().to_owned()))
            }
            _ => choose(self.token_file.as_deref(), variable),
        }
    }
}

fn choose(file: Option<&Path>, variable: Option<String>) -> Result<SecretString, CliError> {
    let (text, origin) = if let Some(path) = file {
        let text = fs_err::read_to_string(path)
            .map_err(|error| CliError::user_caused(error, "failed to read the token"))?;
        (text, format!("`{}`", path.display()))
    } else if let Some(text) = variable {
        (text, format!("the variable {TOKEN_VARIABLE}"))
    } else {
        return Err(CliError::user("no token was given")
            .hint(format!("set {TOKEN_VARIABLE}, or name a file with --token-file")));
    };
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CliError::user(format!("{origin} does not hold a token"))
            .hint("a token is one word of printable ASCII characters"));
    }
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_wins_over_the_variable_and_blanks_around_it_go() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        fs_err::write(&file, "from-file\n").unwrap();
        let token = choose(Some(&file), Some("from-variable".to_owned())).unwrap();
        assert_eq!(token.expose_secret(), "from-file");
        let token = choose(None, Some(" from-variable ".to_owned())).unwrap();
        assert_eq!(token.expose_secret(), "from-variable");
    }

    #[test]
    fn a_missing_or_broken_token_is_said_without_showing_it() {
        insta::assert_snapshot!(choose(None, None).unwrap_err().report(), @r"
        error: no token was given
        hint: set WORKSTEAD_TOKEN, or name a file with --token-file
        ");
        insta::assert_snapshot!(choose(None, Some("two words".to_owned())).unwrap_err().report(), @r"
        error: the variable WORKSTEAD_TOKEN does not hold a token
        hint: a token is one word of printable ASCII characters
        ");
    }
}
