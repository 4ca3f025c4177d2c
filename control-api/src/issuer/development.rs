//! The built-in CA, for development and for closed networks: a root of its own, made at the first
//! start, and the same steps as any CA's. It looks for the challenge's answer itself, as the
//! public sees it, before it issues.
//!
//! Orders live in memory: after a restart they are gone, and a new one costs nothing.

mod hierarchy;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use edge_state::Hostname;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateSigningRequestDer;
use time::OffsetDateTime;
use uuid::Uuid;

use self::hierarchy::Hierarchy;
use super::error::{Error, Problem};
use super::order::{OrderStatus, PlacedOrder, Step};
use crate::check::{AGENT, PublicHttp};
use crate::store::{Db, secrets};
use crate::vault::{self, Place, Vault};

/// The built-in CA.
pub struct Development {
    name: String,
    root_pem: String,
    hierarchy: Hierarchy,
    public: PublicHttp,
    orders: Mutex<HashMap<String, Order>>,
}

struct Order {
    hostname: Hostname,
    token: String,
    key_authorization: String,
    state: State,
    placed: Instant,
}

enum State {
    Pending,
    Ready,
    Valid { chain: String },
    Invalid { problem: Problem },
}

impl Development {
    /// Opens the CA, or makes it if there is none yet.
    ///
    /// # Errors
    /// The root's key does not open, or the database failed.
    pub async fn new(
        name: &str,
        db: &Db,
        vault: &Vault,
        public: PublicHttp,
    ) -> Result<Self, Error> {
        let (root, key) = hierarchy::new_root().map_err(|error| broken(&error))?;
        let private_key = vault.seal(&Place::DevelopmentAuthority, key.serialized_der())?;
        let fresh = secrets::DevelopmentRoot { root, private_key };
        let now = OffsetDateTime::now_utc().unix_timestamp() * 1000;
        let mut tx = db.begin().await?;
        // Whoever was first has made it.
        let kept = secrets::development_root(&mut tx, &fresh, now).await?;
        tx.commit().await?;
        let key = vault.open(&Place::DevelopmentAuthority, &kept.private_key)?;
        let key = KeyPair::try_from(key.as_slice()).map_err(|error| broken(&error))?;
        Ok(Self {
            name: name.to_owned(),
            hierarchy: Hierarchy::open(&kept.root, key).map_err(|error| broken(&error))?,
            root_pem: kept.root,
            public,
            orders: Mutex::default(),
        })
    }

    /// The root, PEM: what clients of this CA have to trust.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// See [`super::Issuer::place_order`].
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn place_order(&self, hostname: &Hostname) -> Result<PlacedOrder, Error> {
        let token = BASE64.encode(random::<32>()?);
        let key_authorization = format!("{token}.{}", BASE64.encode(random::<32>()?));
        let order = format!("development:{}", Uuid::new_v4());
        let mut orders = self.orders();
        orders.retain(|_, order| order.placed.elapsed() < ORDER_LIFETIME);
        orders.insert(
            order.clone(),
            Order {
                hostname: hostname.clone(),
                token: token.clone(),
                key_authorization: key_authorization.clone(),
                state: State::Pending,
                placed: Instant::now(),
            },
        );
        Ok(PlacedOrder { order, step: Step::Challenge { token, key_authorization } })
    }

    /// See [`super::Issuer::respond`]. Validation is over when this returns.
    ///
    /// # Errors
    /// [`Error::OrderGone`].
    pub async fn respond(&self, order: &str) -> Result<(), Error> {
        let (hostname, token, expected) = self.with(order, |order| {
            (order.hostname.clone(), order.token.clone(), order.key_authorization.clone())
        })?;
        let path = format!("/.well-known/acme-challenge/{token}");
        let answer = self.public.get(&hostname, &path, AGENT).await;
        let seen = match answer {
            Ok(answer) if answer.is(&expected) => State::Ready,
            Ok(answer) => invalid(
                "unauthorized",
                format!(
                    "{} answered {}, not with the key authorization",
                    answer.url, answer.status
                ),
            ),
            Err(error) => invalid("connection", error.to_string()),
        };
        self.with(order, |order| {
            if matches!(order.state, State::Pending) {
                order.state = seen;
            }
        })
    }

    /// See [`super::Issuer::status`].
    ///
    /// # Errors
    /// [`Error::OrderGone`].
    pub fn status(&self, order: &str) -> Result<OrderStatus, Error> {
        self.with(order, |order| match &order.state {
            State::Pending => OrderStatus::Pending { retry_after: None },
            State::Ready => OrderStatus::Ready,
            State::Valid { .. } => OrderStatus::Valid,
            State::Invalid { problem } => OrderStatus::Invalid { problem: problem.clone() },
        })
    }

    /// See [`super::Issuer::finalize`].
    ///
    /// # Errors
    /// [`Error::OrderGone`], or a problem `badCSR`.
    pub fn finalize(&self, order: &str, csr: &[u8]) -> Result<OrderStatus, Error> {
        self.with(order, |order| {
            if matches!(order.state, State::Ready) {
                let chain = self.issue(&order.hostname, csr)?;
                order.state = State::Valid { chain };
            }
            Ok::<(), Error>(())
        })??;
        self.status(order)
    }

    /// See [`super::Issuer::certificate`].
    ///
    /// # Errors
    /// [`Error::OrderGone`], [`Error::NotIssued`].
    pub fn certificate(&self, order: &str) -> Result<String, Error> {
        self.with(order, |order| match &order.state {
            State::Valid { chain } => Ok(chain.clone()),
            _ => Err(Error::NotIssued { authority: self.name.clone() }),
        })?
    }

    /// The leaf that the request asks for; of the request only key and name are taken.
    fn issue(&self, hostname: &Hostname, csr: &[u8]) -> Result<String, Error> {
        let refused = |detail: String| Error::Problem {
            authority: self.name.clone(),
            problem: Box::new(Problem { kind: "badCSR".into(), detail, ..Default::default() }),
        };
        // Reads the signature as well.
        let request =
            CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr));
        let mut request = request.map_err(|error| refused(error.to_string()))?;
        let names = &request.params.subject_alt_names;
        let [SanType::DnsName(name)] = names.as_slice() else {
            return Err(refused(format!("the request must name {hostname} alone")));
        };
        if name.as_str() != hostname.as_str() {
            return Err(refused(format!("the request names {}, not {hostname}", name.as_str())));
        }
        let mut params = CertificateParams::default();
        params.subject_alt_names.clone_from(names);
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(serial()?);
        let now = OffsetDateTime::now_utc();
        // Clocks differ; CAs backdate as well.
        params.not_before = now - Duration::from_hours(1);
        params.not_after = now + LEAF_LIFETIME;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        request.params = params;
        self.hierarchy.issue(&request).map_err(|error| refused(error.to_string()))
    }

    fn with<T>(&self, order: &str, then: impl FnOnce(&mut Order) -> T) -> Result<T, Error> {
        let gone = || Error::OrderGone { authority: self.name.clone() };
        Ok(then(self.orders().get_mut(order).ok_or_else(gone)?))
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<String, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 16 random bytes: unguessable (Baseline Requirements §7.1), and positive with room to spare.
fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = random::<16>()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| vault::Error::Randomness)?;
    Ok(bytes)
}

fn invalid(kind: &str, detail: String) -> State {
    State::Invalid { problem: Problem { kind: kind.into(), detail, ..Default::default() } }
}

fn broken(error: &rcgen::Error) -> Error {
    Error::Configuration(format!("the development CA is unusable: {error}"))
}

const ORDER_LIFETIME: Duration = Duration::from_hours(1);
const LEAF_LIFETIME: Duration = Duration::from_hours(90 * 24);

#[cfg(test)]
mod tests;
