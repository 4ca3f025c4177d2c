//! Every page of Access, as people meet it.

use std::collections::BTreeMap;

use access::Response;
use access::page::{
    Frame, Link, approval, departure, justify, launcher, login, logout, message, pin, renewed,
    repost, resend,
};
use edge_state::access::organization::{FooterLink, Launcher, LoginDesign};
use saml::binding::post::Form;
use serde_json::{Value, json};

const LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='120' height='40'%3E%3Crect width='120' height='40' rx='8' fill='%23e4572e'/%3E%3C/svg%3E";

/// By name: `{status, headers, body}`.
pub fn all() -> BTreeMap<&'static str, Value> {
    let plain = LoginDesign::default();
    let branded = LoginDesign {
        background_color: Some("#12355b".to_owned()),
        text_color: Some("#ffd166".to_owned()),
        logo_path: Some(LOGO.to_owned()),
        header_text: Some("Welcome back. Use your work account.".to_owned()),
        footer_text: Some("Trouble signing in? Call the help desk at 4711.".to_owned()),
    };
    let careless = LoginDesign {
        background_color: Some("#ffe14d".to_owned()),
        text_color: Some("#ffffff".to_owned()),
        footer_text: Some("هل تحتاج إلى مساعدة؟ اتصل بنا.".to_owned()),
        ..LoginDesign::default()
    };
    let frame = |design| Frame { organization: "Acme Works", design, ray_id: "9a41f0c2b7d35e88" };
    let mut pages = sign_in(frame(&plain), frame(&branded), frame(&careless));
    pages.extend(asking(frame(&plain)));
    pages.extend(messages(frame(&plain), frame(&branded)));
    pages.extend(launchers(frame(&plain), frame(&branded)));
    pages.into_iter().map(|(name, page)| (name, show(&page))).collect()
}

fn show(page: &Response) -> Value {
    let headers: BTreeMap<_, _> = page.headers.iter().cloned().collect();
    json!({"status": page.status, "headers": headers, "body": page.body})
}

type Pages = Vec<(&'static str, Response)>;

fn sign_in(plain: Frame, branded: Frame, careless: Frame) -> Pages {
    let provider =
        |id, name, kind| login::Provider { id, name, kind, href: "/access/start/x".into() };
    let providers = vec![
        provider("1", "Acme single sign-on", "oidc"),
        provider("2", "GitHub", "github"),
        provider("3", "One-time PIN", "onetimepin"),
    ];
    let view = |frame, notice| login::View {
        frame,
        application: "Wiki",
        header: branded.design.header_text.as_deref(),
        notice,
        providers: providers.clone(),
    };
    let enter = |error, tries_left| pin::Enter {
        frame: plain,
        status: 200,
        action: "/access/pin",
        fields: vec![("attempt", "x".to_owned())],
        email: "ada@example.com",
        error,
        tries_left,
    };
    let ask = |error: Option<&'static str>| pin::Ask {
        frame: plain,
        status: 200,
        action: "/access/pin",
        fields: vec![],
        email: if error.is_none() { "" } else { "ada@example" },
        error,
        back: "/access/login".to_owned(),
    };
    vec![
        ("sign-in", login::render(&view(plain, None))),
        (
            "sign-in-branded",
            login::render(&view(branded, Some("You have been signed out. Please sign in again."))),
        ),
        ("sign-in-careless", login::render(&view(careless, None))),
        ("sign-in-nothing", login::render(&login::View { providers: vec![], ..view(plain, None) })),
        ("pin-ask", pin::ask(&ask(None))),
        ("pin-ask-error", pin::ask(&ask(Some("This is no address that we can write to.")))),
        ("pin-enter", pin::enter(&enter(None, None))),
        ("pin-enter-error", pin::enter(&enter(Some("This code is not right."), Some(3)))),
    ]
}

fn asking(frame: Frame) -> Pages {
    let view = |approval: bool, error| justify::View {
        frame,
        application: "Payroll",
        prompt: approval.then_some("Which ticket is this for?"),
        action: "/access/login/x",
        fields: vec![],
        approval,
        error,
    };
    let wait = approval::Wait {
        frame,
        application: "Payroll",
        decide: "https://team.example.com/access/approvals/0b7e0f7a-26f0-4f8e-9d0e-3f5f8b8f3a10"
            .to_owned(),
        again: "/access/login/x".to_owned(),
    };
    let decide = approval::Decide {
        frame,
        email: "ada@example.com",
        application: "Payroll",
        justification: "Ticket 4711: the bonus of March is missing.\nI need to look at two people.",
        action: "/access/approvals/x",
    };
    let out = logout::View {
        frame,
        email: Some("ada@example.com"),
        action: "/access/logout",
        fields: vec![],
    };
    let again = repost::View { frame, action: "/access/callback/x", fields: vec![("state", "x")] };
    let form = Form {
        action: "https://shop.example/acs".to_owned(),
        fields: vec![
            ("SAMLResponse", "PHg+".to_owned()),
            ("RelayState", "{\"a\":\"<b> & 'c'\"}\r\n".to_owned()),
        ],
    };
    let departure =
        departure::View { frame, lead: "You are being led on to Payroll.", form: &form };
    let long = repost::View { frame, action: "/access/sso/x", fields: vec![("RelayState", "x")] };
    let done = |partly| logout::Done { frame, everywhere: false, partly };
    vec![
        ("departure", departure::render(&departure)),
        ("beside", repost::beside(&long, "Payroll")),
        ("signed-out", logout::done(&done(false))),
        ("signed-out-partly", logout::done(&done(true))),
        ("justify", justify::render(&view(false, None))),
        (
            "justify-approval",
            justify::render(&view(true, Some("Your last request was refused. You may ask again."))),
        ),
        ("approval-wait", approval::wait(&wait)),
        ("approval-decide", approval::decide(&decide)),
        ("sign-out", logout::render(&out)),
        ("repost", repost::render(&again)),
        ("renewed", renewed::render(&frame)),
        ("resend", resend::render(&resend::View { frame, url: "/access/login/x" })),
    ]
}

fn messages(plain: Frame, branded: Frame) -> Pages {
    let link = |label: &str| Link { label: label.to_owned(), href: "/".to_owned() };
    let say = |frame, status, title, text: &str, code, links| {
        let text = vec![text.to_owned()];
        message::render(&message::View { frame, status, title, text, code, links })
    };
    let denied = say(
        branded,
        403,
        "ada@example.com may not open Payroll",
        "It wants a stronger sign-in: a second factor or a security key.",
        Some("7K3M9QXT"),
        vec![link("Use another account"), link("Your applications")],
    );
    let failed = say(
        plain,
        400,
        "That did not work",
        "The sign-in could not be completed. Please start again from here.",
        Some("7K3M9QXT"),
        vec![link("Sign in again")],
    );
    let unavailable = say(
        plain,
        503,
        "Sign-in is not possible right now",
        "Please try again in a moment. Applications that you have open go on working.",
        Some("7K3M9QXT"),
        vec![link("Try again")],
    );
    let out = say(
        plain,
        200,
        "You are signed out",
        "It is safe to close this window.",
        None,
        vec![link("Sign in again")],
    );
    vec![("denied", denied), ("failed", failed), ("unavailable", unavailable), ("signed-out", out)]
}

fn launchers(plain: Frame, branded: Frame) -> Pages {
    let launcher = Launcher {
        application_id: "l".to_owned(),
        logo_url: Some(LOGO.to_owned()),
        background_color: Some("#f6efe6".to_owned()),
        header_background_color: Some("#12355b".to_owned()),
        footer_links: vec![
            FooterLink { name: "Help desk".to_owned(), url: "https://help.example.com".to_owned() },
            FooterLink { name: "Rules".to_owned(), url: "https://rules.example.com".to_owned() },
        ],
        title: Some("Everything for your day".to_owned()),
        message: Some("New here? Begin with the handbook.".to_owned()),
        skip_login_page: false,
    };
    let tags = ["Engineering".to_owned(), "Finance".to_owned()];
    let names = [
        "Handbook",
        "Wiki",
        "Payroll and expenses of the whole company",
        "Grafana",
        "Customer relations",
        "Źródło",
        "متجر",
        "Build server",
    ];
    let tile = |(at, name)| launcher::Tile {
        id: name,
        name,
        href: "https://wiki.example.com".to_owned(),
        logo_url: (at == 1).then_some(LOGO),
        tags: &tags[..at % 3],
    };
    let tiles: Vec<_> = names.into_iter().enumerate().map(tile).collect();
    let view = |frame, launcher, tiles: Vec<_>, search| launcher::View {
        frame,
        launcher,
        email: "ada.lovelace@example.com",
        logout: "/access/logout",
        search,
        tag: None,
        tags: vec!["Engineering", "Finance"],
        total: names.len(),
        tiles,
    };
    let nothing = launcher::View { total: 0, ..view(plain, None, vec![], "") };
    vec![
        ("launcher", launcher::render(&view(plain, None, tiles.clone(), ""))),
        ("launcher-branded", launcher::render(&view(branded, Some(&launcher), tiles.clone(), ""))),
        (
            "launcher-search",
            launcher::render(&launcher::View {
                tag: Some("Finance"),
                ..view(plain, None, tiles[2..3].to_vec(), "pay")
            }),
        ),
        ("launcher-no-match", launcher::render(&view(plain, None, vec![], "zzz"))),
        ("launcher-nothing", launcher::render(&nothing)),
    ]
}
