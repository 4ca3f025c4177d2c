//! Cookies: ours among a visitor's, and ours to set (RFC 6265bis).

use cookie::{Cookie, SameSite as CookieSameSite, time::Duration};
use edge_state::access::application::SameSite;
use http::{HeaderMap, header};

/// Tokens: of the application on its host, of the global session on the team domain.
pub const AUTHORIZATION: &str = "CF_Authorization";
/// What must stand beside the application's token, where the application wants that.
pub const BINDING: &str = "CF_Binding";
/// What ties a browser to an application's host: never shown to the origin, and by its prefix not to
/// be set by a sibling of the host (RFC 6265bis §4.1.3.2).
pub const APPLICATION_SESSION: &str = "__Host-CF_AppSession";
/// The browser's secret on the team domain.
pub const TEAM_SESSION: &str = "__Host-CF_Session";

/// Browsers keep no longer ones.
pub const MAX_BYTES: usize = 4096;

/// Cookies of one name: a browser may send several, of different paths and domains.
const MAX_OF_A_NAME: usize = 8;

/// More of one beginning are not looked at.
const MAX_OF_A_PREFIX: usize = 200;

/// The values of a visitor's cookies of this name, in the order in which they were sent. What cannot
/// be read is as good as not sent.
#[must_use]
pub fn find(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let named = cookies.filter(|cookie| cookie.name() == name);
    let values = named.map(|cookie| cookie.value_trimmed().to_owned());
    values
        .filter(|value| !value.is_empty() && value.len() <= MAX_BYTES)
        .take(MAX_OF_A_NAME)
        .collect()
}

/// Names and values of a visitor's cookies whose names begin so, each name once.
#[must_use]
pub fn beginning_with(headers: &HeaderMap, prefix: &str) -> Vec<(String, String)> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let mut found: Vec<(String, String)> = Vec::new();
    for cookie in cookies.filter(|cookie| cookie.name().starts_with(prefix)).take(MAX_OF_A_PREFIX) {
        if found.iter().all(|(name, _)| name != cookie.name()) {
            found.push((cookie.name().to_owned(), cookie.value_trimmed().to_owned()));
        }
    }
    found
}

/// The visitor's `Cookie` header without the cookies of these names, byte for byte otherwise;
/// `None`: none of the others is left.
#[must_use]
pub fn without(headers: &HeaderMap, names: &[&str]) -> Option<String> {
    let mut kept = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        let line = String::from_utf8_lossy(line.as_bytes());
        for pair in line.split(';') {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name).trim();
            // `"` and case: what another reader might still take for ours goes as well.
            let ours = names.iter().any(|ours| ours.eq_ignore_ascii_case(name.trim_matches('"')));
            if !ours && !pair.trim().is_empty() {
                kept.push(pair.trim().to_owned());
            }
        }
    }
    (!kept.is_empty()).then(|| kept.join("; "))
}

/// A cookie to set: always `Secure`.
#[derive(Clone, Copy, Debug)]
pub struct SetCookie<'a> {
    /// Name.
    pub name: &'a str,
    /// Value: visible ASCII without `;`, `,`, `"` and backslash.
    pub value: &'a str,
    /// `Path`
    pub path: &'a str,
    /// Not for scripts.
    pub http_only: bool,
    /// With which requests it is sent.
    pub same_site: SameSite,
    /// Seconds; `None`: as long as the browser runs.
    pub max_age: Option<i64>,
}

impl SetCookie<'_> {
    /// The value of `Set-Cookie`.
    #[must_use]
    pub fn header(&self) -> String {
        let same_site = match self.same_site {
            SameSite::None => CookieSameSite::None,
            SameSite::Lax => CookieSameSite::Lax,
            SameSite::Strict => CookieSameSite::Strict,
        };
        let mut cookie = Cookie::build((self.name, self.value))
            .path(self.path)
            .secure(true)
            .http_only(self.http_only)
            .same_site(same_site);
        if let Some(seconds) = self.max_age {
            cookie = cookie.max_age(Duration::seconds(seconds.max(0)));
        }
        cookie.to_string()
    }

    /// The header that makes the browser forget it.
    #[must_use]
    pub fn removal(&self) -> String {
        Self { value: "", max_age: Some(0), ..*self }.header()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However the header is written, what an origin sees holds no cookie of ours.
        #[test]
        fn nothing_of_ours_is_left(
            text in "([ab=;, \"\t]|__Host-CF_AppSession|__host-cf_appsession|CF_Binding|=s\\.x){0,12}",
        ) {
            let ours = [APPLICATION_SESSION, BINDING];
            let all = headers(&[&text]);
            let seen = without(&all, &ours).unwrap_or_default();
            for name in ours {
                prop_assert!(find(&headers(&[&seen]), name).is_empty(), "{text:?} -> {seen:?}");
            }
        }

        #[test]
        fn whatever_is_sent_nothing_breaks(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = http::HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
                let _ = (find(&headers, AUTHORIZATION), without(&headers, &[AUTHORIZATION]));
            }
        }
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn every_cookie_of_the_name_is_found() {
        let headers =
            headers(&["a=b; CF_Authorization=one;CF_Authorization=two", "CF_Authorization=\"x\""]);
        assert_eq!(find(&headers, AUTHORIZATION), ["one", "two", "x"]);
        assert!(find(&headers, "cf_authorization").is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_not_there() {
        let long = format!("CF_Authorization={}", "a".repeat(MAX_BYTES + 1));
        for line in ["CF_Authorization", "CF_Authorization=", "=CF_Authorization", ";;;", &long] {
            assert!(find(&headers(&[line]), AUTHORIZATION).is_empty(), "{line}");
        }
        let many = "CF_Authorization=x; ".repeat(1000);
        assert_eq!(find(&headers(&[&many]), AUTHORIZATION).len(), MAX_OF_A_NAME);
    }

    #[test]
    fn an_origin_sees_all_cookies_but_ours() {
        let headers = headers(&[
            "a=b; __Host-CF_AppSession=secret; c = d;e",
            "\"__host-cf_appsession\"=secret; __HOST-cf_APPSESSION =secret; CF_Binding=secret; f=g=h",
        ]);
        let seen = without(&headers, &[APPLICATION_SESSION, BINDING]);
        assert_eq!(seen.as_deref(), Some("a=b; c = d; e; f=g=h"));
        assert_eq!(without(&self::headers(&["CF_Binding=x"]), &[BINDING]), None);
    }

    #[test]
    fn a_cookie_says_where_it_goes() {
        let cookie = SetCookie {
            name: AUTHORIZATION,
            value: "a.b.c",
            path: "/",
            http_only: true,
            same_site: SameSite::None,
            max_age: Some(60),
        };
        let header = "CF_Authorization=a.b.c; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=60";
        assert_eq!(cookie.header(), header);
        assert!(
            cookie.removal().contains("CF_Authorization=; ")
                && cookie.removal().ends_with("Max-Age=0")
        );
    }
}
