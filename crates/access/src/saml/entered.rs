//! Which applications elsewhere a browser has been in, under which names: so that signing out leads
//! through all of them. Sealed, in one cookie, the oldest going first.

use edge_state::access::application::SameSite;
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::name_id::NameId;
use serde::{Deserialize, Serialize};

use super::party::{Party, hex, session_index};
use crate::Response;
use crate::cookie::{self, SetCookie};
use crate::handover::{open_value, seal_value};
use crate::visit::{Session, Visit};

/// One of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Entered {
    /// Its id.
    #[serde(rename = "a")]
    pub(crate) application: String,
    /// Who was signed in, by [`user`].
    #[serde(rename = "u")]
    pub(crate) user: String,
    /// `NameID`
    #[serde(rename = "n")]
    pub(crate) name: String,
    /// Its format.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    /// `SessionIndex`
    #[serde(rename = "i")]
    pub(crate) index: String,
}

const NAME: &str = "__Host-CF_SamlEntered";

/// Browsers keep 4096 bytes of name, value and attributes.
const MAX_BYTES: usize = 3_900;

impl Entered {
    /// As it was told to the application.
    pub(crate) fn name_id(&self) -> NameId {
        let format = self.format.clone();
        NameId { value: self.name.clone(), format, ..NameId::default() }
    }
}

/// Names a person shortly.
pub(crate) fn user(session: &Session) -> String {
    hex(&[&session.identity().user_id])[..16].to_owned()
}

/// All of them, the youngest first. What cannot be read is nothing.
pub(crate) fn all(visit: &Visit) -> Vec<Entered> {
    let found = cookie::find(visit.request.headers, NAME).into_iter();
    let mut found = found.filter_map(|text| open_value(&text, &context(visit), visit.here));
    found.next().unwrap_or_default()
}

/// Names the browser by what it remembers of them.
pub(crate) fn browser(visit: &Visit) -> String {
    let found = cookie::find(visit.request.headers, NAME);
    hex(&found.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Adds the one that is being entered, if it can be signed out of.
pub(crate) fn remember(
    party: &Party,
    session: &Session,
    name_id: &NameId,
    response: Response,
) -> Response {
    let visit = party.visit;
    let spoken = |binding: &str| matches!(binding, HTTP_POST | HTTP_REDIRECT);
    if !party.peer.single_logout_services.iter().any(|service| spoken(&service.binding)) {
        return response;
    }
    let entered = Entered {
        application: party.application.id.clone(),
        user: user(session),
        name: name_id.value.clone(),
        format: name_id.format.clone(),
        index: session_index(&session.live.nonce, &party.application.id),
    };
    let mut list = all(visit);
    list.retain(|other| other.application != entered.application);
    list.insert(0, entered);
    let sealed = loop {
        let sealed = seal_value(&list, &context(visit), visit.here);
        if sealed.len() <= MAX_BYTES {
            break sealed;
        }
        list.pop();
    };
    let max_age = session.live.expires_at - visit.now();
    response.with_header("set-cookie", cookie(&sealed, Some(max_age)).header())
}

/// What makes the browser forget all of them.
pub(crate) fn forget() -> String {
    cookie("", None).removal()
}

fn context(visit: &Visit) -> String {
    format!("saml entered:{}", visit.home())
}

fn cookie(value: &str, max_age: Option<i64>) -> SetCookie<'_> {
    SetCookie { name: NAME, value, path: "/", http_only: true, same_site: SameSite::Lax, max_age }
}
