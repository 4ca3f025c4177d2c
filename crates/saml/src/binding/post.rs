//! The HTTP POST binding (SAML bindings §3.5).

use super::{BindingError, Incoming, Kind, Parameters};
use crate::base64;
use crate::xml::{Document, Limits};

/// Reads a message out of the body of a form, as it came.
pub fn decode(body: &str) -> Result<Incoming, BindingError> {
    let parameters = Parameters::read(body)?;
    let kind = parameters.kind()?;
    let limits = match kind {
        Kind::Request => &Limits::REQUEST,
        Kind::Response => &Limits::MESSAGE,
    };
    let name = kind.parameter();
    // In base64 it takes a third more, and every character may have been escaped to three.
    if parameters.raw(name).is_some_and(|raw| raw.len() > 4 * limits.bytes) {
        return Err(BindingError::TooLong(limits.bytes));
    }
    let xml = parameters.bytes(name)?.ok_or(BindingError::NoMessage)?;
    let document = Document::parse(&xml, limits)?;
    let relay_state = parameters.decoded("RelayState")?;
    Ok(Incoming { document, kind, relay_state, detached: None, by_redirect: false })
}

/// A form for a browser to send on: to `action`, with hidden `fields`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Form {
    /// The address of the peer.
    pub action: String,
    /// Names and values.
    pub fields: Vec<(&'static str, String)>,
}

impl Form {
    /// The form that carries a message, signed inside where it is signed.
    #[must_use]
    pub fn new(location: &str, kind: Kind, xml: &str, relay_state: Option<&str>) -> Self {
        let mut fields = vec![(kind.parameter(), base64::encode(xml.as_bytes()))];
        fields.extend(relay_state.map(|value| ("RelayState", value.to_owned())));
        Self { action: location.to_owned(), fields }
    }

    /// A page that sends itself on, and has a button where scripts are off. Its script needs the
    /// `nonce` of the page's content security policy. Line ends in a value arrive as CR LF,
    /// whatever they were: that is how browsers send forms.
    #[must_use]
    pub fn page(&self, nonce: Option<&str>) -> String {
        let mut inputs = String::new();
        for (name, value) in &self.fields {
            let input =
                ["<input type=\"hidden\" name=\"", name, "\" value=\"", &attribute(value), "\">"];
            inputs.extend(input);
        }
        let action = attribute(&self.action);
        let nonce =
            nonce.map(|nonce| format!(" nonce=\"{}\"", attribute(nonce))).unwrap_or_default();
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signing in</title>\
             </head><body><form method=\"post\" action=\"{action}\">{inputs}<noscript>\
             <p>Scripts are off: press the button to go on.</p>\
             <button type=\"submit\">Continue</button></noscript></form>\
             <script{nonce}>document.forms[0].submit()</script></body></html>"
        )
    }
}

/// Escapes for a quoted HTML attribute.
fn attribute(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' => escaped.push_str("&#10;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
