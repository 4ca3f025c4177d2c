//! The public API, as far as one who onboards a hostname needs it.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Context as _, Failure};

/// Speaks to one control-api with one token.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

/// One answer, also where it is a refusal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// The whole envelope.
    pub body: Value,
}

/// A custom hostname, as far as it is looked at here.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomHostname {
    /// A UUID.
    pub id: String,
    /// The name.
    pub hostname: String,
    /// `pending`, `active`, ...
    pub status: String,
    /// What is wrong with the hostname, for people.
    #[serde(default)]
    pub verification_errors: Vec<String>,
    /// Absent if it was created without.
    #[serde(default)]
    pub ssl: Option<Ssl>,
    /// Answered at the customer's own server, it proves the hostname.
    #[serde(default)]
    pub ownership_verification_http: Option<OwnershipHttp>,
}

/// `ssl` of a custom hostname.
#[derive(Clone, Debug, Deserialize)]
pub struct Ssl {
    /// `initializing`, `pending_validation`, ... `active`.
    pub status: String,
    /// What is wrong with the certificate, for people.
    #[serde(default)]
    pub validation_errors: Vec<ValidationError>,
    /// What has to be answered where.
    #[serde(default)]
    pub validation_records: Vec<ValidationRecord>,
    /// The certificates that there are.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
}

/// One of `ssl.validation_errors`.
#[derive(Clone, Debug, Deserialize)]
pub struct ValidationError {
    /// For people.
    pub message: String,
}

/// One of `ssl.validation_records`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ValidationRecord {
    /// Where the CA looks.
    #[serde(default)]
    pub http_url: String,
    /// What it wants to see there.
    #[serde(default)]
    pub http_body: String,
}

/// `ownership_verification_http`.
#[derive(Clone, Debug, Deserialize)]
pub struct OwnershipHttp {
    /// Where it is looked for.
    pub http_url: String,
    /// What must be there.
    pub http_body: String,
}

/// One of `ssl.certificates`.
#[derive(Clone, Debug, Deserialize)]
pub struct Certificate {
    /// A UUID.
    pub id: String,
    /// Hexadecimal.
    #[serde(default)]
    pub serial_number: String,
    /// Such as `ECDSAWithSHA256`.
    #[serde(default)]
    pub signature: String,
}

impl CustomHostname {
    /// `hostname active, certificate pending_validation`
    #[must_use]
    pub fn states(&self) -> String {
        format!("hostname {}, certificate {}", self.status, self.ssl_status())
    }

    /// `ssl.status`; `none` without `ssl`.
    #[must_use]
    pub fn ssl_status(&self) -> &str {
        self.ssl.as_ref().map_or("none", |ssl| &ssl.status)
    }

    /// Whether it is verified and its certificate deployed.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == "active" && self.ssl_status() == "active"
    }

    /// Everything that is wrong with it, for people.
    #[must_use]
    pub fn errors(&self) -> Vec<&str> {
        let of_ssl = self.ssl.iter().flat_map(|ssl| &ssl.validation_errors);
        let of_ssl = of_ssl.map(|error| error.message.as_str());
        self.verification_errors.iter().map(String::as_str).chain(of_ssl).collect()
    }
}

impl Answer {
    /// `result` of a success; a refusal is a failure that says all that the API said.
    pub fn result<T: serde::de::DeserializeOwned>(self) -> Result<T, Failure> {
        if !(200..300).contains(&self.status) {
            return Err(Failure::new(format!("status {}: {}", self.status, self.body)));
        }
        T::deserialize(&self.body["result"]).context(format!("reading {}", self.body))
    }

    /// The code of the first error.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        self.body["errors"][0]["code"].as_i64()
    }
}

impl Client {
    /// `base` as SDKs want it, with `/client/v4`.
    pub fn new(base: &str, token: &str) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_mins(1))
            .pool_idle_timeout(KEEP)
            .no_proxy()
            .build();
        Ok(Self { base: base.to_owned(), token: token.to_owned(), http: http? })
    }

    /// The same control-api, with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The base URL, with `/client/v4`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// One call; fails only if there is no answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, Failure> {
        let what = || format!("{method} {}{path}", self.base);
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.context(what())?;
        let status = response.status().as_u16();
        let text = response.text().await.context(what())?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let what = format!("{method} {path}");
        self.call(method, path, body).await?.result().context(what)
    }

    /// The account of that name, made if it is missing.
    pub async fn account(&self, name: &str) -> Result<String, Failure> {
        let found: Vec<Named> =
            self.ask(Method::GET, &format!("/accounts?name={name}"), None).await?;
        if let Some(account) = found.into_iter().find(|account| account.name == name) {
            return Ok(account.id);
        }
        let body = json!({ "name": name });
        Ok(self.ask::<Named>(Method::POST, "/accounts", Some(body)).await?.id)
    }

    /// The zone of that name, made if it is missing.
    pub async fn zone(&self, account: &str, name: &str) -> Result<String, Failure> {
        let found: Vec<Named> = self.ask(Method::GET, &format!("/zones?name={name}"), None).await?;
        if let Some(zone) = found.into_iter().find(|zone| zone.name == name) {
            return Ok(zone.id);
        }
        let body = json!({ "name": name, "account": { "id": account } });
        Ok(self.ask::<Named>(Method::POST, "/zones", Some(body)).await?.id)
    }

    /// Changes one setting of a zone.
    pub async fn set(&self, zone: &str, setting: &str, value: Value) -> Result<(), Failure> {
        let path = format!("/zones/{zone}/settings/{setting}");
        let _: Value = self.ask(Method::PATCH, &path, Some(json!({ "value": value }))).await?;
        Ok(())
    }

    /// Sets where hostnames without an origin of their own go.
    pub async fn set_fallback_origin(&self, zone: &str, origin: &str) -> Result<(), Failure> {
        let path = format!("/zones/{zone}/custom_hostnames/fallback_origin");
        let _: Value = self.ask(Method::PUT, &path, Some(json!({ "origin": origin }))).await?;
        Ok(())
    }

    /// A new token that may do everything in this account and zone, and make further tokens.
    pub async fn create_token(
        &self,
        name: &str,
        account: &str,
        zone: &str,
    ) -> Result<String, Failure> {
        let user: Value = self.ask(Method::GET, "/user", None).await?;
        let user = user["id"].as_str().unwrap_or_default();
        let groups: Vec<Named> =
            self.ask(Method::GET, "/user/tokens/permission_groups", None).await?;
        let ids: Vec<Value> = groups.iter().map(|group| json!({ "id": group.id })).collect();
        let resources = json!({
            (format!("com.cloudflare.api.user.{user}")): "*",
            (format!("com.cloudflare.api.account.{account}")): "*",
            (format!("com.cloudflare.api.account.zone.{zone}")): "*",
        });
        let policy = json!({ "effect": "allow", "resources": resources, "permission_groups": ids });
        let body = json!({ "name": name, "policies": [policy] });
        let token: Value = self.ask(Method::POST, "/user/tokens", Some(body)).await?;
        let value = token["value"].as_str().map(str::to_owned);
        value.ok_or_else(|| Failure::new("POST /user/tokens answered without the token's value"))
    }

    /// Whether the control-api knows the token and it is active.
    pub async fn token_works(&self) -> Result<bool, Failure> {
        let answer = self.call(Method::GET, "/user/tokens/verify", None).await?;
        Ok(answer.status == 200 && answer.body["result"]["status"] == "active")
    }

    /// `POST custom_hostnames` with http validation. `more` is merged into the body.
    pub async fn create_hostname(
        &self,
        zone: &str,
        hostname: &str,
        more: Value,
    ) -> Result<CustomHostname, Failure> {
        let path = format!("/zones/{zone}/custom_hostnames");
        self.ask(Method::POST, &path, Some(hostname_body(hostname, more))).await
    }

    /// One custom hostname by its id.
    pub async fn hostname(&self, zone: &str, id: &str) -> Result<CustomHostname, Failure> {
        self.ask(Method::GET, &format!("/zones/{zone}/custom_hostnames/{id}"), None).await
    }

    /// One custom hostname by its name, if it exists.
    pub async fn find_hostname(
        &self,
        zone: &str,
        hostname: &str,
    ) -> Result<Option<CustomHostname>, Failure> {
        let path = format!("/zones/{zone}/custom_hostnames?hostname.exact={hostname}");
        let found: Vec<CustomHostname> = self.ask(Method::GET, &path, None).await?;
        Ok(found.into_iter().next())
    }
}

/// control-api closes a connection that is idle for 30 s: a request must not meet that moment.
const KEEP: Duration = Duration::from_secs(15);

/// The body of `POST custom_hostnames`.
#[must_use]
pub fn hostname_body(hostname: &str, more: Value) -> Value {
    let mut body = json!({ "hostname": hostname, "ssl": { "method": "http", "type": "dv" } });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}
