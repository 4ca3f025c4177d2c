//! Where a sign-in may return to: nowhere but to the application, so that nobody is led elsewhere
//! in our name (RFC 9700 §4.11).

use edge_state::Hostname;
use edge_state::access::ApplicationRecord;
use url::Url;

use crate::Here;

/// Longer URLs do not fit into what providers carry for us: sealed they grow by a third, and many
/// servers read a request line of 8 KiB at most.
const MAX_BYTES: usize = 3072;

/// Why a URL is not returned to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoReturn {
    /// Too long, not a URL, or with characters that readers of URLs disagree about.
    #[error("redirect_url is no URL that can be returned to")]
    Malformed,
    /// Not `https`.
    #[error("redirect_url has another scheme than https")]
    Scheme,
    /// A user name or password, which hide the host.
    #[error("redirect_url holds credentials")]
    Credentials,
    /// Another port than visitors reach us at.
    #[error("redirect_url names another port")]
    Port,
    /// Not one of the application's hosts.
    #[error("redirect_url names a host that is no destination of the application")]
    Host,
}

/// The URL that `text` leads to: a path and query of `base` (or of the application's first host), or
/// absolute. Nothing leads to `/`.
///
/// # Errors
/// See [`NoReturn`].
pub fn to_application(
    text: Option<&str>,
    base: Option<&Hostname>,
    application: &ApplicationRecord,
    here: &Here,
) -> Result<Url, NoReturn> {
    if application.saml.is_some() {
        return to_single_sign_on(text, application, here);
    }
    let home = base.cloned().or_else(|| first_host(application)).ok_or(NoReturn::Host)?;
    let url = parse(text, &here.origin(&home), here)?;
    let host = host(&url).ok_or(NoReturn::Host)?;
    if application.destinations.iter().any(|destination| stands_at(destination, &host)) {
        return Ok(url);
    }
    Err(NoReturn::Host)
}

/// An application elsewhere is entered through our own address for it, and through no other.
fn to_single_sign_on(
    text: Option<&str>,
    application: &ApplicationRecord,
    here: &Here,
) -> Result<Url, NoReturn> {
    let path = sso_path(&application.id);
    let text = text.filter(|text| !text.is_empty()).unwrap_or(&path);
    let url = parse(Some(text), &here.origin(&application.auth_domain), here)?;
    let ours = url.host_str() == Some(application.auth_domain.as_str()) && url.path() == path;
    if ours { Ok(url) } else { Err(NoReturn::Host) }
}

/// The single sign-on endpoint of an application that speaks SAML, on the team domain.
pub(crate) fn sso_path(application_id: &str) -> String {
    format!("/access/sso/saml/{application_id}")
}

/// A path of the team domain: where people go that no application sent.
///
/// # Errors
/// See [`NoReturn`].
pub fn to_team(text: Option<&str>, team: &Hostname, here: &Here) -> Result<Url, NoReturn> {
    let url = parse(text, &here.origin(team), here)?;
    let path = url.path();
    let ours = path == "/" || path.starts_with("/access/approvals/");
    if url.host_str() == Some(team.as_str()) && ours { Ok(url) } else { Err(NoReturn::Host) }
}

/// As a browser will read it: with the parser that browsers have agreed on.
pub(crate) fn parse(text: Option<&str>, origin: &str, here: &Here) -> Result<Url, NoReturn> {
    let mut text = text.filter(|text| !text.is_empty()).unwrap_or("/");
    if text.len() > MAX_BYTES {
        // An application's own, longer than a provider carries: its page at least is returned to.
        text = text.split('?').next().unwrap_or_default();
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.len() > MAX_BYTES || text.chars().any(odd) {
        return Err(NoReturn::Malformed);
    }
    let url = match text.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => return Err(NoReturn::Host),
        Some(_) => Url::parse(&format!("{origin}{text}")),
        None => Url::parse(text),
    };
    let mut url = url.map_err(|_| NoReturn::Malformed)?;
    if url.scheme() != "https" {
        return Err(NoReturn::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NoReturn::Credentials);
    }
    if url.port() != here.https_port.filter(|port| *port != 443) {
        return Err(NoReturn::Port);
    }
    url.set_fragment(None);
    Ok(url)
}

/// The host of a URL, if it is spelled as hosts are here: `a.com.` is another origin than `a.com`.
pub(crate) fn host(url: &Url) -> Option<Hostname> {
    let text = url.host_str()?;
    Hostname::parse(text).ok().filter(|host| host.as_str() == text)
}

/// Whether a destination, `host[/path]`, is at this host.
#[must_use]
pub fn stands_at(destination: &str, host: &Hostname) -> bool {
    let pattern = destination.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let split = |name: &str| name.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned()));
    match (split(&pattern), split(host.as_str())) {
        (Some((label, parent)), Some((found, above))) => {
            parent == above && label_matches(&label, &found)
        }
        _ => false,
    }
}

/// `*` stands for any characters of a label.
fn label_matches(pattern: &str, label: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = label.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The first host of an application that is one host.
#[must_use]
pub fn first_host(application: &ApplicationRecord) -> Option<Hostname> {
    let places = application.domain.iter().chain(&application.destinations);
    let hosts = places.filter_map(|place| place.split('/').next());
    hosts.filter(|host| !host.contains('*')).find_map(|host| Hostname::parse(host).ok())
}

#[cfg(test)]
mod tests {
    use edge_state::seal::KeyRing;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn application() -> ApplicationRecord {
        serde_json::from_value(serde_json::json!({
            "id": "a", "auth_domain": "team.example.com", "aud": "aud", "name": "A",
            "type": "self_hosted", "session_seconds": 60, "policies": [],
            "domain": "wiki.example.com/docs",
            "destinations": ["wiki.example.com/docs", "pre-*.example.com", "*.apps.example.com"],
        }))
        .unwrap()
    }

    fn with_port<T>(port: Option<u16>, then: impl FnOnce(&Here) -> T) -> T {
        let keys = KeyRing::parse("k:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
        then(&Here { now_millis: 0, entropy: &[1; 32], keys: &keys, https_port: port })
    }

    fn vet(text: &str) -> Result<String, NoReturn> {
        let vetted = with_port(None, |here| {
            let base = Hostname::parse("wiki.example.com").unwrap();
            to_application(Some(text), Some(&base), &application(), here)
        });
        vetted.map(Into::into)
    }

    #[test]
    fn own_paths_and_own_hosts_are_returned_to() {
        for (text, url) in [
            ("/a/b?c=d%2F&e=/f", "https://wiki.example.com/a/b?c=d%2F&e=/f"),
            ("", "https://wiki.example.com/"),
            ("/?u=https://evil.com", "https://wiki.example.com/?u=https://evil.com"),
            ("https://wiki.example.com", "https://wiki.example.com/"),
            ("https://WIKI.example.com/x#y", "https://wiki.example.com/x"),
            ("https://pre-7.example.com/x", "https://pre-7.example.com/x"),
            ("https://a.apps.example.com/", "https://a.apps.example.com/"),
            ("/%2F%2Fevil.com", "https://wiki.example.com/%2F%2Fevil.com"),
            ("/%0d%0aSet-Cookie:x", "https://wiki.example.com/%0d%0aSet-Cookie:x"),
        ] {
            assert_eq!(vet(text).as_deref(), Ok(url), "{text}");
        }
        let ported = with_port(Some(8443), |here| {
            to_application(Some("/x"), None, &application(), here).map(String::from)
        });
        assert_eq!(ported.as_deref(), Ok("https://wiki.example.com:8443/x"));
    }

    #[test]
    fn nothing_else_is() {
        use NoReturn::*;
        for (text, reason) in [
            ("//evil.com", Host),
            ("///evil.com", Host),
            ("/\\evil.com", Malformed),
            ("\\\\evil.com", Malformed),
            ("https:\\\\evil.com", Malformed),
            ("/\t/evil.com", Malformed),
            ("\n//evil.com", Malformed),
            (" https://wiki.example.com/", Malformed),
            ("/\u{0}", Malformed),
            ("/\u{a0}", Malformed),
            ("evil.com", Malformed),
            ("https://evil.com/", Host),
            ("https:evil.com", Host),
            ("https:/evil.com", Host),
            ("https:///evil.com", Host),
            ("https://wiki.example.com.evil.com/", Host),
            ("https://evilwiki.example.com/", Host),
            ("https://wiki.example.com.", Host),
            ("https://apps.example.com/", Host),
            ("https://a.b.apps.example.com/", Host),
            ("https://xpre-7.example.com/", Host),
            ("https://team.example.com/", Host),
            ("https://wiki.example.com@evil.com/", Credentials),
            ("https://a:b@wiki.example.com/", Credentials),
            ("https://wiki.example.com:8443/", Port),
            ("http://wiki.example.com/", Scheme),
            ("javascript:alert(1)", Scheme),
            ("data:text/html,x", Scheme),
            ("ftp://wiki.example.com/", Scheme),
            ("https://[::1]/", Host),
            ("https://127.0.0.1/", Host),
            ("https://0x7f000001/", Host),
            ("https://ẉiki.example.com/", Host),
        ] {
            assert_eq!(vet(text), Err(reason), "{text:?}");
        }
        assert_eq!(vet(&format!("/{}", "a".repeat(MAX_BYTES))), Err(Malformed));
        let long = vet(&format!("/page?{}", "a".repeat(MAX_BYTES)));
        assert_eq!(long.as_deref(), Ok("https://wiki.example.com/page"));
    }

    proptest! {
        /// Whatever is written, a browser that follows it stays on hosts of the application.
        #[test]
        fn nobody_is_led_elsewhere(parts in vec(part(), 1..8)) {
            let text = parts.concat();
            if let Ok(url) = vet(&text) {
                // What a browser makes of it, wherever it stands.
                let base = Url::parse("https://team.example.com/access/login").unwrap();
                let url = base.join(&url).unwrap();
                let host = url.host_str().unwrap();
                prop_assert_eq!(url.scheme(), "https");
                let parent = host.strip_suffix(".apps.example.com");
                let fits = host == "wiki.example.com"
                    || host.starts_with("pre-") && host.ends_with(".example.com")
                    || parent.is_some_and(|label| !label.contains('.'));
                prop_assert!(fits && url.port().is_none() && url.username().is_empty(), "{}", url);
            }
        }
    }

    fn part() -> impl Strategy<Value = String> {
        let known = [
            "https://",
            "https:",
            "http://",
            "//",
            "/",
            "\\",
            "\\\\",
            "@",
            ":",
            "#",
            "?",
            ".",
            "%2F",
            "%5c",
            "wiki.example.com",
            "pre-7.example.com",
            "a.apps.example.com",
            "evil.test",
            "\t",
            "\n",
            "\u{ff0f}",
            "\u{3002}",
            "..",
            "443",
            ":8443",
            "[::1]",
            "javascript:",
            "user",
            "*",
            " ",
        ];
        prop_oneof![3 => select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,3}"]
    }

    #[test]
    fn the_team_domain_leads_to_its_own_pages_alone() {
        let team = Hostname::parse("team.example.com").unwrap();
        let to = |text| with_port(None, |here| to_team(Some(text), &team, here)).map(String::from);
        assert_eq!(to("/").as_deref(), Ok("https://team.example.com/"));
        assert!(to("/access/approvals/7").is_ok());
        for text in ["/access/logout", "//evil.com", "https://wiki.example.com/", "/access/start/i"]
        {
            assert!(to(text).is_err(), "{text}");
        }
        assert!(to("/access/approvals/../logout").is_err());
    }
}
