//! Whether a form was posted from our own page.

use http::HeaderMap;

/// Whoever posted the form had it from elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the form was not posted from the team domain")]
pub(crate) struct Foreign;

/// Browsers say with every POST from where it comes (Fetch §3.2, Fetch Metadata §2.3); one that says
/// nothing is not trusted either.
pub(crate) fn check(headers: &HeaderMap, origin: &str) -> Result<(), Foreign> {
    let said = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().unwrap_or("?"));
        if values.next().is_some() { Some("?") } else { first }
    };
    match (said("sec-fetch-site"), said("origin")) {
        (None | Some("same-origin"), Some(from)) if from == origin => Ok(()),
        (Some("same-origin"), None) => Ok(()),
        _ => Err(Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_post() {
        let ours = "https://team.example";
        let posted = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
            check(&headers.collect(), ours).is_ok()
        };
        assert!(posted(&[("origin", ours)]));
        assert!(posted(&[("origin", ours), ("sec-fetch-site", "same-origin")]));
        assert!(posted(&[("sec-fetch-site", "same-origin")]));
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://team.example:8443")],
            &[("origin", "http://team.example")],
            &[("origin", ours), ("sec-fetch-site", "same-site")],
            &[("origin", ours), ("sec-fetch-site", "cross-site")],
            &[("origin", ours), ("sec-fetch-site", "none")],
            &[("sec-fetch-site", "none")],
            &[("referer", "https://team.example/access/logout")],
        ] {
            assert!(!posted(headers), "{headers:?}");
        }
    }
}
