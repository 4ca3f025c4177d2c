use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Schedule;
use crate::renewal::Validity;

const NOW: Timestamp = Timestamp::EPOCH;
const DAY: Duration = Duration::from_hours(24);

const FIRST: Purpose = Purpose::First { deadline: Timestamp::from_seconds(7 * 24 * 3600) };

fn first() -> Authority {
    Authority::new("first")
}

fn with<T>(use_terms: impl FnOnce(&Terms) -> T) -> T {
    let authorities = ["first", "second"].map(Authority::new);
    use_terms(&Terms { authorities: &authorities, schedule: Schedule::default(), dice: 0.0 })
}

fn challenge() -> Challenge {
    Challenge { token: "token".into(), key_authorization: "token.key".into() }
}

fn order() -> Order {
    Order { url: "order/1".into(), authority: first() }
}

fn down() -> Problem {
    Problem::AuthorityDown { authority: first(), reason: "timed out".into() }
}

fn wrong_answer() -> Problem {
    Problem::WrongAnswer { url: "http://a".into(), status: 404 }
}

fn patience() -> Patience {
    Patience::new(FIRST)
}

fn issued() -> Issued {
    let validity = Validity { not_before: NOW, not_after: NOW + 90 * DAY };
    Issued { serial: "0a".into(), validity, renew_at: NOW + 60 * DAY }
}

fn states() -> Vec<(&'static str, Certificate)> {
    use Certificate::*;
    let on = || Ordered::new(order(), patience(), NOW);
    let (authority, at, since, tries, issued) = (first(), NOW, NOW, 0, issued());
    let validation = |step| PendingValidation { challenge: challenge(), step, on: on() };
    let issuance = |step| PendingIssuance { step, on: on() };
    let timed_out =
        |during, order| TimedOut { during, problem: down(), order, patience: patience() };
    vec![
        ("initializing", Initializing { authority: authority.clone(), at, patience: patience() }),
        (
            "failing",
            Failing {
                during: Phase::Validation,
                problem: down(),
                authority,
                at,
                patience: patience(),
            },
        ),
        ("publishing", validation(Validation::Publishing)),
        ("responding", validation(Validation::Responding)),
        ("polling", validation(Validation::Polling)),
        ("finalizing", issuance(Issuance::Finalizing)),
        ("processing", issuance(Issuance::Processing)),
        ("downloading", issuance(Issuance::Downloading)),
        (
            "deploying",
            PendingDeployment { issued: issued.clone(), tries, at, since, problem: None },
        ),
        ("not deployed", DeploymentTimedOut { issued: issued.clone(), at, problem: down() }),
        ("active", Active { issued: issued.clone() }),
        ("renewing", Renewing { issued: issued.clone() }),
        ("expired", Expired { issued }),
        ("given up", timed_out(Phase::Validation, None)),
        ("stuck", timed_out(Phase::Issuance, Some(order()))),
        ("retired", Retired),
        ("deleted", Deleted),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    let order_url = || String::from("order/1");
    let validity = issued().validity;
    let read = |status| Event::OrderRead { order: order_url(), status };
    vec![
        ("placed", Event::OrderPlaced { order: order(), challenge: Some(challenge()) }),
        ("born ready", Event::OrderPlaced { order: order(), challenge: None }),
        ("visible", Event::ChallengeVisible { order: order_url() }),
        ("responded", Event::ChallengeResponded { order: order_url() }),
        ("pending", read(OrderStatus::Pending { retry_at: None })),
        ("ready", read(OrderStatus::Ready)),
        ("processing", read(OrderStatus::Processing { retry_at: None })),
        ("valid", read(OrderStatus::Valid)),
        ("invalid", read(OrderStatus::Invalid(wrong_answer()))),
        ("arrived", Event::Arrived { order: order_url(), serial: "0a".into(), validity }),
        ("served", Event::Served { serial: "0a".into() }),
        ("failed", Event::Failed(wrong_answer())),
        ("order failed", Event::OrderFailed { order: order_url(), problem: wrong_answer() }),
        ("due", Event::Due),
        ("reissue", Event::Reissue),
        ("successor", Event::SuccessorActive),
        ("refresh", Event::Refresh),
        ("delete", Event::Delete),
    ]
}

fn name(state: &Certificate) -> &'static str {
    let same = |(_, other): &&(&str, Certificate)| match (state, other) {
        (
            Certificate::PendingValidation { step, .. },
            Certificate::PendingValidation { step: other, .. },
        ) => step == other,
        (
            Certificate::PendingIssuance { step, .. },
            Certificate::PendingIssuance { step: other, .. },
        ) => step == other,
        (Certificate::TimedOut { order, .. }, Certificate::TimedOut { order: other, .. }) => {
            order.is_some() == other.is_some()
        }
        _ => std::mem::discriminant(state) == std::mem::discriminant(other),
    };
    states().iter().find(same).map_or("?", |(name, _)| *name)
}

/// Every state with every event, within all deadlines and after them: the whole machine on one
/// page. `-` is refused, `=` changes nothing.
#[test]
fn every_arrow() {
    let mut page = String::new();
    for (title, now) in [("In time", NOW), ("Late", NOW + 91 * DAY)] {
        page += &line(title, events().into_iter().map(|(name, _)| name));
        for (name, state) in states() {
            page += &line(name, events().into_iter().map(|(_, event)| outcome(&state, event, now)));
        }
    }
    assert!(page == include_str!("arrows.txt"), "the machine is now:\n{page}");
}

fn line<'a>(head: &str, columns: impl Iterator<Item = &'a str>) -> String {
    let columns =
        columns.fold(format!("{head:12} |"), |line, column| format!("{line} {column:12}"));
    format!("{}\n", columns.trim_end())
}

fn outcome(state: &Certificate, event: Event, now: Timestamp) -> &'static str {
    match with(|terms| state.clone().next(event, now, terms)) {
        Err(illegal) => {
            assert_eq!(*illegal.state, *state, "a refused event changes nothing");
            "-"
        }
        Ok((after, effects)) if after == *state && effects.is_empty() => "=",
        Ok((after, _)) => name(&after),
    }
}

#[test]
fn each_state_survives_storage() {
    for (_, state) in states() {
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Certificate>(&stored).unwrap(), state);
    }
}

#[test]
fn an_answer_about_another_order_or_certificate_changes_nothing() {
    let other = || String::from("order/2");
    for (_, state) in states() {
        for event in [
            Event::ChallengeVisible { order: other() },
            Event::OrderRead { order: other(), status: OrderStatus::Valid },
            Event::OrderFailed { order: other(), problem: down() },
            Event::Served { serial: "0b".into() },
        ] {
            let after = with(|terms| state.clone().next(event, NOW, terms));
            assert_eq!(after, Ok((state.clone(), vec![])));
        }
    }
}

#[test]
fn a_challenge_is_retracted_whenever_its_order_leaves_validation() {
    for (_, state) in states() {
        let Some(before) = state.challenge().cloned() else { continue };
        for now in [NOW, NOW + 91 * DAY] {
            for (_, event) in events() {
                let Ok((after, effects)) =
                    with(|terms| state.clone().next(event.clone(), now, terms))
                else {
                    continue;
                };
                let retracts = effects.contains(&Effect::RetractChallenge(before.clone()));
                assert_eq!(retracts, after.challenge().is_none(), "{state:?} with {event:?}");
            }
        }
    }
}

/// A renewal whose authority dies for good while it issues ends at another one; a
/// first certificate waits for a person, and then asks the same order before any other.
#[test]
fn an_authority_that_dies_while_issuing() {
    let die = |purpose| {
        let on = Ordered::new(order(), Patience::new(purpose), NOW);
        let mut state = Certificate::PendingIssuance { step: Issuance::Processing, on };
        for _ in 0..20 {
            let Some((Step::ReadOrder, at)) = state.next_step() else { break };
            state = with(|terms| state.next(Event::Failed(down()), at, terms)).unwrap().0;
        }
        state
    };
    let renewal = die(Purpose::Successor { needed_by: NOW + 30 * DAY });
    assert!(matches!(&renewal, Certificate::Failing { .. }), "{renewal:?}");
    let first = die(FIRST);
    assert!(matches!(&first, Certificate::TimedOut { order: Some(_), .. }), "{first:?}");
    let (after, _) = with(|terms| first.next(Event::Refresh, NOW + 9 * DAY, terms)).unwrap();
    assert_eq!(after.order(), Some("order/1"));
}

#[test]
fn the_dead_authority_is_asked_no_more_than_the_ladder_allows() {
    let authorities = [first()];
    let terms = Terms { authorities: &authorities, schedule: Schedule::default(), dice: 0.0 };
    let mut state = Certificate::begin(Purpose::Companion, NOW, &terms).unwrap();
    let mut asked = 0;
    while let Some((Step::PlaceOrder, at)) = state.next_step() {
        if at > NOW + 4 * DAY {
            break;
        }
        asked += 1;
        state = state.next(Event::Failed(down()), at, &terms).unwrap().0;
    }
    assert_eq!(asked, 7, "at once, after 1, 10, 100 minutes, then daily");
}

#[test]
fn a_point_of_presence_that_never_comes_back_does_not_keep_renewal_away() {
    let (mut state, mut now) = (states().swap_remove(8).1, NOW);
    let mut statuses = vec![];
    while let Some((step, at)) = state.next_step() {
        now = at.max(now);
        statuses.push(state.status());
        let event = if step == Step::Probe { Event::Failed(down()) } else { Event::Due };
        let (after, effects) = with(|terms| state.next(event, now, terms)).unwrap();
        state = after;
        if effects == [Effect::BeginSuccessor { needed_by: NOW + 90 * DAY }] {
            break;
        }
    }
    statuses.dedup();
    assert_eq!(statuses, ["pending_deployment", "deployment_timed_out"]);
    assert_eq!(now, NOW + 60 * DAY);
}

#[test]
fn without_any_edge_deployment_waits_and_says_so() {
    let mut state = states().swap_remove(8).1;
    for day in 0..30 {
        let event = Event::Failed(Problem::NoPointOfPresence);
        state = with(|terms| state.next(event, NOW + day * DAY, terms)).unwrap().0;
    }
    assert_eq!(state.status(), "pending_deployment");
    assert_eq!(state.problem(), Some(&Problem::NoPointOfPresence));
}

/// Looks fail from now on, each in its time; what is shown of that is none before 15 s.
fn trouble_is_told_late(mut state: Certificate, problem: &Problem) {
    let authorities = [first()];
    let schedule = Schedule::with_base(Duration::from_millis(200));
    let terms = Terms { authorities: &authorities, schedule, dice: 0.0 };
    let mut looks = 0;
    while state.problem().is_none() {
        let (_, at) = state.next_step().unwrap();
        assert!(at < NOW + Duration::from_mins(1), "trouble that is never told");
        state = state.next(Event::Failed(problem.clone()), at, &terms).unwrap().0;
        looks += 1;
        let late = at >= NOW + Duration::from_secs(15);
        assert_eq!(state.problem(), late.then_some(problem), "at {at:?}, look {looks}");
    }
    assert!(looks > 10, "{looks}");
}

#[test]
fn an_edge_that_is_a_moment_behind_is_no_trouble_yet_however_often_it_is_asked() {
    let behind =
        Problem::ChallengeNotAtEdge { point_of_presence: "one".into(), reason: "404".into() };
    trouble_is_told_late(states().swap_remove(2).1, &behind);
}

#[test]
fn a_renewals_challenge_may_be_out_of_sight_for_a_moment() {
    let renewal = Purpose::Successor { needed_by: NOW + 30 * DAY };
    let on = Ordered::new(order(), Patience::new(renewal), NOW);
    let step = Validation::Publishing;
    let state = Certificate::PendingValidation { challenge: challenge(), step, on };
    trouble_is_told_late(state, &wrong_answer());
}

fn any_event() -> impl Strategy<Value = Event> {
    (0..events().len()).prop_map(|at| events().swap_remove(at).1)
}

proptest! {
    /// In whatever order events arrive, nothing is published that was not validated first, and no
    /// order is placed while another one lives.
    #[test]
    fn only_validated_certificates_are_published(
        events in proptest::collection::vec((any_event(), 0_u64..900_000), 0..60), dice in 0.0..1.0,
    ) {
        let authorities = [first()];
        let terms = Terms { authorities: &authorities, schedule: Schedule::default(), dice };
        let mut state = Certificate::begin(FIRST, NOW, &terms).unwrap();
        let (mut now, mut valid) = (NOW, false);
        for (event, seconds) in events {
            now = now + Duration::from_secs(seconds);
            let Ok((after, effects)) = state.clone().next(event.clone(), now, &terms) else { continue };
            // The authority's word: these four say that control was proved.
            let word = matches!(&event, Event::OrderRead { status, .. }
                if !matches!(status, OrderStatus::Pending { .. } | OrderStatus::Invalid(_)));
            valid |= word || matches!(event, Event::OrderPlaced { challenge: None, .. });
            let publishes = effects.contains(&Effect::PublishCertificates) && after.issued().is_some();
            prop_assert!(valid || !publishes);
            if let (Some(before), Some(order)) = (state.order(), after.order()) {
                prop_assert_eq!(before, order);
            }
            state = after;
        }
    }

    /// What is not at its end, or waiting for a person, has a next step within its due time.
    #[test]
    fn there_is_always_a_next_step(
        events in proptest::collection::vec((any_event(), 0_u64..90_000), 0..60), dice in 0.0..1.0,
    ) {
        let authorities = [first()];
        let terms = Terms { authorities: &authorities, schedule: Schedule::default(), dice };
        let mut state = Certificate::begin(FIRST, NOW, &terms).unwrap();
        let mut now = NOW;
        for (event, seconds) in events {
            now = now + Duration::from_secs(seconds);
            let Ok((after, _)) = state.clone().next(event, now, &terms) else { continue };
            state = after;
            let rests = ["expired", "deleted", "initializing_timed_out", "validation_timed_out", "issuance_timed_out"];
            match state.next_step() {
                None => prop_assert!(rests.contains(&state.status()), "{state:?}"),
                Some((Step::Renew | Step::Expire, _)) => {}
                Some((_, at)) => prop_assert!(at <= now + DAY.mul_f64(1.11), "{state:?}"),
            }
        }
    }
}
