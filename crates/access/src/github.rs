//! GitHub: OAuth2 with PKCE, and its REST API for who somebody is. There is no id token: what counts
//! is what GitHub answers to the access token that it gave us for our code.

use edge_state::access::identity_provider::GithubConfig;
use edge_state::access::session::IdentityGroup;
use edge_state::access::{Identity, IdentityProviderRecord};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Need;
use crate::login::attempt::{Answer, Attempt, Browser};
use crate::login::identity::{ProviderError, Said, identity as one_identity};
use crate::oidc::client::{
    Tokens, bearer_request, code_request, open_secret, redirect_uri, token_request,
};
use crate::visit::Visit;

/// Entries on a page of a list.
const PAGE: usize = 100;

/// More pages are not read: whoever is in so many teams cannot be judged by them.
const MAX_PAGES: usize = 10;

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    address: String,
    primary: bool,
    verified: bool,
}

#[derive(Deserialize)]
struct Organization {
    id: u64,
    login: String,
}

#[derive(Deserialize)]
struct Team {
    id: u64,
    slug: String,
    organization: Organization,
}

/// Where the browser goes to sign in.
pub(crate) fn authorization_url(
    visit: &Visit,
    config: &GithubConfig,
    attempt: &Attempt,
    browser: &Browser,
    again: bool,
) -> Result<String, ProviderError> {
    let endpoint = format!("{}/login/oauth/authorize", base(&config.web_url));
    let scope = ("scope", "read:user user:email read:org".to_owned());
    let prompt = again.then(|| ("prompt", "select_account".to_owned()));
    let parameters = [scope].into_iter().chain(prompt);
    code_request(visit, &endpoint, &config.client_id, attempt, browser, parameters)
}

/// Who it is that GitHub's answer is about.
pub(crate) fn identity(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &GithubConfig,
    answer: &Answer,
    attempt: &Attempt,
    browser: &Browser,
) -> Result<Result<Identity, ProviderError>, Need> {
    let tokens = match tokens(visit, record, config, answer, attempt, browser)? {
        Ok(tokens) => tokens,
        Err(error) => return Ok(Err(error)),
    };
    let Some(token) = tokens.bearer() else {
        return Ok(Err(ProviderError::Unreadable("access token")));
    };
    let said = person(&Api { visit, base: base(&config.api_url), token })?;
    Ok(said.and_then(|said| one_identity(visit, record, said)))
}

/// What the code is good for.
fn tokens(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &GithubConfig,
    answer: &Answer,
    attempt: &Attempt,
    browser: &Browser,
) -> Result<Result<Tokens, ProviderError>, Need> {
    let secret = match open_secret(visit, record, &config.client_secret) {
        Ok(secret) => secret,
        Err(error) => return Ok(Err(error)),
    };
    // GitHub names no issuer today; if it begins to, it will be itself (RFC 9207 §2.4).
    let web = base(&config.web_url);
    let is_github = |issuer: &str| issuer == web || issuer.starts_with(&format!("{web}/"));
    if answer.issuer.is_some_and(|issuer| !is_github(issuer)) {
        return Ok(Err(ProviderError::AnswerIssuer));
    }
    let fetch = token_request(
        &format!("{web}/login/oauth/access_token"),
        (&config.client_id, Some(&secret)),
        true,
        &[
            ("grant_type", "authorization_code"),
            ("code", answer.code),
            ("redirect_uri", &redirect_uri(visit, &record.id)),
            ("code_verifier", &browser.pkce_verifier(attempt)),
        ],
    );
    Ok(match visit.known.fetch(fetch)? {
        Ok(fetched) => Tokens::read(fetched.status, &fetched.body),
        Err(why) => Err(ProviderError::Unanswered(why.0)),
    })
}

/// Whose token it is.
fn person(api: &Api) -> Result<Result<Said, ProviderError>, Need> {
    macro_rules! some {
        ($asked:expr) => {
            match $asked? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            }
        };
    }
    let user: User = some!(api.get("/user", "the user"));
    let emails: Vec<Email> = some!(api.list("/user/emails", "e-mail addresses"));
    let organizations: Vec<Organization> = some!(api.list("/user/orgs", "organizations"));
    let teams: Vec<Team> = some!(api.list("/user/teams", "teams"));
    let Some(primary) = emails.into_iter().find(|email| email.primary) else {
        return Ok(Err(ProviderError::NoEmail));
    };
    if !primary.verified {
        return Ok(Err(ProviderError::UnverifiedEmail));
    }
    let group = |id: u64, name: String| IdentityGroup {
        id: Some(id.to_string()),
        name: Some(name),
        email: None,
    };
    let teams = teams.into_iter().map(|team| (team.id, team.organization.login, team.slug));
    let teams = teams.map(|(id, organization, slug)| group(id, format!("{organization}/{slug}")));
    let organizations = organizations.into_iter().map(|found| group(found.id, found.login));
    Ok(Ok(Said {
        subject: user.id.to_string(), // Logins can be given up and taken by somebody else.
        email: primary.address,
        name: user.name.or(Some(user.login)),
        groups: organizations.chain(teams).collect(),
        ..Said::default()
    }))
}

struct Api<'p, 'a> {
    visit: &'p Visit<'a>,
    base: &'p str,
    token: &'p str,
}

impl Api<'_, '_> {
    fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &'static str,
    ) -> Result<Result<T, ProviderError>, Need> {
        let url = format!("{}{path}", self.base);
        let mut fetch = bearer_request(url, self.token, "application/vnd.github+json");
        fetch.headers.push(("x-github-api-version".to_owned(), "2022-11-28".to_owned()));
        fetch.max_bytes = 1 << 20; // A team is described at length.
        Ok(match self.visit.known.fetch(fetch)? {
            Ok(fetched) if fetched.status == 200 => {
                serde_json::from_str(&fetched.body).map_err(|_| ProviderError::Unreadable(what))
            }
            Ok(fetched) => Err(ProviderError::Status { what, status: fetched.status }),
            Err(why) => Err(ProviderError::Unanswered(why.0)),
        })
    }

    /// All pages of a list.
    fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &'static str,
    ) -> Result<Result<Vec<T>, ProviderError>, Need> {
        let mut found = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{path}?per_page={PAGE}&page={page}");
            let part: Vec<T> = match self.get(&path, what)? {
                Ok(part) => part,
                Err(error) => return Ok(Err(error)),
            };
            let last = part.len() < PAGE;
            found.extend(part);
            if last {
                return Ok(Ok(found));
            }
        }
        Ok(Err(ProviderError::TooMany(what)))
    }
}

fn base(url: &str) -> &str {
    url.trim_end_matches('/')
}
