//! The steps that machines ask for, performed upon the world as it is.

use edge_state::{Hostname as Name, KeyType};
use lifecycle::certificate::{Certificate, Event, Order, OrderStatus, Step};
use lifecycle::{Authority, Problem, hostname};

use super::World;
use crate::authority::State;
use crate::database::Row;
use crate::edge::PointOfPresence;

impl World {
    pub fn check_hostname(&mut self) -> hostname::Event {
        if self.weather.points_here {
            return hostname::Event::Verified;
        }
        let name = |text| Name::parse(text).expect("a name");
        let (hostname, target) = (name("shop.customer.com"), name("target.saas.net"));
        hostname::Event::NotVerified(vec![Problem::NotResolving { hostname, target }])
    }

    /// `None`: there is nothing to do.
    pub fn certificate_step(&mut self, id: u64) -> Option<(Event, Option<u64>)> {
        let row = self.database.rows.iter().find(|row| row.id == id)?.clone();
        let machine = row.state.clone();
        let (step, _) = machine.next_step()?;
        let order = machine.order().map(str::to_owned);
        Some(match step {
            Step::Renew | Step::Expire => (Event::Due, None),
            Step::Probe => (self.probe(row.key_type, machine.serial()?), None),
            Step::CheckChallenge => (self.check_challenge(order?, &machine), None),
            step => {
                self.authorities.requests += 1;
                let authority = machine.authority()?.clone();
                let lost =
                    self.weather.authorities_down || (self.weather.storm && self.dice.chance(15));
                let reason = String::from("timed out");
                let down =
                    Event::Failed(Problem::AuthorityDown { authority: authority.clone(), reason });
                if lost {
                    return Some((down, None));
                }
                let (event, key) = self.request(step, &row, order, &authority);
                // Whether the request arrived is not known to whoever gets no answer.
                if self.weather.storm && self.dice.chance(15) { (down, None) } else { (event, key) }
            }
        })
    }

    fn request(
        &mut self,
        step: Step,
        row: &Row,
        order: Option<String>,
        authority: &Authority,
    ) -> (Event, Option<u64>) {
        if step == Step::PlaceOrder {
            if self.refuses_rsa && row.key_type == KeyType::Rsa2048 {
                return (Event::Failed(Problem::refused(authority, "badCSR", "no RSA")), None);
            }
            self.keys += 1;
            let (url, challenge) = self.authorities.place(row.id, &mut self.dice);
            let order = Order { url, authority: authority.clone() };
            return (Event::OrderPlaced { order, challenge }, Some(self.keys));
        }
        let order = order.expect("the step is about an order");
        match step {
            Step::Respond => {
                assert!(self.visible.contains(&order), "asked to look at what is not there");
                // The authority looks from many places: it may meet any point of presence.
                let point = &self.edge[self.dice.index(self.edge.len())];
                let points_here = self.weather.points_here;
                let sees = |token: &str| points_here.then(|| point.answer(token)).flatten();
                self.authorities.respond(&order, sees);
                return (Event::ChallengeResponded { order }, None);
            }
            Step::Finalize => {
                let key = row.key.expect("no order is finalized without a stored key");
                self.authorities.finalize(&order, key, self.time, &mut self.dice);
            }
            Step::Download => return (self.download(order, row.key, authority), None),
            _ => {}
        }
        let status = match self.authorities.read(&order) {
            State::Pending => OrderStatus::Pending { retry_at: None },
            State::Ready => OrderStatus::Ready,
            State::Processing(_) => OrderStatus::Processing { retry_at: None },
            State::Valid => OrderStatus::Valid,
            State::Invalid => {
                OrderStatus::Invalid(Problem::refused(authority, "unauthorized", "not the token"))
            }
        };
        (Event::OrderRead { order, status }, None)
    }

    fn download(&mut self, order: String, key: Option<u64>, authority: &Authority) -> Event {
        let bad = |reason: &str| Problem::BadCertificate {
            authority: authority.clone(),
            reason: reason.into(),
        };
        let Some(issued) = self.authorities.certificate(&order) else {
            return Event::Failed(bad("not there yet"));
        };
        let validity = issued.validity;
        if Some(issued.key) != key {
            return Event::OrderFailed { order, problem: bad("another key") };
        }
        if self.now() < validity.not_before || self.now() > validity.not_after {
            self.useless.insert(order);
            return Event::Failed(bad("not valid now"));
        }
        Event::Arrived { order, serial: issued.serial.clone(), validity }
    }

    fn check_challenge(&mut self, order: String, machine: &Certificate) -> Event {
        let challenge = machine.challenge().expect("the step is about a challenge");
        let answers = |point: &&PointOfPresence| {
            point.answer(&challenge.token).as_ref() == Some(&challenge.key_authorization)
        };
        if self.edge.iter().filter(answers).count() < self.edge.len() {
            let (point_of_presence, reason) = ("one".into(), "404".into());
            return Event::Failed(Problem::ChallengeNotAtEdge { point_of_presence, reason });
        }
        if !self.weather.points_here {
            return Event::Failed(Problem::WrongAnswer { url: "http://..".into(), status: 404 });
        }
        self.visible.insert(order.clone());
        Event::ChallengeVisible { order }
    }

    fn probe(&self, key_type: KeyType, serial: &str) -> Event {
        let serves = |point: &PointOfPresence| {
            let served = point.certificates.get(&key_type);
            !point.down && served.is_some_and(|(served, _)| served == serial)
        };
        if self.edge.iter().all(serves) {
            return Event::Served { serial: serial.into() };
        }
        let (point_of_presence, reason) = ("one".into(), "other".into());
        Event::Failed(Problem::PointOfPresenceDown { point_of_presence, reason })
    }
}
