//! One application that speaks SAML, and we to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::access::call::LoginEvent;
use edge_state::access::saml::{Endpoint, SamlApplication, ServiceProvider};
use edge_state::access::{ApplicationRecord, SamlKeyRecord};
use hmac::{Hmac, Mac as _};
use saml::identity_provider::IdentityProvider;
use saml::logout::LogoutParty;
use saml::metadata::{self, IndexedEndpoint};
use saml::peer::ServiceProviderPeer;
use sha2::{Digest as _, Sha256};
use std::time::{Duration, SystemTime};

use crate::Need;
use crate::Response;
use crate::admission::{NotAdmitted, admit};
use crate::encoding::Form;
use crate::event::{Action, Parties as _};
use crate::login::attempt::Target;
use crate::login::target;
use crate::page::Link;
use crate::redirect::sso_path;
use crate::saml::recipient::public_keys;
use crate::visit::{Visit, Words};

/// The two sides of a conversation.
pub(crate) struct Party<'v, 'a> {
    pub(crate) visit: &'v Visit<'a>,
    pub(crate) application: &'a ApplicationRecord,
    pub(crate) saml: &'a SamlApplication,
    /// Ours for this application; `None`: there are none, and nothing can be signed.
    pub(crate) keys: Option<&'a SamlKeyRecord>,
    pub(crate) peer: ServiceProviderPeer,
}

/// The contract's own spelling of the addresses, which counts as well.
const OTHER_PREFIX: &str = "/cdn-cgi";

/// The application of this id, if it is there, is on, and speaks SAML. `Err(Response)`: a page that
/// says the same of all that are not.
pub(crate) fn find<'v, 'a>(
    visit: &'v Visit<'a>,
    id: &str,
) -> Result<Result<Party<'v, 'a>, Response>, Need> {
    let entrance = crate::admission::Entrance { application: Some(id), ..visit.entrance() };
    let application = match admit(&entrance, visit.known)? {
        Ok(admitted) => admitted.application,
        Err(reason) => {
            let found = visit.known.records.application(id)?;
            let found = found.filter(|found| found.auth_domain == *visit.home());
            return Ok(Err(target::not_admitted(visit, reason, found)));
        }
    };
    let speaks =
        |application: &'a ApplicationRecord| Some((application, application.saml.as_deref()?));
    let Some((application, saml)) = application.and_then(speaks) else {
        return Ok(Err(target::not_admitted(visit, NotAdmitted::NoApplication, application)));
    };
    let keys = visit.known.records.saml_keys(id)?;
    let keys = keys.filter(|keys| keys.auth_domain == *visit.home() && keys.id == application.id);
    let peer = peer(&saml.service_provider);
    Ok(Ok(Party { visit, application, saml, keys, peer }))
}

impl Party<'_, '_> {
    /// The single sign-on endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}{}", self.visit.origin(), sso_path(&self.application.id))
    }

    /// An address below the endpoint, in every spelling that messages may name.
    pub(crate) fn spellings(&self, below: &str) -> Vec<String> {
        let (origin, path) = (self.visit.origin(), sso_path(&self.application.id));
        ["", OTHER_PREFIX].map(|prefix| format!("{origin}{prefix}{path}{below}")).into()
    }

    /// We, as this application knows us.
    pub(crate) fn identity_provider(&self) -> IdentityProvider {
        IdentityProvider {
            endpoints: self.spellings(""),
            ..IdentityProvider::new(&self.saml.entity_id, &self.endpoint())
        }
    }

    /// The same, for logging out.
    pub(crate) fn logout_party(&self) -> LogoutParty {
        let endpoints = self.spellings("/logout");
        let endpoint = endpoints.first().cloned().unwrap_or_default();
        LogoutParty { endpoints, ..LogoutParty::new(&self.saml.entity_id, &endpoint) }
    }

    /// To this application, by `below` of the endpoint.
    pub(crate) fn target(&self, below: &str) -> Target {
        Target {
            application: Some(self.application.id.clone()),
            url: format!("{}{below}", self.endpoint()),
            meta: None,
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        time(self.visit.here.now_millis)
    }

    /// Random bytes; asked again for the same purpose, the same ones.
    pub(crate) fn dice(&self, purpose: &str) -> impl FnMut(&mut [u8]) + use<'_> {
        let purpose = purpose.to_owned();
        let here = self.visit.here;
        let mut dealt = 0_u32;
        move |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(32) {
                let dice = here.dice(&format!("saml:{purpose}:{dealt}"));
                chunk.copy_from_slice(&dice[..chunk.len()]);
                dealt += 1;
            }
        }
    }

    /// A message that does not count: a page, and nothing is sent anywhere.
    pub(crate) fn unfit(&self, reason: &str) -> Response {
        let title = format!("{} sent something that does not count", self.application.name);
        let words = Words {
            status: 400,
            title: &title,
            text: "Please go back to the application and sign in from there once more. If that \
                   goes on, its connection with us is not set up right: tell your administrator.",
            links: vec![self.open()],
        };
        self.refuse(words, reason)
    }

    /// A logout message that does not count.
    pub(crate) fn unfit_logout(&self, reason: &str) -> Response {
        let words = Words {
            status: 400,
            title: "You may still be signed in",
            text: "The application sent something that does not count, so nothing was done. You \
                   can sign out here. If that goes on, tell your administrator.",
            links: vec![Link { label: "Sign out".to_owned(), href: "/access/logout".to_owned() }],
        };
        self.visit.refuse(words, self.logout_event(false, reason))
    }

    /// A line of the log.
    pub(crate) fn logout_event(&self, allowed: bool, reason: &str) -> LoginEvent {
        self.visit.event(Action::Logout, allowed, reason).application(Some(self.application))
    }

    /// A page that says no.
    pub(crate) fn refuse(&self, words: Words, reason: &str) -> Response {
        let event = self.visit.event(Action::Login, false, reason);
        self.visit.refuse(words, event.application(Some(self.application)))
    }

    /// Begins a sign-in anew, from here.
    pub(crate) fn open(&self) -> Link {
        Link {
            label: format!("Open {}", self.application.name),
            href: sso_path(&self.application.id),
        }
    }
}

/// Marks what our own page posted once more.
pub(crate) const AGAIN: &str = "lintel_again";

/// Whether a form or query holds a SAML message.
pub(crate) fn has_message(given: &Form) -> bool {
    given.pairs().any(|(name, _)| matches!(name, "SAMLRequest" | "SAMLResponse"))
}

/// Names a session to one application: two applications that compare notes learn nothing.
pub(crate) fn session_index(nonce: &str, application_id: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(nonce.as_bytes());
    let mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    let mac = mac.chain_update(format!("saml session index:{application_id}"));
    format!("_{}", URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..20]))
}

/// `millis` since 1970.
fn time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Seconds since 1970.
pub(crate) fn seconds(seconds: i64) -> SystemTime {
    time(seconds.saturating_mul(1_000))
}

/// Seconds since 1970, rounded up.
pub(crate) fn since_1970(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX - 1) + 1
}

/// Lower-case hexadecimal digits of a digest.
pub(crate) fn hex(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn peer(record: &ServiceProvider) -> ServiceProviderPeer {
    let consumers = record.assertion_consumer_services.iter().enumerate();
    let consumers = consumers.map(|(at, endpoint)| IndexedEndpoint {
        binding: endpoint.binding.clone(),
        location: endpoint.location.clone(),
        // One without a number is not meant by any: its place stands for it.
        index: endpoint.index.unwrap_or_else(|| u16::try_from(at).unwrap_or(u16::MAX)),
        is_default: endpoint.is_default,
    });
    ServiceProviderPeer {
        entity_id: record.entity_id.clone(),
        assertion_consumer_services: consumers.collect(),
        single_logout_services: record.single_logout_services.iter().map(endpoint).collect(),
        signing_keys: public_keys(&record.signing_certificates),
        require_signed_requests: record.require_signed_requests,
        allow_sha1: record.allow_sha1,
        allow_cbc: false,
    }
}

fn endpoint(record: &Endpoint) -> metadata::Endpoint {
    metadata::Endpoint {
        binding: record.binding.clone(),
        location: record.location.clone(),
        response_location: record.response_location.clone(),
    }
}
