//! What this isolate keeps from one request for the next ones.

use std::cell::RefCell;

use access::Reply;
use access::memory::{Documents, Outbox, Signatures, Spent, Verdicts};
use access::need::{Call, KeyHolder, Sign};
use edge_state::access::call::{LogBatch, LoginEvent};
use edge_state::{Entry, Hostname, Key};
use routing::Need;
use routing::habit::Habits;
use routing::memory::{Memory, Remembered};
use worker::Date;

use crate::outside::now_seconds;

thread_local! {
    static RECORDS: RefCell<Memory> = RefCell::default();
    static HABITS: RefCell<Habits> = RefCell::default();
    static DOCUMENTS: RefCell<Documents> = RefCell::default();
    static VERDICTS: RefCell<Verdicts> = RefCell::default();
    static SIGNATURES: RefCell<Signatures> = RefCell::default();
    static SPENT: RefCell<Spent> = RefCell::default();
    static OUTBOX: RefCell<Outbox> = RefCell::default();
}

/// What is fresh of it, for `routing` to ask by itself.
#[derive(Debug)]
pub struct Fresh;

impl edge_state::records::Memory for Fresh {
    fn recall(&self, key: &Key) -> Option<Entry> {
        let known = record(key)?;
        known.is_fresh(Date::now().as_millis()).then_some(known.entry)
    }
}

impl access::known::Memory for Fresh {
    fn recall(&self, need: &Need) -> Option<Reply> {
        match need {
            Need::Verify(verify) => {
                let right = VERDICTS.with_borrow_mut(|verdicts| verdicts.is_known_right(verify));
                right.then_some(Reply::Verified(true))
            }
            Need::Fetch(fetch) => {
                let cache = fetch.cache.as_ref()?;
                DOCUMENTS.with_borrow(|documents| documents.find(cache, now_seconds()))
            }
            Need::Sign(sign) if is_of_a_token(sign) => {
                SIGNATURES.with_borrow_mut(|made| made.find(sign)).map(Reply::Signed)
            }
            Need::Call(call) => {
                let Call::Spend(spend) = call.as_ref() else { return None };
                let answer = SPENT.with_borrow(|spent| spent.find(spend))?;
                serde_json::to_string(&answer).ok().map(Reply::Called)
            }
            // Each SAML message is told once, and content keys are nobody's but their request's.
            Need::Sign(_)
            | Need::VerifySaml(_)
            | Need::Unwrap(_)
            | Need::Wrap(_)
            | Need::Record(_)
            | Need::Records(_)
            | Need::Form => None,
        }
    }
}

/// A record as it was last read, fresh or not.
pub fn record(key: &Key) -> Option<Remembered> {
    RECORDS.with_borrow_mut(|memory| memory.find(key))
}

/// Keeps a record that was read, or could not be read again.
pub fn keep_record(key: &Key, entry: &Entry, lifetime_millis: u64) {
    let now = Date::now().as_millis();
    RECORDS.with_borrow_mut(|m| m.insert(key.clone(), entry.clone(), now, lifetime_millis));
}

/// Notes that a request for this hostname read this record.
pub fn note_habit(hostname: &Hostname, key: &Key) {
    HABITS.with_borrow_mut(|habits| habits.note(hostname, key));
}

/// Records that requests for this hostname need by habit and that are not fresh.
pub fn stale_by_habit(hostname: &Hostname) -> Vec<Key> {
    let now = Date::now().as_millis();
    let is_fresh = |key: &Key| record(key).is_some_and(|known| known.is_fresh(now));
    HABITS.with_borrow(|habits| {
        habits.of(hostname).iter().filter(|key| !is_fresh(key)).cloned().collect()
    })
}

/// Keeps what came of a need, where that serves later requests; returns what is to be used.
pub fn keep(need: &Need, reply: Reply) -> Reply {
    match (need, &reply) {
        (Need::Verify(verify), Reply::Verified(true)) => {
            VERDICTS.with_borrow_mut(|verdicts| verdicts.insert(verify));
            reply
        }
        (Need::Sign(sign), Reply::Signed(signature)) if is_of_a_token(sign) => {
            SIGNATURES.with_borrow_mut(|made| made.insert(sign, signature.clone()));
            reply
        }
        (Need::Call(call), Reply::Called(_)) => {
            if let Call::Spend(spend) = call.as_ref() {
                SPENT.with_borrow_mut(|spent| spent.insert(spend));
            }
            reply
        }
        (Need::Fetch(fetch), _) => match &fetch.cache {
            Some(cache) => DOCUMENTS.with_borrow_mut(|d| d.insert(cache, reply, now_seconds())),
            None => reply,
        },
        _ => reply,
    }
}

fn is_of_a_token(sign: &Sign) -> bool {
    matches!(sign.holder, KeyHolder::Organization(_))
}

/// Login events on their way; returns how many had to go for them.
pub fn push_events(events: Vec<LoginEvent>) -> usize {
    OUTBOX.with_borrow_mut(|outbox| outbox.push(events))
}

/// The next batch, unless somebody delivers.
pub fn take_events() -> Option<LogBatch> {
    OUTBOX.with_borrow_mut(|outbox| outbox.take(now_seconds() * 1000))
}

/// What came of a batch; returns how many events wait.
pub fn settle_events(batch: &LogBatch, delivered: bool) -> usize {
    OUTBOX.with_borrow_mut(|outbox| {
        if delivered {
            outbox.delivered(batch);
        } else {
            outbox.failed();
        }
        outbox.waiting()
    })
}
