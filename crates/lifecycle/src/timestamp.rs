//! The one representation of time.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970, as stored. Arithmetic stops at the ends instead of wrapping.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970, as in certificates.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since 1970, rounded down.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long from `earlier` to here; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

/// RFC 3339, to the second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp(self.as_seconds())
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("a time beyond the calendar"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_for_people_and_stops_at_its_ends() {
        let time = Timestamp::from_millis(1_795_258_800_999);
        assert_eq!(time.to_string(), "2026-11-21T11:00:00Z");
        assert_eq!(Timestamp::from_seconds(i64::MAX) + Duration::MAX, Timestamp(i64::MAX));
        assert!(Timestamp(i64::MAX).to_string().contains("beyond"));
        assert_eq!(Timestamp(-1).as_seconds(), -1);
        assert_eq!(Timestamp(5).since(Timestamp(7)), Duration::ZERO);
    }
}
