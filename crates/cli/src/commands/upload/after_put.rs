//! What to do when a PUT to a signed address did not succeed.

use crate::client::ClientError;

/// What is known about a PUT that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailedPut {
    /// Whether the connection took all bytes.
    pub(super) sent_all: bool,
    /// Whether the address is too old by now.
    pub(super) expired: bool,
    /// Whether the address before this one was refused as well.
    pub(super) refused_before: bool,
    /// Whether there is another way, so that this one is not worth much waiting.
    pub(super) other_way: bool,
    /// Whether an address could not be reached before.
    pub(super) unreached_before: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterPut {
    /// It may be there: complete it, and see.
    Complete,
    /// Ask for a new address at once.
    Renew,
    /// Wait, then ask for a new address.
    Wait,
    /// This way leads nowhere.
    Stop,
    /// Nor does any other.
    Fail,
}

impl FailedPut {
    /// Decides.
    pub(super) fn next(self, error: &ClientError) -> AfterPut {
        match error {
            ClientError::Failed(_) => AfterPut::Fail,
            ClientError::Unreachable(unreachable) if !unreachable.passing => AfterPut::Stop,
            // The answer may be all that was lost.
            ClientError::Unreachable(unreachable) if unreachable.connected && self.sent_all => {
                AfterPut::Complete
            }
            ClientError::Unreachable(unreachable)
                if !unreachable.connected && self.other_way && self.unreached_before =>
            {
                AfterPut::Stop
            }
            ClientError::Unreachable(_) => AfterPut::Wait,
            ClientError::Refused(refusal) => match refusal.http_status {
                // It was completed or taken in meanwhile.
                409 | 412 => AfterPut::Complete,
                // A proxy gave up on the store's answer.
                502 | 504 if self.sent_all => AfterPut::Complete,
                _ if refusal.is_passing() => AfterPut::Wait,
                // Too large or other bytes than were declared: so it would be on every way.
                413 | 422 => AfterPut::Fail,
                _ if self.expired || !self.refused_before => AfterPut::Renew,
                _ => AfterPut::Stop,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Refusal, Unreachable};

    const FRESH: FailedPut = FailedPut {
        sent_all: false,
        expired: false,
        refused_before: false,
        other_way: false,
        unreached_before: false,
    };

    fn refused(http_status: u16) -> ClientError {
        let store = Some("the store".to_owned());
        Refusal { http_status, store, ..Refusal::default() }.into()
    }

    fn cut(connected: bool, passing: bool) -> ClientError {
        let (peer, cause) = (String::new(), String::new());
        ClientError::Unreachable(Unreachable { peer, connected, passing, cause, note: None })
    }

    #[test]
    fn what_may_be_there_is_completed_and_not_sent_again() {
        let sent = FailedPut { sent_all: true, ..FRESH };
        assert_eq!(sent.next(&cut(true, true)), AfterPut::Complete);
        assert_eq!(sent.next(&refused(504)), AfterPut::Complete);
        assert_eq!(FRESH.next(&refused(409)), AfterPut::Complete);
        // The store says itself that it has nothing.
        assert_eq!(sent.next(&refused(503)), AfterPut::Wait);
        assert_eq!(FRESH.next(&cut(true, true)), AfterPut::Wait);
        assert_eq!(FRESH.next(&refused(504)), AfterPut::Wait);
    }

    #[test]
    fn a_refused_address_is_renewed_once_and_an_expired_one_always() {
        for status in [400, 401, 403, 404, 410] {
            assert_eq!(FRESH.next(&refused(status)), AfterPut::Renew, "{status}");
            let again = FailedPut { refused_before: true, ..FRESH };
            assert_eq!(again.next(&refused(status)), AfterPut::Stop, "{status}");
            let expired = FailedPut { expired: true, ..again };
            assert_eq!(expired.next(&refused(status)), AfterPut::Renew, "{status}");
        }
    }

    #[test]
    fn a_store_that_is_not_to_be_reached_is_left_early_when_there_is_another_way() {
        assert_eq!(FRESH.next(&cut(false, true)), AfterPut::Wait);
        let again = FailedPut { unreached_before: true, ..FRESH };
        assert_eq!(again.next(&cut(false, true)), AfterPut::Wait);
        let other = FailedPut { other_way: true, ..again };
        assert_eq!(other.next(&cut(false, true)), AfterPut::Stop);
        assert_eq!(other.next(&cut(true, true)), AfterPut::Wait);
        assert_eq!(FRESH.next(&cut(false, false)), AfterPut::Stop);
    }

    #[test]
    fn what_no_way_takes_is_final() {
        for status in [413, 422] {
            assert_eq!(FRESH.next(&refused(status)), AfterPut::Fail, "{status}");
        }
    }
}
