//! A refusal, said to a person (HTML) or to a program (JSON).

use std::fmt::Write as _;

use edge_state::Hostname;
use http::{HeaderMap, header};
use serde::Serialize;

use crate::Refusal;

/// A response that the edge makes up itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// All headers that belong to it.
    pub headers: Vec<(&'static str, String)>,
    /// The body of an answer to GET.
    pub body: String,
}

/// Whom a page is for.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Whom the request was for, if it was a hostname.
    pub hostname: Option<&'a Hostname>,
    /// What a person quotes when asking for help.
    pub request_id: &'a str,
    /// See [`prefers_json`].
    pub json: bool,
}

/// Renders a refusal. Nothing that a visitor sent is on it but the hostname, which has no character
/// that means anything to HTML.
#[must_use]
pub fn refusal(refusal: &Refusal, reader: Reader<'_>) -> Page {
    let mut headers = vec![
        ("cache-control", "no-store".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("vary", "Accept".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    if let Some(seconds) = refusal.retry_after() {
        headers.push(("retry-after", seconds.to_string()));
    }
    let body = if reader.json {
        headers.push(("content-type", "application/json".to_owned()));
        json(refusal, reader)
    } else {
        headers.push(("content-type", "text/html; charset=utf-8".to_owned()));
        headers.push(("content-security-policy", POLICY.to_owned()));
        html(refusal, reader)
    };
    Page { status: refusal.status(), headers, body }
}

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    message: &'a str,
    request_id: &'a str,
    hostname: Option<&'a Hostname>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: &'a [String],
}

fn missing(refusal: &Refusal) -> &[String] {
    match refusal {
        Refusal::Pending { missing } => missing,
        _ => &[],
    }
}

fn json(refusal: &Refusal, reader: Reader<'_>) -> String {
    let Reader { hostname, request_id, .. } = reader;
    let (code, message, missing) = (refusal.code(), refusal.sentence(), missing(refusal));
    let envelope = Envelope { error: Body { code, message, request_id, hostname, missing } };
    serde_json::to_string(&envelope).unwrap_or_else(|_| unreachable!("no failing types"))
}

fn html(refusal: &Refusal, reader: Reader<'_>) -> String {
    let (title, sentence) = (escape(refusal.title()), escape(refusal.sentence()));
    let mut page = String::with_capacity(2048);
    let _ = write!(page, "{HEAD}<title>{title}</title>\n{STYLE}</head>\n<body>\n<main>\n");
    let _ = write!(page, "<h1>{title}</h1>\n<p>{sentence}</p>\n");
    if !missing(refusal).is_empty() {
        page.push_str("<ul>\n");
        for sentence in missing(refusal) {
            let _ = writeln!(page, "<li>{}</li>", escape(sentence));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("<dl>\n");
    if let Some(hostname) = reader.hostname {
        let _ = writeln!(page, "<dt>Hostname</dt><dd>{}</dd>", escape(hostname.as_str()));
    }
    let _ = writeln!(page, "<dt>Error</dt><dd>{} ({})</dd>", refusal.code(), refusal.status());
    let _ = writeln!(page, "<dt>Request</dt><dd>{}</dd>", escape(reader.request_id));
    page.push_str("</dl>\n</main>\n</body>\n</html>\n");
    page
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n";
const STYLE: &str = "<style>\
    :root{color-scheme:light dark}\
    body{font:1rem/1.6 system-ui,sans-serif;margin:0;padding:12vh 1.5rem 3rem;\
    background:Canvas;color:CanvasText}\
    main{max-width:36rem;margin:auto}\
    h1{font-size:1.5rem;line-height:1.3;margin:0 0 1rem}\
    li{overflow-wrap:anywhere;margin:.5rem 0}\
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;\
    margin-top:2.5rem;padding-top:1rem;border-top:1px solid GrayText;font-size:.875rem}\
    dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}\
    </style>\n";

/// For text and for quoted attribute values.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Whether the client would rather have JSON than HTML (RFC 9110 §12.5.1). Of two equal weights the
/// one that was named wins over the one that `*/*` let in, and a draw goes to HTML: a browser and a
/// bare `curl` accept all.
#[must_use]
pub fn prefers_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).into_iter();
    let (mut json, mut html) = (Preference::default(), Preference::default());
    for range in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(quality).unwrap_or(1000);
        match media.as_str() {
            "*/*" => {
                json.note(1, quality);
                html.note(1, quality);
            }
            "application/*" => json.note(2, quality),
            "text/*" => html.note(2, quality),
            "application/json" => json.note(3, quality),
            "text/html" | "application/xhtml+xml" => html.note(3, quality),
            _ if media.ends_with("+json") => json.note(3, quality),
            _ => {}
        }
    }
    json.quality > 0 && (json.quality, json.specificity) > (html.quality, html.specificity)
}

/// How much one type is wanted: by the most specific range that names it.
#[derive(Default)]
struct Preference {
    /// 0: by none.
    specificity: u8,
    /// In thousandths.
    quality: u16,
}

impl Preference {
    fn note(&mut self, specificity: u8, quality: u16) {
        if specificity > self.specificity {
            *self = Self { specificity, quality };
        } else if specificity == self.specificity {
            self.quality = self.quality.max(quality);
        }
    }
}

/// `q=0.8` in thousandths. A weight that is no weight counts as none at all: zero.
fn quality(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim();
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    let thousandths = format!("{decimals:0<3}").parse().unwrap_or_default();
    Some(match whole {
        "0" if digits => thousandths,
        "1" if digits && thousandths == 0 => 1000,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, value.parse().unwrap());
        prefers_json(&headers)
    }

    #[test]
    fn json_goes_to_who_asks_for_it() {
        for accept in [
            "application/json",
            "application/json, text/plain, */*",
            "Application/JSON;q=0.5, text/html;q=0.4",
            "application/problem+json",
            "application/*, text/*;q=0.9",
            "text/html;q=0, */*",
            "text/html; q=0.1, */*; q=0.2",
        ] {
            assert!(accepts(accept), "{accept}");
        }
    }

    #[test]
    fn html_goes_to_all_others() {
        assert!(!prefers_json(&HeaderMap::new()));
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0.4, text/html",
            "application/json;q=0",
            "application/json;q=2, text/html;q=0.1",
            "application/json;q=0.0001, text/html;q=0.1",
            "application/json, text/html",
            "image/png",
            ";;,,;q=",
        ] {
            assert!(!accepts(accept), "{accept}");
        }
    }

    #[test]
    fn a_page_says_what_is_missing_and_escapes_it() {
        let pending = Refusal::Pending { missing: vec!["Add <CNAME> \"x\" & 'y'.".into()] };
        let hostname = Hostname::parse("app.customer.com").unwrap();
        let reader = Reader { hostname: Some(&hostname), request_id: "id<1>", json: false };
        let page = refusal(&pending, reader);
        assert_eq!(page.status, 503);
        assert!(page.headers.contains(&("retry-after", "60".into())));
        assert!(page.body.contains("<li>Add &lt;CNAME&gt; &quot;x&quot; &amp; &#39;y&#39;.</li>"));
        assert!(page.body.contains("app.customer.com") && page.body.contains("id&lt;1&gt;"));
    }

    #[test]
    fn where_nothing_is_missing_there_is_no_empty_list() {
        let reader = Reader { hostname: None, request_id: "id", json: false };
        let page = refusal(&Refusal::Pending { missing: Vec::new() }, reader);
        assert!(!page.body.contains("<ul>") && !page.body.contains("the following"));
    }

    #[test]
    fn a_program_gets_the_same_as_json() {
        let pending = Refusal::Pending { missing: vec!["Add it.".into()] };
        let reader = Reader { hostname: None, request_id: "id", json: true };
        let page = refusal(&pending, reader);
        let body: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!(body["error"]["code"], "pending_hostname");
        assert_eq!(body["error"]["missing"][0], "Add it.");
        assert_eq!(body["error"]["request_id"], "id");
        assert!(body["error"]["hostname"].is_null());
    }
}
