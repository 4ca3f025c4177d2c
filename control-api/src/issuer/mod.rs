//! Certificate authorities: an ordered list, each reached the same way, so that whoever drives an
//! order needs not know which one it is.
//!
//! - [`acme`]: a CA that speaks ACME (RFC 8555)
//! - [`registration`]: our account there
//! - [`http`]: the connection to it: bounded, timed, with typed problems
//! - [`development`]: the built-in CA
//! - [`order`]: what is known of an order
//! - [`settings`]: the authorities as configured
//! - [`error`]: what can go wrong

pub mod acme;
pub mod development;
pub mod error;
pub mod http;
pub mod order;
pub mod registration;
pub mod settings;

use std::sync::Arc;

use edge_state::Hostname;

pub use self::acme::Acme;
pub use self::development::Development;
pub use self::error::{Error, Problem, Subproblem};
pub use self::order::{OrderStatus, PlacedOrder, Step};
pub use self::settings::{AuthorityKind, AuthoritySettings, ExternalAccount, Settings};
use crate::check::PublicHttp;
use crate::store::Db;
use crate::vault::Vault;

/// All configured authorities, in order.
pub struct Issuers(Vec<(String, Issuer)>);

/// One authority.
pub enum Issuer {
    /// By ACME.
    Acme(Box<Acme>),
    /// In this process.
    Development(Box<Development>),
}

impl Issuers {
    /// Makes the authorities ready; none is spoken to yet.
    ///
    /// # Errors
    /// [`Error::Configuration`], or the development CA could not be made or opened.
    pub async fn new(
        settings: &Settings,
        db: Db,
        vault: Arc<Vault>,
        public: PublicHttp,
    ) -> Result<Self, Error> {
        let mut issuers: Vec<(String, Issuer)> = Vec::new();
        for AuthoritySettings { name, kind } in &settings.authorities {
            if issuers.iter().any(|(known, _)| known == name) {
                return Err(Error::Configuration(format!("the authority {name:?} is given twice")));
            }
            let issuer = match kind {
                AuthorityKind::Acme { directory, external_account } => {
                    let client = http::Client::new(name, settings.extra_roots.as_deref())?;
                    let contact = settings.contact.clone();
                    let account = registration::Registration::new(
                        client,
                        directory.clone(),
                        contact,
                        external_account.clone(),
                        (db.clone(), vault.clone()),
                    )?;
                    Issuer::Acme(Box::new(Acme::new(account)))
                }
                AuthorityKind::Development => {
                    let development = Development::new(name, &db, &vault, public.clone()).await?;
                    Issuer::Development(Box::new(development))
                }
            };
            issuers.push((name.clone(), issuer));
        }
        Ok(Self(issuers))
    }

    /// The authorities' names, in order of preference.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The authority of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Issuer> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, issuer)| issuer)
    }

    /// The development CA's root, PEM, if that CA is among the authorities.
    #[must_use]
    pub fn root_pem(&self) -> Option<&str> {
        self.0.iter().find_map(|(_, issuer)| match issuer {
            Issuer::Development(development) => Some(development.root_pem()),
            Issuer::Acme(_) => None,
        })
    }
}

impl Issuer {
    /// Orders a certificate for one hostname. Each call that ends well is a new order, as far as
    /// the CA does not give back one that it still has pending for the same name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn place_order(&self, hostname: &Hostname) -> Result<PlacedOrder, Error> {
        match self {
            Self::Acme(acme) => acme.place_order(hostname).await,
            Self::Development(development) => development.place_order(hostname),
        }
    }

    /// Tells the CA that the challenge is answered everywhere. To be repeated at will.
    ///
    /// # Errors
    /// See [`Error`]; that validation failed is told by [`Self::status`].
    pub async fn respond(&self, order: &str) -> Result<(), Error> {
        match self {
            Self::Acme(acme) => acme.respond(order).await,
            Self::Development(development) => development.respond(order).await,
        }
    }

    /// Where the order stands.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self, order: &str) -> Result<OrderStatus, Error> {
        match self {
            Self::Acme(acme) => acme.status(order).await,
            Self::Development(development) => development.status(order),
        }
    }

    /// Sends the request (PKCS#10 DER), if the order is `ready`; one that is further on already,
    /// as an earlier answer was lost, is left alone. To be repeated at will. Answers where the
    /// order stands now.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn finalize(&self, order: &str, csr: &[u8]) -> Result<OrderStatus, Error> {
        match self {
            Self::Acme(acme) => acme.finalize(order, csr).await,
            Self::Development(development) => development.finalize(order, csr),
        }
    }

    /// The chain of a valid order, PEM as the CA sent it: to be judged by [`crate::chain`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn certificate(&self, order: &str) -> Result<String, Error> {
        match self {
            Self::Acme(acme) => acme.certificate(order).await,
            Self::Development(development) => development.certificate(order),
        }
    }

    /// The domains that a CAA record must name for this CA (`caaIdentities`); empty if it says
    /// none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn caa_identities(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Acme(acme) => acme.caa_identities().await,
            Self::Development(_) => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runner performs effects on tasks of their own.
    #[test]
    fn every_step_can_run_on_any_thread() {
        fn is_send(_: impl Send) {}
        #[allow(dead_code, reason = "compiling is the test")]
        fn steps(issuer: &Issuer, hostname: &Hostname) {
            is_send(issuer.place_order(hostname));
            is_send(issuer.respond(""));
            is_send(issuer.status(""));
            is_send(issuer.finalize("", &[]));
            is_send(issuer.certificate(""));
            is_send(issuer.caa_identities());
        }
    }
}
