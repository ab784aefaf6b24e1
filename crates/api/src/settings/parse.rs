//! Reading one setting's text.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use axum::http::HeaderValue;
use secrecy::SecretString;
use url::Url;

use super::{InvalidSetting, SETTINGS, Setting};
use crate::llm_config;

/// Asks for settings by name and parses them, defaults included.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// Reads a setting that has a default.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, InvalidSetting> {
        let setting = setting_named(name);
        let text = self.given(name).unwrap_or_else(|| setting.default.to_owned());
        parse(&text).ok_or_else(|| refuse(setting, &text))
    }

    /// Reads a setting that may be absent.
    pub(super) fn read_optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidSetting> {
        let setting = setting_named(name);
        self.given(name).map(|text| parse(&text).ok_or_else(|| refuse(setting, &text))).transpose()
    }

    /// Tells whether a variable is there and not empty.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Reads a setting that may be absent, and then is what a variable of others says, read alike.
    pub(super) fn read_optional_or<T>(
        &self,
        name: &'static str,
        other: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidSetting> {
        let setting = setting_named(name);
        let named = |name| self.given(name).map(|text| (Setting { name, ..setting }, text));
        let given = named(name).or_else(|| named(other));
        given.map(|(setting, text)| parse(&text).ok_or_else(|| refuse(setting, &text))).transpose()
    }

    fn given(&self, name: &str) -> Option<String> {
        let text = (self.lookup)(name)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

fn setting_named(name: &'static str) -> Setting {
    // A name outside the table has no default and no description, which its parser then refuses;
    // the test of all defaults sees it.
    SETTINGS.iter().find(|setting| setting.name == name).copied().unwrap_or(Setting {
        name,
        default: "",
        expected: "a listed setting",
        help: "",
        secret: true,
    })
}

fn refuse(setting: Setting, text: &str) -> InvalidSetting {
    let value = if setting.secret {
        format!("a secret of {} characters", text.chars().count())
    } else {
        format!("{text:?}")
    };
    InvalidSetting { name: setting.name, value, expected: setting.expected }
}

/// Parses `host:port`; the host may be a name or a bracketed IPv6 address.
pub(super) fn listen(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    (!host.is_empty() && (bracketed || !host.contains(':'))).then(|| text.to_owned())
}

/// Parses a base URL and cuts its trailing slash.
pub(super) fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim_end_matches('/')).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

/// A web origin as browsers write it: scheme, host, and the port unless it is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Parses an origin; `*` and `null` are none, and a path makes none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = base_url(text)?;
        let is_origin = url.path() == "/" && url.password().is_none();
        let written = url.origin().ascii_serialization();
        is_origin.then(|| HeaderValue::try_from(written).ok().map(Self))?
    }

    /// Returns the value of the header `Origin`.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// Parses a base URL that is nothing but scheme, host and port.
pub(super) fn origin(text: &str) -> Option<Url> {
    base_url(text).filter(|url| url.path() == "/")
}

/// Parses an e-mail address as far as it matters: one `@` between two texts without blanks.
pub(super) fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let clean = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,\"".contains(c))
    };
    (text.len() <= 254 && clean(local) && clean(domain) && !local.contains('@')).then(|| text.to_owned())
}

/// Parses a token that an operator chose.
pub(super) fn token(text: &str) -> Option<SecretString> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (visible && (32..=512).contains(&text.len())).then(|| SecretString::from(text))
}

/// Parses a word that goes into a header as it is.
pub(super) fn visible(text: &str) -> Option<String> {
    (text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
}

/// Parses the platform's language models.
pub(super) fn llm_config(text: &str) -> Option<SecretString> {
    let config: serde_json::Value = serde_json::from_str(text).ok()?;
    llm_config::check(&config).is_ok().then(|| SecretString::from(text))
}

/// Says that a setting is absent that another one needs.
pub(super) fn missing(name: &'static str) -> InvalidSetting {
    InvalidSetting { name, value: "absent".to_owned(), expected: setting_named(name).expected }
}

/// Parses `true` or `false`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Parses a whole number above zero.
pub(super) fn at_least_one<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| *number >= T::from(1))
}

/// Parses a whole number within bounds.
pub(super) fn within<T: FromStr + PartialOrd>(text: &str, bounds: RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|number| bounds.contains(number))
}

/// Parses minutes, from one to a day's.
pub(super) fn minutes_of_a_day(text: &str) -> Option<Duration> {
    within(text, 1..=1440).map(Duration::from_mins)
}

/// Parses a size: bytes, or with one of the units KiB, MiB, GiB.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return None,
    };
    digits.trim_end().parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("1", 1), ("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("2k", 2048)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "0", "-1", "MiB", "1.5MiB", "1TB", "99999999999GiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn listening_addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "localhost:80", "[::1]:8700", "0.0.0.0:8700"] {
            assert!(listen(good).is_some(), "{good}");
        }
        for bad in ["8700", ":8700", "::1:8700", "host:", "host:99999"] {
            assert!(listen(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn origins_are_as_browsers_write_them() {
        let written = |text| Origin::parse(text).map(|origin| origin.header().to_str().unwrap().to_owned());
        assert_eq!(written("https://A.example:443/").as_deref(), Some("https://a.example"));
        assert_eq!(written("http://localhost:3000").as_deref(), Some("http://localhost:3000"));
        for bad in
            ["", "*", "null", "a.example", "https://a.example/x", "https://u:p@a.example", "https://a/?b"]
        {
            assert_eq!(written(bad), None, "{bad}");
        }
    }

    #[test]
    fn e_mail_addresses_are_plain() {
        assert!(email("a@b").is_some() && email("A.B+c@example.com").is_some());
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b\n", "<a>@b"] {
            assert!(email(bad).is_none(), "{bad:?}");
        }
    }
}
