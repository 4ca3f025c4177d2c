//! What time it is. Everything that needs the time asks a [`Clock`], so that tests decide.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The system's clock, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The clock of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `millis` after 1970 until it is advanced.
    #[must_use]
    pub fn fixed(millis: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(millis))))
    }

    /// Moves a fixed clock and all its clones; the system's clock is not ours to move.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            fixed.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// Unix milliseconds, as stored.
    #[must_use]
    pub fn now_millis(&self) -> i64 {
        if let Some(fixed) = &self.0 {
            return fixed.load(Ordering::Relaxed);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// The same moment as a [`SystemTime`], in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.now_millis()).unwrap_or(0))
    }
}

/// Unix milliseconds as RFC 3339 in UTC, the only form of time in the API's answers. Milliseconds
/// are shown only where there are any.
#[must_use]
pub fn rfc3339(millis: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Reads RFC 3339, the form of time in requests. `None`: it is not.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        for text in ["1970-01-01T00:00:00Z", "2026-11-21T11:05:00.25Z"] {
            assert_eq!(rfc3339(parse_rfc3339(text).unwrap()), text);
        }
        assert_eq!(
            parse_rfc3339("2026-11-21T12:00:00+01:00"),
            parse_rfc3339("2026-11-21T11:00:00Z")
        );
        assert_eq!(parse_rfc3339("tomorrow"), None);
    }

    #[test]
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed(5);
        clock.clone().advance(Duration::from_secs(1));
        assert_eq!(clock.now_millis(), 1005);
    }
}
