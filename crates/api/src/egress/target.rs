//! A URL that somebody wrote down for this server to go to.

use std::fmt;

use url::{Host, Url};

use super::Refusal;

/// Most bytes of a URL.
const MAX_BYTES: usize = 2048;
/// Ports below are for programs of the system, of which only two speak HTTP.
const FIRST_OPEN_PORT: u16 = 1024;

/// Where to go: scheme, host, port and the rest, not yet the addresses.
///
/// Its `Display` leaves out the query, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
}

impl Target {
    /// Reads a URL; plain http must be allowed.
    pub(super) fn parse(text: &str, allows_http: bool) -> Result<Self, Refusal> {
        if text.len() > MAX_BYTES {
            return Err(Refusal::Malformed("longer than 2048 bytes"));
        }
        // Parsers drop some of these, each others.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(Refusal::Malformed("a text with blanks, control characters or backslashes"));
        }
        let url = Url::parse(text).map_err(|_| Refusal::Malformed("no absolute URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if allows_http => {}
            "http" => return Err(Refusal::Plain),
            other => return Err(Refusal::Scheme(other.to_owned())),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Malformed("a URL with a user or password in it, where it would be shown"));
        }
        if url.fragment().is_some() {
            return Err(Refusal::Malformed("a URL with a fragment, which is never sent"));
        }
        let host =
            url.host().map(|host| host.to_owned()).ok_or(Refusal::Malformed("a URL without a host"))?;
        if matches!(&host, Host::Domain(name) if !is_plain_name(name)) {
            return Err(Refusal::Malformed("a URL whose host is no name of the DNS"));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if port < FIRST_OPEN_PORT && !matches!(port, 80 | 443) {
            return Err(Refusal::Port(port));
        }
        Ok(Self { url, host, port })
    }

    /// Returns the whole URL as it is requested, query included.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the host, as the URL has it.
    pub(crate) fn host(&self) -> Host<&str> {
        match &self.host {
            Host::Domain(name) => Host::Domain(name),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        }
    }

    /// Returns the port, the scheme's own where the URL has none.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Tells whether what is sent there can be read on the way.
    pub(crate) fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }
}

/// Tells whether a name is one that every client reads alike, the addresses that curl is told included.
///
/// The parser has made it lower case and ASCII. A final dot is left out of names by some clients.
fn is_plain_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.url.clone();
        shown.set_query(self.url.query().map(|_| "..."));
        shown.fmt(formatter)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_the_url_of_a_host() {
        for (text, host, port) in [
            ("https://example.com", "example.com", 443),
            ("https://EXAMPLE.com:8443/a/b?c=d", "example.com", 8443),
            ("https://bücher.example/", "xn--bcher-kva.example", 443),
            ("https://git_lab.internal:1024/", "git_lab.internal", 1024),
            ("https://0x7f.1/", "127.0.0.1", 443),
            ("https://2130706433/", "127.0.0.1", 443),
            ("https://[::ffff:7f00:1]:65535/", "[::ffff:7f00:1]", 65535),
        ] {
            let target = Target::parse(text, false).unwrap();
            assert_eq!((target.host().to_string().as_str(), target.port()), (host, port), "{text}");
        }
        assert_eq!(Target::parse("http://example.com:3000", true).unwrap().port(), 3000);
    }

    #[test]
    fn what_is_never_gone_to_is_refused_with_the_reason() {
        let long = format!("https://example.com/{}", "x".repeat(2048));
        for (text, reason) in [
            ("", "no absolute URL"),
            ("example.com/hook", "no absolute URL"),
            ("https://", "no absolute URL"),
            ("https://exa mple.com", "blanks"),
            ("https://example.com/\n", "blanks"),
            ("https:\\\\example.com", "backslashes"),
            ("https://u@example.com", "user or password"),
            ("https://:p@example.com", "user or password"),
            ("https://example.com/#x", "fragment"),
            ("https://example.com./", "no name of the DNS"),
            ("https://a..b/", "no name of the DNS"),
            ("https://-example.com/", "no name of the DNS"),
            ("https://ex*mple.com/", "no name of the DNS"),
            ("https://example.com:22/", "its port is 22"),
            ("https://example.com:0/", "its port is 0"),
            ("https://example.com:1023/", "its port is 1023"),
            ("http://example.com/", "WORKSTEAD_EGRESS_ALLOW_HTTP"),
            ("ftp://example.com/", "its scheme is \"ftp\""),
            ("file:///etc/passwd", "its scheme is \"file\""),
            ("ext::sh -c x", "blanks"),
            (long.as_str(), "longer than"),
        ] {
            let refusal = Target::parse(text, false).expect_err(text).to_string();
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let target = Target::parse("https://example.com/a?token=geheim", false).unwrap();
        assert_eq!(target.to_string(), "https://example.com/a?...");
        assert_eq!(format!("{target:?}"), "Target(https://example.com/a?...)");
        assert_eq!(target.url().as_str(), "https://example.com/a?token=geheim");
        assert_eq!(Target::parse("https://example.com", false).unwrap().to_string(), "https://example.com/");
    }
}
