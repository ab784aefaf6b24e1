//! The way out: through a proxy, or straight.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};
use url::{Host, Url};

use crate::error::CliError;

/// The proxies of the environment, as curl and most programs read them.
///
/// ureq's own reading would take the first of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY` for every address, and know
/// neither blanks nor subdomains nor networks in `NO_PROXY`.
#[derive(Debug)]
pub(crate) struct Proxies {
    matcher: Matcher,
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the same in small letters.
    pub(crate) fn from_environment() -> Self {
        Self { matcher: Matcher::from_env() }
    }

    /// Returns the proxy for an address; nothing to go straight, as always on this machine.
    pub(crate) fn find(&self, url: &Url) -> Result<Option<Proxy>, CliError> {
        if is_this_machine(url) {
            return Ok(None);
        }
        // Of an address that this can't read, the request says more.
        let Ok(uri) = Uri::try_from(url.as_str()) else { return Ok(None) };
        self.matcher.intercept(&uri).map(|intercept| proxy(&intercept)).transpose()
    }
}

/// Tells whether an address can only mean this machine: a proxy would look for it on its own.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn proxy(intercept: &Intercept) -> Result<Proxy, CliError> {
    let uri = intercept.uri();
    let refuse = || {
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        CliError::user(format!("the proxy {scheme}://{host} of the environment can't be used"))
            .hint("HTTP_PROXY, HTTPS_PROXY or ALL_PROXY must name an http or https proxy")
    };
    let protocol = ProxyProtocol::try_from(uri.scheme_str().unwrap_or("http")).map_err(|_| refuse())?;
    if !matches!(protocol, ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(refuse());
    }
    let mut builder = Proxy::builder(protocol).host(uri.host().unwrap_or_default());
    if let Some(port) = uri.port_u16() {
        builder = builder.port(port);
    }
    if let Some((user, password)) = credentials(intercept) {
        builder = builder.username(&user).password(&password);
    }
    builder.build().map_err(|_| refuse())
}

/// Returns the user and the password of a proxy's address.
fn credentials(intercept: &Intercept) -> Option<(String, String)> {
    let basic = intercept.basic_auth()?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(no_proxy: &'static str) -> Proxies {
        let matcher = Matcher::builder()
            .http("http://plain.example:3128")
            .https("http://us%65r:p%40ss@secure.example:3129")
            .no(no_proxy)
            .build();
        Proxies { matcher }
    }

    fn chosen(no_proxy: &'static str, url: &str) -> Option<String> {
        let proxy = proxies(no_proxy).find(&Url::parse(url).unwrap()).unwrap()?;
        Some(format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        assert_eq!(chosen("", "http://a.example").as_deref(), Some("plain.example:3128"));
        assert_eq!(chosen("", "https://a.example").as_deref(), Some("secure.example:3129"));
    }

    #[test]
    fn no_proxy_knows_domains_networks_and_blanks() {
        let no_proxy = "a.example, .b.example,10.0.0.0/8, ::2";
        for straight in ["a.example", "x.a.example", "b.example", "x.b.example", "10.1.2.3", "[::2]"] {
            assert_eq!(chosen(no_proxy, &format!("http://{straight}:8700/x")), None, "{straight}");
        }
        for through in ["nota.example", "11.1.2.3", "[::3]"] {
            assert!(chosen(no_proxy, &format!("http://{through}/")).is_some(), "{through}");
        }
        assert_eq!(chosen("*", "https://a.example"), None);
    }

    #[test]
    fn this_machine_is_never_asked_of_a_proxy() {
        for here in ["127.0.0.1:8700", "localhost:8700", "LOCALHOST", "x.localhost", "[::1]:1", "127.9.9.9"] {
            assert_eq!(chosen("", &format!("http://{here}/")), None, "{here}");
        }
        assert!(chosen("", "http://localhost.example/").is_some());
    }

    #[test]
    fn a_proxys_password_is_used_and_not_shown() {
        let url = Url::parse("https://a.example").unwrap();
        let proxy = proxies("").find(&url).unwrap().unwrap();
        assert_eq!((proxy.username(), proxy.password()), (Some("user"), Some("p@ss")));
        assert!(!format!("{:?}", proxies("")).contains("p@ss"));
        let socks = Proxies { matcher: Matcher::builder().all("socks5://u:geheim@a.example").build() };
        insta::assert_snapshot!(socks.find(&url).unwrap_err().report(), @r"
        error: the proxy socks5://a.example of the environment can't be used
        hint: HTTP_PROXY, HTTPS_PROXY or ALL_PROXY must name an http or https proxy
        ");
    }
}
