//! URLs, forms and base64url that we write or read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// RFC 3986 §2.3: what never needs to be encoded.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One value, for a query or a path segment.
#[must_use]
pub fn component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// One value as it was before [`component`]; `None`: it is not UTF-8.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// `name=value&..` with everything encoded.
#[must_use]
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().map(|(n, v)| format!("{}={}", component(n), component(v)));
    pairs.collect::<Vec<_>>().join("&")
}

/// base64url without padding, in its one spelling (RFC 7515 §2, RFC 4648 §3.5).
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The values of a query or of a posted form (`application/x-www-form-urlencoded`).
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

/// More pairs are not read.
const MAX_PAIRS: usize = 100;

impl Form {
    /// Reads a query or a body; `None` is an empty one.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(text.unwrap_or_default().as_bytes());
        Self(pairs.take(MAX_PAIRS).map(|(n, v)| (n.into_owned(), v.into_owned())).collect())
    }

    /// The value of a name that is there exactly once (RFC 6749 §3.1): two of them are as good as
    /// none, as readers disagree about which one counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(n, _)| n == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_back_as_it_was_written() {
        let written = query([("redirect_url", "/a b?c=d&e=ü#+%"), ("kid", "0af")]);
        assert!(written.is_ascii() && !written.contains(['#', '+', ' ']), "{written}");
        let form = Form::parse(Some(&written));
        assert_eq!(form.get("redirect_url"), Some("/a b?c=d&e=ü#+%"));
        assert_eq!(form.get("kid"), Some("0af"));
        assert_eq!(decoded(&component("ü/?")).as_deref(), Some("ü/?"));
    }

    #[test]
    fn what_is_said_twice_is_not_said() {
        let form = Form::parse(Some("state=a&code=c&state=b"));
        assert_eq!((form.get("state"), form.get("code"), form.get("iss")), (None, Some("c"), None));
    }
}
