//! Records: from isolate memory while they are fresh, then from KV.
//!
//! When KV fails or holds what this version cannot read, the last good record goes on to be used.

use std::cell::RefCell;

use edge_state::Key;
use routing::memory::Memory;
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
    if let Some(fresh) = known.as_ref().filter(|known| known.is_fresh(Date::now().as_millis())) {
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
    let (now, lifetime) = (Date::now().as_millis(), settings.record_ttl_millis);
    MEMORY.with_borrow_mut(|memory| memory.insert(key.clone(), entry.clone(), now, lifetime));
    Ok(entry)
}

async fn fetch(key: &Key, env: &Env) -> Result<Entry, Failure> {
    let unreadable = |cause| Failure::Record { key: key.clone(), cause };
    let state = env.kv(STATE).map_err(|error| unreadable(error.to_string()))?;
    let text = state.get(&key.to_string()).text().await;
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    Entry::decode(key, text.as_deref()).map_err(|error| unreadable(error.to_string()))
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}
