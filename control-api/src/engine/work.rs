//! One custom hostname, locked, with everything that changes about it in one transaction.

use edge_state::{ChallengeRecord, Hostname, Key, KeyType, Record as _};
use lifecycle::certificate::{Certificate, Effect, Event, Purpose};
use lifecycle::hostname::{self, Hostname as Machine};
use lifecycle::status::{Row, ssl_status};
use lifecycle::validation::Challenge;
use lifecycle::{Authority, Terms, Timestamp};

use super::error::{EngineError, unreadable};
use super::live::Live;
use super::requested::Requested;
use super::{Attached, Engine, record};
use crate::store::certificates::{self, NewCertificate, Standing};
use crate::store::machines::{self, Derived, HostnameRow};
use crate::store::{Tx, changes, jobs};

/// A hostname's machines from lock to commit.
pub(super) struct Work<'a> {
    engine: &'a Engine,
    tx: &'a mut Tx,
    now: Timestamp,
    authorities: Vec<Authority>,
    row: HostnameRow,
    hostname: Hostname,
    state: Machine,
    /// The oldest first.
    certificates: Vec<Live>,
    edge: Edge,
    removed: bool,
}

/// What the edge has to be told at the end.
#[derive(Default)]
struct Edge {
    challenges: Vec<(Challenge, bool)>,
    hostname: bool,
    certificates: bool,
}

impl<'a> Work<'a> {
    /// Locks and reads everything.
    pub(super) async fn begin(
        engine: &'a Engine,
        tx: &'a mut Tx,
        id: &str,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let row = machines::lock(tx, id).await?.ok_or(EngineError::NotFound)?;
        let state = serde_json::from_str(&row.state).map_err(|error| unreadable(id, &error))?;
        let hostname = Hostname::parse(&row.hostname).map_err(|error| EngineError::State {
            subject: id.to_owned(),
            error: error.to_string(),
        })?;
        let requested = Requested::parse(&row.requested).map_err(|error| unreadable(id, &error))?;
        let mut certificates = Vec::new();
        for row in certificates::of_hostname(tx, id).await? {
            certificates.push(Live::read(row)?);
        }
        let authorities = engine.authorities_for(requested.authority());
        let (edge, removed) = (Edge::default(), false);
        Ok(Self { engine, tx, now, authorities, row, hostname, state, certificates, edge, removed })
    }

    /// The certificates for which `wanted` holds.
    pub(super) fn certificate_ids(&self, wanted: impl Fn(&Certificate) -> bool) -> Vec<String> {
        let chosen = self.certificates.iter().filter(|live| wanted(&live.state));
        chosen.map(|live| live.row.id.clone()).collect()
    }

    /// Has the hostname's edge record written.
    pub(super) fn publish_hostname(&mut self) {
        self.edge.hostname = true;
    }

    /// Applies an event to the hostname.
    pub(super) async fn hostname(&mut self, event: hostname::Event) -> Result<(), EngineError> {
        let (authorities, schedule) = (self.authorities.clone(), self.engine.schedule);
        let terms = Terms { authorities: &authorities, schedule, dice: rand::random() };
        let (state, effects) = self
            .state
            .clone()
            .next(event, self.now, &terms)
            .map_err(|illegal| EngineError::Illegal(illegal.to_string()))?;
        self.state = state;
        for effect in effects {
            match effect {
                hostname::Effect::Publish => self.edge.hostname = true,
                hostname::Effect::Remove => self.remove().await?,
            }
        }
        Ok(())
    }

    /// Applies an event to a certificate; one that is gone hears nothing.
    pub(super) async fn certificate(
        &mut self,
        id: &str,
        event: Event,
        attached: Attached,
    ) -> Result<(), EngineError> {
        let Some(index) = self.certificates.iter().position(|live| live.row.id == id) else {
            return Ok(());
        };
        let (authorities, schedule) = (self.authorities.clone(), self.engine.schedule);
        let terms = Terms { authorities: &authorities, schedule, dice: rand::random() };
        let live = &mut self.certificates[index];
        let before = live.state.clone();
        let (after, effects) = before
            .clone()
            .next(event, self.now, &terms)
            .map_err(|illegal| EngineError::Illegal(illegal.to_string()))?;
        if after != before {
            live.state = after;
            self.attach(index, attached).await?;
        }
        self.store(index).await?;
        for effect in effects {
            self.follow(id, effect).await?;
        }
        Ok(())
    }

    /// Writes a certificate's state and job once more; the hostname's own follow at the end.
    pub(super) async fn plan_again(&mut self, id: &str) -> Result<(), EngineError> {
        match self.certificates.iter().position(|live| live.row.id == id) {
            Some(index) => self.store(index).await,
            None => Ok(()),
        }
    }

    /// Begins the first certificate of a hostname that should have one.
    pub(super) async fn begin_certificate_if_missing(&mut self) -> Result<(), EngineError> {
        let missing = !self.certificates.iter().any(|live| live.key_type == KeyType::P256);
        if self.row.ssl_id.is_some() && missing {
            let deadline = self.now + self.engine.schedule.issuance_window();
            self.insert(KeyType::P256, Purpose::First { deadline }).await?;
        }
        Ok(())
    }

    /// Begins a successor of the newest issued certificate, if there is one.
    pub(super) async fn reissue(&mut self, key_type: KeyType) -> Result<(), EngineError> {
        let newest = self.certificates.iter().rfind(|live| live.key_type == key_type);
        let Some(newest) = newest else { return Ok(()) };
        // One that is being renewed already has just lost its successor.
        if let Certificate::Renewing { issued } | Certificate::Expired { issued } = &newest.state {
            let needed_by = issued.validity.not_after;
            return self.insert(key_type, Purpose::Successor { needed_by }).await;
        }
        let id = newest.row.id.clone();
        self.certificate(&id, Event::Reissue, Attached::Nothing).await
    }

    /// Writes what is derived from the machines, their jobs, and last of all the edge records.
    pub(super) async fn end(mut self) -> Result<(), EngineError> {
        if !self.removed {
            self.write_hostname().await?;
        }
        let mut records = Vec::new();
        for (challenge, put) in &self.edge.challenges {
            let record = ChallengeRecord {
                token: challenge.token.clone(),
                key_authorization: challenge.key_authorization.clone(),
                hostname: self.hostname.clone(),
            };
            records.push((record.key(), put.then(|| record.encode())));
        }
        if self.edge.hostname {
            let record = record::host(&self.row, &self.hostname, &self.state)?;
            records.push((record.key(), (!self.removed).then(|| record.encode())));
        }
        if self.edge.certificates {
            let vault = &self.engine.vault;
            let record = record::certificates(&self.hostname, &self.certificates, vault)?;
            let key = Key::Certificate(self.hostname.clone());
            records.push((key, record.map(|record| record.encode())));
        }
        for (key, value) in records {
            changes::put(self.tx, &key, value.as_deref(), self.now.as_millis()).await?;
        }
        Ok(())
    }

    async fn write_hostname(&mut self) -> Result<(), EngineError> {
        let now = self.now.as_millis();
        if let Some((step, at)) = self.state.next_step() {
            let (id, due_at) = (self.row.id.as_str(), at.as_millis());
            let plan =
                jobs::Plan { kind: step.as_str(), subject: id, custom_hostname_id: id, due_at };
            jobs::plan(self.tx, plan, now).await?;
        } else {
            jobs::forget(self.tx, &self.row.id).await?;
        }
        let rows: Vec<_> = self
            .certificates
            .iter()
            .map(|live| Row { key_type: live.key_type, state: &live.state })
            .collect();
        let newest = self.certificates.iter().rfind(|live| live.key_type == KeyType::P256);
        let derived = Derived {
            status: self.state.status(),
            state: &json(&self.row.id, &self.state)?,
            ssl_status: self.row.ssl_id.as_ref().map(|_| ssl_status(&rows)),
            certificate_authority: newest
                .and_then(|live| live.state.authority())
                .map(Authority::as_str),
        };
        Ok(machines::update(self.tx, &self.row.id, derived, now).await?)
    }

    /// What follows from an event, in this same transaction.
    async fn follow(&mut self, id: &str, effect: Effect) -> Result<(), EngineError> {
        let Some(index) = self.certificates.iter().position(|live| live.row.id == id) else {
            // Deleted just now: what remains is to tell the edge.
            self.tell(effect);
            return Ok(());
        };
        let key_type = self.certificates[index].key_type;
        match effect {
            Effect::BeginSuccessor { needed_by } => {
                self.insert(key_type, Purpose::Successor { needed_by }).await
            }
            Effect::BeginCompanion => {
                let has_rsa =
                    self.certificates.iter().any(|live| live.key_type == KeyType::Rsa2048);
                if key_type == KeyType::P256 && !has_rsa {
                    self.insert(KeyType::Rsa2048, Purpose::Companion).await?;
                }
                Ok(())
            }
            Effect::RetirePredecessors => self.retire_before(index).await,
            effect => {
                self.tell(effect);
                Ok(())
            }
        }
    }

    fn tell(&mut self, effect: Effect) {
        match effect {
            Effect::PublishChallenge(challenge) => self.edge.challenges.push((challenge, true)),
            Effect::RetractChallenge(challenge) => self.edge.challenges.push((challenge, false)),
            Effect::PublishCertificates => self.edge.certificates = true,
            Effect::BeginSuccessor { .. } | Effect::BeginCompanion | Effect::RetirePredecessors => {
            }
        }
    }

    async fn retire_before(&mut self, index: usize) -> Result<(), EngineError> {
        let key_type = self.certificates[index].key_type;
        let older = self.certificates[..index].iter().filter(|live| live.key_type == key_type);
        let older: Vec<_> = older.map(|live| live.row.id.clone()).collect();
        for id in older {
            // Boxed: a certificate's event leads to another one's.
            Box::pin(self.certificate(&id, Event::SuccessorActive, Attached::Nothing)).await?;
            metrics::counter!(crate::metrics::RENEWALS).increment(1);
        }
        Ok(())
    }

    async fn attach(&mut self, index: usize, attached: Attached) -> Result<(), EngineError> {
        let row = &mut self.certificates[index].row;
        match attached {
            Attached::Nothing => {}
            Attached::Key(key) => {
                certificates::set_key(self.tx, &row.id, &key).await?;
                row.private_key = Some(key.as_str().to_owned());
            }
            Attached::Chain(issued) => {
                certificates::set_chain(self.tx, &row.id, &issued).await?;
                row.chain = Some(issued.chain.clone());
            }
        }
        Ok(())
    }

    /// Writes a certificate's state and its only job, or removes what is over.
    async fn store(&mut self, index: usize) -> Result<(), EngineError> {
        let now = self.now.as_millis();
        let live = &self.certificates[index];
        let id = live.row.id.clone();
        if matches!(live.state, Certificate::Deleted | Certificate::Retired) {
            jobs::forget(self.tx, &id).await?;
            certificates::delete(self.tx, &id).await?;
            self.certificates.remove(index);
            return Ok(());
        }
        let state = json(&id, &live.state)?;
        certificates::update(self.tx, &id, standing(&live.state, &state), now).await?;
        match live.state.next_step() {
            Some((step, at)) => {
                let (kind, due_at) = (step.as_str(), at.as_millis());
                let custom_hostname_id = self.row.id.as_str();
                let plan = jobs::Plan { kind, subject: &id, custom_hostname_id, due_at };
                jobs::plan(self.tx, plan, now).await?;
            }
            None => jobs::forget(self.tx, &id).await?,
        }
        Ok(())
    }

    async fn insert(&mut self, key_type: KeyType, purpose: Purpose) -> Result<(), EngineError> {
        let (authorities, schedule) = (self.authorities.clone(), self.engine.schedule);
        let terms = Terms { authorities: &authorities, schedule, dice: rand::random() };
        let state =
            Certificate::begin(purpose, self.now, &terms).ok_or(EngineError::NoAuthority)?;
        let id = uuid::Uuid::new_v4().to_string();
        let newest = self.certificates.iter().map(|live| live.row.created_at).max();
        let new = NewCertificate {
            id: &id,
            custom_hostname_id: &self.row.id,
            hostname: &self.row.hostname,
            key_type: key_type.as_str(),
            // Age orders certificates, also where the clock was set back in between.
            created_at: self.now.as_millis().max(newest.map_or(i64::MIN, |newest| newest + 1)),
        };
        let text = json(&id, &state)?;
        certificates::insert(self.tx, new, standing(&state, &text)).await?;
        let row = certificates::of_hostname(self.tx, &self.row.id).await?;
        let row = row.into_iter().find(|row| row.id == id).ok_or(EngineError::NotFound)?;
        self.certificates.push(Live::read(row)?);
        self.store(self.certificates.len() - 1).await
    }

    /// Everything about the hostname goes, in this transaction.
    async fn remove(&mut self) -> Result<(), EngineError> {
        for id in self.certificate_ids(|_| true) {
            self.certificate(&id, Event::Delete, Attached::Nothing).await?;
        }
        jobs::forget(self.tx, &self.row.id).await?;
        machines::delete(self.tx, &self.row.id).await?;
        (self.edge.hostname, self.edge.certificates, self.removed) = (true, true, true);
        Ok(())
    }
}

impl Engine {
    /// The one that the client insists on, if it is configured; else all.
    fn authorities_for(&self, wanted: Option<Authority>) -> Vec<Authority> {
        match wanted.filter(|wanted| self.authorities.contains(wanted)) {
            Some(wanted) => vec![wanted],
            None => self.authorities.to_vec(),
        }
    }
}

fn standing<'a>(state: &'a Certificate, text: &'a str) -> Standing<'a> {
    let renew_at = match state {
        Certificate::Active { issued } => Some(issued.renew_at.as_millis()),
        _ => None,
    };
    let authority = state.authority().map(Authority::as_str);
    Standing { status: state.status(), state: text, authority, renew_at }
}

fn json(subject: &str, state: &impl serde::Serialize) -> Result<String, EngineError> {
    serde_json::to_string(state).map_err(|error| unreadable(subject, &error))
}
