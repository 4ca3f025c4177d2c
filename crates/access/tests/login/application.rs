//! An application's host, reduced to what signing in needs of it.

use access::cookie::{self, APPLICATION_SESSION, AUTHORIZATION, SetCookie};
use access::handover::{self, Meta};
use access::{Here, Known, Need, Request, Response, encoding, token};
use edge_state::access::application::SameSite;

use crate::world::home;

pub fn answer(request: &Request, known: &Known, here: &Here) -> Result<Response, Need> {
    let id = request.host.as_str().split('.').next().unwrap();
    let Some(application) = known.records.application(id)? else {
        return Ok(Response { status: 404, ..Response::default() });
    };
    let set = |name, value: &str| {
        let same_site = SameSite::Lax;
        SetCookie { name, value, path: "/", http_only: true, same_site, max_age: Some(60) }.header()
    };
    let session = cookie::find(request.headers, APPLICATION_SESSION).into_iter().next();
    if request.path == "/.access/authorized" {
        let code = encoding::Form::parse(request.query).get("code").unwrap().to_owned();
        let handover = handover::open(&code, request.host, here).unwrap();
        assert_eq!(handover.binding, session.as_deref().map(handover::binding));
        let target = format!("{}{}", here.origin(request.host), handover.target);
        return Ok(Response::redirect(target)
            .with_header("set-cookie", set(AUTHORIZATION, &handover.token)));
    }
    for text in cookie::find(request.headers, AUTHORIZATION) {
        if let Ok(verified) = token::verify_application(&text, application, known, here)? {
            let body = verified.email.unwrap_or_default();
            return Ok(Response { status: 200, body, ..Response::default() });
        }
    }
    let session = session.unwrap_or_else(|| access::event::nonce(here.dice("application")));
    let meta = Meta {
        host: request.host.clone(),
        binding: Some(handover::binding(&session)),
        certificate: None,
        hops: 0,
        at: here.now(),
    };
    let wanted = match request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.to_owned(),
    };
    let meta = meta.seal(&home(), here);
    let query = encoding::query([
        ("kid", application.aud.as_str()),
        ("redirect_url", &wanted),
        ("meta", &meta),
    ]);
    let url = format!("{}/access/login/{}?{query}", here.origin(&home()), request.host);
    Ok(Response::redirect(url).with_header("set-cookie", set(APPLICATION_SESSION, &session)))
}
