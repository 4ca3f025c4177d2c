//! Login events on their way to the control plane, in an isolate.

use std::collections::{BTreeSet, VecDeque};

use edge_state::access::call::{LogBatch, LoginEvent};

/// Events that were not delivered yet, oldest first.
#[derive(Debug, Default)]
pub struct Outbox {
    events: VecDeque<LoginEvent>,
    /// Somebody delivers until then, in milliseconds since 1970.
    busy_until: i64,
}

/// So many wait at most. An event is about 1 kB.
pub const KEPT: usize = 2000;
/// So many go at once.
pub const BATCH: usize = 500;
/// A delivery that takes longer has died with its request.
const DELIVERY_MILLIS: i64 = 30_000;

impl Outbox {
    /// Adds events; returns how many old ones had to go for them.
    pub fn push(&mut self, events: Vec<LoginEvent>) -> usize {
        self.events.extend(events);
        self.bound()
    }

    /// The next batch, if there is one and nobody else delivers. It stays here until who got it
    /// says that it is [`Self::delivered`], or that it [`Self::failed`].
    pub fn take(&mut self, now_millis: i64) -> Option<LogBatch> {
        if now_millis < self.busy_until || self.events.is_empty() {
            return None;
        }
        self.busy_until = now_millis + DELIVERY_MILLIS;
        Some(LogBatch { events: self.events.iter().take(BATCH).cloned().collect() })
    }

    /// The batch is with the control plane.
    pub fn delivered(&mut self, batch: &LogBatch) {
        self.busy_until = 0;
        let there: BTreeSet<&str> = batch.events.iter().map(|event| event.id.as_str()).collect();
        self.events.retain(|event| !there.contains(event.id.as_str()));
    }

    /// It is not: it is part of the next one.
    pub fn failed(&mut self) {
        self.busy_until = 0;
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.events.len()
    }

    fn bound(&mut self) -> usize {
        let over = self.events.len().saturating_sub(KEPT);
        self.events.drain(..over);
        over
    }
}

#[cfg(test)]
mod tests {
    use edge_state::Hostname;

    use super::*;

    fn events(ids: std::ops::Range<usize>) -> Vec<LoginEvent> {
        let event = |id: usize| -> LoginEvent {
            serde_json::from_value(serde_json::json!({
                "id": id.to_string(), "auth_domain": Hostname::parse("team.example.com").unwrap(),
                "at_millis": 0, "action": "login", "allowed": true, "ray_id": "r", "reason": ""
            }))
            .unwrap()
        };
        ids.map(event).collect()
    }

    fn ids(batch: Option<LogBatch>) -> Option<(String, usize)> {
        batch.map(|batch| (batch.events[0].id.clone(), batch.events.len()))
    }

    #[test]
    fn batches_go_one_after_the_other() {
        let mut outbox = Outbox::default();
        assert!(outbox.take(0).is_none());
        outbox.push(events(0..BATCH + 1));
        assert_eq!(ids(outbox.take(0)), Some(("0".into(), BATCH)));
        assert!(outbox.take(1).is_none(), "somebody delivers");
        outbox.delivered(&LogBatch { events: events(0..BATCH) });
        assert_eq!(ids(outbox.take(2)), Some((BATCH.to_string(), 1)));
    }

    #[test]
    fn what_was_not_delivered_is_the_next_batch() {
        let mut outbox = Outbox::default();
        outbox.push(events(0..3));
        assert!(outbox.take(0).is_some());
        outbox.push(events(3..4));
        outbox.failed();
        assert_eq!(ids(outbox.take(0)), Some(("0".into(), 4)));
    }

    #[test]
    fn a_delivery_that_died_does_not_stop_the_next() {
        let mut outbox = Outbox::default();
        outbox.push(events(0..1));
        drop(outbox.take(0));
        outbox.push(events(1..2));
        assert!(outbox.take(DELIVERY_MILLIS - 1).is_none());
        assert_eq!(ids(outbox.take(DELIVERY_MILLIS)), Some(("0".into(), 2)));
    }

    #[test]
    fn the_oldest_go_when_nobody_listens() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(events(0..KEPT)), 0);
        assert_eq!(outbox.push(events(KEPT..KEPT + 2)), 2);
        assert_eq!((outbox.waiting(), ids(outbox.take(0)).unwrap().0), (KEPT, "2".into()));
    }
}
