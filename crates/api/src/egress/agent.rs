//! An HTTP client that goes to one destination and nowhere else.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::Agent;
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::{Destination, MAX_ADDRESSES};

impl Destination {
    /// Makes a client that connects to the checked addresses only, follows no redirect and asks no proxy.
    ///
    /// Statuses of failure are answers of it and no errors. A whole exchange may take this long.
    pub(crate) fn agent(&self, time: Duration) -> Agent {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(!self.target.is_plain())
            .proxy(None)
            // An answer is looked at as it comes: none that unpacks to something large.
            .accept_encoding(AutoHeaderValue::None)
            .user_agent(concat!("Workstead/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections(0)
            .timeout_global(Some(time))
            .build();
        let addresses = self.addresses.iter().map(|address| SocketAddr::new(*address, self.target.port()));
        Agent::with_parts(config, DefaultConnector::default(), Pinned(addresses.collect()))
    }
}

/// Answers what was checked, whatever it is asked.
#[derive(Debug)]
struct Pinned(Vec<SocketAddr>);

impl Resolver for Pinned {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        for address in self.0.iter().take(MAX_ADDRESSES) {
            addresses.push(*address);
        }
        Ok(addresses)
    }
}
