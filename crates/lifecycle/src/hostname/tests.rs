use proptest::prelude::*;

use super::*;
use crate::{Authority, Schedule};

const NOW: Timestamp = Timestamp::EPOCH;

fn terms() -> Terms<'static> {
    let authorities: &'static [Authority] = &[];
    Terms { authorities, schedule: Schedule::default(), dice: 0.0 }
}

fn elsewhere() -> Vec<Problem> {
    let name = |text| edge_state::Hostname::parse(text).unwrap();
    vec![Problem::NotPointing {
        hostname: name("shop.customer.com"),
        target: name("saas.net"),
        seen: "192.0.2.1".into(),
    }]
}

fn unknown() -> Vec<Problem> {
    vec![Problem::LookUpFailed { name: "shop.customer.com".into(), reason: "SERVFAIL".into() }]
}

fn states() -> Vec<Hostname> {
    let problems = elsewhere();
    vec![
        Hostname::begin(NOW),
        Hostname::Pending { checks: 74, at: NOW, problems: problems.clone() },
        Hostname::Active { misses: 0, at: NOW, problems: vec![] },
        Hostname::Active { misses: 74, at: NOW, problems: problems.clone() },
        Hostname::Moved { checks: 0, at: NOW, problems: problems.clone() },
        Hostname::Moved { checks: 6, at: NOW, problems },
        Hostname::Blocked { reason: "abuse".into() },
        Hostname::Deleted,
    ]
}

fn events() -> Vec<Event> {
    vec![
        Event::Verified,
        Event::NotVerified(elsewhere()),
        Event::Refresh,
        Event::Block { reason: "abuse".into() },
        Event::Delete,
    ]
}

/// Every state with every event: the whole machine on one page. `-` is refused, `=` is ignored.
#[test]
fn every_arrow() {
    #[rustfmt::skip]
    let table = [
        //             Verified  NotVerified Refresh    Block      Delete
        ("pending",  ["active",  "pending",  "pending", "blocked", "deleted"]),
        ("pending",  ["active",  "moved",    "pending", "blocked", "deleted"]),
        ("active",   ["active",  "active",   "active",  "blocked", "deleted"]),
        ("active",   ["active",  "moved",    "active",  "blocked", "deleted"]),
        ("moved",    ["active",  "moved",    "pending", "blocked", "deleted"]),
        ("moved",    ["active",  "deleted",  "pending", "blocked", "deleted"]),
        ("blocked",  ["=",       "=",        "pending", "=",       "deleted"]),
        ("deleted",  ["=",       "=",        "-",       "-",       "="]),
    ];
    for (state, (status, row)) in states().into_iter().zip(table) {
        assert_eq!(state.status(), status);
        for (event, expected) in events().into_iter().zip(row) {
            let outcome = match state.clone().next(event.clone(), NOW, &terms()) {
                Err(illegal) => {
                    assert_eq!(illegal.state, state, "a refused event changes nothing");
                    "-"
                }
                Ok((after, effects)) if after == state && effects.is_empty() && expected == "=" => {
                    "="
                }
                Ok((after, _)) => after.status(),
            };
            assert_eq!(outcome, expected, "{state:?} with {event:?}");
        }
    }
}

#[test]
fn the_edge_is_told_whenever_what_it_shows_changes() {
    for state in states() {
        for event in events() {
            let Ok((after, effects)) = state.clone().next(event, NOW, &terms()) else { continue };
            let shows = |state: &Hostname| {
                (
                    state.is_active(),
                    if state.is_active() { vec![] } else { state.verification_errors() },
                )
            };
            if after != Hostname::Deleted && shows(&after) != shows(&state) {
                assert_eq!(effects, [Effect::Publish], "{state:?} to {after:?}");
            }
        }
    }
}

#[test]
fn a_hostname_that_is_never_pointed_here_ends_after_two_weeks() {
    let (mut state, mut now) = (Hostname::begin(NOW), NOW);
    let mut statuses = vec![];
    while let Some((Step::CheckHostname, at)) = state.next_step() {
        now = at;
        state = state.next(Event::NotVerified(elsewhere()), now, &terms()).unwrap().0;
        if statuses.last() != Some(&state.status()) {
            statuses.push(state.status());
        }
    }
    assert_eq!(statuses, ["pending", "moved", "deleted"]);
    assert_eq!(now.since(NOW).as_secs() / 86400, 14);
}

#[test]
fn our_own_failing_look_ups_never_take_a_hostname_out_of_service() {
    let mut state = Hostname::Active { misses: 0, at: NOW, problems: vec![] };
    for _ in 0..1000 {
        state = state.next(Event::NotVerified(unknown()), NOW, &terms()).unwrap().0;
    }
    assert!(matches!(state, Hostname::Active { misses: 0, .. }));
    let mut state = Hostname::Moved { checks: 0, at: NOW, problems: vec![] };
    for _ in 0..1000 {
        state = state.next(Event::NotVerified(unknown()), NOW, &terms()).unwrap().0;
    }
    assert!(matches!(state, Hostname::Moved { checks: 0, .. }));
}

#[test]
fn each_state_survives_storage() {
    for state in states() {
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Hostname>(&stored).unwrap(), state);
    }
}

proptest! {
    /// Whatever happens in whatever order: what is not gone or blocked has a next check, not
    /// further away than a day and its jitter.
    #[test]
    fn there_is_always_a_next_check(picks in proptest::collection::vec((0_usize..5, 0_u64..90_000), 0..200), dice in 0.0..1.0) {
        let (mut state, mut now) = (Hostname::begin(NOW), NOW);
        for (pick, seconds) in picks {
            now = now + std::time::Duration::from_secs(seconds);
            let event = events().swap_remove(pick);
            let Ok((after, _)) = state.clone().next(event, now, &Terms { dice, ..terms() }) else { continue };
            state = after;
            match state.next_step() {
                Some((_, at)) => prop_assert!(at.since(now).as_secs() <= 95_100),
                None => prop_assert!(["blocked", "deleted"].contains(&state.status())),
            }
        }
    }
}
