//! SECURITY: attempts that rest in cookies. What is unreadable, of another purpose or name is
//! none.

use proptest::prelude::*;
use saml::identity_provider::Signed;

use crate::saml_case::{Case, refused, says};
use crate::saml_idp::SamlIdp;
use crate::world::{Browser, TEAM, WIKI, World};

const PREFIX: &str = "__Host-CF_Attempt_";

fn attempts(browser: &Browser) -> Vec<(String, String)> {
    let all = browser.cookies.iter().filter(|((_, name), _)| name.starts_with(PREFIX));
    all.map(|((_, name), value)| (name.clone(), value.clone())).collect()
}

fn set(browser: &mut Browser, name: &str, value: &str) {
    browser.cookies.insert((TEAM.to_owned(), name.to_owned()), value.to_owned());
}

#[test]
fn an_attempt_is_one_under_its_own_name_and_purpose_alone() {
    let mut case = Case::new(Signed::Both);
    let (name, value) = attempts(&case.browser).remove(0);
    let form = case.form.clone();
    // The state of an OpenID attempt of the same browser is none.
    let url = case.world.authorization(&mut case.browser, WIKI, "one");
    let url = url::Url::parse(&url).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    // Another attempt of the same browser.
    let idp = SamlIdp { signed: Signed::Both, ..crate::saml_case::alices() };
    let mut other = case.browser.clone();
    other.cookies.remove(&(TEAM.to_owned(), name.clone()));
    case.world.asked(&mut other, &format!("{WIKI}/other"), &idp);
    let (_, foreign) = attempts(&other).remove(0);
    let cut = &value[..value.len() - 1];
    let flipped = value.replacen('A', "B", 1).replacen('a', "b", 1);
    for planted in [state.as_str(), &foreign, cut, &flipped, "x", "1.k.x.x"] {
        let mut browser = case.browser.clone();
        set(&mut browser, &name, planted);
        says(&refused(&mut case.world, &mut browser, &form), &["nobody asked for this response"]);
    }
    case.signs_in();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the cookies, nothing breaks and nobody is signed in by it; and a new
    /// attempt finds its place beside it.
    #[test]
    fn whatever_stands_in_the_cookies(
        garbage in prop::collection::vec(("[A-Za-z0-9_-]{0,30}", "[!#-+.-:<-\\[\\]-~]{0,200}"), 0..30),
    ) {
        let mut world = World::with_saml(|_| {});
        let mut browser = Browser::default();
        for (name, value) in &garbage {
            set(&mut browser, &format!("{PREFIX}{name}"), value);
        }
        let idp = SamlIdp::corp();
        let state = garbage.first().map(|(name, _)| name.as_str());
        let form = idp.answer(&idp.target(None, state), world.now);
        refused(&mut world, &mut browser, &form);
        let form = world.asked(&mut browser, &format!("{WIKI}/x"), &idp);
        prop_assert!(attempts(&browser).len() <= 10);
        let (at, page) = world.arrive(&mut browser, &form);
        prop_assert_eq!((at, page.status), (format!("{WIKI}/x"), 200));
    }
}
