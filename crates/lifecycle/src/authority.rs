//! Which certificate authority to order from: the first of an ordered list that is not resting
//! after failures.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Problem, Terms, Timestamp};

/// The name of a certificate authority in the configuration (`certificate_authority`).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Authority(String);

impl Authority {
    /// Names one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one certificate has lived through with each authority. Part of the stored state, so it
/// survives restarts.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Failures(Vec<Failure>);

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Failure {
    authority: Authority,
    in_a_row: u32,
    failed_at: Timestamp,
    /// By the ladder, or as the authority said.
    rests_until: Timestamp,
    /// What the authority itself said about when to come back: not even a person overrides that.
    banned_until: Option<Timestamp>,
    /// Whether another authority may do better: not where the customer's DNS is wrong.
    others_may_do_better: bool,
}

/// Whom to order from and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The one chosen.
    pub authority: Authority,
    /// Now, or when the chosen one has rested.
    pub at: Timestamp,
}

impl Failures {
    /// Counts a failure; `rest` says how long the authority is left alone after so many in a row.
    pub fn record(
        &mut self,
        authority: &Authority,
        problem: &Problem,
        now: Timestamp,
        rest: impl FnOnce(u32) -> Duration,
    ) {
        let in_a_row = self.of(authority).map_or(0, |failure| failure.in_a_row).saturating_add(1);
        self.0.retain(|failure| failure.authority != *authority);
        let banned_until = problem.retry_at();
        let rest = rest(in_a_row);
        self.0.push(Failure {
            authority: authority.clone(),
            in_a_row,
            failed_at: now,
            // Counted from the end of the ban: those who were sent away together do not all come
            // back at that moment.
            rests_until: banned_until.unwrap_or(now).max(now) + rest,
            banned_until,
            // One silence can be a hiccup: the same authority gets a second try first.
            others_may_do_better: problem.is_refusal() || (problem.is_authority() && in_a_row > 1),
        });
    }

    /// The first authority of the list that is not resting. One whose failure no other authority
    /// could avoid is waited for; if all rest, the one that has rested first is next.
    ///
    /// `None` only if the list is empty.
    #[must_use]
    pub fn choose(&self, now: Timestamp, terms: &Terms) -> Option<Choice> {
        let mut resting: Option<Choice> = None;
        for authority in terms.authorities {
            let choice = |at| Choice { authority: authority.clone(), at };
            match self.of(authority) {
                Some(failure) if failure.rests_until > now => {
                    let next = choice(failure.rests_until);
                    if !failure.others_may_do_better {
                        return Some(next);
                    }
                    if resting.as_ref().is_none_or(|earliest| next.at < earliest.at) {
                        resting = Some(next);
                    }
                }
                _ => return Some(choice(now)),
            }
        }
        resting
    }

    /// When a person may have `authority` tried again: one base unit after its last failure, and
    /// not before the authority said.
    #[must_use]
    pub fn forced(&self, authority: &Authority, now: Timestamp, terms: &Terms) -> Timestamp {
        self.of(authority).map_or(now, |failure| {
            let pause = failure.failed_at + terms.schedule.base();
            // A failure that seems to lie ahead was recorded by a clock that has been set back.
            let pause = if failure.failed_at > now { now } else { pause.max(now) };
            pause.max(failure.banned_until.unwrap_or(now))
        })
    }

    fn of(&self, authority: &Authority) -> Option<&Failure> {
        self.0.iter().find(|failure| failure.authority == *authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schedule;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn down(authority: &Authority) -> Problem {
        Problem::AuthorityDown { authority: authority.clone(), reason: "timed out".into() }
    }

    fn after(minutes: u64) -> Timestamp {
        NOW + Duration::from_secs(60 * minutes)
    }

    struct World {
        authorities: [Authority; 2],
        failures: Failures,
    }

    impl World {
        fn new() -> Self {
            let authorities = ["first", "second"].map(Authority::new);
            Self { authorities, failures: Failures::default() }
        }

        fn terms(&self) -> Terms<'_> {
            Terms { authorities: &self.authorities, schedule: Schedule::default(), dice: 0.0 }
        }

        fn fail(&mut self, problem: fn(&Authority) -> Problem, who: usize, at: Timestamp) {
            let authority = self.authorities[who].clone();
            let mut failures = self.failures.clone();
            let rest = |failures| Schedule::default().authority(failures);
            failures.record(&authority, &problem(&authority), at, rest);
            self.failures = failures;
        }

        fn choose(&self, now: Timestamp) -> (usize, Timestamp) {
            let choice = self.failures.choose(now, &self.terms()).unwrap();
            (self.authorities.iter().position(|a| *a == choice.authority).unwrap(), choice.at)
        }
    }

    #[test]
    fn one_hiccup_is_waited_for_and_a_second_one_moves_on() {
        let mut world = World::new();
        assert_eq!(world.choose(NOW), (0, NOW));
        world.fail(down, 0, NOW);
        assert_eq!(world.choose(NOW), (0, after(1)));
        world.fail(down, 0, after(1));
        assert_eq!(world.choose(after(1)), (1, after(1)), "fails over within 15 minutes");
        assert_eq!(world.choose(after(11)), (0, after(11)), "back to the first once it has rested");
    }

    #[test]
    fn a_refusal_moves_on_at_once() {
        let mut world = World::new();
        world.fail(|a| Problem::refused(a, "rejectedIdentifier", "policy"), 0, NOW);
        assert_eq!(world.choose(NOW), (1, NOW));
    }

    #[test]
    fn what_the_customer_must_mend_spares_the_other_authorities() {
        let mut world = World::new();
        for minutes in [0, 1, 11] {
            world.fail(|a| Problem::refused(a, "unauthorized", "404"), 0, after(minutes));
        }
        assert_eq!(world.choose(after(11)), (0, after(111)));
    }

    #[test]
    fn when_all_rest_the_first_to_have_rested_is_next() {
        let mut world = World::new();
        for (who, minutes) in [(0, 0), (0, 1), (1, 2), (1, 3)] {
            world.fail(down, who, after(minutes));
        }
        assert_eq!(world.choose(after(4)), (0, after(11)));
    }

    #[test]
    fn a_person_may_force_a_try_but_not_against_the_authoritys_own_word() {
        let mut world = World::new();
        for minutes in [0, 1, 11, 111] {
            world.fail(down, 0, after(minutes));
        }
        let first = world.authorities[0].clone();
        assert_eq!(world.failures.forced(&first, after(120), &world.terms()), after(120));
        assert_eq!(world.failures.forced(&first, after(111), &world.terms()), after(112));
        assert_eq!(world.failures.forced(&first, after(5), &world.terms()), after(5));
        world.fail(
            |a| Problem::RateLimited {
                authority: a.clone(),
                detail: "too many".into(),
                until: Some(after(5000)),
            },
            0,
            after(112),
        );
        assert_eq!(world.failures.forced(&first, after(200), &world.terms()), after(5000));
    }

    #[test]
    fn without_authorities_there_is_no_choice() {
        let terms = Terms { authorities: &[], schedule: Schedule::default(), dice: 0.0 };
        assert_eq!(Failures::default().choose(NOW, &terms), None);
    }
}
