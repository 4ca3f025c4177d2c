//! GitHub, in the shapes that its documentation shows.

use std::collections::BTreeMap;

use access::encoding::Form;
use access::known::Fetched;
use access::need::Fetch;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::crypto::base64url;

#[derive(Default)]
pub struct GitHub {
    codes: BTreeMap<String, BTreeMap<String, String>>,
    /// Instead of the usual answer, by path.
    pub other: BTreeMap<&'static str, Value>,
    /// So many teams.
    pub teams: usize,
    pub asked: Vec<Fetch>,
}

impl GitHub {
    pub fn authorize(&mut self, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        assert_eq!(url.path(), "/login/oauth/authorize");
        let form: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(form["scope"], "read:user user:email read:org");
        let code = format!("hub-{}", self.codes.len());
        let mut back = Url::parse(&form["redirect_uri"]).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &form["state"]);
        self.codes.insert(code, form);
        back.into()
    }

    pub fn answer(&mut self, fetch: &Fetch, now: i64) -> Option<Fetched> {
        let url = Url::parse(&fetch.url).unwrap();
        if !matches!(url.host_str(), Some("github.test" | "api.github.test")) {
            return None;
        }
        self.asked.push(fetch.clone());
        let page: usize = url
            .query_pairs()
            .find(|(name, _)| name == "page")
            .map_or(1, |(_, page)| page.parse().unwrap());
        let body = match (self.other.get(url.path()), url.path()) {
            (Some(other), _) => other.clone(),
            (None, "/login/oauth/access_token") => self.exchange(fetch),
            (None, path) => {
                let header = |name: &str| fetch.headers.iter().any(|(n, _)| n == name);
                assert!(header("user-agent") && header("x-github-api-version"));
                let bearer = ("authorization".to_owned(), "Bearer gho_token".to_owned());
                assert!(fetch.headers.contains(&bearer));
                self.api(path, page)
            }
        };
        let content_type = "application/json".to_owned();
        Some(Fetched { status: 200, content_type, body: body.to_string(), at: now })
    }

    fn exchange(&mut self, fetch: &Fetch) -> Value {
        let form = Form::parse(fetch.body.as_deref());
        let request = form.get("code").and_then(|code| self.codes.remove(code));
        let verifier = form.get("code_verifier").unwrap_or_default();
        let right = request.is_some_and(|request| {
            base64url(Sha256::digest(verifier)) == request["code_challenge"]
                && form.get("redirect_uri") == Some(&request["redirect_uri"])
        });
        if right && form.get("client_secret") == Some("hub-secret") {
            json!({ "access_token": "gho_token", "token_type": "bearer", "scope": "read:org" })
        } else {
            json!({ "error": "bad_verification_code", "error_description": "expired" })
        }
    }

    fn api(&self, path: &str, page: usize) -> Value {
        match path {
            "/user" => json!({ "id": 583_231, "login": "octocat", "name": "Octo Cat" }),
            "/user/emails" => json!([
                { "email": "private@home.test", "primary": false, "verified": true },
                { "email": "Octo@Example.com", "primary": true, "verified": true },
            ]),
            "/user/orgs" => json!([{ "id": 1, "login": "Example-Inc" }]),
            "/user/teams" => {
                let from = (page - 1) * 100;
                let to = self.teams.min(from + 100);
                let team = |n| {
                    let organization = json!({ "id": 1, "login": "Example-Inc" });
                    json!({ "id": n, "slug": format!("team-{n}"), "organization": organization })
                };
                (from..to.max(from)).map(team).collect()
            }
            _ => panic!("{path}"),
        }
    }
}
