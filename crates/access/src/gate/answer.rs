//! What those are told who may not pass.

use edge_state::access::Identity;
use edge_state::access::call::LoginEvent;
use edge_state::access::organization::LoginDesign;
use http::header;
use serde_json::json;

use super::Case;
use crate::classify::{Kind, classify};
use crate::event::Action;
use crate::handover::{Meta, binding};
use crate::page::{self, Frame, Link, message, resend};
use crate::policy::Verdict;
use crate::{Request, Response, cors, encoding};

/// Where somebody signs in again in a window of its own.
pub(super) const RENEW: &str = "/.access/renew";

/// Longer targets would make a URL that no server takes: the path alone is kept, or nothing.
const MAX_TARGET_BYTES: usize = 4096;

/// A path that origins may read in too many ways.
pub(super) fn unreadable(request: &Request) -> Response {
    let text = "The address is written in a way that applications read differently.";
    plain(request, 400, "This address cannot be opened", "unreadable_path", text, None)
}

/// Organisation or application are off or gone.
pub(super) fn unavailable(request: &Request, event: Option<LoginEvent>) -> Response {
    let text = "It is switched off, or not there any more.";
    plain(request, 403, "This application is not available", "not_available", text, event)
}

/// An answer where nothing is known of whose it is.
fn plain(
    request: &Request,
    status: u16,
    title: &str,
    error: &str,
    text: &str,
    event: Option<LoginEvent>,
) -> Response {
    let code = event.as_ref().and_then(|event| event.code.clone());
    let response = if classify(request) == Kind::Program {
        problem(status, error, text, code.as_deref(), request.ray_id)
    } else {
        let design = LoginDesign::default();
        let frame = Frame { organization: "Access", design: &design, ray_id: request.ray_id };
        let text = vec![text.to_owned()];
        let links = Vec::new();
        message::render(&message::View { frame, status, title, text, code: code.as_deref(), links })
    };
    event.into_iter().fold(response, Response::with_event)
}

fn problem(status: u16, error: &str, message: &str, code: Option<&str>, ray_id: &str) -> Response {
    let mut body = json!({ "error": error, "message": message, "ray_id": ray_id });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    Response::json(status, &body)
}

impl Case<'_> {
    /// Somebody has to sign in: a person is led there, a program is told where that is. `why`: what
    /// was shown and did not count.
    pub(super) fn ask_to_sign_in(&self, why: Option<&str>) -> Response {
        let response = match self.kind {
            Kind::Navigation => {
                let (url, cookie) = self.login_url(&self.target(), 0);
                Response { status: 302, ..Response::default() }
                    .with_header("location", url)
                    .with_header("cache-control", "no-store")
                    .with_header("referrer-policy", "no-referrer")
                    .with_header("cf-access-aud", &self.application.aud)
                    .with_header("cf-access-domain", self.organization.auth_domain.as_str())
                    .with_cookies(cookie)
            }
            Kind::Submission => {
                let (url, cookie) = self.login_url(RENEW, 0);
                resend::render(&resend::View { frame: self.frame(), url: &url })
                    .with_cookies(cookie)
            }
            Kind::Program => return self.unauthorized(why),
        };
        why.into_iter().fold(response, |r, why| r.with_event(self.event(Action::Login, false, why)))
    }

    /// 401, with all that a program must know to have somebody sign in.
    pub(super) fn unauthorized(&self, why: Option<&str>) -> Response {
        let (login_url, cookie) = self.login_url(&self.page_of_program(), 0);
        let body = json!({
            "error": "unauthenticated",
            "message": "Nobody is signed in here. Open login_url, or renew_url in a window of its \
                        own, and ask again.",
            "login_url": login_url,
            "renew_url": format!("{}{}", self.here.origin(self.request.host), RENEW),
            "ray_id": self.request.ray_id,
        });
        let response = Response::json(401, &body)
            .with_header(
                "www-authenticate",
                "Cookie realm=\"Access\", cookie-name=\"CF_Authorization\"",
            )
            .with_header("access-login-url", login_url)
            .with_cookies(cookie);
        let response = self.readable(response);
        why.into_iter().fold(response, |r, why| r.with_event(self.event(Action::Login, false, why)))
    }

    /// Somebody is known, or need not be, and may not enter. `event` says so.
    pub(super) fn deny(
        &self,
        verdict: &Verdict,
        identity: Option<&Identity>,
        event: LoginEvent,
    ) -> Response {
        let denial = &self.application.denial;
        let elsewhere = match identity {
            Some(_) => denial.url.as_ref(),
            None => denial.non_identity_url.as_ref().or(denial.url.as_ref()),
        };
        if self.kind == Kind::Program {
            let code = event.code.as_deref();
            let text = "This application does not let you in.";
            let response = problem(403, "forbidden", text, code, self.request.ray_id);
            return self.readable(response).with_event(event);
        }
        if let Some(url) = elsewhere {
            return Response::redirect(url.clone()).with_event(event);
        }
        let own = denial.html.as_ref().or(match identity {
            Some(_) => self.organization.identity_denied_html.as_ref(),
            None => self.organization.forbidden_html.as_ref(),
        });
        if let Some(html) = own {
            return page::own(403, html).with_event(event);
        }
        let mut text = vec![
            denial
                .message
                .clone()
                .unwrap_or_else(|| format!("You have no access to {}.", self.application.name)),
        ];
        text.extend(verdict.hints().into_iter().map(|hint| hint.words().to_owned()));
        let mut links = Vec::new();
        if let Some(identity) = identity {
            text.push(format!("You are signed in as {}.", identity.email));
            let href =
                format!("{}/access/logout", self.here.origin(&self.organization.auth_domain));
            links.push(Link { label: "Sign in as somebody else".to_owned(), href });
        }
        let view = message::View {
            frame: self.frame(),
            status: 403,
            title: "No access",
            text,
            code: event.code.as_deref(),
            links,
        };
        message::render(&view).with_event(event)
    }

    /// No token can be made or checked.
    pub(super) fn unavailable(&self, why: &str) -> Response {
        let event = self.event(Action::Login, false, why);
        let text = "Please try again in a moment.";
        let response = if self.kind == Kind::Program {
            let code = event.code.as_deref();
            self.readable(problem(503, "unavailable", text, code, self.request.ray_id))
        } else {
            self.message(503, "Sign-in is not possible right now", text, &event)
        };
        response.with_header("retry-after", "10").with_event(event)
    }

    pub(super) fn message(
        &self,
        status: u16,
        title: &str,
        text: &str,
        event: &LoginEvent,
    ) -> Response {
        message::render(&message::View {
            frame: self.frame(),
            status,
            title,
            text: vec![text.to_owned()],
            code: event.code.as_deref(),
            links: vec![Link { label: "Try again".to_owned(), href: "/".to_owned() }],
        })
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            organization: &self.organization.name,
            design: &self.organization.login_design,
            ray_id: self.request.ray_id,
        }
    }

    /// Where to sign in, and the cookie that has to be set for it.
    pub(super) fn login_url(&self, target: &str, hops: u8) -> (String, Option<String>) {
        let auth_domain = &self.organization.auth_domain;
        let (browser, cookie) = self.browser();
        let meta = Meta {
            host: self.request.host.clone(),
            binding: Some(binding(&browser)),
            certificate: self.request.certificate.cloned(),
            ip: self.request.ip,
            country: self.request.country.map(str::to_owned),
            hops,
            at: self.here.now(),
        };
        let query = encoding::query([
            ("kid", self.application.aud.as_str()),
            ("redirect_url", target),
            ("meta", &meta.seal(auth_domain, self.here)),
        ]);
        let (origin, host) = (self.here.origin(auth_domain), self.request.host);
        (format!("{origin}/access/login/{host}?{query}"), cookie)
    }

    /// Path and query.
    pub(super) fn target(&self) -> String {
        let path = self.request.path;
        let whole = match self.request.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        match (whole.len() <= MAX_TARGET_BYTES, path.len() <= MAX_TARGET_BYTES) {
            (true, _) => whole,
            (false, true) => path.to_owned(),
            (false, false) => "/".to_owned(),
        }
    }

    /// Where a person is who has a program running: nobody wants to end up at an API's answer.
    fn page_of_program(&self) -> String {
        let referer = self.request.headers.get(header::REFERER).and_then(|v| v.to_str().ok());
        let origin = self.here.origin(self.request.host);
        let target = referer.and_then(|url| url.strip_prefix(&origin));
        let target = target.filter(|t| t.starts_with('/') && t.len() <= MAX_TARGET_BYTES);
        target.unwrap_or("/").to_owned()
    }

    pub(super) fn readable(&self, response: Response) -> Response {
        let headers = cors::readable(self.request, self.application);
        headers.into_iter().fold(response, |r, (name, value)| r.with_header(name, value))
    }
}

impl Response {
    pub(super) fn with_cookies(self, cookies: impl IntoIterator<Item = String>) -> Self {
        cookies
            .into_iter()
            .fold(self, |response, cookie| response.with_header("set-cookie", cookie))
    }
}
