//! Logging out, over the front channel (SAML profiles §4.4): either side asks, and the other
//! always answers. Every message is signed, for whoever can forge one can log others out.

use std::time::{Duration, SystemTime};

use crate::binding::{Departure, Incoming, Kind, send};
use crate::encryption::{Cbc, DecryptionError, decrypt};
use crate::instant;
use crate::key::{Decrypter, Random, Signer, Verifier, fresh_id};
use crate::message::{Header, MessageError, Outgoing, is_recent, read_instant};
use crate::metadata::Endpoint;
use crate::name_id::NameId;
use crate::peer::{IdentityProviderPeer, ServiceProviderPeer, choose};
use crate::replay::Once;
use crate::response::Status;
use crate::signature::{Draft, SignError, SignatureError, Trust, Verified};
use crate::xml::vocabulary::SAMLP;
use crate::xml::{Element, ShapeError, UnwritableText, Writer, ns};

/// Either side, as far as logging out goes.
#[derive(Clone, Debug)]
pub struct LogoutParty {
    /// Our entity ID.
    pub entity_id: String,
    /// Every address that logout messages come in at.
    pub endpoints: Vec<String>,
    /// By how much clocks may differ.
    pub clock_skew: Duration,
    /// How old a message may be.
    pub lifetime: Duration,
}

/// The other side, as far as logging out goes; a peer of either kind yields one.
#[derive(Clone, Copy, Debug)]
pub struct LogoutPeer<'a> {
    entity_id: &'a str,
    services: &'a [Endpoint],
    trust: Trust<'a>,
    cbc: bool,
}

impl ServiceProviderPeer {
    /// This service provider, for logging out.
    #[must_use]
    pub fn logout(&self) -> LogoutPeer<'_> {
        LogoutPeer {
            entity_id: &self.entity_id,
            services: &self.single_logout_services,
            trust: self.trust(),
            cbc: self.allow_cbc,
        }
    }
}

impl IdentityProviderPeer {
    /// This identity provider, for logging out.
    #[must_use]
    pub fn logout(&self) -> LogoutPeer<'_> {
        LogoutPeer {
            entity_id: &self.entity_id,
            services: &self.single_logout_services,
            trust: self.trust(),
            cbc: self.allow_cbc,
        }
    }
}

/// `LogoutRequest`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutRequest {
    /// Goes back as `InResponseTo`.
    pub id: String,
    /// Who asks.
    pub issuer: String,
    /// Whom to log out.
    pub name_id: NameId,
    /// Of which sessions; of all where there are none.
    pub session_indexes: Vec<String>,
    /// What came with it, and goes back with the answer.
    pub relay_state: Option<String>,
    /// To be remembered, so that it is good once.
    pub once: Once,
}

/// `LogoutResponse`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutResponse {
    /// Who answers.
    pub issuer: String,
    /// Which request.
    pub in_response_to: String,
    /// How it went.
    pub status: Status,
}

/// Why a logout message is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LogoutError {
    /// Not a message that can be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Its signature is missing or does not count.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Somebody else's.
    #[error("it is issued by {0:?}, not by this peer")]
    Issuer(Option<String>),
    /// Meant for somebody else.
    #[error("it is meant for {0:?}")]
    Destination(Option<String>),
    /// Too old, or from the future.
    #[error("it does not hold now")]
    Time,
    /// The name is not to be decrypted.
    #[error(transparent)]
    Decryption(#[from] DecryptionError),
    /// It answers another request.
    #[error("it answers the request {0:?}, which is not the one that was made")]
    InResponseTo(Option<String>),
}

impl From<ShapeError> for LogoutError {
    fn from(error: ShapeError) -> Self {
        Self::Message(error.into())
    }
}

/// Why no logout message was sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LogoutSendError {
    /// The peer takes part in no logout over the front channel.
    #[error("the peer has no single logout service by Redirect or POST")]
    NoEndpoint,
    /// The signature failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl LogoutParty {
    /// A side with one endpoint: clocks may differ by 3 minutes, messages may be 10 minutes old.
    #[must_use]
    pub fn new(entity_id: &str, endpoint: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            endpoints: vec![endpoint.to_owned()],
            clock_skew: Duration::from_mins(3),
            lifetime: Duration::from_mins(10),
        }
    }

    /// Reads a request to log somebody out.
    pub async fn read_request(
        &self,
        incoming: &Incoming,
        peer: LogoutPeer<'_>,
        decrypters: &[impl Decrypter],
        verifier: &impl Verifier,
        now: SystemTime,
    ) -> Result<Verified<LogoutRequest>, LogoutError> {
        let message = incoming.verify(peer.trust, verifier).await?;
        let (header, mut children) = Header::read(*message.get(), "LogoutRequest")?;
        self.check(&header, peer, now)?;
        let end = read_instant(*message.get(), "NotOnOrAfter")?;
        if end.is_some_and(|end| end.checked_add(self.clock_skew).is_some_and(|end| end <= now)) {
            return Err(LogoutError::Time);
        }
        let name_id = match children.optional(ns::SAML, "EncryptedID") {
            Some(element) => {
                let decrypted = decrypt(element, decrypters, Cbc::signed(peer.cbc)).await?;
                let mut inner = decrypted.root().children()?;
                let name = NameId::read(inner.required(ns::SAML, "NameID")?)?;
                inner.end()?;
                name
            }
            None => NameId::read(children.required(ns::SAML, "NameID")?)?,
        };
        let sessions = children.many(ns::SAMLP, "SessionIndex");
        children.end()?;
        let session_indexes: Result<Vec<_>, _> =
            sessions.into_iter().map(|index| index.text().map(str::to_owned)).collect();
        let session_indexes = session_indexes?;
        let until = header.issue_instant + self.lifetime + self.clock_skew;
        message.read(|_| {
            Ok(LogoutRequest {
                once: Once::new(peer.entity_id, &header.id, until),
                id: header.id,
                issuer: peer.entity_id.to_owned(),
                name_id,
                session_indexes,
                relay_state: incoming.relay_state().map(str::to_owned),
            })
        })
    }

    /// Reads the answer to the request of this ID.
    pub async fn read_response(
        &self,
        incoming: &Incoming,
        peer: LogoutPeer<'_>,
        in_response_to: &str,
        verifier: &impl Verifier,
        now: SystemTime,
    ) -> Result<Verified<LogoutResponse>, LogoutError> {
        let message = incoming.verify(peer.trust, verifier).await?;
        message.read(|element: Element<'_>| {
            let (header, mut children) = Header::read(element, "LogoutResponse")?;
            let status = Status::read(children.required(ns::SAMLP, "Status")?)?;
            children.end()?;
            self.check(&header, peer, now)?;
            if header.in_response_to.as_deref() != Some(in_response_to) {
                return Err(LogoutError::InResponseTo(header.in_response_to));
            }
            let (issuer, in_response_to) = (peer.entity_id.to_owned(), in_response_to.to_owned());
            Ok(LogoutResponse { issuer, in_response_to, status })
        })
    }

    fn check(
        &self,
        header: &Header,
        peer: LogoutPeer<'_>,
        now: SystemTime,
    ) -> Result<(), LogoutError> {
        if header.issuer.as_deref() != Some(peer.entity_id) {
            return Err(LogoutError::Issuer(header.issuer.clone()));
        }
        // Every logout message is signed, so every one says for whom it is meant.
        if !header.destination.as_ref().is_some_and(|found| self.endpoints.contains(found)) {
            return Err(LogoutError::Destination(header.destination.clone()));
        }
        if !is_recent(header.issue_instant, now, self.lifetime, self.clock_skew) {
            return Err(LogoutError::Time);
        }
        Ok(())
    }

    /// Asks a peer to log somebody out. The ID of the request comes first, for
    /// [`Self::read_response`].
    #[expect(clippy::too_many_arguments, reason = "what is said, and what it takes to say it")]
    pub async fn ask(
        &self,
        peer: LogoutPeer<'_>,
        name_id: &NameId,
        session_indexes: &[String],
        relay_state: Option<&str>,
        signer: &impl Signer,
        random: &mut impl Random,
        now: SystemTime,
    ) -> Result<(String, Departure), LogoutSendError> {
        let endpoint = choose(peer.services).ok_or(LogoutSendError::NoEndpoint)?;
        let id = fresh_id(random);
        let draft = self.request_draft(&id, &endpoint.location, name_id, session_indexes, now);
        let to = (endpoint.binding.as_str(), endpoint.location.as_str());
        let draft = draft.map_err(SignError::Text)?;
        let departure = send(draft, Kind::Request, to, relay_state, Some(signer)).await?;
        Ok((id, departure))
    }

    fn request_draft(
        &self,
        id: &str,
        destination: &str,
        name_id: &NameId,
        session_indexes: &[String],
        now: SystemTime,
    ) -> Result<Draft, UnwritableText> {
        let issuer = &self.entity_id;
        let mut writer = Writer::new();
        writer.open(SAMLP, "LogoutRequest");
        writer.attribute("NotOnOrAfter", &instant::format(now + self.lifetime));
        Outgoing { id, now, destination, in_response_to: None, issuer }
            .write_attributes(&mut writer);
        let signature_at = writer.position();
        name_id.write(&mut writer);
        for index in session_indexes {
            writer.leaf(SAMLP, "SessionIndex", index);
        }
        Ok(Draft { xml: writer.finish()?, id: id.to_owned(), signature_at })
    }

    /// Answers a request.
    #[expect(clippy::too_many_arguments, reason = "what is said, and what it takes to say it")]
    pub async fn answer(
        &self,
        peer: LogoutPeer<'_>,
        in_response_to: &str,
        status: &Status,
        relay_state: Option<&str>,
        signer: &impl Signer,
        random: &mut impl Random,
        now: SystemTime,
    ) -> Result<Departure, LogoutSendError> {
        let endpoint = choose(peer.services).ok_or(LogoutSendError::NoEndpoint)?;
        let location = endpoint.response_location.as_deref().unwrap_or(&endpoint.location);
        let id = fresh_id(random);
        let mut writer = Writer::new();
        Outgoing {
            id: &id,
            now,
            destination: location,
            in_response_to: Some(in_response_to),
            issuer: &self.entity_id,
        }
        .write(&mut writer, "LogoutResponse");
        let signature_at = writer.position();
        status.write(&mut writer);
        let xml = writer.finish().map_err(SignError::Text)?;
        let draft = Draft { xml, id, signature_at };
        let to = (endpoint.binding.as_str(), location);
        Ok(send(draft, Kind::Response, to, relay_state, Some(signer)).await?)
    }
}
