//! Attempts to sign in by password, counted by account and by address.

use std::net::IpAddr;
use std::time::Instant;

use crate::app::AppState;
use crate::auth::client_address::network_of;
use crate::auth::rate_limit::{RateLimit, TooOften};
use crate::error::ApiError;
use crate::store::email_key;

/// Most failures a minute for one account, whether or not it exists.
const FAILURES_OF_ACCOUNT: usize = 10;
/// Most failures a minute from one address.
const FAILURES_OF_ADDRESS: usize = 100;

/// Most characters of an e-mail address (RFC 5321 section 4.5.3.1.3).
const MAX_ACCOUNT_CHARS: usize = 254;

/// Failed attempts of the last minute.
pub(crate) struct Failures {
    by_account: RateLimit<String>,
    by_address: RateLimit<IpAddr>,
}

impl Failures {
    /// Begins without any.
    pub(crate) fn new() -> Self {
        Self {
            by_account: RateLimit::a_minute(FAILURES_OF_ACCOUNT),
            by_address: RateLimit::a_minute(FAILURES_OF_ADDRESS),
        }
    }

    /// Counts an attempt as failed from its beginning, so that many at once are no way around the limit.
    pub(crate) fn begin(
        &self,
        account: &str,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Attempt, TooOften> {
        // As the lookup reads it, and only then cut: blanks before an address must not make another key of it. What
        // is longer than an address may be is nobody's, and is not to fill the memory.
        let account = email_key(account).chars().take(MAX_ACCOUNT_CHARS).collect();
        let attempt = Attempt { account, address: address.map(network_of) };
        if let Some(address) = &attempt.address {
            self.by_address.take(address, now)?;
        }
        self.by_account.take(&attempt.account, now).inspect_err(|_| {
            if let Some(address) = &attempt.address {
                self.by_address.give_back(address);
            }
        })?;
        Ok(attempt)
    }

    fn forgive(&self, attempt: &Attempt) {
        self.by_account.give_back(&attempt.account);
        if let Some(address) = &attempt.address {
            self.by_address.give_back(address);
        }
    }
}

/// An attempt under way.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt {
    account: String,
    address: Option<IpAddr>,
}

impl Attempt {
    /// Notes that the attempt does not count: the password was right, or could not be checked.
    pub(crate) fn forgive(self, app: &AppState) {
        app.failures.forgive(&self);
    }
}

/// Begins an attempt, or answers 429.
pub(crate) fn begin_attempt(
    app: &AppState,
    account: &str,
    address: Option<IpAddr>,
) -> Result<Attempt, ApiError> {
    app.failures.begin(account, address, Instant::now()).map_err(|often| {
        let seconds = often.seconds();
        let detail = format!("too many wrong passwords; try again in {seconds} seconds");
        ApiError::too_many("too_many_attempts", detail, seconds)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_account_is_guarded_whatever_its_spelling_and_from_wherever() {
        let (failures, now) = (Failures::new(), Instant::now());
        for number in 0..10_u8 {
            let account = if number % 2 == 0 { "Ann@Example.com" } else { " ann@example.com" };
            assert!(failures.begin(account, Some([10, 0, 0, number].into()), now).is_ok());
        }
        let often = failures.begin("ann@example.com", Some([10, 0, 1, 1].into()), now).unwrap_err();
        assert_eq!(often.seconds(), 60);
        assert!(failures.begin("bob@example.com", Some([10, 0, 0, 1].into()), now).is_ok());
        assert!(failures.begin("ann@example.com", None, now + Duration::from_mins(1)).is_ok());
    }

    #[test]
    fn blanks_make_no_other_account() {
        let (failures, now) = (Failures::new(), Instant::now());
        let padded = |blanks: usize| format!("{}ann@example.com", " ".repeat(blanks));
        let tried = (240..300).filter(|blanks| failures.begin(&padded(*blanks), None, now).is_ok()).count();
        assert_eq!(tried, 10);
    }

    #[test]
    fn an_address_has_a_hundred_for_all_accounts() {
        let (failures, now) = (Failures::new(), Instant::now());
        let address = |last: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]));
        for number in 0..100_u16 {
            // Somebody with a whole network of their own is one.
            assert!(failures.begin(&format!("{number}@example.com"), address(number), now).is_ok());
        }
        assert!(failures.begin("new@example.com", address(7), now).is_err());
        assert!(failures.begin("new@example.com", Some([10, 0, 0, 1].into()), now).is_ok());
    }

    #[test]
    fn what_succeeds_does_not_count() {
        let (failures, now) = (Failures::new(), Instant::now());
        for _ in 0..200 {
            let attempt = failures.begin("ann@example.com", Some([10, 0, 0, 1].into()), now).unwrap();
            failures.forgive(&attempt);
        }
    }

    #[test]
    fn an_account_that_is_locked_does_not_lock_the_address() {
        let (failures, now) = (Failures::new(), Instant::now());
        let address = Some([10, 0, 0, 1].into());
        let tried = (0..300).filter(|_| failures.begin("ann@example.com", address, now).is_ok()).count();
        assert_eq!(tried, 10);
        assert!(failures.begin("bob@example.com", address, now).is_ok());
    }
}
