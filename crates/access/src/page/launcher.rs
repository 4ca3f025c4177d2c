//! The App Launcher.

use edge_state::access::organization::Launcher;
use maud::{Markup, html};

use super::{Frame, Look, Sheet, icon, is_image};
use crate::Response;

/// The page.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// How it looks.
    pub launcher: Option<&'a Launcher>,
    /// Who is signed in.
    pub email: &'a str,
    /// Where they sign out.
    pub logout: &'a str,
    /// What was searched for.
    pub search: &'a str,
    /// Which tag was chosen.
    pub tag: Option<&'a str>,
    /// All tags of what they may open.
    pub tags: Vec<&'a str>,
    /// What they may open, and what fits search and tag.
    pub tiles: Vec<Tile<'a>>,
    /// How many they may open in all.
    pub total: usize,
}

/// One application.
#[derive(Clone, Debug)]
pub struct Tile<'a> {
    /// Its id.
    pub id: &'a str,
    /// What people read.
    pub name: &'a str,
    /// Where it leads.
    pub href: String,
    /// An image.
    pub logo_url: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
}

/// Shows what fits while somebody types; without it the form searches.
const FILTER: &str = "\
    const q=document.getElementById('q'),n=document.getElementById('n'),\
    all=[...document.querySelectorAll('.apps>li')];\
    if(!q.defaultValue)q.addEventListener('input',()=>{\
    const w=q.value.trim().toLowerCase();let c=0;\
    for(const i of all){i.hidden=!i.textContent.toLowerCase().includes(w);c+=!i.hidden}\
    n.textContent=w?c?c+' of '+all.length+' shown':'Nothing fits this search.':''})";

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let launcher = view.launcher;
    let design = view.frame.design;
    let title = launcher.and_then(|l| l.title.as_deref()).unwrap_or("Your applications");
    let logo = launcher.and_then(|l| l.logo_url.as_deref()).or(design.logo_path.as_deref());
    let mut sheet = Sheet::new(&view.frame, 200, title);
    if view.total > 0 {
        sheet = sheet.script(FILTER);
    }
    let body = html! {
        body.wide {
            @if !view.tiles.is_empty() { a.skip href="#apps" { "Skip to the applications" } }
            header {
                div {
                    (sheet.brand(logo))
                    div.who {
                        span { span.vh { "Signed in as " } bdi { (view.email) } }
                        a href=(view.logout) { "Sign out" }
                    }
                }
            }
            main {
                h1 dir="auto" { (title) }
                @if let Some(text) = launcher.and_then(|l| l.message.as_deref()) {
                    p dir="auto" { (text) }
                }
                @if view.total > 0 { (search(view)) }
                @if view.total > 0 && !view.tags.is_empty() { (tags(view)) }
                (applications(view))
            }
            footer {
                @if let Some(launcher) = launcher.filter(|l| !l.footer_links.is_empty()) {
                    ul role="list" {
                        @for link in launcher.footer_links.iter().filter(|l| is_web(&l.url)) {
                            li { a href=(link.url) rel="noopener" { (link.name) } }
                        }
                    }
                }
                small { "Request " code { (view.frame.ray_id) } }
            }
        }
    };
    let background = launcher.and_then(|l| l.background_color.as_deref());
    let look = Look {
        page: background.or(design.background_color.as_deref()),
        text: design.text_color.as_deref(),
        bar: launcher.and_then(|l| l.header_background_color.as_deref()),
    };
    sheet.draw(look, &body)
}

fn search(view: &View) -> Markup {
    html! {
        form.find method="get" action="/" role="search" {
            label.vh for="q" { "Search applications" }
            input #q name="q" type="search" value=(view.search) placeholder="Search"
                autocomplete="off" maxlength="100";
            @if let Some(tag) = view.tag { input type="hidden" name="tag" value=(tag); }
            button.button type="submit" { "Search" }
        }
    }
}

fn tags(view: &View) -> Markup {
    let href = |tag: Option<&str>| {
        let pairs = [("q", Some(view.search).filter(|q| !q.is_empty())), ("tag", tag)];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query = crate::encoding::query(pairs);
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    };
    let current = |tag: Option<&str>| (view.tag == tag).then_some("true");
    html! {
        nav aria-label="Tags" {
            ul.tags role="list" {
                li { a href=(href(None)) aria-current=[current(None)] { "All" } }
                @for tag in &view.tags {
                    li { a href=(href(Some(tag))) aria-current=[current(Some(tag))] { bdi { (tag) } } }
                }
            }
        }
    }
}

fn applications(view: &View) -> Markup {
    html! {
        p #n role="status" {
            @if view.total == 0 {
                "There is no application that you may open yet. "
                "Please ask your administrator if you expected one."
            } @else if view.tiles.is_empty() { "Nothing fits this search. " a href="/" { "Show all" } }
            @else if view.tiles.len() < view.total { (view.tiles.len()) " of " (view.total) " shown" }
        }
        @if !view.tiles.is_empty() {
        ul.apps #apps role="list" tabindex="-1" {
            @for tile in &view.tiles {
                li {
                    a href=(tile.href) data-app=(tile.id) {
                        @match tile.logo_url.filter(|logo| is_image(logo)) {
                            Some(logo) => img.tile src=(logo) alt="" width="44" height="44" loading="lazy";,
                            None => (icon::letter(tile.name)),
                        }
                        span.text {
                            bdi { (tile.name) }
                            @if !tile.tags.is_empty() { small { (tile.tags.join(" · ")) } }
                        }
                        (icon::go())
                    }
                }
            }
        }
        }
    }
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}
