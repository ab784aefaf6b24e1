//! When a step is tried again, and when that is over.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::failure::ClientError;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that nobody asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What is added at most to a pause that the other side asked for, so that not all come back at once.
const MOST_ADDED: Duration = Duration::from_secs(1);

/// How often and how long steps are tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How often one step.
    pub(crate) retries: u32,
    /// Until when any.
    pub(crate) deadline: Instant,
}

/// Time and chance; tests have their own.
pub(crate) trait Clock: Debug {
    /// Returns what time it is.
    fn now(&self) -> Instant;
    /// Lets time pass.
    fn sleep(&self, pause: Duration);
    /// Returns a number from 0 to 1.
    fn random(&self) -> f64;
}

/// Real time and chance.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }

    fn random(&self) -> f64 {
        rand::random()
    }
}

/// What to do about an error.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// Wait that long, and try again.
    Again(Duration),
    /// Nothing more, and why not when it might have passed.
    Stop(Option<String>),
}

/// The attempts at one step.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    patience: Patience,
    clock: &'a dyn Clock,
    retried: u32,
}

impl<'a> Attempts<'a> {
    /// Begins with the first.
    pub(crate) fn new(patience: Patience, clock: &'a dyn Clock) -> Self {
        Self { patience, clock, retried: 0 }
    }

    /// Decides about an error; one that does not pass is final.
    pub(crate) fn after(&mut self, error: &ClientError) -> Next {
        if !error.is_passing() {
            return Next::Stop(None);
        }
        self.after_pause(error.retry_after())
    }

    /// Decides about something that passes, whatever it is.
    pub(crate) fn after_pause(&mut self, asked: Option<Duration>) -> Next {
        if self.retried >= self.patience.retries {
            let tries = self.retried + 1;
            return Next::Stop((tries > 1).then(|| format!("tried {tries} times; --retries allows more")));
        }
        let pause = pause(self.retried, asked, self.clock.random());
        let left = self.patience.deadline.saturating_duration_since(self.clock.now());
        if pause >= left {
            let note = format!(
                "the next try would be in {}, and --timeout leaves {}",
                seconds(pause),
                seconds(left)
            );
            return Next::Stop(Some(note));
        }
        self.retried += 1;
        Next::Again(pause)
    }

    /// Returns how many retries there were, and how many there may be.
    pub(crate) fn count(&self) -> (u32, u32) {
        (self.retried, self.patience.retries)
    }
}

/// Returns the pause before a retry: half of it fixed, half of it chance; never before the time that was asked for.
fn pause(retried: u32, asked: Option<Duration>, random: f64) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(retried).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
    let backoff = full / 2 + (full / 2).mul_f64(random);
    asked.map_or(backoff, |asked| backoff.max(asked + MOST_ADDED.min(asked / 10).mul_f64(random)))
}

/// Writes a time as people say it.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::super::failure::Unreachable;
    use super::super::refusal::Refusal;
    use super::*;

    /// A clock on which sleeping takes no time.
    #[derive(Debug)]
    pub(crate) struct TestClock {
        start: Instant,
        slept: RefCell<Vec<Duration>>,
        random: f64,
    }

    impl TestClock {
        pub(crate) fn new(random: f64) -> Self {
            Self { start: Instant::now(), slept: RefCell::default(), random }
        }
    }

    impl Clock for TestClock {
        fn now(&self) -> Instant {
            self.start + self.slept.borrow().iter().sum::<Duration>()
        }

        fn sleep(&self, pause: Duration) {
            self.slept.borrow_mut().push(pause);
        }

        fn random(&self) -> f64 {
            self.random
        }
    }

    fn refused(http_status: u16, retry_after: Option<u64>) -> ClientError {
        let retry_after = retry_after.map(Duration::from_secs);
        Refusal { http_status, retry_after, ..Refusal::default() }.into()
    }

    fn cut() -> ClientError {
        ClientError::Unreachable(Unreachable {
            peer: "http://a".to_owned(),
            connected: true,
            passing: true,
            cause: "reset".to_owned(),
            note: None,
        })
    }

    /// Returns the pauses, in milliseconds, that an error brings until it is final, and why it is.
    fn pauses(error: &ClientError, retries: u32, seconds: u64, random: f64) -> (Vec<u128>, Option<String>) {
        let clock = TestClock::new(random);
        let deadline = clock.now() + Duration::from_secs(seconds);
        let mut attempts = Attempts::new(Patience { retries, deadline }, &clock);
        loop {
            match attempts.after(error) {
                Next::Again(pause) => clock.sleep(pause),
                Next::Stop(note) => {
                    let slept = clock.slept.borrow().iter().map(Duration::as_millis).collect();
                    return (slept, note);
                }
            }
        }
    }

    #[test]
    fn pauses_double_with_half_of_each_left_to_chance() {
        let (longest, note) = pauses(&cut(), 8, 3600, 1.0);
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(note.as_deref(), Some("tried 9 times; --retries allows more"));
        let (shortest, _) = pauses(&cut(), 3, 3600, 0.0);
        assert_eq!(shortest, [250, 500, 1000]);
        assert_eq!(pauses(&cut(), 0, 3600, 0.5), (vec![], None));
        assert_eq!(pause(u32::MAX, None, 1.0), LONGEST_PAUSE);
    }

    #[test]
    fn nobody_comes_back_before_the_time_that_was_asked_for() {
        assert_eq!(pauses(&refused(503, Some(7)), 2, 3600, 0.0).0, [7000, 7000]);
        assert_eq!(pauses(&refused(429, Some(7)), 1, 3600, 1.0).0, [7700]);
        assert_eq!(pauses(&refused(429, Some(90)), 1, 3600, 1.0).0, [91_000]);
        // What is asked for is the least: a pause that is longer by itself stays.
        assert_eq!(pauses(&refused(503, Some(0)), 2, 3600, 1.0).0, [500, 1000]);
    }

    #[test]
    fn a_pause_beyond_the_time_that_is_left_is_not_begun() {
        let (slept, note) = pauses(&refused(503, Some(60)), 5, 100, 0.0);
        assert_eq!(slept, [60_000]);
        assert_eq!(note.as_deref(), Some("the next try would be in 60.0 s, and --timeout leaves 40.0 s"));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [429, 502, 503, 504] {
            assert_eq!(pauses(&refused(status, None), 2, 100, 0.0).0.len(), 2, "{status}");
        }
        for status in [400, 401, 403, 404, 409, 413, 422, 500] {
            assert_eq!(pauses(&refused(status, Some(1)), 2, 100, 0.0), (vec![], None), "{status}");
        }
    }
}
