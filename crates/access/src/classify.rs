//! What kind of request it is: whether a person looks at what comes back, or a program.
//!
//! A program that is sent to a sign-in page breaks: fetch fails by CORS, an `EventSource` ends, a
//! service worker cannot be installed. So only who navigates is sent there.

use http::{HeaderMap, Method, header};

use crate::Request;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A person goes to a page: can be sent elsewhere and back.
    Navigation,
    /// A person sends a form: what is in it would be lost elsewhere.
    Submission,
    /// A program: fetch, XHR, `EventSource`, WebSocket, a service worker or manifest, an upload, an
    /// image, a script, curl.
    Program,
}

/// Decides by what browsers say of their requests themselves (Fetch Metadata), and by older signs
/// where they do not.
#[must_use]
pub fn classify(request: &Request) -> Kind {
    let headers = request.headers;
    let reads = *request.method == Method::GET || *request.method == Method::HEAD;
    if headers.contains_key(header::UPGRADE)
        || headers.contains_key("service-worker")
        || is(headers, "x-requested-with", "xmlhttprequest")
    {
        return Kind::Program;
    }
    if headers.contains_key("sec-fetch-mode") {
        let navigates = is(headers, "sec-fetch-mode", "navigate");
        return match (navigates, reads) {
            (true, true) => Kind::Navigation,
            (true, false) => Kind::Submission,
            (false, _) => Kind::Program,
        };
    }
    let page = accepts(headers, "text/html") || accepts(headers, "application/xhtml+xml");
    // Neither browser nor script, but something like a plain HTTP client that only wants to know.
    let bare = !headers.contains_key(header::ACCEPT) && !headers.contains_key(header::ORIGIN);
    match reads {
        true if page || bare => Kind::Navigation,
        false if page && is_form(headers) => Kind::Submission,
        _ => Kind::Program,
    }
}

fn is(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|first| {
        first.to_str().is_ok_and(|first| first.trim().eq_ignore_ascii_case(value))
    }) && values.next().is_none()
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|v| v.to_str().ok());
    let mut types = values.flat_map(|value| value.split(','));
    types.any(|t| t.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type))
}

/// The only types that a form can be sent as without a script.
fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
        .iter()
        .any(|form| media_type.eq_ignore_ascii_case(form))
}

#[cfg(test)]
mod tests {
    use edge_state::Hostname;

    use super::*;

    fn kind(method: &Method, headers: &[(&'static str, &str)]) -> Kind {
        let host = Hostname::parse("app.example.com").unwrap();
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
        let headers: HeaderMap = headers.collect();
        classify(&Request {
            method,
            host: &host,
            owner: None,
            port: None,
            path: "/",
            query: None,
            headers: &headers,
            form: None,
            ip: None,
            country: None,
            certificate: None,
            ray_id: "r",
        })
    }

    /// As Chromium, Firefox and Safari send them.
    #[test]
    fn browsers_say_what_they_do() {
        use Kind::*;
        let html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (expected, method, mode, destination, accept) in [
            (Navigation, Method::GET, "navigate", "document", html),
            (Navigation, Method::GET, "navigate", "iframe", html),
            (Navigation, Method::HEAD, "navigate", "document", html),
            (Submission, Method::POST, "navigate", "document", html),
            (Program, Method::GET, "cors", "empty", "*/*"),
            (Program, Method::GET, "cors", "empty", html),
            (Program, Method::POST, "same-origin", "empty", "application/json"),
            (Program, Method::GET, "cors", "empty", "text/event-stream"),
            (Program, Method::GET, "websocket", "websocket", "*/*"),
            (Program, Method::GET, "same-origin", "serviceworker", "*/*"),
            (Program, Method::GET, "cors", "manifest", "*/*"),
            (Program, Method::GET, "no-cors", "image", "image/avif,*/*"),
            (Program, Method::GET, "no-cors", "script", "*/*"),
            (Program, Method::GET, "something new", "document", html),
        ] {
            let headers =
                [("sec-fetch-mode", mode), ("sec-fetch-dest", destination), ("accept", accept)];
            assert_eq!(kind(&method, &headers), expected, "{method} {mode} {destination}");
        }
    }

    #[test]
    fn older_signs_are_read_as_well() {
        use Kind::*;
        let form = "application/x-www-form-urlencoded";
        for (expected, method, headers) in [
            (Navigation, Method::GET, &[("accept", "text/html")][..]),
            (Navigation, Method::GET, &[]),
            (Navigation, Method::HEAD, &[("user-agent", "Go-http-client/1.1")]),
            (Program, Method::GET, &[("accept", "*/*")]),
            (Program, Method::GET, &[("accept", "application/json")]),
            (Program, Method::GET, &[("accept", "text/event-stream")]),
            (Program, Method::GET, &[("origin", "https://spa.example")]),
            (Program, Method::GET, &[("accept", "text/html"), ("upgrade", "websocket")]),
            (
                Program,
                Method::GET,
                &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            ),
            (Program, Method::GET, &[("accept", "text/html"), ("service-worker", "script")]),
            (Submission, Method::POST, &[("accept", "text/html"), ("content-type", form)]),
            (
                Submission,
                Method::POST,
                &[("accept", "text/html"), ("content-type", "multipart/form-data; boundary=x")],
            ),
            (
                Program,
                Method::POST,
                &[("accept", "text/html"), ("content-type", "application/json")],
            ),
            (Program, Method::PUT, &[("content-type", form)]),
            (Program, Method::POST, &[("accept", "*/*"), ("content-type", form)]),
            (Program, Method::DELETE, &[]),
        ] {
            assert_eq!(kind(&method, headers), expected, "{method} {headers:?}");
        }
    }
}
