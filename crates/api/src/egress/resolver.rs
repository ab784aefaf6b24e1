//! Looking a name up: within some time, and not too many at once.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::Refusal;

/// Most names that are looked up at once, those that are given up included.
const MAX_LOOKUPS: usize = 16;
/// How long one may take, with waiting for its turn.
const LOOKUP_TIME: Duration = Duration::from_secs(5);

/// Something that knows the addresses of names; it may block.
pub(crate) trait Resolver: fmt::Debug + Send + Sync {
    /// Returns the addresses of a name, the preferred first.
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// What this machine uses: its hosts file, its name servers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Looks names up.
#[derive(Debug, Clone)]
pub(super) struct Lookups {
    resolver: Arc<dyn Resolver>,
    turns: Arc<Semaphore>,
    time: Duration,
}

impl Lookups {
    pub(super) fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, turns: Arc::new(Semaphore::new(MAX_LOOKUPS)), time: LOOKUP_TIME }
    }

    /// Finds the addresses of a name, at least one, each once.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Refusal> {
        let failed = |cause: String| Refusal::Unresolved { host: name.to_owned(), cause };
        let answer = tokio::time::timeout(self.time, self.ask(name)).await;
        let answer =
            answer.map_err(|_| failed(format!("no answer within {} seconds", self.time.as_secs())))?;
        let mut addresses = answer.map_err(|error| failed(error.to_string()))?;
        let mut seen = HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        if addresses.is_empty() {
            return Err(failed("it has none".to_owned()));
        }
        Ok(addresses)
    }

    /// Asks on a thread of its own: a name server that does not answer holds nothing up, not even the server's end.
    async fn ask(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
        let (sender, answer) = oneshot::channel();
        let (resolver, name) = (Arc::clone(&self.resolver), name.to_owned());
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let found = resolver.resolve(&name);
            drop(turn);
            // Nobody waits for one that came too late.
            let _ = sender.send(found);
        })?;
        answer.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use tokio::task::JoinSet;

    use super::*;

    /// Answers once the other end is dropped, as a name server that is away.
    #[derive(Debug)]
    struct Silent(Mutex<Receiver<()>>);

    impl Resolver for Silent {
        fn resolve(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            let _ = self.0.lock().unwrap().recv();
            Ok(vec![IpAddr::from([1, 1, 1, 1])])
        }
    }

    #[tokio::test]
    async fn a_name_server_that_is_away_holds_nothing_up() {
        let (away, answers) = channel();
        let mut lookups = Lookups::new(Arc::new(Silent(Mutex::new(answers))));
        lookups.time = Duration::from_millis(20);
        let mut asked = JoinSet::new();
        for _ in 0..MAX_LOOKUPS + 3 {
            let lookups = lookups.clone();
            asked.spawn(async move { lookups.addresses("slow.example").await });
        }
        for answer in asked.join_all().await {
            assert!(matches!(answer, Err(Refusal::Unresolved { .. })));
        }
        assert_eq!(lookups.turns.available_permits(), 0);
        drop(away);
        lookups.time = LOOKUP_TIME;
        assert_eq!(lookups.addresses("slow.example").await.unwrap().len(), 1);
    }
}
