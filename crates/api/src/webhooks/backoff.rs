//! When a failed delivery is tried again, and when it was enough.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long a delivery rests after each attempt that failed: ten attempts over a day.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(8),
];
/// Longest time that a receiver may have us wait beyond that.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// How long a webhook may fail before it is switched off.
const PATIENCE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Returns when to try again; nothing when it was enough.
///
/// Those that failed together must not all come back together; a receiver that says when is not asked sooner.
pub(super) fn next_attempt(
    tries: u32,
    asked: Option<Duration>,
    jitter: f64,
    now: Timestamp,
) -> Option<Timestamp> {
    let pause = PAUSES.get(tries.saturating_sub(1) as usize)?.mul_f64(jitter);
    let pause = pause.max(asked.unwrap_or_default().min(LONGEST_WAIT));
    now.checked_add(SignedDuration::try_from(pause).ok()?).ok()
}

/// Makes a share of a pause.
pub(super) fn jitter() -> f64 {
    rand::random_range(0.8..1.2)
}

/// Returns since when a webhook must have failed to be switched off.
pub(super) fn switch_off(now: Timestamp) -> Timestamp {
    now.checked_sub(PATIENCE).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tries: u32, asked: Option<u64>, jitter: f64) -> Option<i64> {
        let asked = asked.map(Duration::from_secs);
        next_attempt(tries, asked, jitter, Timestamp::UNIX_EPOCH).map(Timestamp::as_second)
    }

    #[test]
    fn ten_attempts_take_about_a_day() {
        let pauses: Vec<_> = (1..).map_while(|tries| seconds(tries, None, 1.0)).collect();
        assert_eq!(pauses, [10, 60, 300, 900, 3600, 7200, 14400, 28800, 28800]);
        let hours = pauses.iter().sum::<i64>() / 3600;
        assert_eq!(hours, 23);
        assert_eq!(
            (seconds(10, None, 1.0), seconds(10, Some(5), 1.0), seconds(u32::MAX, None, 1.0)),
            (None, None, None)
        );
    }

    #[test]
    fn pauses_differ_and_receivers_say_more_but_not_less() {
        assert_eq!((seconds(1, None, 0.8), seconds(2, None, 1.2)), (Some(8), Some(72)));
        assert_eq!((seconds(1, Some(30), 1.0), seconds(3, Some(30), 1.0)), (Some(30), Some(300)));
        assert_eq!(seconds(1, Some(u64::MAX), 1.0), Some(3600));
        for _ in 0..100 {
            assert!((0.8..1.2).contains(&jitter()));
        }
    }
}
