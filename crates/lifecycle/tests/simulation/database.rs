//! What is committed: the machines, each read back from its text, their jobs, and the changes for
//! the edge. It does in
//! miniature what the control plane's engine does, and checks after every commit what must always
//! hold.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_state::KeyType;
use lifecycle::certificate::{Certificate, Effect, Event, Purpose};
use lifecycle::hostname::{self, Hostname};
use lifecycle::status::{Row as StatusRow, ssl_status};
use lifecycle::{Terms, Timestamp};

use crate::edge::Change;

/// The hostname itself among the subjects of jobs.
pub const HOSTNAME: u64 = 0;

#[derive(Clone)]
pub struct Database {
    /// `None`: deleted.
    pub hostname: Option<Hostname>,
    /// The oldest first.
    pub rows: Vec<Row>,
    pub jobs: BTreeMap<u64, Job>,
    /// Of this commit.
    pub changes: Vec<Change>,
    pub next_id: u64,
}

#[derive(Clone)]
pub struct Row {
    pub id: u64,
    pub key_type: KeyType,
    pub state: Certificate,
    pub key: Option<u64>,
    pub is_first: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// Tells a job from a later one for the same subject.
    pub id: u64,
    pub step: &'static str,
    pub due: Timestamp,
    pub planned: Timestamp,
    pub leased_until: Timestamp,
    pub attempt: u32,
}

impl Database {
    pub fn new(now: Timestamp, terms: &Terms) -> Self {
        let mut database = Self {
            hostname: Some(stored(&Hostname::begin(now))),
            rows: vec![],
            jobs: BTreeMap::new(),
            changes: vec![Change::Host(Some(false))],
            next_id: 1,
        };
        let deadline = now + terms.schedule.issuance_window();
        database.insert(KeyType::P256, Purpose::First { deadline }, now, terms);
        database.plan_hostname(now);
        database
    }

    pub fn ssl_status(&self) -> &'static str {
        let rows = self.rows.iter();
        let rows = rows.map(|row| StatusRow { key_type: row.key_type, state: &row.state });
        ssl_status(&rows.collect::<Vec<_>>())
    }

    pub fn hostname_event(&mut self, event: hostname::Event, now: Timestamp, terms: &Terms) {
        let Some(machine) = self.hostname.clone() else { return };
        let Ok((after, effects)) = machine.next(event, now, terms) else { return };
        self.hostname = Some(stored(&after));
        for effect in effects {
            match effect {
                hostname::Effect::Publish => {
                    self.changes.push(Change::Host(Some(after.is_active())));
                }
                hostname::Effect::Remove => self.remove(now, terms),
            }
        }
        self.plan_hostname(now);
    }

    /// `key`: stored if the machine takes the event.
    pub fn certificate_event(
        &mut self,
        id: u64,
        event: Event,
        key: Option<u64>,
        now: Timestamp,
        terms: &Terms,
    ) {
        let Some(index) = self.rows.iter().position(|row| row.id == id) else { return };
        let before = self.rows[index].state.clone();
        let (after, effects) = match before.clone().next(event, now, terms) {
            Ok(next) => next,
            Err(illegal) => panic!("a step led to an event that cannot happen: {illegal}"),
        };
        let key_type = self.rows[index].key_type;
        if after != before {
            self.rows[index].state = stored(&after);
            self.rows[index].key = key.or(self.rows[index].key);
        }
        self.plan(index, now);
        for effect in effects {
            match effect {
                Effect::PublishChallenge(challenge) => self.changes.push(Change::Challenge {
                    token: challenge.token,
                    answer: Some(challenge.key_authorization),
                }),
                Effect::RetractChallenge(challenge) => {
                    let token = challenge.token;
                    self.changes.push(Change::Challenge { token, answer: None });
                }
                Effect::PublishCertificates => self.publish(),
                Effect::BeginSuccessor { needed_by } => {
                    self.insert(key_type, Purpose::Successor { needed_by }, now, terms);
                }
                Effect::BeginCompanion => self.begin_companion(key_type, now, terms),
                Effect::RetirePredecessors => self.retire_before(id, key_type, now, terms),
            }
        }
    }

    fn begin_companion(&mut self, key_type: KeyType, now: Timestamp, terms: &Terms) {
        let has_rsa = self.rows.iter().any(|row| row.key_type == KeyType::Rsa2048);
        if key_type == KeyType::P256 && !has_rsa {
            self.insert(KeyType::Rsa2048, Purpose::Companion, now, terms);
        }
    }

    fn retire_before(&mut self, id: u64, key_type: KeyType, now: Timestamp, terms: &Terms) {
        let older: Vec<_> = self
            .rows
            .iter()
            .take_while(|row| row.id != id)
            .filter(|row| row.key_type == key_type)
            .map(|row| row.id)
            .collect();
        for id in older {
            self.certificate_event(id, Event::SuccessorActive, None, now, terms);
        }
    }

    fn insert(&mut self, key_type: KeyType, purpose: Purpose, now: Timestamp, terms: &Terms) {
        let machine = Certificate::begin(purpose, now, terms).expect("there are authorities");
        let (id, state) = (self.next_id, stored(&machine));
        let is_first = matches!(purpose, Purpose::First { .. });
        self.next_id += 1;
        self.rows.push(Row { id, key_type, state, key: None, is_first });
        self.plan(self.rows.len() - 1, now);
    }

    fn remove(&mut self, now: Timestamp, terms: &Terms) {
        for id in self.rows.iter().map(|row| row.id).collect::<Vec<_>>() {
            self.certificate_event(id, Event::Delete, None, now, terms);
        }
        self.changes.push(Change::Host(None));
        self.publish();
        self.hostname = None;
        self.jobs.clear();
    }

    fn publish(&mut self) {
        let mut served = BTreeMap::new();
        for row in &self.rows {
            if let Some(issued) = row.state.issued() {
                served.insert(row.key_type, (issued.serial.clone(), issued.validity.not_after));
            }
        }
        self.changes.push(Change::Certificates(served));
    }

    /// A row's one job, or no row.
    fn plan(&mut self, index: usize, now: Timestamp) {
        let row = &self.rows[index];
        let (id, machine) = (row.id, row.state.clone());
        let step = machine.next_step().map(|(step, due)| (step.as_str(), due));
        self.plan_step(id, step, now);
        if matches!(machine, Certificate::Retired | Certificate::Deleted) {
            self.rows.remove(index);
        }
    }

    fn plan_hostname(&mut self, now: Timestamp) {
        let step = self.hostname.as_ref().and_then(Hostname::next_step);
        self.plan_step(HOSTNAME, step.map(|(step, due)| (step.as_str(), due)), now);
    }

    fn plan_step(&mut self, subject: u64, step: Option<(&'static str, Timestamp)>, now: Timestamp) {
        let Some((step, due)) = step else {
            self.jobs.remove(&subject);
            return;
        };
        let known = self.jobs.get_mut(&subject).filter(|job| job.step == step);
        if let Some(job) = known {
            (job.due, job.planned) = (due, now);
            return;
        }
        let leased_until = Timestamp::from_millis(i64::MIN);
        let job = Job { id: self.next_id, step, due, planned: now, leased_until, attempt: 0 };
        self.next_id += 1;
        self.jobs.insert(subject, job);
    }

    /// Takes a performed job off the list, if it still is the one that was leased.
    pub fn finish(&mut self, subject: u64, id: u64, attempt: u32) -> bool {
        let ours =
            self.jobs.get(&subject).is_some_and(|job| (job.id, job.attempt) == (id, attempt));
        if ours {
            self.jobs.remove(&subject);
        }
        ours
    }

    /// What the control plane does every few seconds.
    pub fn hurry_after_clock_went_back(&mut self, now: Timestamp) {
        for job in self.jobs.values_mut() {
            let ahead = job.planned > now + Duration::from_mins(1);
            if ahead && (job.due > now || job.leased_until > now) {
                (job.due, job.planned) = (now, now);
                job.leased_until = Timestamp::from_millis(i64::MIN);
            }
        }
    }

    /// What holds after every commit.
    pub fn check(&self) {
        for key_type in KeyType::ALL {
            let of_type = self.rows.iter().filter(|row| row.key_type == key_type);
            let active = of_type.map(|row| matches!(row.state, Certificate::Active { .. }));
            let alone = !active.skip(1).any(|is_active| is_active);
            assert!(alone, "an active certificate has retired its predecessors");
        }
        for row in &self.rows {
            let machine = &row.state;
            let rests = ["expired", "validation_timed_out", "issuance_timed_out"];
            let rests =
                rests.contains(&machine.status()) || machine.status() == "initializing_timed_out";
            assert!(
                machine.next_step().is_some() || rests,
                "no state without a next action: {machine:?}"
            );
            let planned = self.jobs.get(&row.id).map(|job| job.step);
            let next = machine.next_step().map(|(step, _)| step.as_str());
            assert_eq!(planned, next, "the job is the state's next step");
            if machine.status() == "expired" {
                let newer = self.rows.iter().filter(|other| other.id > row.id);
                let mut newer = newer.filter(|other| other.key_type == row.key_type);
                assert!(
                    newer.next().is_some(),
                    "an expired certificate has a successor on its way"
                );
            }
        }
    }
}

/// Through the form in which the real one stores it.
fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(state: &T) -> T {
    let text = serde_json::to_string(state).expect("states are JSON");
    serde_json::from_str(&text).expect("what was stored reads back")
}
