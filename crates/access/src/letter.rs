//! What is signed last. Once everything is judged and a SAML response is settled to its last word,
//! nothing that its signatures say changes the answer any more: so no decision is made anew for
//! each of them. The page has a gap, and the shell fills it.

use std::fmt;
use std::time::SystemTime;

use saml::assertion::{Attribute, AuthnStatement};
use saml::binding::Kind;
use saml::binding::post::Form;
use saml::certificate::Certificate;
use saml::encryption::Recipient;
use saml::identity_provider::{IdentityProvider, Issue, Target};
use saml::key::{Encrypter, KeyError, KeyTransport, PublicKey, SignatureAlgorithm, Signer};
use saml::name_id::NameId;
use saml::signature::Signed;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::need::{ContentKey, KeyHolder, Sign, Wrap};
use crate::{Need, Reply};

/// A response to be signed, and its place on the page.
#[derive(Clone)]
pub struct Letter {
    pub(crate) us: IdentityProvider,
    pub(crate) target: Target,
    pub(crate) name_id: NameId,
    pub(crate) authn: AuthnStatement,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) signed: Signed,
    pub(crate) encrypted_to: Option<Recipient>,
    pub(crate) name_encrypted_to: Option<Recipient>,
    pub(crate) key: LetterKey,
    /// Random.
    pub(crate) entropy: [u8; 32],
    pub(crate) now: SystemTime,
}

/// The key that signs.
#[derive(Clone)]
pub(crate) struct LetterKey {
    /// The application.
    pub(crate) id: String,
    pub(crate) kid: String,
    pub(crate) certificate: Option<Certificate>,
}

/// Who holds the keys.
#[expect(async_fn_in_trait, reason = "WebCrypto's futures stay on their thread")]
pub trait Shell {
    /// Carries out a need: [`Need::Sign`] or [`Need::Wrap`].
    async fn carry_out(&self, need: Need) -> Reply;
}

impl Letter {
    /// The form with the gap.
    pub(crate) fn form(&self) -> Form {
        let mut form =
            Form::new(self.target.location(), Kind::Response, "", self.target.relay_state());
        for (name, value) in &mut form.fields {
            if *name == Kind::Response.parameter() {
                *value = self.gap();
            }
        }
        form
    }

    /// Stands for the response. Nobody who sends us something to be shown can know it.
    fn gap(&self) -> String {
        let digest = Sha256::new_with_prefix(self.entropy).chain_update("gap").finalize();
        digest.iter().fold(String::from("gap"), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Fills the gap.
    pub(crate) async fn fill(&self, page: &str, shell: &impl Shell) -> Result<String, String> {
        let pen = Pen { letter: self, shell };
        let issue = Issue {
            name_id: Some(&self.name_id),
            authn: &self.authn,
            attributes: &self.attributes,
            signed: self.signed,
            encrypted_to: self.encrypted_to.as_ref(),
            name_encrypted_to: self.name_encrypted_to.as_ref(),
        };
        let mut dice = self.dice();
        let issued = self.us.issue(&self.target, &issue, &pen, &pen, &mut dice, self.now).await;
        let form = issued.map_err(|error| error.to_string())?;
        let response = form.fields.iter().find(|(name, _)| *name == Kind::Response.parameter());
        let (_, response) = response.ok_or("the form holds no response")?;
        let (before, after) = page.split_once(&self.gap()).ok_or("the page has no gap")?;
        Ok([before, response, after].concat())
    }

    fn dice(&self) -> impl FnMut(&mut [u8]) {
        let mut dealt = 0_u32;
        let entropy = self.entropy;
        move |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(32) {
                let dice = Sha256::new_with_prefix(entropy).chain_update(dealt.to_be_bytes());
                chunk.copy_from_slice(&dice.finalize()[..chunk.len()]);
                dealt += 1;
            }
        }
    }
}

/// Two are the same if the same thing would be said.
impl PartialEq for Letter {
    fn eq(&self, other: &Self) -> bool {
        self.entropy == other.entropy && self.target == other.target
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter(to {})", self.target.location())
    }
}

/// The keys of a letter, by way of the shell.
struct Pen<'a, S> {
    letter: &'a Letter,
    shell: &'a S,
}

impl<S: Shell> Signer for Pen<'_, S> {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn certificate(&self) -> Option<&Certificate> {
        self.letter.key.certificate.as_ref()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let LetterKey { id, kid, .. } = &self.letter.key;
        let holder = KeyHolder::Saml(id.clone());
        let sign = Sign { holder, kid: kid.clone(), message: message.to_owned() };
        match self.shell.carry_out(Need::Sign(Box::new(sign))).await {
            Reply::Signed(signature) => Ok(signature),
            other => Err(unanswered(other)),
        }
    }
}

impl<S: Shell> Encrypter for Pen<'_, S> {
    async fn wrap_key(
        &self,
        key: &PublicKey,
        transport: KeyTransport,
        content_key: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let content_key = ContentKey(Zeroizing::new(content_key.to_owned()));
        let wrap = Wrap { key: key.clone(), transport, content_key };
        match self.shell.carry_out(Need::Wrap(Box::new(wrap))).await {
            Reply::Wrapped(wrapped) => Ok(wrapped),
            other => Err(unanswered(other)),
        }
    }
}

fn unanswered(reply: Reply) -> KeyError {
    match reply {
        Reply::Failed(why) => KeyError(why),
        _ => KeyError("the reply is of another kind".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use edge_state::access::call::LoginEvent;
    use saml::authn_request::ConsumerService;
    use saml::metadata::IndexedEndpoint;
    use saml::peer::ServiceProviderPeer;

    use super::*;
    use crate::Response;

    /// Answers the first so many signatures, and keeps what was asked.
    struct Hand {
        signs: usize,
        asked: RefCell<Vec<Sign>>,
    }

    impl Shell for Hand {
        async fn carry_out(&self, need: Need) -> Reply {
            let Need::Sign(sign) = need else { panic!("nothing is encrypted here") };
            let mut asked = self.asked.borrow_mut();
            asked.push(*sign);
            if asked.len() > self.signs {
                return Reply::Failed("the key is gone".to_owned());
            }
            Reply::Signed(vec![7; 256])
        }
    }

    fn letter() -> Letter {
        let peer = ServiceProviderPeer {
            entity_id: "https://sp.test/".to_owned(),
            assertion_consumer_services: vec![IndexedEndpoint {
                binding: saml::binding::HTTP_POST.to_owned(),
                location: "https://sp.test/acs".to_owned(),
                index: 0,
                is_default: None,
            }],
            single_logout_services: Vec::new(),
            signing_keys: Vec::new(),
            require_signed_requests: false,
            allow_sha1: false,
            allow_cbc: false,
        };
        let target = peer.target(&ConsumerService::Default, None, Some("state \" <&>")).unwrap();
        let now = SystemTime::UNIX_EPOCH;
        Letter {
            us: IdentityProvider::new("https://idp.test/", "https://idp.test/"),
            target,
            name_id: NameId { value: "ada@example.com".to_owned(), ..NameId::default() },
            authn: AuthnStatement {
                authn_instant: now,
                session_index: None,
                session_not_on_or_after: None,
                class: None,
            },
            attributes: Vec::new(),
            signed: Signed::Both,
            encrypted_to: None,
            name_encrypted_to: None,
            key: LetterKey { id: "app".to_owned(), kid: "kid".to_owned(), certificate: None },
            entropy: [9; 32],
            now,
        }
    }

    fn page(letter: &Letter) -> Response {
        let event: LoginEvent = serde_json::from_value(serde_json::json!({
            "id": "id", "auth_domain": "team.example.com", "at_millis": 0, "action": "login",
            "allowed": true, "ray_id": "ray", "reason": "in",
        }))
        .unwrap();
        let mut fields = String::new();
        for (name, value) in letter.form().fields {
            fields.extend([name, "=", &value, ";"]);
        }
        let letter = Some(Box::new(letter.clone()));
        let response = Response { status: 200, body: fields, letter, ..Response::default() };
        response.with_header("set-cookie", "entered=1").with_event(event)
    }

    fn finish(response: Response, hand: &Hand) -> Response {
        let finished = pin!(response.finish(hand));
        let Poll::Ready(finished) = finished.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("this hand answers at once");
        };
        finished
    }

    #[test]
    fn the_gap_is_filled_with_what_two_signatures_cover() {
        let hand = Hand { signs: 2, asked: RefCell::default() };
        let response = finish(page(&letter()), &hand);
        assert_eq!((response.status, &response.letter), (200, &None));
        let (said, state) = response.body.split_once(';').unwrap();
        assert_eq!(state, "RelayState=state \" <&>;");
        let said = said.strip_prefix("SAMLResponse=").unwrap();
        let xml =
            saml::binding::post::decode(&format!("SAMLResponse={}", said.replace('+', "%2B")));
        assert!(xml.is_ok(), "{xml:?}");
        let asked = hand.asked.borrow();
        assert_eq!(asked.len(), 2);
        for sign in asked.iter() {
            assert_eq!(sign.holder, KeyHolder::Saml("app".to_owned()));
            assert_eq!(sign.kid, "kid");
        }
        assert_ne!(asked[0].message, asked[1].message);
    }

    #[test]
    fn nobody_enters_without_every_signature_and_the_log_says_so() {
        for signs in [0, 1] {
            let response = finish(page(&letter()), &Hand { signs, asked: RefCell::default() });
            assert_eq!(response.status, 503);
            assert!(!response.body.contains("gap") && !response.body.contains("SAMLResponse"));
            assert!(response.headers.iter().all(|(name, _)| *name != "set-cookie"));
            assert!(!response.events[0].allowed);
            assert!(response.events[0].reason.contains("the key is gone"), "{response:?}");
        }
    }

    #[test]
    fn each_request_has_a_gap_of_its_own() {
        let other = Letter { entropy: [8; 32], ..letter() };
        assert_ne!(letter().form().fields[0].1, other.form().fields[0].1);
    }
}
