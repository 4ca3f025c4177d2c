//! A CA that speaks ACME. Every method reads the order first and does what is still to be done, so
//! that each can be repeated after a lost answer.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use edge_state::Hostname;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier, NewOrder, Order,
    OrderStatus as AcmeStatus,
};

use super::error::{Error, Problem};
use super::http::BAD_NONCE;
use super::order::{OrderStatus, PlacedOrder, Step};
use super::registration::Registration;

/// One ACME server.
pub struct Acme {
    registration: Registration,
}

impl Acme {
    /// Speaks to the server under this account.
    #[must_use]
    pub fn new(registration: Registration) -> Self {
        Self { registration }
    }

    /// See [`super::Issuer::place_order`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn place_order(&self, hostname: &Hostname) -> Result<PlacedOrder, Error> {
        let name = hostname.to_string();
        let (order, _) = self
            .attempt(|account| {
                let identifiers = [Identifier::Dns(name.clone())];
                // Neither profile nor replaces: not every directory offers them.
                async move { Ok(account.new_order(&NewOrder::new(&identifiers)).await?.into_parts().0) }
            })
            .await?;
        let step = self.step(&order, hostname).await?;
        Ok(PlacedOrder { order, step })
    }

    /// See [`super::Issuer::respond`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn respond(&self, order: &str) -> Result<(), Error> {
        self.on_order(order, |mut order| async move {
            let mut authorizations = order.authorizations();
            while let Some(authorization) = authorizations.next().await {
                let mut authorization = authorization?;
                if authorization.status != AuthorizationStatus::Pending {
                    continue;
                }
                let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
                    continue;
                };
                if challenge.status != ChallengeStatus::Pending {
                    continue;
                }
                match challenge.set_ready().await {
                    // An error inside the challenge: the order's status tells it.
                    Err(instant_acme::Error::Api(problem))
                        if Problem::from(&problem).kind != BAD_NONCE => {}
                    result => result?,
                }
            }
            Ok(())
        })
        .await
        .map(|((), _)| ())
    }

    /// See [`super::Issuer::status`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self, order: &str) -> Result<OrderStatus, Error> {
        let (seen, retry_after) = self.on_order(order, look).await?;
        Ok(seen.status(retry_after))
    }

    /// See [`super::Issuer::finalize`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn finalize(&self, order: &str, csr: &[u8]) -> Result<OrderStatus, Error> {
        let finalized = self
            .on_order(order, |mut order| {
                let csr = csr.to_vec();
                async move {
                    if order.state().status == AcmeStatus::Ready {
                        order.finalize_csr(&csr).await?;
                    }
                    look(order).await
                }
            })
            .await;
        match finalized {
            Ok((seen, retry_after)) => Ok(seen.status(retry_after)),
            // Another run was faster (RFC 8555 §7.4): the order says how far it came.
            Err(error) if error.is_problem("orderNotReady") => self.status(order).await,
            Err(error) => Err(error),
        }
    }

    /// See [`super::Issuer::certificate`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn certificate(&self, order: &str) -> Result<String, Error> {
        let (chain, _) = self
            .on_order(order, |mut order| async move {
                match order.state().status {
                    AcmeStatus::Valid => order.certificate().await,
                    _ => Ok(None),
                }
            })
            .await?;
        chain.ok_or_else(|| Error::NotIssued { authority: self.authority() })
    }

    /// See [`super::Issuer::caa_identities`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn caa_identities(&self) -> Result<Vec<String>, Error> {
        self.registration.caa_identities().await
    }

    fn authority(&self) -> String {
        self.registration.client().authority().to_owned()
    }

    async fn step(&self, order: &str, hostname: &Hostname) -> Result<Step, Error> {
        let (step, _) = self
            .on_order(order, |mut order| async move {
                if order.state().status != AcmeStatus::Pending {
                    return Ok(Some(Step::Ready)); // Or further: `status` tells.
                }
                let mut authorizations = order.authorizations();
                while let Some(authorization) = authorizations.next().await {
                    let mut authorization = authorization?;
                    if authorization.status == AuthorizationStatus::Valid {
                        continue;
                    }
                    let challenge = authorization.challenge(ChallengeType::Http01);
                    return Ok(challenge.map(|challenge| Step::Challenge {
                        token: challenge.token.clone(),
                        key_authorization: challenge.key_authorization().as_str().to_owned(),
                    }));
                }
                Ok(Some(Step::Ready))
            })
            .await?;
        step.ok_or_else(|| Error::NoHttpChallenge {
            authority: self.authority(),
            hostname: hostname.to_string(),
        })
    }

    /// Reads the order and goes on from there. An order that is not there, or not ours any more,
    /// is gone.
    async fn on_order<T, F, R>(&self, url: &str, then: F) -> Result<(T, Option<Duration>), Error>
    where
        F: Fn(Order) -> R,
        R: Future<Output = Result<T, instant_acme::Error>>,
    {
        let reading = AtomicBool::new(true);
        let result = self.attempt(|account| {
            let (url, then, reading) = (url.to_owned(), &then, &reading);
            async move {
                reading.store(true, Relaxed);
                let order = account.order(url).await?;
                reading.store(false, Relaxed);
                then(order).await
            }
        });
        match result.await {
            Err(Error::Problem { problem, .. })
                if reading.load(Relaxed) && matches!(problem.status, Some(403 | 404)) =>
            {
                Err(Error::OrderGone { authority: self.authority() })
            }
            result => result,
        }
    }

    /// Runs an operation, and again from its beginning if the server has used up instant-acme's
    /// three tries with bad nonces (a request with a bad nonce has had no effect), or has
    /// forgotten our account.
    async fn attempt<T, F, R>(&self, operation: F) -> Result<(T, Option<Duration>), Error>
    where
        F: Fn(Account) -> R,
        R: Future<Output = Result<T, instant_acme::Error>>,
    {
        let (mut rounds, mut registered) = (1, false);
        loop {
            let account = self.registration.account().await?;
            let result = self.registration.client().observe(operation(account)).await;
            match result {
                Err(error) if error.is_problem(BAD_NONCE) && rounds < NONCE_ROUNDS => rounds += 1,
                Err(error) if error.is_problem("accountDoesNotExist") && !registered => {
                    self.registration.register_again().await?;
                    registered = true;
                }
                result => return result,
            }
        }
    }
}

/// What an order shows.
struct Seen {
    status: AcmeStatus,
    problem: Option<Problem>,
}

impl Seen {
    fn status(self, retry_after: Option<Duration>) -> OrderStatus {
        match self.status {
            AcmeStatus::Pending => OrderStatus::Pending { retry_after },
            AcmeStatus::Ready => OrderStatus::Ready,
            AcmeStatus::Processing => OrderStatus::Processing { retry_after },
            AcmeStatus::Valid => OrderStatus::Valid,
            AcmeStatus::Invalid => {
                OrderStatus::Invalid { problem: self.problem.unwrap_or_default() }
            }
        }
    }
}

/// An invalid order's reason stands in the order, or in the challenge that failed.
async fn look(mut order: Order) -> Result<Seen, instant_acme::Error> {
    let state = order.state();
    let (status, mut problem) = (state.status, state.error.as_ref().map(Problem::from));
    if status == AcmeStatus::Invalid && problem.is_none() {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization = authorization?;
            let errors = authorization.challenges.iter().filter_map(|c| c.error.as_ref());
            problem = errors.map(Problem::from).next();
            if problem.is_some() {
                break;
            }
        }
    }
    Ok(Seen { status, problem })
}

/// Times instant-acme's three.
const NONCE_ROUNDS: usize = 10;
