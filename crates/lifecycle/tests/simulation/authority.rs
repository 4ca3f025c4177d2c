//! Certificate authorities that keep their own books and their own, right, clock.

use std::collections::BTreeMap;
use std::time::Duration;

use lifecycle::Timestamp;
use lifecycle::renewal::Validity;
use lifecycle::validation::Challenge;

use crate::dice::Dice;

#[derive(Default)]
pub struct Authorities {
    pub orders: BTreeMap<String, Order>,
    pub issued: Vec<Issued>,
    pub requests: u64,
    pub lifetime: Duration,
}

pub struct Order {
    /// The row of the certificate that it was placed for.
    pub certificate: u64,
    pub challenge: Option<Challenge>,
    pub state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    Pending,
    Ready,
    /// Issued as soon as this number of reads has passed.
    Processing(u32),
    Valid,
    Invalid,
}

pub struct Issued {
    pub certificate: u64,
    pub order: String,
    pub serial: String,
    /// The public key, by the number of its private one.
    pub key: u64,
    pub validity: Validity,
}

impl Authorities {
    pub fn place(&mut self, certificate: u64, dice: &mut Dice) -> (String, Option<Challenge>) {
        let url = format!("order/{}", self.orders.len());
        // Now and then control was proved before, for another order.
        let challenge = (!dice.chance(10)).then(|| Challenge {
            token: format!("token-{}", self.orders.len()),
            key_authorization: format!("token-{}.key", self.orders.len()),
        });
        let state = if challenge.is_some() { State::Pending } else { State::Ready };
        let order = Order { certificate, challenge: challenge.clone(), state };
        self.orders.insert(url.clone(), order);
        (url, challenge)
    }

    /// `sees`: what a look at the hostname shows at the token's path.
    pub fn respond(&mut self, url: &str, sees: impl FnOnce(&str) -> Option<String>) {
        let Some(order) = self.orders.get_mut(url) else { return };
        if let (State::Pending, Some(challenge)) = (order.state, &order.challenge) {
            let answered = sees(&challenge.token).as_deref() == Some(&challenge.key_authorization);
            order.state = if answered { State::Ready } else { State::Invalid };
        }
    }

    /// Takes a request for `key`, if the order is ready.
    pub fn finalize(&mut self, url: &str, key: u64, now: Timestamp, dice: &mut Dice) {
        let Some(order) = self.orders.get_mut(url) else { return };
        if order.state != State::Ready {
            return;
        }
        let reads = u32::try_from(dice.roll(4)).unwrap_or(0);
        order.state = if reads == 0 { State::Valid } else { State::Processing(reads) };
        let not_before = now - Duration::from_mins(1).min(self.lifetime / 60);
        self.issued.push(Issued {
            certificate: order.certificate,
            order: url.to_owned(),
            serial: format!("{:04x}", self.issued.len() + 1),
            key,
            validity: Validity { not_before, not_after: not_before + self.lifetime },
        });
    }

    pub fn read(&mut self, url: &str) -> State {
        let Some(order) = self.orders.get_mut(url) else { return State::Invalid };
        order.state = match order.state {
            State::Processing(0) => State::Valid,
            State::Processing(reads) => State::Processing(reads - 1),
            state => state,
        };
        order.state
    }

    pub fn certificate(&self, url: &str) -> Option<&Issued> {
        self.issued.iter().find(|issued| issued.order == url)
    }
}
