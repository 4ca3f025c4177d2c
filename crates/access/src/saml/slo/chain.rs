//! Through the applications that somebody has been in, one after the other: each is asked to sign
//! them out, and leads back here with its answer. What is still to be done travels with the browser.

use edge_state::access::application::SameSite;
use edge_state::access::call::LoginEvent;
use edge_state::access::session::SamlSession;
use saml::binding::Departure;
use saml::logout::LogoutSendError;
use saml::response::Status;
use serde::{Deserialize, Serialize};

use crate::cookie::SetCookie;
use crate::handover::{open_value, seal_value};
use crate::page::{departure, logout as page};
use crate::saml::entered::Entered;
use crate::saml::keys::Keys;
use crate::saml::party::{self, Party};
use crate::saml::pieces;
use crate::saml_provider::logout;
use crate::visit::{Session, Visit};
use crate::{Need, Response};

/// What is still to be done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Chain {
    /// Seconds since 1970, when it began.
    at: i64,
    /// Those to be asked; the last one first.
    pending: Vec<Entered>,
    /// The one that was asked, and the ID of the question.
    waiting: Option<(String, String)>,
    /// The provider where the session came from, which is asked last.
    provider: Option<(String, SamlSession)>,
    /// One at least did not do it.
    failed: bool,
    /// Where it ends.
    end: End,
}

/// Where it ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum End {
    /// With an answer to the application that asked.
    Answer {
        /// Its id.
        application: String,
        /// The ID of its request.
        request: String,
        /// What came with that.
        relay_state: Option<String>,
    },
    /// Here.
    Page {
        /// On all devices.
        everywhere: bool,
        /// A URL that was vetted.
        return_to: Option<String>,
    },
    /// With an answer to the provider that asked, which is made at this path.
    Provider(String),
}

const NAME: &str = "__Secure-CF_SamlLogout";

/// Below this every application's logout address stands, and our own.
const PATH: &str = "/access";

/// Whoever takes longer signs out in what is left by themselves, in seconds.
const LIFETIME: i64 = 10 * 60;

/// Two cookies.
const MAX_BYTES: usize = 6 << 10;

impl Chain {
    pub(crate) fn new(visit: &Visit, mut entered: Vec<Entered>, end: End) -> Self {
        entered.reverse();
        let at = visit.now();
        Self { at, pending: entered, waiting: None, provider: None, failed: false, end }
    }

    /// The provider of this session is asked as well, if it speaks SAML.
    pub(crate) fn and_provider(mut self, session: Option<&Session>) -> Self {
        self.provider = session.and_then(|session| {
            let identity = session.identity();
            Some((identity.idp.id.clone(), identity.saml.clone()?))
        });
        self
    }

    /// The one that this browser is in the middle of.
    pub(crate) fn find(visit: &Visit) -> Option<Self> {
        let sealed = pieces::find(visit.request.headers, NAME, MAX_BYTES);
        let chain: Self = open_value(&sealed, &context(visit), visit.here)?;
        (0..LIFETIME).contains(&(visit.now() - chain.at)).then_some(chain)
    }

    /// The ID of the question that was put to this application last.
    pub(crate) fn asked(&self, application: &str) -> Option<&str> {
        let (asked, id) = self.waiting.as_ref()?;
        (asked == application).then_some(id)
    }

    /// Whether nobody is left but the provider, who was asked.
    pub(crate) fn awaits_provider(&self) -> bool {
        self.pending.is_empty() && self.waiting.is_none() && self.provider.is_none()
    }

    /// Its answer came.
    pub(crate) fn answered(&mut self, done: bool) {
        self.failed |= !done;
        self.waiting = None;
    }

    /// On to the next one, or to the end.
    pub(crate) fn go_on(mut self, visit: &Visit) -> Result<Response, Need> {
        let mut events = Vec::new();
        while let Some(next) = self.pending.pop() {
            let party = match party::find(visit, &next.application)? {
                Ok(party) => party,
                Err(response) => {
                    events.extend(response.events);
                    self.failed = true;
                    continue;
                }
            };
            match ask(&party, &next)? {
                Ok((id, departure)) => {
                    self.waiting = Some((next.application, id));
                    let Some(cookies) = self.cookies(visit) else { break };
                    let lead = format!("You are being signed out of {}.", party.application.name);
                    let mut response = depart(visit, departure, &lead);
                    response.headers.extend(cookies.into_iter().map(|c| ("set-cookie", c)));
                    response.events = events;
                    return Ok(response);
                }
                Err(why) => {
                    events.push(not_asked(&party, &why));
                    self.failed = true;
                }
            }
        }
        // What did not fit into cookies was not asked.
        self.failed |= self.waiting.take().is_some();
        if let Some((provider, session)) = self.provider.take()
            && let Some(mut response) = logout::departure(visit, &provider, &session)?
            && let Some(cookies) = self.cookies(visit)
        {
            response.headers.extend(cookies.into_iter().map(|cookie| ("set-cookie", cookie)));
            events.append(&mut response.events);
            return Ok(Response { events, ..response });
        }
        let mut response = self.end(visit)?;
        response.headers.extend(forget().into_iter().map(|cookie| ("set-cookie", cookie)));
        events.append(&mut response.events);
        Ok(Response { events, ..response })
    }

    fn end(self, visit: &Visit) -> Result<Response, Need> {
        match self.end {
            End::Answer { application, request, relay_state } => {
                let status = if self.failed { partial() } else { Status::success() };
                match party::find(visit, &application)? {
                    Ok(party) => answer(&party, &request, relay_state.as_deref(), &status),
                    Err(response) => Ok(response),
                }
            }
            End::Provider(path) => {
                let partial = if self.failed { "&partial=1" } else { "" };
                Ok(Response::redirect(format!("{path}{partial}")))
            }
            End::Page { return_to: Some(url), .. } => Ok(Response::redirect(url)),
            End::Page { everywhere, return_to: None } => Ok(page::done(&page::Done {
                frame: visit.frame(),
                everywhere,
                partly: self.failed,
            })),
        }
    }

    /// `None`: they hold too much.
    fn cookies(&self, visit: &Visit) -> Option<Vec<String>> {
        let sealed = seal_value(self, &context(visit), visit.here);
        (pieces::bytes(NAME, &sealed) <= MAX_BYTES).then(|| pieces::set(&LIKE, NAME, &sealed))
    }
}

/// Applications answer from their own sites, by POST too. Sealed, it is no credential.
const LIKE: SetCookie = SetCookie {
    name: "",
    value: "",
    path: PATH,
    http_only: true,
    same_site: SameSite::None,
    max_age: Some(LIFETIME),
};

fn forget() -> [String; 2] {
    [0, 1].map(|at| pieces::removal(&LIKE, &format!("{NAME}_{at}")))
}

fn context(visit: &Visit) -> String {
    format!("saml logout:{}", visit.home())
}

/// SAML core §3.7.3.2: it was done here, though not everywhere.
pub(crate) fn partial() -> Status {
    Status { subcode: Some(Status::PARTIAL_LOGOUT.to_owned()), ..Status::success() }
}

type Asked = Result<(String, Departure), String>;

fn ask(party: &Party, entered: &Entered) -> Result<Asked, Need> {
    let keys = Keys::new(party.visit.known);
    let Some(signer) = party.keys.and_then(|record| keys.signer(record)) else {
        return Ok(Err("the application has no key to sign with".to_owned()));
    };
    let (us, name_id) = (party.logout_party(), entered.name_id());
    let mut dice = party.dice(&format!("logout of {}", entered.application));
    let indexes = [entered.index.clone()];
    let asked =
        us.ask(party.peer.logout(), &name_id, &indexes, None, &signer, &mut dice, party.now());
    Ok(keys.drive(asked)?.map_err(|error| error.to_string()))
}

fn not_asked(party: &Party, why: &str) -> LoginEvent {
    party.logout_event(false, &format!("SAML logout: the application was not asked: {why}"))
}

/// Answers an application that asked.
pub(crate) fn answer(
    party: &Party,
    request: &str,
    relay_state: Option<&str>,
    status: &Status,
) -> Result<Response, Need> {
    let visit = party.visit;
    let keys = Keys::new(visit.known);
    let signed_out = || {
        page::done(&page::Done {
            frame: visit.frame(),
            everywhere: false,
            partly: !status.is_success() || status.subcode.is_some(),
        })
    };
    let Some(signer) = party.keys.and_then(|record| keys.signer(record)) else {
        let why = "SAML logout: the application has no key to sign with";
        return Ok(signed_out().with_event(party.logout_event(false, why)));
    };
    let us = party.logout_party();
    let mut dice = party.dice("logout answer");
    let answer = us.answer(
        party.peer.logout(),
        request,
        status,
        relay_state,
        &signer,
        &mut dice,
        party.now(),
    );
    match keys.drive(answer)? {
        Ok(departure) => {
            let lead = format!("You are being led back to {}.", party.application.name);
            Ok(depart(visit, departure, &lead))
        }
        // Nowhere to answer to: the person at least is told.
        Err(error @ LogoutSendError::NoEndpoint) => {
            let why = format!("SAML logout: the application was not answered: {error}");
            Ok(signed_out().with_event(party.logout_event(false, &why)))
        }
        Err(error) => Ok(visit.unavailable(&error.to_string(), "/access/logout".to_owned())),
    }
}

fn depart(visit: &Visit, departure: Departure, lead: &str) -> Response {
    match departure {
        Departure::Redirect(url) => Response::redirect(url),
        Departure::Post(form) => {
            let frame = visit.frame();
            departure::render(&departure::View { frame, lead, form: &form })
        }
    }
}
