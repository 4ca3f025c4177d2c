//! A code by mail. Nothing that is mailed signs anybody in by a link: the code is typed, posted, and
//! counts in the browser that asked for it alone.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::call::{CheckPin, PinChecked, PinSent, SendPin};
use edge_state::access::identity_provider::Protocol;
use http::header;

use crate::admission::{Entrance, NotAdmitted, admit};
use crate::event::{Action, Parties as _};
use crate::login::attempt::{Attempt, Browser};
use crate::login::identity::{Said, email as one_address, identity};
use crate::login::refusal::{self, refused};
use crate::login::{finish, returning, target};
use crate::need::Call;
use crate::page::{Link, pin};
use crate::visit::{Visit, Words};
use crate::{Need, Response, csrf};

/// Where both forms go.
const ACTION: &str = "/access/pin";

/// Longer texts are no code.
const MAX_CODE: usize = 40;

/// The form for the address.
pub(crate) fn ask(
    visit: &Visit,
    attempt: &Attempt,
    status: u16,
    email: &str,
    error: Option<&str>,
) -> Response {
    pin::ask(&pin::Ask {
        frame: visit.frame(),
        status,
        action: ACTION,
        fields: vec![("state", attempt.seal(visit.home(), visit.here))],
        email,
        error,
        back: attempt.target.login_url(),
    })
}

fn enter(
    visit: &Visit,
    attempt: &Attempt,
    email: &str,
    error: Option<&str>,
    tries_left: Option<u32>,
) -> Response {
    let state = attempt.seal(visit.home(), visit.here);
    pin::enter(&pin::Enter {
        frame: visit.frame(),
        status: if error.is_some() { 422 } else { 200 },
        action: ACTION,
        fields: vec![("state", state), ("email", email.to_owned())],
        email,
        error,
        tries_left,
    })
}

/// `POST /access/pin`: an address, or a code.
pub(crate) fn answer(visit: &Visit) -> Result<Response, Need> {
    let form = visit.form()?;
    let attempt = form.get("state").and_then(|s| Attempt::open(s, visit.home(), visit.here));
    let Some(attempt) = attempt else {
        let words = Words {
            status: 400,
            title: "Please start again",
            text: "This form is not one of ours, or it is damaged.",
            links: vec![target::home()],
        };
        return Ok(visit.refuse(words, visit.event(Action::Login, false, "the form has no state")));
    };
    let target = &attempt.target;
    if let Err(foreign) = csrf::check(visit.request.headers, &visit.origin()) {
        return Ok(refusal::foreign(visit, &foreign.to_string(), target.login_url()));
    }
    let Some(browser) = Browser::find(visit.request.headers).filter(|b| attempt.is_of(b)) else {
        let words = Words {
            status: 400,
            title: "Please start again",
            text: "A code counts in the browser that asked for it. If you did, cookies are blocked.",
            links: vec![Link { label: "Start again".to_owned(), href: target.login_url() }],
        };
        let reason = "the form belongs to another browser";
        return Ok(visit.refuse(words, visit.event(Action::Login, false, reason)));
    };
    let provider = Some(attempt.provider.as_str());
    let entrance =
        Entrance { application: target.application.as_deref(), provider, ..visit.entrance() };
    let record = match admit(&entrance, visit.known)?.map(|admitted| admitted.provider) {
        Ok(Some(record)) if record.protocol == Protocol::OneTimePin {} => record,
        Ok(_) => return refused(visit, NotAdmitted::NoProvider, provider, target),
        Err(reason) => return refused(visit, reason, provider, target),
    };
    let typed = form.get("email").unwrap_or_default();
    if attempt.is_over(visit.now()) {
        // A form that lay open overnight: the address is kept, and asked for anew.
        let fresh = Attempt::begin(&attempt.provider, &browser, attempt.target, visit.here);
        let error = Some("That took long. Please ask for a code again.");
        return Ok(browser.keep(ask(visit, &fresh, 422, typed, error)));
    }
    let Some(code) = form.get("code").filter(|_| form.get("resend").is_none()) else {
        return send(visit, &attempt, typed);
    };
    check(visit, record, &attempt, &browser, typed, code)
}

/// Whether the code is the one that was mailed; whoever has it signs in.
fn check(
    visit: &Visit,
    record: &IdentityProviderRecord,
    attempt: &Attempt,
    browser: &Browser,
    typed: &str,
    code: &str,
) -> Result<Response, Need> {
    let target = &attempt.target;
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if code.is_empty() || code.len() > MAX_CODE {
        let error = Some("Please type the code as it stands in the mail.");
        return Ok(enter(visit, attempt, typed, error, None));
    }
    let check = CheckPin {
        auth_domain: visit.home().clone(),
        attempt: attempt.id.clone(),
        browser: browser.name(),
        code,
    };
    let wrong = |reason: &str| visit.event(Action::Login, false, reason).provider(Some(record));
    match visit.known.call::<PinChecked>(Call::CheckPin(check))? {
        Ok(PinChecked::Right { email }) => {
            let said = Said { subject: email.clone(), email, ..Said::default() };
            // No `amr`: RFC 8176 has no name for a mailbox, and `otp` would pass for a second factor.
            match identity(visit, record, said) {
                Ok(identity) => finish::sign_in(visit, record, target, &identity),
                Err(error) => Ok(refusal::failed(visit, record, target, &error)),
            }
        }
        Ok(PinChecked::Wrong { tries_left }) => {
            let error = Some("That is not the code.");
            let page = enter(visit, attempt, typed, error, Some(tries_left));
            Ok(page.with_event(wrong("a wrong code")))
        }
        Ok(PinChecked::Gone) if visit.session()?.is_some() => {
            returning::onward(visit, target, "the code was used before")
        }
        Ok(PinChecked::Gone) => {
            let error = Some("That code does not count any more. Please ask for another one.");
            let page = ask(visit, attempt, 422, typed, error);
            Ok(page.with_event(wrong("a code that is used, too old, or was never sent")))
        }
        Err(why) => Ok(visit.unavailable(&why.0, target.login_url())),
    }
}

/// A mail, if the address may have one; the answer is the same if not.
fn send(visit: &Visit, attempt: &Attempt, typed: &str) -> Result<Response, Need> {
    let Ok(email) = one_address(typed) else {
        let error = Some("Please type one e-mail address.");
        return Ok(ask(visit, attempt, 422, typed, error));
    };
    let language = visit.request.headers.get(header::ACCEPT_LANGUAGE);
    let language = language.and_then(|value| value.to_str().ok());
    let send = SendPin {
        auth_domain: visit.home().clone(),
        identity_provider_id: attempt.provider.clone(),
        application_id: attempt.target.application.clone(),
        email: email.clone(),
        attempt: attempt.id.clone(),
        browser: attempt.browser.clone(),
        ip: visit.request.ip.map(|ip| ip.to_string()),
        country: visit.request.country.map(str::to_owned),
        language: language.map(|text| text.chars().take(100).collect()),
    };
    Ok(match visit.known.call::<PinSent>(Call::SendPin(send))? {
        Ok(PinSent::Accepted) => enter(visit, attempt, &email, None, None),
        Ok(PinSent::TooMany { retry_after }) => {
            let error = format!(
                "Too many codes were asked for. Please try again in {} minutes.",
                retry_after.div_ceil(60).max(1)
            );
            ask(visit, attempt, 429, &email, Some(&error))
                .with_header("retry-after", retry_after.to_string())
        }
        Ok(PinSent::Unavailable) => {
            let why = "no mail can be sent: SMTP is not configured";
            visit.unavailable(why, attempt.target.another_login_url())
        }
        Err(why) => visit.unavailable(&why.0, attempt.target.login_url()),
    })
}
