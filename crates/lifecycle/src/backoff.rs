//! The documented schedules of checks and retries.
//!
//! They are written for a base unit of 60 s. A shorter unit shrinks all of them alike, which is how
//! tests and `make run` live through weeks in seconds.

use std::time::Duration;

/// The documented base unit.
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// No more than this between two checks of a hostname or of a challenge.
const LONGEST_CHECK: Duration = Duration::from_hours(4);

/// How many times a pending hostname is checked: seven days by the schedule below.
pub const HOSTNAME_CHECKS: u32 = 75;

/// How many daily checks in a row a moved hostname has before it is given up.
pub const MOVED_CHECKS: u32 = 7;

/// Delays, scaled by the base unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    base: Duration,
}

impl Default for Schedule {
    /// The documented schedule.
    fn default() -> Self {
        Self { base: MINUTE }
    }
}

impl Schedule {
    /// With another unit in place of the documented 60 s.
    #[must_use]
    pub fn with_base(base: Duration) -> Self {
        Self { base }
    }

    /// What stands for one documented minute.
    #[must_use]
    pub fn base(self) -> Duration {
        self.base
    }

    /// A documented duration in this schedule's unit.
    #[must_use]
    pub fn scale(self, documented: Duration) -> Duration {
        documented.mul_f64(self.base.as_secs_f64() / MINUTE.as_secs_f64())
    }

    /// The wait before check number `n` (from 0) of a pending hostname; `None` after the last one.
    #[must_use]
    pub fn hostname_check(self, n: u32) -> Option<Duration> {
        let growth = if n < 10 { 1.05 } else { 1.15 };
        (n < HOSTNAME_CHECKS).then(|| self.scale(growing(growth, n)))
    }

    /// The wait between checks of a hostname that is active.
    #[must_use]
    pub fn active_check(self) -> Duration {
        self.scale(LONGEST_CHECK)
    }

    /// The wait between checks of a hostname that has moved away.
    #[must_use]
    pub fn moved_check(self) -> Duration {
        self.scale(DAY)
    }

    /// The wait before check number `n` (from 0) of whether a challenge can be seen.
    #[must_use]
    pub fn validation_check(self, n: u32) -> Duration {
        self.scale(growing(1.05, n))
    }

    /// The wait after `failures` in a row at one certificate authority: 1, 10, 100 minutes, then
    /// at most once a day.
    #[must_use]
    pub fn authority(self, failures: u32) -> Duration {
        self.scale(match failures {
            0 => Duration::ZERO,
            1 => MINUTE,
            2 => 10 * MINUTE,
            3 => 100 * MINUTE,
            _ => DAY,
        })
    }

    /// The wait before asking again, for the `n`-th time (from 0), whether the edge or the
    /// certificate authority is ready: a quarter of a second at first, an hour at last.
    #[must_use]
    pub fn poll(self, n: u32) -> Duration {
        let seconds = 0.25 * 1.5_f64.powi(i32::try_from(n.min(30)).unwrap_or(30));
        self.scale(Duration::from_secs_f64(seconds).min(HOUR)).max(SHORTEST_POLL.min(self.base))
    }

    /// How long a first certificate may take before it waits for a person.
    #[must_use]
    pub fn issuance_window(self) -> Duration {
        self.scale(7 * DAY)
    }

    /// How long a certificate may take to be seen at every point of presence before its status
    /// says that something is wrong. It is looked for on and on all the same.
    #[must_use]
    pub fn deployment_window(self) -> Duration {
        self.scale(DAY)
    }
}

/// However short the base unit, the edge is not asked in a busy loop.
const SHORTEST_POLL: Duration = Duration::from_millis(50);

/// `min(floor(60 * growth^n) s, 4 h)`
fn growing(growth: f64, n: u32) -> Duration {
    let exponent = i32::try_from(n.min(1000)).unwrap_or(1000);
    let seconds = (60.0 * growth.powi(exponent)).floor();
    Duration::from_secs_f64(seconds.min(LONGEST_CHECK.as_secs_f64()))
}

/// Up to a tenth later, so that what failed together is not tried together.
#[must_use]
pub fn jitter(delay: Duration, dice: f64) -> Duration {
    delay + delay.mul_f64(0.1 * dice.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pending_hostname_is_checked_75_times_in_a_week() {
        let schedule = Schedule::default();
        let delays: Vec<_> = (0..).map_while(|n| schedule.hostname_check(n)).collect();
        assert_eq!(delays.len(), 75);
        assert_eq!(delays[..3], [60, 63, 66].map(Duration::from_secs));
        assert_eq!(delays[10], Duration::from_secs(242));
        assert_eq!(delays[74], LONGEST_CHECK);
        let days = delays.iter().sum::<Duration>().as_secs_f64() / DAY.as_secs_f64();
        assert!((7.0..7.1).contains(&days), "{days}");
    }

    #[test]
    fn a_challenge_is_checked_every_four_hours_from_the_113th_time_on() {
        let schedule = Schedule::default();
        assert!(schedule.validation_check(112) < LONGEST_CHECK);
        assert_eq!(schedule.validation_check(113), LONGEST_CHECK);
        assert_eq!(schedule.validation_check(u32::MAX), LONGEST_CHECK);
    }

    #[test]
    fn a_failing_authority_is_asked_after_1_10_100_minutes_and_then_daily() {
        let ladder: Vec<_> = (1..=5).map(|n| Schedule::default().authority(n)).collect();
        assert_eq!(ladder, [MINUTE, 10 * MINUTE, 100 * MINUTE, DAY, DAY]);
        let quick = Schedule::with_base(Duration::from_millis(200));
        assert_eq!(quick.authority(2), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn every_wait_is_bounded_and_none_is_nothing(n: u32, dice in 0.0..1.0) {
            let schedule = Schedule::default();
            for delay in [schedule.validation_check(n), schedule.poll(n), schedule.authority(n.max(1))] {
                prop_assert!(delay > Duration::ZERO && jitter(delay, dice) <= DAY.mul_f64(1.1));
            }
        }
    }
}
