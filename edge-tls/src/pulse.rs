//! Whether a visitor's connection moves. hyper bounds what it waits for itself; this sees the rest:
//! heads that trickle in, connections without a request, visitors who do not read their answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Limits;

/// What is going on in one connection.
pub struct Pulse {
    state: Mutex<State>,
}

struct State {
    /// When the head that is coming in began; the first one begins with the connection.
    head_since: Option<Instant>,
    /// Requests whose answer is not through.
    active: usize,
    idle_since: Instant,
    /// Answers of which a part was handed on and nothing asked for since.
    unread: HashMap<u64, Instant>,
    requests: u64,
    /// The request, counted from 1, whose head must not be acted upon.
    ambiguous: Option<u64>,
    tunnel: bool,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Over {
    /// No request for long: let it end in good order.
    Idle,
    /// A head that does not end.
    SlowHead,
    /// An answer that is not read.
    SlowReader,
}

impl Pulse {
    /// A connection opens.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let state = State {
            head_since: Some(now),
            active: 0,
            idle_since: now,
            unread: HashMap::new(),
            requests: 0,
            ambiguous: None,
            tunnel: false,
        };
        Self { state: Mutex::new(state) }
    }

    /// The first byte of a request's head arrived.
    pub fn head_begins(&self, now: Instant) {
        self.state().head_since.get_or_insert(now);
    }

    /// The last byte of a request's head arrived.
    pub fn head_ends(&self) {
        self.state().head_since = None;
    }

    /// The head that ended last, number `request`, can be read in two ways.
    pub fn head_is_ambiguous(&self, request: u64) {
        self.state().ambiguous.get_or_insert(request);
    }

    /// The connection is another protocol's from here on.
    pub fn is_now_a_tunnel(&self) {
        self.state().tunnel = true;
    }

    /// Whether it is.
    #[must_use]
    pub fn is_tunnel(&self) -> bool {
        self.state().tunnel
    }

    /// A request is being answered from here until [`Self::answered`]. `false`: it must not be, as
    /// its head is ambiguous.
    #[must_use]
    pub fn requested(&self) -> (u64, bool) {
        let mut state = self.state();
        state.active += 1;
        state.requests += 1;
        (state.requests, state.ambiguous != Some(state.requests))
    }

    /// Part of an answer was handed on (`true`), or more of it is asked for (`false`).
    pub fn unread(&self, request: u64, is_unread: bool, now: Instant) {
        let mut state = self.state();
        if is_unread {
            state.unread.insert(request, now);
        } else {
            state.unread.remove(&request);
        }
    }

    /// The answer to a request is through, or given up.
    pub fn answered(&self, request: u64, now: Instant) {
        let mut state = self.state();
        state.unread.remove(&request);
        state.active = state.active.saturating_sub(1);
        state.idle_since = now;
    }

    /// Returns when the connection is over. Notices it within a quarter of the limit.
    pub async fn watch(&self, limits: &Limits) -> Over {
        let shortest = limits.header_timeout.min(limits.idle_timeout);
        let mut ticks = tokio::time::interval((shortest / 4).max(Duration::from_millis(10)));
        loop {
            ticks.tick().await;
            if let Some(over) = self.judge(limits, Instant::now()) {
                return over;
            }
        }
    }

    fn judge(&self, limits: &Limits, now: Instant) -> Option<Over> {
        let state = self.state();
        let older = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        if state.head_since.is_some_and(|since| older(since, limits.header_timeout)) {
            return Some(Over::SlowHead);
        }
        if state.unread.values().any(|since| older(*since, limits.idle_timeout)) {
            return Some(Over::SlowReader);
        }
        (state.active == 0 && older(state.idle_since, limits.idle_timeout)).then_some(Over::Idle)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Over {
    /// For metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::SlowHead => "slow_head",
            Self::SlowReader => "slow_reader",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_connections: 1,
        max_connections_per_client: 1,
        max_requests_per_client: 2048,
        handshake_timeout: Duration::from_secs(1),
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(75),
        drain_timeout: Duration::from_secs(1),
    };

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_head_is_due_from_the_start() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        assert_eq!(pulse.judge(&LIMITS, after(start, 9)), None);
        assert_eq!(pulse.judge(&LIMITS, after(start, 10)), Some(Over::SlowHead));
    }

    #[test]
    fn a_trickle_of_bytes_does_not_prolong_a_head() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        pulse.head_ends();
        for second in 20..30 {
            pulse.head_begins(after(start, second));
        }
        assert_eq!(pulse.judge(&LIMITS, after(start, 30)), Some(Over::SlowHead));
    }

    #[test]
    fn idle_counts_from_the_last_answer() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        pulse.head_ends();
        let (request, clear) = pulse.requested();
        assert!(clear);
        assert_eq!(pulse.judge(&LIMITS, after(start, 1000)), None, "the origin may think");
        pulse.answered(request, after(start, 1000));
        assert_eq!(pulse.judge(&LIMITS, after(start, 1074)), None);
        assert_eq!(pulse.judge(&LIMITS, after(start, 1075)), Some(Over::Idle));
    }

    #[test]
    fn an_unread_answer_is_noticed_beside_active_requests() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        pulse.head_ends();
        let (first, _) = pulse.requested();
        let (second, _) = pulse.requested();
        pulse.unread(first, true, start);
        pulse.unread(second, true, after(start, 50));
        pulse.unread(first, false, after(start, 60));
        assert_eq!(pulse.judge(&LIMITS, after(start, 124)), None);
        assert_eq!(pulse.judge(&LIMITS, after(start, 125)), Some(Over::SlowReader));
    }

    #[test]
    fn only_the_ambiguous_request_is_refused() {
        let pulse = Pulse::new(Instant::now());
        pulse.head_is_ambiguous(2);
        assert_eq!(pulse.requested(), (1, true));
        assert_eq!(pulse.requested(), (2, false));
    }
}
