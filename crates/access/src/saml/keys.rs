//! The keys of SAML messages, held by the shell: what [`saml`] awaits becomes a [`Need`].
//!
//! [`Keys`] answers its traits from what is known. What is not known yet fails the call and is
//! remembered; [`drive`] then returns that need in place of the outcome.

use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::SamlKeyRecord;
use edge_state::access::saml::{KeyUse, SamlKey};
use saml::certificate::Certificate;
use saml::key::{
    Decrypter, Encrypter, KeyError, KeyTransport, PublicKey, SignatureAlgorithm, Signer, Verifier,
};
use zeroize::Zeroizing;

use crate::known::{Known, Unanswered};
use crate::letter::LetterKey;
use crate::need::{ContentKey, KeyHolder, Need, Sign, Unwrap, VerifySaml, Wrap};

/// Public-key arithmetic by the shell.
pub(crate) struct Keys<'a> {
    known: &'a Known,
    need: RefCell<Option<Need>>,
}

/// One of our keys that signs.
pub(crate) struct OurSigner<'a> {
    keys: &'a Keys<'a>,
    id: &'a str,
    kid: &'a str,
    certificate: Option<Certificate>,
}

/// One of our keys that decrypts.
pub(crate) struct OurDecrypter<'a> {
    keys: &'a Keys<'a>,
    id: &'a str,
    kid: &'a str,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(known: &'a Known) -> Self {
        Self { known, need: RefCell::default() }
    }

    /// Runs what awaits nothing but these keys.
    pub(crate) fn drive<T>(&self, future: impl Future<Output = T>) -> Result<T, Need> {
        let outcome = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
        match (self.need.take(), outcome) {
            (Some(need), _) => Err(need),
            (None, Poll::Ready(outcome)) => Ok(outcome),
            (None, Poll::Pending) => unreachable!("nothing here waits: keys answer or fail"),
        }
    }

    /// The key with which an application or a provider is spoken to.
    pub(crate) fn signer(&'a self, record: &'a SamlKeyRecord) -> Option<OurSigner<'a>> {
        let key = record.signing()?;
        let certificate = certificate(key);
        Some(OurSigner { keys: self, id: &record.id, kid: &key.kid, certificate })
    }

    /// The same key, for what is signed last.
    pub(crate) fn of_letter(record: &SamlKeyRecord) -> Option<LetterKey> {
        let key = record.signing()?;
        let (id, kid) = (record.id.clone(), key.kid.clone());
        Some(LetterKey { id, kid, certificate: certificate(key) })
    }

    /// The keys to which a provider encrypts.
    pub(crate) fn decrypters(&'a self, record: &'a SamlKeyRecord) -> Vec<OurDecrypter<'a>> {
        let ours = record.of(KeyUse::Encryption).filter(|key| key.private_key.is_some());
        ours.map(|key| OurDecrypter { keys: self, id: &record.id, kid: &key.kid }).collect()
    }

    /// The first need counts: what comes after it follows from its failure.
    fn await_reply<T, E: ToString>(
        &self,
        reply: Result<Result<T, E>, Need>,
    ) -> Result<T, KeyError> {
        match reply {
            Ok(outcome) => outcome.map_err(|error| KeyError(error.to_string())),
            Err(need) => {
                self.need.borrow_mut().get_or_insert(need);
                Err(KeyError("the shell has yet to answer".to_owned()))
            }
        }
    }
}

/// The certificate of one of our keys, as records have it.
pub(crate) fn certificate(key: &SamlKey) -> Option<Certificate> {
    Certificate::from_der(&STANDARD.decode(&key.certificate).ok()?).ok()
}

impl Signer for OurSigner<'_> {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let holder = KeyHolder::Saml(self.id.to_owned());
        let sign = Sign { holder, kid: self.kid.to_owned(), message: message.to_owned() };
        self.keys.await_reply(self.keys.known.sign(sign)).map(<[u8]>::to_vec)
    }
}

impl Decrypter for OurDecrypter<'_> {
    async fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (id, kid) = (self.id.to_owned(), self.kid.to_owned());
        let unwrap = Unwrap { id, kid, transport, wrapped: wrapped.to_owned() };
        let content_key = self.keys.await_reply(self.keys.known.unwrap(unwrap))?;
        Ok(content_key.0.clone())
    }
}

impl Verifier for Keys<'_> {
    async fn verify(
        &self,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, KeyError> {
        let (key, message, signature) = (key.clone(), message.to_owned(), signature.to_owned());
        let verify = VerifySaml { algorithm, key, message, signature };
        self.await_reply(self.known.verify_saml(verify).map(Ok::<_, Unanswered>))
    }
}

impl Encrypter for Keys<'_> {
    async fn wrap_key(
        &self,
        key: &PublicKey,
        transport: KeyTransport,
        content_key: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let content_key = ContentKey(Zeroizing::new(content_key.to_owned()));
        let wrap = Wrap { key: key.clone(), transport, content_key };
        self.await_reply(self.known.wrap(wrap)).map(<[u8]>::to_vec)
    }
}
