//! Headers by which origins hear attributes of a person: `header_attributes` of SAML providers.

/// A header's name as servers behind CGI, WSGI or Rack tell it from others: every character that is
/// neither letter nor digit counts as a hyphen, and case counts nothing (CVE-2025-64484).
#[must_use]
pub fn normal(name: &str) -> String {
    let normal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(normal).collect()
}

/// Whether a header of this name may carry an attribute: a plain name of at most 64 characters that
/// means nothing yet, neither to HTTP nor to what stands between us and an application.
#[must_use]
pub fn is_allowed(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let normal = normal(name);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 64
        && name.chars().all(plain)
        && !TAKEN.contains(&normal.as_str())
        && !TAKEN_PREFIXES.iter().any(|prefix| normal.starts_with(prefix))
}

/// Of HTTP itself, of hops, of what decides who somebody is or where they came from, and of what
/// makes frameworks read another request than the one that was judged.
const TAKEN: [&str; 60] = [
    "age",
    "allow",
    "alt-svc",
    "alt-used",
    "authorization",
    "authentication-info",
    "baggage",
    "cache-control",
    "cdn-loop",
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "connection",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "early-data",
    "expect",
    "expires",
    "fastly-client-ip",
    "forwarded",
    "from",
    "front-end-https",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "link",
    "location",
    "max-forwards",
    "method",
    "origin",
    "path-info",
    "path-translated",
    "pragma",
    "priority",
    "range",
    "referer",
    "remote-addr",
    "remote-host",
    "request-method",
    "request-uri",
    "scheme",
    "script-name",
    "server",
    "service-worker",
    "signature",
    "signature-input",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "want-digest",
];

const TAKEN_PREFIXES: [&str; 24] = [
    "accept",
    "access-control-",
    "cf-",
    "content-",
    "digest",
    "http-",
    "if-",
    "proxy",
    "sec-",
    "set-cookie",
    "strict-transport-",
    "upgrade-",
    "www-authenticate",
    "x-accel-",
    "x-client-",
    "x-cluster-",
    "x-forwarded",
    "x-http-method",
    "x-lintel-",
    "x-method-override",
    "x-original-",
    "x-real-ip",
    "x-rewrite-",
    "x-sendfile",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ones_own_are_allowed() {
        for name in ["X-Role", "department", "x_groups", "X-User-Id", "Remote-User", "a"] {
            assert!(is_allowed(name), "{name}");
        }
    }

    #[test]
    fn names_that_mean_something_are_not_in_whatever_spelling() {
        for name in [
            "Host",
            "Connection",
            "transfer_encoding",
            "Transfer-Encoding",
            "COOKIE",
            "Set-Cookie",
            "Authorization",
            "Proxy_Authorization",
            "Cf-Access-Jwt-Assertion",
            "CF_Connecting_IP",
            "X_Forwarded_For",
            "X-Forwarded-User",
            "x-real_ip",
            "X-Original-URL",
            "X-HTTP-Method-Override",
            "Content-Length",
            "content_length",
            "Sec-Fetch-Site",
            "If-Match",
            "Origin",
            "HTTP_HOST",
            "",
            "1st",
            "-x",
            "a b",
            "a:b",
            "a\r\nb",
            "ä",
        ] {
            assert!(!is_allowed(name), "{name:?}");
        }
        assert!(!is_allowed(&"a".repeat(65)));
    }

    #[test]
    fn the_lists_are_as_names_are_compared() {
        for name in TAKEN.iter().chain(&TAKEN_PREFIXES) {
            assert_eq!(normal(name), *name);
        }
    }
}
