//! Somebody before the door of an application, and what they were asked there.

use edge_state::access::ApplicationRecord;
use url::Url;

use super::attempt::Target;
use super::target::home;
use crate::Response;
use crate::encoding::Form;
use crate::event::{Action, Parties as _};
use crate::page::{self, Link};
use crate::visit::{Session, Visit, Words};

/// What a person was asked on the way, and answered.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) justification: Option<String>,
    /// For how long, in seconds.
    pub(crate) seconds: u64,
    /// Names the form, so that a form sent twice asks once.
    pub(crate) form: Option<String>,
}

/// Justifications are sentences.
const MAX_JUSTIFICATION: usize = 1_000;

impl Given {
    pub(crate) fn read(form: &Form) -> Self {
        let text = form.get("justification").map(str::trim).filter(|text| !text.is_empty());
        let number = |name| form.get(name).and_then(|text| text.parse().ok());
        Self {
            justification: text.map(|text| text.chars().take(MAX_JUSTIFICATION).collect()),
            seconds: number("seconds").unwrap_or(3_600_u64),
            form: form.get("form").filter(|form| form.len() == 22).map(str::to_owned),
        }
    }
}

/// Somebody before the door of an application.
pub(crate) struct Place<'p, 'a> {
    pub(crate) visit: &'p Visit<'a>,
    pub(crate) session: &'p Session,
    pub(crate) target: &'p Target,
    pub(crate) application: &'p ApplicationRecord,
}

impl Place<'_, '_> {
    /// Where forms about it go, as a path. What lives elsewhere is entered through its own address
    /// on the team domain.
    pub(crate) fn action(&self) -> String {
        if self.application.saml.is_some() {
            return path(&self.target.url);
        }
        format!("/access/login/{}", self.application.id)
    }

    /// The deny page: the operator's own, or ours with their sentence.
    pub(crate) fn deny(&self, reason: &str, policy: Option<&str>, hint: &str) -> Response {
        let (visit, application) = (self.visit, self.application);
        let identity = self.session.identity();
        let event = visit
            .event(Action::Login, false, reason)
            .application(Some(application))
            .identity(Some(identity))
            .policy(policy);
        let denial = &application.denial;
        if let Some(url) = denial.url.as_deref().and_then(web) {
            return Response::redirect(url).with_event(event);
        }
        let own = denial.html.as_ref().or(visit.organization.identity_denied_html.as_ref());
        if let Some(html) = own {
            return page::own(403, html).with_event(event);
        }
        let message = denial.message.as_deref().unwrap_or("You are signed in, but not let in.");
        let text = format!("{message} {hint}");
        let again =
            Link { label: "Use another account".to_owned(), href: self.target.another_login_url() };
        let title = format!("{} may not open {}", identity.email, application.name);
        let links = vec![again, home()];
        visit.refuse(Words { status: 403, title: &title, text: text.trim(), links }, event)
    }
}

/// A URL of the web, as browsers spell it.
pub(crate) fn web(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.into())
}

/// Path and query.
pub(crate) fn path(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "/".to_owned() };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", url.path())
}
