//! One history: everything outside the machines, and the runner between them.

use std::collections::BTreeSet;
use std::time::Duration;

use edge_state::KeyType;
use lifecycle::certificate::Event;
use lifecycle::hostname;
use lifecycle::{Authority, Schedule, Terms, Timestamp};

use crate::authority::Authorities;
use crate::database::{Database, HOSTNAME};
use crate::dice::Dice;
use crate::edge::{Change, PointOfPresence};

mod steps;

pub struct World {
    dice: Dice,
    names: Vec<Authority>,
    authorities: Authorities,
    database: Database,
    /// Every change that was ever committed.
    changes: Vec<Change>,
    /// Orders whose challenge was seen everywhere.
    visible: BTreeSet<String>,
    /// Orders whose certificates were not valid by our clock when they came.
    useless: BTreeSet<String>,
    edge: Vec<PointOfPresence>,
    /// What was performed, and is not reported yet.
    in_flight: Vec<Performed>,
    /// The right time; ours is `skew` away from it.
    time: Timestamp,
    skew_millis: i64,
    weather: Weather,
    refuses_rsa: bool,
    keys: u64,
}

struct Weather {
    storm: bool,
    authorities_down: bool,
    points_here: bool,
}

#[derive(Clone)]
struct Performed {
    subject: u64,
    job: u64,
    attempt: u32,
    event: Report,
    key: Option<u64>,
}

#[derive(Clone)]
enum Report {
    Hostname(hostname::Event),
    Certificate(Event),
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let names = ["first", "second"].map(Authority::new);
        let names = names.into_iter().take(1 + dice.index(2)).collect::<Vec<_>>();
        let time = Timestamp::from_seconds(1_800_000_000);
        let lifetime = Duration::from_hours(24 * [7, 45, 64, 90, 200][dice.index(5)]);
        let terms = Terms { authorities: &names, schedule: Schedule::default(), dice: 0.5 };
        let database = Database::new(time, &terms);
        let edge = (0..=dice.roll(3)).map(|_| PointOfPresence::default()).collect();
        Self {
            dice,
            authorities: Authorities { lifetime, ..Authorities::default() },
            changes: vec![],
            visible: BTreeSet::new(),
            useless: BTreeSet::new(),
            database,
            edge,
            in_flight: vec![],
            time,
            skew_millis: 0,
            weather: Weather { storm: true, authorities_down: false, points_here: true },
            refuses_rsa: false,
            keys: 0,
            names,
        }
    }

    /// From an hour to 398 days.
    pub fn choose_lifetime(&mut self) -> Duration {
        let lifetime = Duration::from_hours(1).mul_f64(9552_f64.powf(self.dice.uniform()));
        self.authorities.lifetime = lifetime;
        lifetime
    }

    pub fn refuse_rsa(&mut self) {
        self.refuses_rsa = true;
    }

    pub fn begin(&mut self) {
        self.check();
    }

    /// Our clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.as_millis() + self.skew_millis)
    }

    pub fn uniform(&mut self) -> f64 {
        self.dice.uniform()
    }

    pub fn requests(&self) -> u64 {
        self.authorities.requests
    }

    pub fn authorities_down(&mut self, down: bool) {
        self.weather.authorities_down = down;
    }

    /// Everything goes wrong.
    pub fn storm(&mut self, moves: u32) {
        for _ in 0..moves {
            match self.dice.roll(20) {
                0..6 => self.perform_one(),
                6..11 => self.report_one(),
                11..13 => self.pass(),
                13..16 => self.follow(),
                16 => self.change_the_weather(),
                17 => self.kill(),
                18 => self.ask_to_check(),
                _ => self.jump(),
            }
            self.database.hurry_after_clock_went_back(self.now());
        }
    }

    pub fn end_faults(&mut self) {
        self.weather = Weather { storm: false, authorities_down: false, points_here: true };
        self.skew_millis = 0;
        for point in &mut self.edge {
            point.down = false;
        }
        self.database.hurry_after_clock_went_back(self.now());
    }

    /// Lives without faults until the hostname is live; `false`: it was given up and removed.
    pub fn settle(&mut self) -> bool {
        for _ in 0..2_000 {
            self.follow_all();
            if self.database.hostname.is_none() {
                let gone =
                    |point: &PointOfPresence| point.host.is_none() && point.certificates.is_empty();
                if self.edge.iter().all(gone) {
                    return false;
                }
            } else if self.is_live() {
                let rows = self.database.rows.iter();
                let mut awaited: Vec<_> =
                    rows.filter_map(|row| Some(row.state.challenge()?.token.as_str())).collect();
                awaited.sort_unstable();
                for point in &self.edge {
                    assert_eq!(point.tokens(), awaited, "no challenge outlives its order");
                }
                return true;
            }
            // What waits for a person gets one: PATCH with the same `ssl`.
            let status = self.database.ssl_status();
            let moved =
                self.database.hostname.as_ref().is_some_and(|state| state.status() == "moved");
            if status.ends_with("_timed_out") || moved {
                self.ask_to_check();
            }
            self.quiet_move();
        }
        let states: Vec<_> = self.database.rows.iter().map(|row| &row.state).collect();
        panic!("stuck in {:?} with {states:#?}", self.database.hostname);
    }

    /// Lives without faults of its own for a while: what is served is valid all the time.
    pub fn live_on(&mut self, duration: Duration) {
        let end = self.time + duration;
        while self.time < end {
            self.quiet_move();
            for point in &self.edge {
                let (serial, not_after) = &point.certificates[&KeyType::P256];
                assert!(*not_after >= self.time, "{serial} has expired");
            }
            assert_ne!(self.database.ssl_status(), "expired");
        }
    }

    fn is_live(&self) -> bool {
        let served = |point: &PointOfPresence| {
            let valid = |key_type| {
                let served = point.certificates.get(&key_type);
                served.is_some_and(|(_, not_after)| *not_after > self.time)
            };
            let rsa = self.refuses_rsa || valid(KeyType::Rsa2048);
            point.host == Some(true) && valid(KeyType::P256) && rsa
        };
        self.database.ssl_status() == "active" && self.edge.iter().all(served)
    }

    /// Everyone catches up, whatever is due is performed and reported, else time passes until the
    /// next job.
    fn quiet_move(&mut self) {
        self.follow_all();
        if !self.in_flight.is_empty() {
            return self.report_one();
        }
        let now = self.now();
        let due = |job: &&crate::database::Job| job.due <= now && job.leased_until < now;
        if self.database.jobs.values().any(|job| due(&job)) {
            return self.perform_one();
        }
        let wait = self.database.jobs.values().map(|job| job.due.max(job.leased_until)).min();
        let wait = wait.map_or(Duration::from_hours(1), |next| next.since(now));
        self.time = self.time + wait.min(Duration::from_hours(24)) + Duration::from_millis(1);
    }

    fn follow_all(&mut self) {
        for point in &mut self.edge {
            point.follow(&self.changes, usize::MAX);
        }
    }

    fn follow(&mut self) {
        let index = self.dice.index(self.edge.len());
        let count = self.dice.index(4);
        self.edge[index].follow(&self.changes, count);
    }

    fn pass(&mut self) {
        let now = self.now();
        let next = self.database.jobs.values().map(|job| job.due).filter(|due| *due > now).min();
        let wait = match next {
            Some(next) if self.dice.chance(70) => next.since(now),
            _ => Duration::from_secs(self.dice.roll(600)),
        };
        self.time = self.time + wait;
    }

    fn jump(&mut self) {
        if self.dice.chance(30) {
            let days = i64::try_from(self.dice.roll(80)).unwrap_or(0) - 40;
            self.skew_millis = if self.dice.chance(50) { 0 } else { days * 86_400_000 };
        }
    }

    fn change_the_weather(&mut self) {
        self.weather.authorities_down = self.dice.chance(30);
        self.weather.points_here = self.dice.chance(70);
        let index = self.dice.index(self.edge.len());
        self.edge[index].down = self.dice.chance(40);
    }

    /// kill -9: what was performed is never reported.
    fn kill(&mut self) {
        self.in_flight.clear();
    }

    fn ask_to_check(&mut self) {
        let (now, names, dice) = (self.now(), self.names.clone(), self.dice.uniform());
        let terms = Terms { authorities: &names, schedule: Schedule::default(), dice };
        self.database.hostname_event(hostname::Event::Refresh, now, &terms);
        for id in self.database.rows.iter().map(|row| row.id).collect::<Vec<_>>() {
            self.database.certificate_event(id, Event::Refresh, None, now, &terms);
        }
        self.check();
    }

    /// Leases a due job and performs it.
    fn perform_one(&mut self) {
        let now = self.now();
        let due: Vec<_> = self
            .database
            .jobs
            .iter()
            .filter(|(_, job)| job.due <= now && job.leased_until < now)
            .map(|(subject, _)| *subject)
            .collect();
        if due.is_empty() {
            return;
        }
        let subject = due[self.dice.index(due.len())];
        let Some(job) = self.database.jobs.get_mut(&subject) else { return };
        job.attempt += 1;
        job.leased_until = now + Duration::from_mins(2);
        let (job, attempt) = (job.id, job.attempt);
        let performed = if subject == HOSTNAME {
            Some((Report::Hostname(self.check_hostname()), None))
        } else {
            self.certificate_step(subject).map(|(event, key)| (Report::Certificate(event), key))
        };
        if let Some((event, key)) = performed {
            self.in_flight.push(Performed { subject, job, attempt, event, key });
        }
    }

    /// In a storm: any of them, perhaps twice, perhaps dying before or after the commit, and now
    /// and then past the fence, which the machines must bear as well.
    fn report_one(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let index = if self.weather.storm { self.dice.index(self.in_flight.len()) } else { 0 };
        let repeated = self.weather.storm && self.dice.chance(15);
        let performed =
            if repeated { self.in_flight[index].clone() } else { self.in_flight.remove(index) };
        let (now, names, dice) = (self.now(), self.names.clone(), self.dice.uniform());
        let terms = Terms { authorities: &names, schedule: Schedule::default(), dice };
        let mut database = self.database.clone();
        let Performed { subject, job, attempt, event, key } = performed;
        let ours = database.finish(subject, job, attempt);
        let about_an_order = matches!(
            &event,
            Report::Certificate(
                Event::OrderPlaced { .. }
                    | Event::ChallengeVisible { .. }
                    | Event::ChallengeResponded { .. }
                    | Event::OrderRead { .. }
                    | Event::OrderFailed { .. }
                    | Event::Arrived { .. }
                    | Event::Served { .. }
            )
        );
        let past_the_fence = self.weather.storm && about_an_order && self.dice.chance(30);
        if !ours && !past_the_fence {
            return;
        }
        match event {
            Report::Hostname(event) => database.hostname_event(event, now, &terms),
            Report::Certificate(event) => {
                database.certificate_event(subject, event, key, now, &terms);
            }
        }
        // Dying before the commit loses it all; after it, nothing but the answer.
        if self.weather.storm && self.dice.chance(10) {
            return self.kill();
        }
        self.database = database;
        if self.weather.storm && self.dice.chance(10) {
            self.kill();
        }
        self.check();
    }

    /// After each commit: what must never happen.
    fn check(&mut self) {
        self.changes.append(&mut self.database.changes);
        self.database.check();
        let issued = &self.authorities.issued;
        for row in self.database.rows.iter().filter(|row| row.is_first) {
            let of_row = issued.iter().filter(|issued| issued.certificate == row.id);
            let count = of_row.filter(|issued| !self.useless.contains(&issued.order)).count();
            assert!(count <= 1, "a first certificate was issued {count} times");
        }
        let keys: BTreeSet<_> = issued.iter().map(|issued| issued.key).collect();
        assert_eq!(keys.len(), issued.len(), "a key was used for two certificates");
        for row in &self.database.rows {
            let Some(serial) = row.state.serial() else { continue };
            let known = issued.iter().find(|issued| issued.serial == serial);
            let known = known.expect("nothing is published that was not issued");
            assert_eq!(Some(known.key), row.key, "what is served has its own key");
        }
    }
}
