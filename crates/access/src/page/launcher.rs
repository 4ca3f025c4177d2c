//! The App Launcher.

use edge_state::access::organization::Launcher;
use maud::html;

use super::{Frame, is_image, page};
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

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let title = view.launcher.and_then(|l| l.title.as_deref()).unwrap_or("Your applications");
    let main = html! {
        p { "Signed in as " (view.email) " · " a href=(view.logout) { "Sign out" } }
        @if let Some(text) = view.launcher.and_then(|l| l.message.as_deref()) { p { (text) } }
        form method="get" action="/" role="search" {
            label for="q" { "Search" }
            input #q name="q" type="search" value=(view.search);
            @if let Some(tag) = view.tag { input type="hidden" name="tag" value=(tag); }
            button type="submit" { "Search" }
        }
        @if !view.tags.is_empty() {
            nav aria-label="Tags" {
                a href="/" aria-current=[view.tag.is_none().then_some("page")] { "All" }
                @for tag in &view.tags {
                    " " a href=(format!("/?tag={}", crate::encoding::component(tag)))
                        aria-current=[(view.tag == Some(*tag)).then_some("page")] { (tag) }
                }
            }
        }
        @if view.total == 0 { p { "There is no application that you may open." } }
        @else if view.tiles.is_empty() { p role="status" { "Nothing fits this search." } }
        ul {
            @for tile in &view.tiles {
                li {
                    a href=(tile.href) data-app=(tile.id) {
                        @if let Some(logo) = tile.logo_url.filter(|logo| is_image(logo)) {
                            img src=(logo) alt="" width="32" height="32";
                        }
                        (tile.name)
                    }
                    @for tag in tile.tags { " " small { (tag) } }
                }
            }
        }
        @if let Some(launcher) = view.launcher {
            @for link in launcher.footer_links.iter().filter(|l| is_web(&l.url)) {
                " " a href=(link.url) rel="noopener" { (link.name) }
            }
        }
    };
    page(&view.frame, 200, title, &main)
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}
