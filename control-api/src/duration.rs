//! Lengths of time as Go writes them (`24h`, `2h45m`, `1.5h`): the contract's form of every session.

use std::time::Duration;

/// A text that is no length of time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no length of time: write hours, minutes and seconds, as 24h or 1h30m")]
pub struct InvalidDuration(pub String);

/// Reads what Go's `time.ParseDuration` reads, but nothing below zero.
///
/// # Errors
/// Another text, or one that is longer than any session (a century).
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.chars().take(64).collect());
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() || text.len() > MAX_TEXT {
        return Err(invalid());
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (digits, after) = rest.split_at(number);
        // `ms` before `m`, for the longest unit that fits is meant.
        let (unit, nanos) =
            UNITS.iter().find(|(unit, _)| after.starts_with(unit)).ok_or_else(invalid)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        total += part(whole, fraction, *nanos).ok_or_else(invalid)?;
        if total > MAX_NANOS {
            return Err(invalid());
        }
        rest = after.get(unit.len()..).unwrap_or_default();
    }
    let (seconds, nanos) = (total / SECOND, total % SECOND);
    let seconds = u64::try_from(seconds).map_err(|_| invalid())?;
    Ok(Duration::new(seconds, u32::try_from(nanos).map_err(|_| invalid())?))
}

/// The whole seconds in it.
///
/// # Errors
/// As [`parse`].
pub fn seconds(text: &str) -> Result<u64, InvalidDuration> {
    parse(text).map(|duration| duration.as_secs())
}

fn part(whole: &str, fraction: &str, unit: u128) -> Option<u128> {
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanos = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.checked_add(u128::from(digit - b'0') * place)?;
    }
    Some(nanos)
}

const SECOND: u128 = 1_000_000_000;
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3_600 * SECOND),
];
const MAX_NANOS: u128 = 100 * 366 * 24 * 3_600 * SECOND;
const MAX_TEXT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_s_own_examples_are_read() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("24h", 86_400_000),
            ("2h45m", 9_900_000),
            ("1h15m30.918s", 4_530_918),
            ("+5s", 5_000),
            (".5m", 30_000),
            ("1.m", 60_000),
            ("300ms", 300),
            ("1500us", 1),
            ("1500\u{b5}s", 1),
            ("8760h", 31_536_000_000),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
        assert_eq!(seconds("90.9s"), Ok(90));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "+",
            "-1h",
            "24",
            "h",
            ".h",
            "1.2.3h",
            "1d",
            "24 h",
            "h24",
            "1h ",
            "\u{661}h",
            "99999999999h",
            "9999999999999999999999999999999999999999h",
            "24H",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"1h".repeat(40)).is_err());
    }
}
