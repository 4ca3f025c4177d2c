//! What pages say of others is text, and what they run and how they look is ours.

use edge_state::access::organization::{FooterLink, Launcher};
use saml::binding::post::Form;

use super::*;

/// Breaks out of elements, attributes, scripts and styles, if it is let.
const HOSTILE: &str = "</title></style></script><img src=x onerror=alert(1)>\"' onload='a' ;}*{";

fn header<'r>(page: &'r Response, name: &str) -> &'r str {
    let mut found = page.headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| value);
    let (Some(value), None) = (found.next(), found.next()) else { panic!("{name}") };
    value
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

/// Every page, with the same text wherever there is one.
fn pages(text: &str, design: &LoginDesign) -> Vec<Response> {
    let frame = Frame { organization: text, design, ray_id: text };
    let own = || text.to_owned();
    let provider = login::Provider { id: text, name: text, kind: text, href: own() };
    let launcher = Launcher {
        application_id: own(),
        logo_url: Some(own()),
        background_color: Some(own()),
        header_background_color: Some(own()),
        footer_links: vec![FooterLink { name: own(), url: format!("https://a/{text}") }],
        title: Some(own()),
        message: Some(own()),
        skip_login_page: false,
    };
    let tags = [own()];
    let tile = launcher::Tile {
        id: text,
        name: text,
        href: own(),
        logo_url: Some("https://a.example/\"onerror=alert(1)"),
        tags: &tags,
    };
    let fields = || vec![("field", own())];
    let error = Some(text);
    vec![
        login::render(&login::View {
            frame,
            application: text,
            header: error,
            notice: error,
            providers: vec![provider],
        }),
        pin::ask(&pin::Ask {
            frame,
            status: 200,
            action: text,
            fields: fields(),
            email: text,
            error,
            back: own(),
        }),
        pin::enter(&pin::Enter {
            frame,
            status: 200,
            action: text,
            fields: fields(),
            email: text,
            error,
            tries_left: Some(1),
        }),
        justify::render(&justify::View {
            frame,
            application: text,
            prompt: error,
            action: text,
            fields: fields(),
            approval: true,
            error,
        }),
        approval::wait(&approval::Wait { frame, application: text, decide: own(), again: own() }),
        approval::decide(&approval::Decide {
            frame,
            email: text,
            application: text,
            justification: text,
            action: text,
        }),
        logout::render(&logout::View { frame, email: error, action: text, fields: fields() }),
        message::render(&message::View {
            frame,
            status: 403,
            title: text,
            text: vec![own()],
            code: error,
            links: vec![Link { label: own(), href: own() }],
        }),
        repost::render(&repost::View { frame, action: text, fields: vec![(text, text)] }),
        repost::beside(&repost::View { frame, action: text, fields: vec![(text, text)] }, text),
        departure::render(&departure::View {
            frame,
            lead: text,
            form: &Form {
                action: format!("https://{text}"),
                fields: vec![("SAMLResponse", own())],
            },
        }),
        onward::render(&frame, text),
        renewed::render(&frame),
        resend::render(&resend::View { frame, url: text }),
        launcher::render(&launcher::View {
            frame,
            launcher: Some(&launcher),
            email: text,
            logout: text,
            search: text,
            tag: error,
            tags: vec![text],
            tiles: vec![tile],
            total: 1,
        }),
    ]
}

#[test]
fn what_others_say_is_text() {
    let own = || Some(HOSTILE.to_owned());
    let design = LoginDesign {
        background_color: own(),
        text_color: own(),
        logo_path: own(),
        header_text: own(),
        footer_text: own(),
    };
    for page in pages(HOSTILE, &design) {
        let body = &page.body;
        assert!(body.contains("&lt;/title&gt;"), "it is there");
        assert!(!body.contains("<img src=x") && !body.contains("\"' onload"), "{body}");
        assert!(!body.contains("\"onerror"), "{body}");
        assert_eq!(body.matches("</style>").count(), 1);
        assert!(body.matches("</script>").count() <= 1);
        assert_eq!(between(body, "<style>", "</style>"), Some(STYLE), "no colour was one");
    }
}

#[test]
fn nothing_runs_but_what_the_policy_names() {
    for page in pages("x", &LoginDesign::default()) {
        let policy = header(&page, "content-security-policy");
        let style = between(&page.body, "<style>", "</style>").unwrap();
        assert!(policy.contains(&format!("style-src {};", hash(style))), "{policy}");
        let scripts = between(&page.body, "<script>", "</script>").map(hash);
        let scripts = scripts.unwrap_or_else(|| "'none'".to_owned());
        assert!(policy.contains(&format!("script-src {scripts};")), "{policy}");
        for closed in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(closed), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!page.body.contains(" style="), "it would not count");
        assert_eq!(header(&page, "cache-control"), "no-store");
        let leaves = page.body.contains("id=\"departure\"");
        let referrer = if leaves { "strict-origin" } else { "same-origin" };
        assert_eq!(header(&page, "referrer-policy"), referrer);
        // These are answered with a redirect, perhaps to a provider or an application without TLS.
        let leads_on = ["Sign out on all devices", "If nothing happens,", "sign in beside it"];
        let forms = match leads_on.iter().any(|words| page.body.contains(words)) {
            _ if leaves => "form-action https:;",
            true => "form-action 'self' https: http:;",
            false => "form-action 'self' https:;",
        };
        assert!(policy.contains(forms), "{policy}");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
    }
}

#[test]
fn colours_are_the_operators_as_far_as_they_can_be_read() {
    let look = |page: &str, text: &str| {
        let style = style(Look { page: Some(page), text: Some(text), bar: None });
        style.strip_prefix(STYLE).unwrap().to_owned()
    };
    assert_eq!(look("#12355b", "#ffd166"), ":root{--page:#12355b;--on-page:#ffd166}");
    assert_eq!(look("#12355b", "#12355c"), ":root{--page:#12355b;--on-page:#ffffff}");
    assert_eq!(
        look("#ffe14d", "#fff"),
        "@media(prefers-color-scheme:light){:root{--page:#ffe14d;--on-page:#000000}}"
    );
    assert_eq!(look("red;}", "#fff"), "");
}

#[test]
fn providers_are_found_by_their_ids() {
    let page = &pages("0b7e0f7a", &LoginDesign::default())[0];
    assert!(page.body.contains("data-idp=\"0b7e0f7a\""), "{}", page.body);
}
