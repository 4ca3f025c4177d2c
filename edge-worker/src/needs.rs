//! Asks `routing` until it has all that its answer depends on, and carries out one need after the
//! other.
//!
//! When KV fails or holds what this version cannot read, the last good record goes on to be used.

use std::sync::Arc;

use access::letter::Shell;
use access::need::{ContentKey, Fetch, KeyHolder, Sign, Unwrap};
use access::request::MAX_FORM_BYTES;
use access::{Here, Known, Reply};
use edge_state::access::saml::KeyUse;
use edge_state::{Entry, Key, Records};
use futures_util::future::{join, join_all};
use routing::{Decision, Facts, MAX_READS, MAX_ROUNDS, Need};
use web_sys::Request;
use worker::{Date, Env};
use zeroize::Zeroizing;

use crate::crypto::keys::OurKey;
use crate::failure::Failure;
use crate::memory::{self, Fresh};
use crate::settings::{STATE, Settings};
use crate::{body, crypto, log, outside};

/// What is signed after the decision about one request.
pub struct Signing<'a> {
    /// Who carries it out.
    pub asking: &'a Asking<'a>,
    /// The request.
    pub facts: &'a Facts,
}

impl Shell for Signing<'_> {
    async fn carry_out(&self, need: Need) -> Reply {
        self.asking.reply(&need, self.facts).await
    }
}

/// One request on its way to a decision.
pub struct Asking<'a> {
    /// As it came.
    pub request: &'a Request,
    /// The platform's bindings.
    pub env: &'a Env,
    /// The operator's choices.
    pub settings: &'a Settings,
}

impl Asking<'_> {
    /// The decision.
    pub async fn decide(&self, facts: &mut Facts) -> Result<Decision, Failure> {
        let memory = Arc::new(Fresh);
        let mut known = Known::with_memory(Records::with_memory(memory.clone()), memory);
        let here = Here {
            now_millis: i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX),
            entropy: &crypto::random()?,
            keys: &self.settings.access_keys,
            https_port: self.settings.https_port,
        };
        let (mut reads, mut rounds) = (0, 0);
        while reads <= MAX_READS && rounds <= MAX_ROUNDS {
            match routing::decide(facts, &known, &here) {
                Ok(decision) => return Ok(decision),
                Err(need) => {
                    let reading = matches!(need, Need::Record(_) | Need::Records(_));
                    *(if reading { &mut reads } else { &mut rounds }) += 1;
                    self.meet(need, facts, &mut known).await?;
                }
            }
        }
        Err(Failure::Undecided)
    }

    /// Carries out one need.
    pub async fn meet(
        &self,
        need: Need,
        facts: &mut Facts,
        known: &mut Known,
    ) -> Result<(), Failure> {
        match &need {
            Need::Record(key) => {
                return self.read_all(std::slice::from_ref(key), facts, known).await;
            }
            Need::Records(keys) => {
                let keys = keys.get(..MAX_READS).unwrap_or(keys);
                return self.read_all(keys, facts, known).await;
            }
            Need::Form => {
                let form = body::text(self.request.body(), MAX_FORM_BYTES).await;
                let form = form.inspect_err(|error| log::note(facts, "a form", error));
                facts.form = Some(form.unwrap_or_default());
                return Ok(());
            }
            _ => {}
        }
        let reply = memory::keep(&need, self.reply(&need, facts).await);
        known.insert(need, reply);
        Ok(())
    }

    /// What comes of a need that is neither a record nor the form.
    async fn reply(&self, need: &Need, facts: &Facts) -> Reply {
        let reply = match need {
            Need::Call(call) => outside::call(call, facts.client, self.env, self.settings).await,
            Need::Fetch(fetch) => self.fetch(fetch, facts).await,
            Need::Verify(verify) => verdict(crypto::token::verify(verify).await, facts),
            Need::VerifySaml(verify) => verdict(crypto::saml::verify(verify).await, facts),
            Need::Sign(sign) => {
                self.sign(sign, facts).await.map_or_else(Reply::Failed, Reply::Signed)
            }
            Need::Unwrap(unwrap) => {
                self.unwrap(unwrap, facts).await.map_or_else(Reply::Failed, Reply::Unwrapped)
            }
            Need::Wrap(wrap) => {
                crypto::saml::wrap(wrap).await.map_or_else(Reply::Failed, Reply::Wrapped)
            }
            Need::Record(_) | Need::Records(_) | Need::Form => {
                Reply::Failed("nobody waits for this".to_owned())
            }
        };
        if let Reply::Failed(why) = &reply {
            log::note(facts, "Access", why);
        }
        reply
    }

    /// Reads records side by side, and with them those that will be asked for next, most likely.
    async fn read_all(
        &self,
        keys: &[Key],
        facts: &Facts,
        known: &mut Known,
    ) -> Result<(), Failure> {
        let hostname = facts.authority.hostname.as_ref();
        let mut beside = hostname.map(memory::stale_by_habit).unwrap_or_default();
        beside.retain(|key| !keys.contains(key));
        let wanted = join_all(keys.iter().map(|key| self.read(key, facts)));
        let beside = join_all(beside.iter().map(|key| self.read(key, facts)));
        let (wanted, _) = join(wanted, beside).await; // Who needs one that failed hears of it then.
        for (key, entry) in keys.iter().zip(wanted) {
            hostname.inspect(|hostname| memory::note_habit(hostname, key));
            known.insert_record(key.clone(), entry?);
        }
        Ok(())
    }

    async fn fetch(&self, fetch: &Fetch, facts: &Facts) -> Reply {
        match &facts.authority.hostname {
            Some(hostname) => outside::fetch(fetch, hostname, self.env, self.settings).await,
            None => Reply::Failed("nobody's request fetches nothing".to_owned()),
        }
    }

    /// A signature by one of our keys.
    pub async fn sign(&self, sign: &Sign, facts: &Facts) -> Result<Vec<u8>, String> {
        let record = self.key_record(&sign.holder, facts).await?;
        let open = || self.private_key(&record, &sign.kid, KeyUse::Signing);
        crypto::sign(OurKey { holder: &sign.holder, kid: &sign.kid, open: &open }, &sign.message)
            .await
    }

    async fn unwrap(&self, unwrap: &Unwrap, facts: &Facts) -> Result<ContentKey, String> {
        let holder = KeyHolder::Saml(unwrap.id.clone());
        let record = self.key_record(&holder, facts).await?;
        let open = || self.private_key(&record, &unwrap.kid, KeyUse::Encryption);
        crypto::saml::unwrap(unwrap, OurKey { holder: &holder, kid: &unwrap.kid, open: &open })
            .await
    }

    async fn key_record(&self, holder: &KeyHolder, facts: &Facts) -> Result<Entry, String> {
        let key = match holder {
            KeyHolder::Organization(auth_domain) => Key::SigningKeys(auth_domain.clone()),
            KeyHolder::Saml(id) => Key::SamlKeys(id.clone()),
        };
        self.read(&key, facts).await.map_err(|failure| failure.to_string())
    }

    fn private_key(
        &self,
        record: &Entry,
        kid: &str,
        r#use: KeyUse,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let ring = &self.settings.access_keys;
        let opened = match record {
            Entry::SigningKeys(record) if r#use == KeyUse::Signing => record.private_key(kid, ring),
            Entry::SamlKeys(record) => record.private_key(kid, r#use, ring),
            _ => None,
        };
        let opened = opened.ok_or_else(|| format!("there is no private key {kid}"))?;
        opened.map_err(|error| format!("private key {kid}: {error} (LINTEL_ACCESS_KEY)"))
    }

    async fn read(&self, key: &Key, facts: &Facts) -> Result<Entry, Failure> {
        let known = memory::record(key);
        let now = Date::now().as_millis();
        if let Some(fresh) = known.as_ref().filter(|known| known.is_fresh(now)) {
            return Ok(fresh.entry.clone());
        }
        let entry = match (self.fetch_record(key).await, known) {
            (Ok(entry), _) => entry,
            (Err(failure), Some(stale)) => {
                log::failure(facts, &failure);
                stale.entry
            }
            (Err(failure), None) => return Err(failure),
        };
        memory::keep_record(key, &entry, self.settings.record_ttl_millis);
        Ok(entry)
    }

    async fn fetch_record(&self, key: &Key) -> Result<Entry, Failure> {
        let unreadable = |cause| Failure::Record { key: key.clone(), cause };
        let state = self.env.kv(STATE).map_err(|error| unreadable(error.to_string()))?;
        let text = state.get(&key.to_string()).text().await;
        let text = text.map_err(|error| unreadable(error.to_string()))?;
        Entry::decode(key, text.as_deref()).map_err(|error| unreadable(error.to_string()))
    }
}

/// What cannot be checked is wrong.
fn verdict(checked: Result<bool, String>, facts: &Facts) -> Reply {
    Reply::Verified(checked.unwrap_or_else(|why| {
        log::note(facts, "a signature cannot be checked", &why);
        false
    }))
}
