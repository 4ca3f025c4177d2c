//! Records: from isolate memory while they are fresh, then from KV.
//!
//! A KV read per request costs two thirds of the throughput. Absence is remembered as well. When KV
//! fails or holds what this version cannot read, the last good record goes on to be used.

use std::cell::RefCell;
use std::collections::BTreeMap;

use edge_state::Key;
use routing::{Decision, Entry, Facts, MAX_ROUNDS, Missing, Records};
use worker::{Date, Env};

use crate::failure::Failure;
use crate::log;
use crate::settings::{STATE, Settings};

/// Asks `routing` until it has all the records that its answer depends on.
pub async fn decide(facts: &Facts, env: &Env, settings: &Settings) -> Result<Decision, Failure> {
    let mut records = Records::default();
    for _ in 0..=MAX_ROUNDS {
        match routing::decide(facts, &records) {
            Ok(decision) => return Ok(decision),
            Err(Missing(key)) => {
                let entry = read(&key, facts, env, settings).await?;
                records.insert(key, entry);
            }
        }
    }
    Err(Failure::Undecided)
}

async fn read(key: &Key, facts: &Facts, env: &Env, settings: &Settings) -> Result<Entry, Failure> {
    let known = MEMORY.with_borrow_mut(|memory| memory.find(key));
    if let Some(fresh) = known.as_ref().filter(|known| known.until > Date::now().as_millis()) {
        return Ok(fresh.entry.clone());
    }
    let entry = match (fetch(key, env).await, known) {
        (Ok(entry), _) => entry,
        (Err(failure), Some(stale)) => {
            log::failure(facts, &failure);
            stale.entry
        }
        (Err(failure), None) => return Err(failure),
    };
    let until = Date::now().as_millis() + lifetime_millis(key, &entry, settings);
    let remembered = Remembered { entry: entry.clone(), until };
    MEMORY.with_borrow_mut(|memory| memory.insert(key.clone(), remembered));
    Ok(entry)
}

async fn fetch(key: &Key, env: &Env) -> Result<Entry, Failure> {
    let unreadable = |cause| Failure::Record { key: key.clone(), cause };
    let state = env.kv(STATE).map_err(|error| unreadable(error.to_string()))?;
    let text = state.get(&key.to_string()).text().await;
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    Entry::decode(key, text.as_deref()).map_err(|error| unreadable(error.to_string()))
}

/// A CA comes as soon as it is told that a challenge is ready: that it was not there a moment ago
/// must not matter for long, whatever the operator chose.
fn lifetime_millis(key: &Key, entry: &Entry, settings: &Settings) -> u64 {
    match (key, entry) {
        (Key::Challenge(_), Entry::Absent) => settings.record_ttl_millis.min(250),
        _ => settings.record_ttl_millis,
    }
}

#[derive(Clone)]
struct Remembered {
    entry: Entry,
    /// Milliseconds since 1970.
    until: u64,
}

/// Two generations: what is used moves to the young one; when that is full, the old one is
/// forgotten whole. So memory is bounded, and invented hostnames do not push out real ones that
/// somebody asks for.
#[derive(Default)]
struct Memory {
    young: BTreeMap<Key, Remembered>,
    old: BTreeMap<Key, Remembered>,
}

/// A record takes about 1 kB, an isolate has 128 MB.
const GENERATION: usize = 4096;

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

impl Memory {
    /// Fresh or not.
    fn find(&mut self, key: &Key) -> Option<Remembered> {
        if let Some(remembered) = self.young.get(key) {
            return Some(remembered.clone());
        }
        let remembered = self.old.remove(key)?;
        self.insert(key.clone(), remembered.clone());
        Some(remembered)
    }

    fn insert(&mut self, key: Key, remembered: Remembered) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, remembered);
    }
}
