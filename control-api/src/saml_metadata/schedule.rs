//! When a document is got again: as it says of itself, within bounds, spread by dice.

use std::time::{Duration, SystemTime};

/// Milliseconds until the next attempt after a good one. `dice` is uniform in `0.0..1.0`.
#[must_use]
pub fn after_success(
    cache_duration: Option<Duration>,
    valid_until: Option<SystemTime>,
    now: SystemTime,
    dice: f64,
) -> i64 {
    let left = valid_until.map(|until| until.duration_since(now).unwrap_or_default());
    // Twice before it runs out.
    let wanted = [cache_duration, left.map(|left| left / 2)].into_iter().flatten().min();
    let wanted = wanted.unwrap_or(USUAL).clamp(SHORTEST, LONGEST);
    // Earlier rather than later: what it says is the longest that it is to be kept.
    millis(wanted.mul_f64(1.0 - 0.2 * dice.clamp(0.0, 1.0)))
}

/// Milliseconds until the next attempt after `failures` in a row.
#[must_use]
pub fn after_failure(failures: i64, dice: f64) -> i64 {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(10);
    let delay = FIRST_RETRY.saturating_mul(1 << doublings).min(LAST_RETRY);
    millis(delay.mul_f64(1.0 - 0.2 * dice.clamp(0.0, 1.0)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const USUAL: Duration = Duration::from_hours(4);
const SHORTEST: Duration = Duration::from_mins(15);
const LONGEST: Duration = Duration::from_hours(24);
const FIRST_RETRY: Duration = Duration::from_mins(1);
const LAST_RETRY: Duration = Duration::from_hours(4);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn what_a_document_says_counts_within_bounds() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let hours = |hours| Some(Duration::from_hours(hours));
        let until = |hours| Some(now + Duration::from_hours(hours));
        for (cache, until, minutes) in [
            (None, None, 240),
            (hours(2), None, 120),
            (hours(2), until(2), 60),
            (hours(1), until(1000), 60),
            (Some(Duration::from_secs(1)), None, 15),
            (hours(9000), None, 24 * 60),
            (None, until(9000), 24 * 60),
            (None, Some(now - Duration::from_hours(1)), 15),
        ] {
            assert_eq!(after_success(cache, until, now, 0.0), minutes * MINUTE);
            assert_eq!(after_success(cache, until, now, 1.0), minutes * MINUTE / 5 * 4);
        }
    }

    #[test]
    fn failures_are_repeated_ever_more_slowly() {
        let delays: Vec<_> = [1, 2, 3, 8, 9, 1000].map(|n| after_failure(n, 0.0) / MINUTE).into();
        assert_eq!(delays, [1, 2, 4, 128, 240, 240]);
        assert!(after_failure(i64::MAX, 1.0) < 240 * MINUTE);
    }
}
