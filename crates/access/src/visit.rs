//! One request to the team domain, with all that answers look at.

use edge_state::Hostname;
use edge_state::access::application::SameSite;
use edge_state::access::call::LoginEvent;
use edge_state::access::{Identity, OrganizationRecord};

use crate::admission::{Entrance, admit};
use crate::cookie::SetCookie;
use crate::encoding::Form;
use crate::event::{self, Action, Parties as _};
use crate::handover::{open_value, seal_value};
use crate::page::{Frame, Link, message};
use crate::session::{self, Live};
use crate::token::Issued;
use crate::{Here, Known, Need, Request, Response, cookie, token};

#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) organization: &'a OrganizationRecord,
    pub(crate) request: &'a Request<'a>,
    pub(crate) known: &'a Known,
    pub(crate) here: &'a Here<'a>,
}

/// Somebody is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) live: Live,
    /// When the token was issued that says so.
    pub(crate) issued_at: i64,
}

/// What a person reads when something went wrong.
pub(crate) struct Words<'w> {
    pub(crate) status: u16,
    pub(crate) title: &'w str,
    pub(crate) text: &'w str,
    pub(crate) links: Vec<Link>,
}

fn session_cookie<'c>(name: &'c str, value: &'c str, max_age: Option<i64>) -> SetCookie<'c> {
    SetCookie { name, value, path: "/", http_only: true, same_site: SameSite::Lax, max_age }
}

impl Session {
    pub(crate) fn identity(&self) -> &Identity {
        &self.live.identity
    }
}

/// Names the session that began in this browser, sealed.
const LOGIN: &str = "__Host-CF_Login";

impl<'a> Visit<'a> {
    /// The cookies of a session that begins here.
    pub(crate) fn session_cookies(&self, nonce: &str, issued: &Issued) -> [String; 2] {
        let begun = seal_value(&nonce, &self.login_context(), self.here);
        let max_age = Some(issued.expires_at - self.now());
        let token = &issued.token;
        [(cookie::AUTHORIZATION, token), (LOGIN, &begun)]
            .map(|(name, value)| session_cookie(name, value, max_age).header())
    }

    /// What makes a browser forget them.
    pub(crate) fn forget_session() -> [String; 2] {
        [cookie::AUTHORIZATION, LOGIN].map(|name| session_cookie(name, "", None).removal())
    }

    fn login_context(&self) -> String {
        format!("login:{}", self.home())
    }

    pub(crate) fn home(&self) -> &'a Hostname {
        &self.organization.auth_domain
    }

    pub(crate) fn now(&self) -> i64 {
        self.here.now()
    }

    pub(crate) fn origin(&self) -> String {
        self.here.origin(self.home())
    }

    /// To the team domain itself, by nobody yet.
    pub(crate) fn entrance(&self) -> Entrance<'a> {
        Entrance {
            auth_domain: self.home(),
            application: None,
            provider: None,
            user: None,
            issued_at: None,
            service_token: None,
            now: self.now(),
        }
    }

    /// To an application, by somebody who is signed in.
    pub(crate) fn entrance_of<'e>(&self, session: &'e Session, application: &'e str) -> Entrance<'e>
    where
        'a: 'e,
    {
        Entrance {
            application: Some(application),
            provider: Some(&session.identity().idp.id),
            user: Some(&session.identity().user_id),
            issued_at: Some(session.issued_at),
            ..self.entrance()
        }
    }

    /// Whether the answer is to stand in another site's page: browsers then send no cookies, and
    /// there may be a session all the same.
    pub(crate) fn is_framed(&self) -> bool {
        let framed = self.request.headers.get("sec-fetch-dest");
        framed.is_some_and(|to| to != "document" && to != "empty")
    }

    pub(crate) fn query(&self) -> Form {
        Form::parse(self.request.query)
    }

    /// What was posted.
    pub(crate) fn form(&self) -> Result<Form, Need> {
        self.request.form.map(|form| Form::parse(Some(form))).ok_or(Need::Form)
    }

    pub(crate) fn frame(&self) -> Frame<'a> {
        Frame {
            organization: &self.organization.name,
            design: &self.organization.login_design,
            ray_id: self.request.ray_id,
        }
    }

    pub(crate) fn event(
        &self,
        action: Action,
        allowed: bool,
        reason: impl Into<String>,
    ) -> LoginEvent {
        event::event(self.request, self.here, self.home(), action, allowed, reason)
    }

    /// Who is signed in here, as long as everybody who takes part in that is on. What is
    /// unreadable or over is nobody.
    pub(crate) fn session(&self) -> Result<Option<Session>, Need> {
        Ok(self.recognise()?.ok())
    }

    /// As [`Self::session`]; if there is a session that does not count any more, a line about that.
    pub(crate) fn recognise(&self) -> Result<Result<Session, Option<Box<LoginEvent>>>, Need> {
        // A sibling of the team domain can plant a token, but no cookie with this prefix: a session
        // counts in the browser that signed in.
        let mut begun = cookie::find(self.request.headers, LOGIN).into_iter();
        match begun.find_map(|text| open_value::<String>(&text, &self.login_context(), self.here)) {
            Some(nonce) => self.recognise_token(Some(&nonce)),
            None => Ok(Err(None)),
        }
    }

    /// As [`Self::recognise`], by the token alone, of the session `only` if that is given.
    pub(crate) fn recognise_token(
        &self,
        only: Option<&str>,
    ) -> Result<Result<Session, Option<Box<LoginEvent>>>, Need> {
        let mut why = None;
        for text in cookie::find(self.request.headers, cookie::AUTHORIZATION) {
            let verified = token::verify_global(&text, self.organization, self.known, self.here)?;
            let Ok(verified) = verified else { continue };
            let Some(nonce) = verified.nonce else { continue };
            if only.is_some_and(|only| only != nonce) {
                continue;
            }
            let live = session::live(&nonce, self.organization, self.known, self.here)?;
            let Some(live) = live.filter(|live| live.identity.user_id == verified.user_id) else {
                continue;
            };
            let entrance = Entrance {
                provider: Some(&live.identity.idp.id),
                user: Some(&live.identity.user_id),
                issued_at: Some(verified.issued_at),
                ..self.entrance()
            };
            match admit(&entrance, self.known)? {
                Ok(_) => return Ok(Ok(Session { live, issued_at: verified.issued_at })),
                Err(reason) => {
                    let event = self.event(Action::Login, false, reason.to_string());
                    why = Some(Box::new(event.identity(Some(&live.identity))));
                }
            }
        }
        Ok(Err(why))
    }

    /// A page that says no, with the code of the line that is logged.
    pub(crate) fn refuse(&self, words: Words, event: LoginEvent) -> Response {
        let view = message::View {
            frame: self.frame(),
            status: words.status,
            title: words.title,
            text: vec![words.text.to_owned()],
            code: event.code.as_deref(),
            links: words.links,
        };
        message::render(&view).with_event(event)
    }

    /// The control plane does not answer, or not what was agreed.
    pub(crate) fn unavailable(&self, why: &str, retry: String) -> Response {
        let words = Words {
            status: 503,
            title: "Sign-in is not possible right now",
            text: "Please try again in a moment. Applications that you have open go on working.",
            links: vec![Link { label: "Try again".to_owned(), href: retry }],
        };
        let event = self.event(Action::Login, false, format!("nobody answered: {why}"));
        self.refuse(words, event).with_header("retry-after", "10")
    }
}
