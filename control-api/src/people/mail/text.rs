//! What people read. No mail has a link that signs anybody in: mail is opened by scanners first.

use edge_state::access::{ApplicationRecord, OrganizationRecord};
use edge_state::{Hostname, Key};
use maud::{DOCTYPE, Markup, html};

use super::{ApprovalLetter, PinLetter};
use crate::people::{Error, records};
use crate::store::Tx;

/// A mail's subject and bodies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// One line.
    pub subject: String,
    /// For programs and terminals.
    pub plain: String,
    /// For everyone else.
    pub html: String,
}

pub(super) async fn pin(tx: &mut Tx, letter: &PinLetter) -> Result<Text, Error> {
    let organization = organization(tx, &letter.auth_domain).await?;
    let application = match &letter.application_id {
        Some(id) => records::read::<ApplicationRecord>(tx, &Key::Application(id.clone())).await?,
        None => None,
    };
    let site = match application {
        Some(application) => match application.domain.filter(|_| application.kind != "bookmark") {
            Some(domain) => format!("{} ({domain})", line(&application.name)),
            None => line(&application.name),
        },
        None => letter.auth_domain.to_string(),
    };
    let place = match (&letter.ip, &letter.country) {
        (Some(ip), Some(country)) => format!("{ip} ({country})"),
        (Some(ip), None) => ip.clone(),
        (None, Some(country)) => country.clone(),
        (None, None) => "an unknown address".to_owned(),
    };
    let (site, place) = (line(&site), line(&place));
    let code = &letter.code;
    let subject = format!("{code} is your code for {organization}");
    let plain = format!(
        "Your code to sign in to {organization} is\n\n{code}\n\n\
         It is good for ten minutes, once, and only in the browser window that asked for it.\n\n\
         For: {site}\nAsked from: {place}\n\n\
         Nobody signs in by opening this mail. If you did not ask for a code, leave it unused and\n\
         tell it to nobody: someone may have typed your address by mistake.\n"
    );
    let html = page(&html! {
        p { "Your code to sign in to " strong { (organization) } " is" }
        p style="font:700 2rem/1.4 ui-monospace,monospace;letter-spacing:.12em;margin:1rem 0" {
            (code)
        }
        p { "It is good for ten minutes, once, and only in the browser window that asked for it." }
        p { "For: " strong { (site) } br; "Asked from: " strong { (place) } }
        p style="color:#555" {
            "Nobody signs in by opening this mail. If you did not ask for a code, leave it unused \
             and tell it to nobody: someone may have typed your address by mistake."
        }
    });
    Ok(Text { subject, plain, html })
}

pub(super) async fn approval(
    tx: &mut Tx,
    letter: &ApprovalLetter,
    https_port: u16,
) -> Result<Text, Error> {
    let organization = organization(tx, &letter.auth_domain).await?;
    let port = if https_port == 443 { String::new() } else { format!(":{https_port}") };
    let url = format!("https://{}{port}/access/approvals/{}", letter.auth_domain, letter.id);
    let (email, application) = (line(&letter.email), line(&letter.application));
    let (justification, time) = (line(&letter.justification), length(letter.seconds));
    let subject = format!("{email} asks for access to {application}");
    let plain = format!(
        "{email} asks to be let in to {application} ({organization}) for {time}.\n\n\
         Reason given: {justification}\n\n\
         To agree or refuse, sign in and decide there:\n{url}\n\n\
         Opening this mail or that page decides nothing.\n"
    );
    let html = page(&html! {
        p { strong { (email) } " asks to be let in to " strong { (application) } " ("
            (organization) ") for " (time) "." }
        p { "Reason given: " em { (justification) } }
        p { "To agree or refuse, " a href=(url) { "sign in and decide there" } "." }
        p style="color:#555" { "Opening this mail or that page decides nothing." }
    });
    Ok(Text { subject, plain, html })
}

async fn organization(tx: &mut Tx, auth_domain: &Hostname) -> Result<String, Error> {
    let key = Key::Organization(auth_domain.clone());
    let record = records::read::<OrganizationRecord>(tx, &key).await?;
    Ok(record.map_or_else(|| auth_domain.to_string(), |record| line(&record.name)))
}

/// On one line, and no longer than a line is read.
fn line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut short: String = text.trim().chars().take(300).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    short
}

fn length(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} minutes", seconds.div_ceil(60)),
        7200..172_800 => format!("{} hours", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

fn page(body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="color-scheme" content="light dark";
            }
            body style="font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem" {
                (body)
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_on_its_line() {
        assert_eq!(line("a\r\nBcc: x@y.com"), "a  Bcc: x@y.com");
        assert_eq!(line(&"é".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn lengths_are_said_in_words() {
        let said = [1, 3600, 7200, 86_400, 1_209_600].map(length);
        assert_eq!(said, ["1 minutes", "60 minutes", "2 hours", "24 hours", "14 days"]);
    }
}
