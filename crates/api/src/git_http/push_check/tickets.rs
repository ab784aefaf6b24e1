//! Tickets: who may ask the server about which push, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::{PushRequest, Verdict};

/// What judges one push; it knows its workspace, its caller and its repository.
pub(crate) type Judge = Box<dyn FnOnce(&PushRequest) -> Verdict + Send>;

/// The pushes that are under way.
#[derive(Default)]
pub(super) struct Tickets(Mutex<HashMap<String, Judge>>);

impl Tickets {
    /// Issues a ticket that is good once, as long as it is kept.
    pub(super) fn issue(self: &Arc<Self>, judge: Judge) -> Ticket {
        let secret = hex::encode(rand::random::<[u8; 16]>());
        self.open().insert(secret.clone(), judge);
        Ticket { secret, tickets: Arc::clone(self) }
    }

    /// Takes the judge of a push; a second asker finds nothing.
    pub(super) fn redeem(&self, secret: &str) -> Option<Judge> {
        // Guessing 128 random bits by timing a hash map's lookup, locally, is no concern.
        self.open().remove(secret)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<String, Judge>> {
        // A panic elsewhere can't leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have one push judged.
pub(crate) struct Ticket {
    secret: String,
    tickets: Arc<Tickets>,
}

impl Ticket {
    /// Returns the secret, for the environment of the push's processes only.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tickets.open().remove(&self.secret);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Box::new(|_| Verdict::accepted(Vec::new()))
    }

    #[test]
    fn a_ticket_is_good_once_and_while_it_lives() {
        let tickets = Arc::new(Tickets::default());
        let first = tickets.issue(judge());
        let second = tickets.issue(judge());
        assert_eq!(first.secret().len(), 32);
        assert_ne!(first.secret(), second.secret());
        assert!(tickets.redeem(first.secret()).is_some());
        assert!(tickets.redeem(first.secret()).is_none());
        let secret = second.secret().to_owned();
        drop(second);
        assert!(tickets.redeem(&secret).is_none());
    }
}
