//! Dates of the manifest: read in any form of YAML's timestamp, written in two.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Reads a YAML timestamp (<https://yaml.org/type/timestamp.html>), without zone as UTC, to the second.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't', ' ', '\t']) {
        Some((date, time)) => (date, time.trim_start()),
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let (year, month, day) =
        (number(parts.next()?)?, number(parts.next()?)?.try_into().ok()?, number(parts.next()?)?);
    if parts.next().is_some() {
        return None;
    }
    let date = Date::new(year, month, day.try_into().ok()?).ok()?;
    let (time, offset) = split_offset(time)?;
    let time = if time.is_empty() { Time::midnight() } else { parse_time(time)? };
    let instant = offset.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    Some(whole_seconds(instant))
}

/// Cuts an instant to whole seconds, the finest that the manifest writes.
pub(crate) fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

/// Writes `2023-07-14T06:00:00`.
pub(crate) fn with_t(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Writes `2023-07-14 06:00:00`.
pub(crate) fn with_blank(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn number(digits: &str) -> Option<i16> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let small = |digits: &str| i8::try_from(number(digits)?).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()
}

/// Splits `06:00:00 +01:00` into the time and the offset.
fn split_offset(time: &str) -> Option<(&str, Offset)> {
    let time = time.trim_end();
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), Offset::UTC));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, Offset::UTC));
    };
    let (hours, minutes) = time[at + 1..].split_once(':').unwrap_or((&time[at + 1..], "0"));
    let seconds = i32::from(number(hours)?) * 3600 + i32::from(number(minutes)?) * 60;
    let seconds = if time[at..].starts_with('-') { -seconds } else { seconds };
    Some((time[..at].trim_end(), Offset::from_seconds(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_any_yaml_form_and_without_zone_as_utc() {
        let expected: Timestamp = "2023-07-14T06:00:00Z".parse().unwrap();
        for text in [
            "2023-07-14T06:00:00",
            "2023-07-14 06:00:00",
            "2023-07-14t06:00:00.25Z",
            "2023-07-14T08:00:00+02:00",
            "2023-07-14 01:00:00 -5",
            "2023-7-14  06:00:00 Z",
            " 2023-07-14T06:00 ",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        assert_eq!(parse("2023-07-14"), Some("2023-07-14T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "x", "2023", "2023-13-01", "2023-07-14T25:00:00", "2023-07-14T06:00:00+99", "1-2-3-4"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_utc() {
        let instant: Timestamp = "2023-07-14T08:00:00.9+02:00".parse().unwrap();
        assert_eq!(with_t(instant), "2023-07-14T06:00:00");
        assert_eq!(with_blank(instant), "2023-07-14 06:00:00");
    }
}
