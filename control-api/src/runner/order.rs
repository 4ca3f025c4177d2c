//! The steps of an order, from key to chain.

use edge_state::seal::Sealed;
use edge_state::{Hostname, KeyType};
use lifecycle::certificate::{Certificate, Event, Order, OrderStatus, Step};
use lifecycle::problem::clip;
use lifecycle::renewal::Validity;
use lifecycle::validation::Challenge;
use lifecycle::{Authority, Problem, Timestamp};
use zeroize::Zeroizing;

use super::trouble::{About, Trouble, order_status};
use super::{Failure, Report, Runner};
use crate::chain::{self, ChainError};
use crate::engine::{Attached, Live};
use crate::issuer::{self, Issuer};
use crate::keys;
use crate::store::certificates::{self, CertificateRow, IssuedChain};
use crate::store::jobs::Job;
use crate::store::machines;
use crate::vault::Place;

/// A certificate as a step needs it.
struct Subject {
    row: CertificateRow,
    hostname: Hostname,
    /// What the hostname should be a CNAME to.
    target: Hostname,
    key_type: KeyType,
    state: Certificate,
    /// Whether another certificate of the hostname has to be ordered first.
    yields: bool,
}

impl Runner {
    pub(super) async fn certificate_step(&self, step: Step, job: &Job) -> Result<Report, Failure> {
        let Some(subject) = self.subject(job).await? else { return Ok(Report::Nothing) };
        // What the machine waits for has changed since the job was leased.
        if subject.state.next_step().is_none_or(|(next, _)| next != step) {
            return Ok(Report::Nothing);
        }
        if matches!(step, Step::Renew | Step::Expire) {
            return Ok(Report::Certificate(Event::Due, Attached::Nothing));
        }
        if step == Step::Probe {
            let serial = subject.state.serial().unwrap_or_default();
            let event = self.probe(&subject.hostname, subject.key_type, serial).await?;
            return Ok(Report::Certificate(event, Attached::Nothing));
        }
        let Some(authority) = subject.state.authority().cloned() else {
            return Ok(Report::Nothing);
        };
        let about = About { authority: &authority, hostname: &subject.hostname, now: self.now() };
        let Some(issuer) = self.issuers.get(authority.as_str()) else {
            return Ok(not_configured(&subject, &authority));
        };
        if step == Step::PlaceOrder && subject.yields {
            return Ok(Report::NotYet);
        }
        if step == Step::PlaceOrder {
            return self.place_order(issuer, &subject, about).await;
        }
        let Some(order) = subject.state.order() else { return Ok(Report::Nothing) };
        let event = match step {
            Step::CheckChallenge => match subject.state.challenge() {
                Some(challenge) => {
                    let (hostname, target) = (&subject.hostname, &subject.target);
                    self.check_challenge(hostname, target, (order, challenge)).await?
                }
                None => return Ok(Report::Nothing),
            },
            Step::Respond => respond(issuer, order, about).await?,
            Step::ReadOrder => read_order(issuer, order, about).await?,
            Step::Finalize => self.finalize(issuer, &subject, order, about).await?,
            Step::Download => return self.download(issuer, &subject, order, about).await,
            Step::PlaceOrder | Step::Probe | Step::Renew | Step::Expire => {
                return Ok(Report::Nothing);
            }
        };
        Ok(Report::Certificate(event, Attached::Nothing))
    }

    async fn subject(&self, job: &Job) -> Result<Option<Subject>, Failure> {
        let mut tx = self.db.read().await?;
        let Some(owner) = machines::find(&mut tx, &job.custom_hostname_id).await? else {
            return Ok(None);
        };
        let rows = certificates::of_hostname(&mut tx, &owner.id).await?;
        let mut all = rows.into_iter().map(Live::read).collect::<Result<Vec<_>, _>>()?;
        let Some(index) = all.iter().position(|live| live.row.id == job.subject) else {
            return Ok(None);
        };
        let Live { row, key_type, state } = all.swap_remove(index);
        let yields = all.iter().any(|other| goes_before(other, key_type));
        let hostname = Hostname::parse(&row.hostname)?;
        let target = Hostname::parse(&owner.cname_target)?;
        Ok(Some(Subject { row, hostname, target, key_type, state, yields }))
    }

    /// Key and order are stored by one commit, so that no order is finalized without a stored key;
    /// each order has a key of its own.
    async fn place_order(
        &self,
        issuer: &Issuer,
        subject: &Subject,
        about: About<'_>,
    ) -> Result<Report, Failure> {
        let problem = match self.others_first(subject, about).await? {
            None => self.caa_forbids(issuer, about).await?,
            problem => problem,
        };
        if let Some(problem) = problem {
            return Ok(Report::Certificate(Event::Failed(problem), Attached::Nothing));
        }
        let key = keys::generate(subject.key_type).await?;
        let sealed = self.vault.seal(&place(&subject.row), &key)?;
        let placed = match issuer.place_order(&subject.hostname).await {
            Ok(placed) => placed,
            Err(error) => {
                let problem = Trouble::of(error, about)?.problem();
                return Ok(Report::Certificate(Event::Failed(problem), Attached::Nothing));
            }
        };
        let challenge = match placed.step {
            issuer::Step::Challenge { token, key_authorization } => {
                Some(Challenge { token, key_authorization })
            }
            issuer::Step::Ready => None,
        };
        let order = Order { url: placed.order, authority: about.authority.clone() };
        let event = Event::OrderPlaced { order, challenge };
        Ok(Report::Certificate(event, Attached::Key(sealed)))
    }

    /// An authority's limits delay the RSA certificate and not a customer who has none at all.
    async fn others_first(
        &self,
        subject: &Subject,
        about: About<'_>,
    ) -> Result<Option<Problem>, Failure> {
        if subject.key_type == KeyType::P256 {
            return Ok(None);
        }
        let mut tx = self.db.read().await?;
        let wait = certificates::first_ones_wait(&mut tx, about.authority.as_str()).await?;
        Ok(wait.then(|| Problem::OthersFirst { authority: about.authority.clone() }))
    }

    /// Asked before an order, as a refusal counts against the authority's limits and says less.
    async fn caa_forbids(
        &self,
        issuer: &Issuer,
        about: About<'_>,
    ) -> Result<Option<Problem>, Failure> {
        let identities = match issuer.caa_identities().await {
            Ok(identities) => identities,
            Err(error) => return Ok(Some(Trouble::of(error, about)?.problem())),
        };
        // An authority that names no domain judges for itself.
        if identities.is_empty() {
            return Ok(None);
        }
        let hostname = about.hostname;
        Ok(match self.resolver.caa(hostname).await {
            Ok(Some(caa)) if !caa.permits(&identities, hostname.is_wildcard()) => {
                Some(Problem::CaaForbids {
                    hostname: hostname.clone(),
                    authority: about.authority.clone(),
                    detail: format!("those at {} hold for it", caa.at),
                    issuer: identities.first().cloned(),
                })
            }
            Ok(_) => None,
            Err(error) => Some(Problem::LookUpFailed {
                name: format!("CAA for {hostname}"),
                reason: clip(&error.to_string()),
            }),
        })
    }

    async fn finalize(
        &self,
        issuer: &Issuer,
        subject: &Subject,
        order: &str,
        about: About<'_>,
    ) -> Result<Event, Failure> {
        let key = match self.key(&subject.row) {
            Ok(key) => key,
            Err(problem) => return Ok(Event::Failed(problem)),
        };
        let csr = keys::csr(&key, &subject.hostname)?;
        Ok(match issuer.finalize(order, &csr).await {
            Ok(status) => {
                Event::OrderRead { order: order.to_owned(), status: order_status(status, about) }
            }
            Err(error) => order_trouble(error, order, about)?,
        })
    }

    async fn download(
        &self,
        issuer: &Issuer,
        subject: &Subject,
        order: &str,
        about: About<'_>,
    ) -> Result<Report, Failure> {
        let event = |event| Report::Certificate(event, Attached::Nothing);
        let key = match self.key(&subject.row) {
            Ok(key) => key,
            Err(problem) => return Ok(event(Event::Failed(problem))),
        };
        let pem = match issuer.certificate(order).await {
            Ok(pem) => pem,
            Err(error) => return Ok(event(order_trouble(error, order, about)?)),
        };
        match chain::inspect(&pem, &key, &subject.hostname, self.now().as_millis()) {
            Ok(facts) => Ok(arrived(order, facts)),
            Err(error) => Ok(event(bad_chain(&error, order, about))),
        }
    }

    fn key(&self, row: &CertificateRow) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let Some(sealed) = &row.private_key else {
            return Err(Problem::KeyUnusable { reason: "it is not stored".into() });
        };
        self.vault
            .open(&place(row), &Sealed::from_text(sealed.clone()))
            .map_err(|error| Problem::KeyUnusable { reason: clip(&error.to_string()) })
    }
}

/// The authority's word on an order that a step could not be done with.
fn order_trouble(error: issuer::Error, order: &str, about: About) -> Result<Event, Failure> {
    Ok(match Trouble::of(error, about)? {
        Trouble::Refused(problem) => Event::OrderFailed { order: order.to_owned(), problem },
        Trouble::Unknown(problem) => Event::Failed(problem),
    })
}

async fn read_order(issuer: &Issuer, order: &str, about: About<'_>) -> Result<Event, Failure> {
    Ok(match issuer.status(order).await {
        Ok(status) => {
            Event::OrderRead { order: order.to_owned(), status: order_status(status, about) }
        }
        Err(error) => order_trouble(error, order, about)?,
    })
}

/// An authority that was told already, by an answer that got lost, may refuse to be told again:
/// then the order itself says where it stands.
async fn respond(issuer: &Issuer, order: &str, about: About<'_>) -> Result<Event, Failure> {
    let problem = match issuer.respond(order).await {
        Ok(()) => return Ok(Event::ChallengeResponded { order: order.to_owned() }),
        Err(error) => match Trouble::of(error, about)? {
            Trouble::Refused(problem @ Problem::OrderGone { .. }) => {
                return Ok(Event::OrderFailed { order: order.to_owned(), problem });
            }
            trouble => trouble.problem(),
        },
    };
    Ok(match read_order(issuer, order, about).await? {
        Event::OrderRead { status: OrderStatus::Pending { .. }, .. } => Event::Failed(problem),
        event => event,
    })
}

fn arrived(order: &str, facts: chain::Facts) -> Report {
    let validity = Validity {
        not_before: Timestamp::from_millis(facts.not_before),
        not_after: Timestamp::from_millis(facts.not_after),
    };
    let serial = facts.serial.clone();
    let event = Event::Arrived { order: order.to_owned(), serial, validity };
    let issued = IssuedChain {
        chain: facts.chain,
        serial: facts.serial,
        issuer: facts.issuer,
        signature: facts.signature,
        fingerprint_sha256: facts.fingerprint_sha256,
        not_before: facts.not_before,
        not_after: facts.not_after,
    };
    Report::Certificate(event, Attached::Chain(Box::new(issued)))
}

/// A chain that our own clock or key makes unusable will be usable when that is mended; any other
/// one never will.
fn bad_chain(error: &ChainError, order: &str, about: About) -> Event {
    let reason = clip(&error.to_string());
    let authority = about.authority.clone();
    match error {
        ChainError::PrivateKey => Event::Failed(Problem::KeyUnusable { reason }),
        ChainError::NotYetValid | ChainError::Expired => {
            Event::Failed(Problem::BadCertificate { authority, reason })
        }
        _ => Event::OrderFailed {
            order: order.to_owned(),
            problem: Problem::BadCertificate { authority, reason },
        },
    }
}

fn not_configured(subject: &Subject, authority: &Authority) -> Report {
    let problem = Problem::NotConfigured { authority: authority.clone() };
    let event = match subject.state.order() {
        Some(order) => Event::OrderFailed { order: order.to_owned(), problem },
        None => Event::Failed(problem),
    };
    Report::Certificate(event, Attached::Nothing)
}

/// Whether `other` has to be proven before a certificate of this key type is ordered for the same
/// hostname. Let's Encrypt answers a second `newOrder` for a name with the order that is pending
/// for it, and one order makes one certificate. Where both are due, the P-256 one goes first.
fn goes_before(other: &Live, key_type: KeyType) -> bool {
    match &other.state {
        Certificate::PendingValidation { .. } => true,
        Certificate::Initializing { .. } => {
            key_type == KeyType::Rsa2048 && other.key_type == KeyType::P256
        }
        _ => false,
    }
}

fn place(row: &CertificateRow) -> Place {
    Place::Certificate { custom_hostname_id: row.custom_hostname_id.clone(), id: row.id.clone() }
}
