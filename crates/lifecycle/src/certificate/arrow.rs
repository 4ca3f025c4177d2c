//! The arrows between the states that need more than a line. Each returns what
//! [`Certificate::next`] returns.

use std::time::Duration;

use super::event::{Effect, OrderStatus};
use super::order::{Issuance, Order, Ordered, Patience, Purpose, Validation};
use super::{Certificate, Issued, Phase};
use crate::authority::Choice;
use crate::backoff::jitter;
use crate::renewal::{self, Validity};
use crate::validation::Challenge;
use crate::{Authority, Problem, Terms, Timestamp};

type Arrow = (Certificate, Vec<Effect>);

/// After so many failures in a row to reach an authority, an order there is given up, where that
/// cannot lead to two certificates.
const UNREACHABLE: u32 = 4;

/// So long a point of presence may take to learn of a challenge before that is trouble, and a look at
/// a renewal's challenge may fail: who has a certificate in service is told of what lasts. However
/// short the schedule's base unit, news travels no faster: this is not scaled.
const CATCHING_UP: Duration = Duration::from_secs(15);

pub(super) fn order_placed(
    order: Order,
    challenge: Option<Challenge>,
    patience: Patience,
    now: Timestamp,
) -> Arrow {
    let on = Ordered::new(order, patience, now);
    match challenge {
        Some(challenge) => {
            let effects = vec![Effect::PublishChallenge(challenge.clone())];
            let step = Validation::Publishing;
            (Certificate::PendingValidation { challenge, step, on }, effects)
        }
        None => (Certificate::PendingIssuance { step: Issuance::Finalizing, on }, vec![]),
    }
}

pub(super) fn responded(challenge: Challenge, on: Ordered, now: Timestamp, terms: &Terms) -> Arrow {
    let on = on.afresh(now + terms.schedule.poll(0));
    (Certificate::PendingValidation { challenge, step: Validation::Polling, on }, vec![])
}

pub(super) fn read_in_validation(
    challenge: Challenge,
    step: Validation,
    on: Ordered,
    status: OrderStatus,
    now: Timestamp,
    terms: &Terms,
) -> Arrow {
    let step = match status {
        // The authority was not told to look yet: of course the order is pending.
        OrderStatus::Pending { .. } if step != Validation::Polling => {
            return (Certificate::PendingValidation { challenge, step, on }, vec![]);
        }
        OrderStatus::Pending { .. } if on.patience.has_ended(now) => {
            let problem = on.problem.unwrap_or(Problem::AuthorityDown {
                authority: on.order.authority,
                reason: "it never said whether it saw the challenge".into(),
            });
            let state = Certificate::TimedOut {
                during: Phase::Validation,
                problem,
                order: None,
                patience: on.patience,
            };
            return (state, vec![Effect::RetractChallenge(challenge)]);
        }
        OrderStatus::Pending { retry_at } => {
            let at = (now + terms.schedule.poll(on.tries)).max(retry_at.unwrap_or(now));
            let on = on.again(at);
            return (Certificate::PendingValidation { challenge, step, on }, vec![]);
        }
        OrderStatus::Invalid(problem) => {
            let state = Certificate::PendingValidation { challenge, step, on };
            return order_failed(state, problem, now, terms);
        }
        OrderStatus::Ready => Issuance::Finalizing,
        OrderStatus::Processing { .. } => Issuance::Processing,
        OrderStatus::Valid => Issuance::Downloading,
    };
    let state = Certificate::PendingIssuance { step, on: on.afresh(now) };
    (state, vec![Effect::RetractChallenge(challenge)])
}

pub(super) fn read_in_issuance(
    step: Issuance,
    on: Ordered,
    status: OrderStatus,
    now: Timestamp,
    terms: &Terms,
) -> Arrow {
    let later = now + terms.schedule.poll(on.tries);
    let has_ended = on.patience.has_ended(now);
    let (step, on) = match status {
        OrderStatus::Valid => (Issuance::Downloading, on.afresh(now)),
        OrderStatus::Invalid(problem) => {
            let state = Certificate::PendingIssuance { step, on };
            return order_failed(state, problem, now, terms);
        }
        _ if has_ended => return issuance_timed_out(on, None),
        // It was issued; that cannot be undone.
        _ if step == Issuance::Downloading => (step, on.again(later)),
        // An authority that takes every request and issues nothing is asked ever more rarely.
        OrderStatus::Ready if step == Issuance::Finalizing => (step, on.again(later)),
        OrderStatus::Ready => (Issuance::Finalizing, on.again(now)),
        OrderStatus::Processing { retry_at } => {
            (Issuance::Processing, on.again(retry_at.unwrap_or(now).max(later)))
        }
        OrderStatus::Pending { retry_at } => (step, on.again(retry_at.unwrap_or(now).max(later))),
    };
    (Certificate::PendingIssuance { step, on }, vec![])
}

fn issuance_timed_out(on: Ordered, problem: Option<Problem>) -> Arrow {
    let problem = problem.or(on.problem).unwrap_or_else(|| Problem::AuthorityDown {
        authority: on.order.authority.clone(),
        reason: "it never finished the order".into(),
    });
    let (order, patience) = (Some(on.order), on.patience);
    (Certificate::TimedOut { during: Phase::Issuance, problem, order, patience }, vec![])
}

pub(super) fn arrived(serial: String, validity: Validity, now: Timestamp, terms: &Terms) -> Arrow {
    let renew_at = renewal::begin_at(&validity, now, terms.dice);
    let issued = Issued { serial, validity, renew_at };
    let state =
        Certificate::PendingDeployment { issued, tries: 0, at: now, since: now, problem: None };
    (state, vec![Effect::PublishCertificates])
}

pub(super) fn renew(issued: Issued) -> Arrow {
    let needed_by = issued.validity.not_after;
    (Certificate::Renewing { issued }, vec![Effect::BeginSuccessor { needed_by }])
}

/// The step could not be performed, or found something wrong: try again, later and later.
pub(super) fn failed(state: Certificate, problem: Problem, now: Timestamp, terms: &Terms) -> Arrow {
    match state {
        Certificate::Initializing { authority, patience, .. } => {
            order_again(Phase::Initializing, &authority, problem, patience, now, terms)
        }
        Certificate::Failing { during, authority, patience, .. } => {
            order_again(during, &authority, problem, patience, now, terms)
        }
        Certificate::PendingValidation { challenge, step, on } => {
            let unreachable = problem.is_authority() && on.tries >= UNREACHABLE;
            if unreachable || on.patience.has_ended(now) {
                let state = Certificate::PendingValidation { challenge, step, on };
                return order_failed(state, problem, now, terms);
            }
            let on = later(on, problem, now, terms);
            (Certificate::PendingValidation { challenge, step, on }, vec![])
        }
        Certificate::PendingIssuance { step, on } => {
            // A renewal must not die with its authority: a second certificate is the lesser evil.
            let renewal = matches!(on.patience.purpose, Purpose::Successor { .. });
            // One that stays unusable, as it has expired before it came, is no certificate.
            let useless = matches!(problem, Problem::BadCertificate { .. });
            if (useless || renewal) && problem.is_authority() && on.tries >= UNREACHABLE {
                let state = Certificate::PendingIssuance { step, on };
                return order_failed(state, problem, now, terms);
            }
            if on.patience.has_ended(now) {
                return issuance_timed_out(on, Some(problem));
            }
            let on = later(on, problem, now, terms);
            (Certificate::PendingIssuance { step, on }, vec![])
        }
        Certificate::PendingDeployment { issued, tries, since, .. } => {
            not_served(issued, tries, since, problem, now, terms)
        }
        Certificate::DeploymentTimedOut { issued, .. } => {
            let at = now + jitter(terms.schedule.poll(u32::MAX), terms.dice);
            (Certificate::DeploymentTimedOut { issued, at, problem }, vec![])
        }
        state => (state, vec![]),
    }
}

fn later(on: Ordered, problem: Problem, now: Timestamp, terms: &Terms) -> Ordered {
    let delay = match &problem {
        Problem::ChallengeNotAtEdge { .. } => terms.schedule.poll(on.tries),
        problem if problem.is_authority() => {
            on.patience.purpose.rest(on.tries.saturating_add(1), now, terms)
        }
        _ => jitter(terms.schedule.validation_check(on.tries), terms.dice),
    };
    let at = problem.retry_at().unwrap_or(now).max(now) + delay;
    let hiccup = matches!(problem, Problem::ChallengeNotAtEdge { .. })
        || matches!(on.patience.purpose, Purpose::Successor { .. });
    let catching_up = hiccup && now.since(on.since) < CATCHING_UP;
    Ordered { problem: (!catching_up).then_some(problem), ..on.again(at) }
}

fn not_served(
    issued: Issued,
    tries: u32,
    since: Timestamp,
    problem: Problem,
    now: Timestamp,
    terms: &Terms,
) -> Arrow {
    let at = now + jitter(terms.schedule.poll(tries), terms.dice);
    let late = now.since(since) >= terms.schedule.deployment_window();
    // Without any edge nothing has gone wrong yet.
    if late && problem != Problem::NoPointOfPresence {
        return (Certificate::DeploymentTimedOut { issued, at, problem }, vec![]);
    }
    let (tries, problem) = (tries.saturating_add(1), Some(problem));
    (Certificate::PendingDeployment { issued, tries, at, since, problem }, vec![])
}

/// The order is dead: another one by the ladder, or with the next authority.
pub(super) fn order_failed(
    state: Certificate,
    problem: Problem,
    now: Timestamp,
    terms: &Terms,
) -> Arrow {
    let effects = retract_challenge(&state);
    let (during, on) = match state {
        Certificate::PendingValidation { on, .. } => (Phase::Validation, on),
        Certificate::PendingIssuance { on, .. } => (Phase::Issuance, on),
        state => return (state, vec![]),
    };
    let authority = on.order.authority;
    let (state, _) = order_again(during, &authority, problem, on.patience, now, terms);
    (state, effects)
}

fn order_again(
    during: Phase,
    failed: &Authority,
    problem: Problem,
    mut patience: Patience,
    now: Timestamp,
    terms: &Terms,
) -> Arrow {
    let rest = |in_a_row| patience.purpose.rest(in_a_row, now, terms);
    patience.failures.record(failed, &problem, now, rest);
    if patience.has_ended(now) {
        return (Certificate::TimedOut { during, problem, order: None, patience }, vec![]);
    }
    let Choice { authority, at } = choose(&patience, Some(failed), now, terms);
    (Certificate::Failing { during, problem, authority, at, patience }, vec![])
}

/// With no authority configured at all, the last one is tried again by the ladder.
fn choose(patience: &Patience, last: Option<&Authority>, now: Timestamp, terms: &Terms) -> Choice {
    patience.failures.choose(now, terms).unwrap_or_else(|| Choice {
        authority: last.cloned().unwrap_or_else(|| Authority::new("")),
        at: now + terms.schedule.authority(u32::MAX),
    })
}

/// Whatever waits is tried now, and has its whole time again.
pub(super) fn refresh(state: Certificate, now: Timestamp, terms: &Terms) -> Arrow {
    let renew = |patience: Patience| patience.renewed(now, terms);
    let state = match state {
        Certificate::Initializing { authority, patience, .. } => {
            let at = patience.failures.forced(&authority, now, terms);
            Certificate::Initializing { authority, at, patience: renew(patience) }
        }
        Certificate::Failing { during, problem, authority, patience, .. } => {
            let at = patience.failures.forced(&authority, now, terms);
            Certificate::Failing { during, problem, authority, at, patience: renew(patience) }
        }
        Certificate::PendingValidation { challenge, step, on } => {
            let on = Ordered { tries: 0, at: now, patience: renew(on.patience), ..on };
            Certificate::PendingValidation { challenge, step, on }
        }
        Certificate::PendingIssuance { step, on } => {
            let on = Ordered { at: now, patience: renew(on.patience), ..on };
            Certificate::PendingIssuance { step, on }
        }
        Certificate::PendingDeployment { issued, problem, .. } => {
            Certificate::PendingDeployment { issued, tries: 0, at: now, since: now, problem }
        }
        Certificate::DeploymentTimedOut { issued, problem, .. } => {
            let problem = Some(problem);
            Certificate::PendingDeployment { issued, tries: 0, at: now, since: now, problem }
        }
        Certificate::TimedOut { order: Some(order), patience, problem, .. } => {
            let on = Ordered::new(order, renew(patience), now);
            let on = Ordered { problem: Some(problem), ..on };
            Certificate::PendingIssuance { step: Issuance::Processing, on }
        }
        Certificate::TimedOut { during, problem, order: None, patience } => {
            let Choice { authority, .. } = choose(&patience, None, now, terms);
            let at = patience.failures.forced(&authority, now, terms);
            Certificate::Failing { during, problem, authority, at, patience: renew(patience) }
        }
        state => state,
    };
    (state, vec![])
}

pub(super) fn delete(state: &Certificate) -> Arrow {
    let mut effects = retract_challenge(state);
    if state.issued().is_some() {
        effects.push(Effect::PublishCertificates);
    }
    (Certificate::Deleted, effects)
}

fn retract_challenge(state: &Certificate) -> Vec<Effect> {
    state
        .challenge()
        .map(|challenge| Effect::RetractChallenge(challenge.clone()))
        .into_iter()
        .collect()
}
