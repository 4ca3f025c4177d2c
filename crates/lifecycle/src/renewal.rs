//! When a certificate is renewed. Lifetimes shrink over the years: nothing here knows one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// From when to when a certificate is valid (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

/// Below this lifetime a certificate is renewed at half of it.
const SHORT_LIVED: Duration = Duration::from_hours(10 * 24);

/// When to begin renewal: at two thirds of the lifetime, or at half of it if it is shorter than ten
/// days, and up to a twentieth of the lifetime before that by `dice` (uniform in `0.0..1.0`).
///
/// `now` is when the certificate arrived. One that arrives past that point already (its authority
/// dates certificates back) is renewed at half of what is left, or renewal would never end.
#[must_use]
pub fn begin_at(validity: &Validity, now: Timestamp, dice: f64) -> Timestamp {
    let lifetime = validity.not_after.since(validity.not_before);
    let share = if lifetime < SHORT_LIVED { 1.0 / 2.0 } else { 2.0 / 3.0 };
    let point = validity.not_before + lifetime.mul_f64(share - dice.clamp(0.0, 1.0) / 20.0);
    if point > now { point } else { now + validity.not_after.since(now) / 2 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3600;

    fn validity(lifetime: Duration) -> Validity {
        let not_before = Timestamp::from_seconds(1_800_000_000);
        Validity { not_before, not_after: not_before + lifetime }
    }

    #[test]
    fn two_thirds_of_a_long_life_and_half_of_a_short_one() {
        for (days, hours) in [(6_u64, 72), (9, 108), (10, 160), (45, 720), (90, 1440), (200, 3200)]
        {
            let validity = validity(Duration::from_secs(days * 24 * HOUR));
            let begin = begin_at(&validity, validity.not_before, 0.0);
            assert_eq!(begin.since(validity.not_before).as_secs(), hours * HOUR, "{days} days");
        }
    }

    #[test]
    fn a_certificate_that_arrives_late_in_its_life_is_not_renewed_at_once() {
        let validity = validity(Duration::from_mins(70));
        let now = validity.not_before + Duration::from_hours(1);
        let begin = begin_at(&validity, now, 0.5);
        assert_eq!(begin.since(now), Duration::from_mins(5));
    }

    proptest! {
        /// SECURITY: for any lifetime from ten minutes to 398 days, an outage of a third of the
        /// life (or of nearly half, for a short one) ends before the certificate does.
        #[test]
        fn there_is_a_third_of_life_left(seconds in 600_u64..398 * 24 * 3600, dice in 0.0..1.0) {
            let validity = validity(Duration::from_secs(seconds));
            let begin = begin_at(&validity, validity.not_before, dice);
            prop_assert!(begin > validity.not_before);
            let left = validity.not_after.since(begin).as_secs_f64();
            prop_assert!(left >= validity.not_after.since(validity.not_before).as_secs_f64() / 3.0 - 1.0);
        }

        #[test]
        fn never_in_the_past_and_never_after_expiry(
            seconds in 1_u64..398 * 24 * 3600, late in 0_u64..400 * 24 * 3600, dice in 0.0..1.0
        ) {
            let validity = validity(Duration::from_secs(seconds));
            let now = validity.not_before + Duration::from_secs(late);
            let begin = begin_at(&validity, now, dice);
            prop_assert!(begin >= now && begin <= validity.not_after.max(now));
        }
    }
}
