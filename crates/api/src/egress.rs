//! Where this server connects to when somebody else names the address.
//!
//! | File | Does |
//! |---|---|
//! | `target.rs` | reads a URL, and says which may be gone to at all |
//! | `address.rs` | says which addresses may be connected to |
//! | `agent.rs` | the HTTP client that connects to what was checked |
//! | `resolver.rs` | looks a name up, within some time |
//!
//! Webhooks and mirrors go to URLs that people wrote down, from where this server stands: behind firewalls, beside
//! databases, on machines whose metadata service gives credentials away. So a connection is made to a
//! [`Destination`] only, which nobody can make but [`Egress::check`], and to the addresses that were checked: a name
//! that is looked up again when the connection is made may mean something else by then. Redirects are not followed, and
//! proxies of the environment are not used, by whoever connects; both would undo this.

mod address;
mod agent;
mod resolver;
mod target;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use url::Host;

use self::resolver::Lookups;
pub(crate) use self::resolver::{Resolver, SystemResolver};
pub(crate) use self::target::Target;
use crate::auth::client_address::Network;
use crate::error::ApiError;
use crate::settings::Settings;

/// Most addresses of a name that are kept; connections are tried in their order.
const MAX_ADDRESSES: usize = 16;

/// The policy of this server, with what it asks for names.
#[derive(Debug, Clone)]
pub(crate) struct Egress {
    rules: Rules,
    lookups: Lookups,
}

/// What the operator allows beyond public addresses and https.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) networks: Vec<Network>,
    pub(crate) http: bool,
}

/// A target whose addresses were checked, and only these: connect to nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    target: Target,
    addresses: Vec<IpAddr>,
}

/// Why this server does not go somewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The text is not the URL of a host.
    #[error("it is {0}; expected a URL like https://example.com/path")]
    Malformed(&'static str),
    /// The scheme is another one.
    #[error("its scheme is {0:?}, expected https")]
    Scheme(String),
    /// Plain http, which is not allowed.
    #[error(
        "its scheme is http, which anybody on the way can read; use https, or have the operator set WORKSTEAD_EGRESS_ALLOW_HTTP"
    )]
    Plain,
    /// A port that belongs to something else.
    #[error("its port is {0}; expected 443, 80, or one from 1024 on")]
    Port(u16),
    /// An address that is not public.
    #[error(
        "{host} is {address}, {kind}; use a public address, or have the operator add the network to WORKSTEAD_EGRESS_ALLOW"
    )]
    Address {
        /// The host as it was named.
        host: String,
        /// Its address that may not be connected to.
        address: IpAddr,
        /// What kind of address it is.
        kind: &'static str,
    },
    /// The name has no address, or nobody says which.
    #[error("the address of {host} could not be found: {cause}")]
    Unresolved {
        /// The name.
        host: String,
        /// What was said instead.
        cause: String,
    },
}

impl Egress {
    /// Makes the policy that the settings ask for.
    pub(crate) fn new(settings: &Settings) -> Self {
        let rules = Rules { networks: settings.egress_allow.clone(), http: settings.egress_allow_http };
        Self::with(rules, Arc::new(SystemResolver))
    }

    /// Makes a policy with another way to look names up.
    pub(crate) fn with(rules: Rules, resolver: Arc<dyn Resolver>) -> Self {
        Self { rules, lookups: Lookups::new(resolver) }
    }

    /// Reads a URL and refuses what is never gone to, before any name is looked up.
    pub(crate) fn target(&self, text: &str) -> Result<Target, Refusal> {
        Target::parse(text, self.rules.http)
    }

    /// Finds the addresses of a target and checks them; to be done again for each connection.
    ///
    /// All must pass, not just some: a name with a public and a private address is either somebody's attempt or a mistake,
    /// and going on with the rest would work or not by chance.
    pub(crate) async fn check(&self, target: &Target) -> Result<Destination, Refusal> {
        // The setting may have changed since the target was written down.
        if target.is_plain() && !self.rules.http {
            return Err(Refusal::Plain);
        }
        let mut addresses = match target.host() {
            Host::Ipv4(address) => vec![IpAddr::V4(address)],
            Host::Ipv6(address) => vec![IpAddr::V6(address)],
            Host::Domain(name) => self.lookups.addresses(name).await?,
        };
        for address in &addresses {
            address::admit(*address, &self.rules.networks).map_err(|kind| Refusal::Address {
                host: target.host().to_string(),
                address: *address,
                kind,
            })?;
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(Destination { target: target.clone(), addresses })
    }
}

impl Destination {
    /// Returns where it leads.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns what makes curl connect to these addresses and no others, `host:port:address,address`.
    ///
    /// There is none for an address in place of a name, which curl does not look up.
    pub(crate) fn curl_resolve(&self) -> Option<String> {
        let Host::Domain(name) = self.target.host() else { return None };
        let shown = |address: &IpAddr| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let addresses = self.addresses.iter().map(shown).collect::<Vec<_>>().join(",");
        Some(format!("{name}:{}:{addresses}", self.target.port()))
    }
}

impl Refusal {
    /// Answers 422 for a field that names a place where this server does not go.
    pub(crate) fn answer(&self, field: &str) -> ApiError {
        ApiError::invalid(self.code(), format!("the field {field} can't be used: {self}"))
    }

    /// Returns a stable word for it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Scheme(_) | Self::Plain | Self::Port(_) => "invalid_url",
            Self::Address { .. } => "address_not_allowed",
            Self::Unresolved { .. } => "host_not_found",
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(formatter)
    }
}

#[cfg(test)]
mod tests;
