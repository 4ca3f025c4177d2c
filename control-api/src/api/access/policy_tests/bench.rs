//! Where policies are tried: by the same function as at the edge, and by what the edge knows.

use access::known::Reply;
use access::policy::Verdict;
use access::{Here, Known, Need};
use edge_state::access::OrganizationRecord;
use edge_state::seal::KeyRing;
use edge_state::{Entry, Hostname, Key};

use crate::api::ApiError;
use crate::api::access::applications::stored;
use crate::api::access::object::Context;
use crate::api::access::publish;
use crate::store::changes;

/// An organisation, and what was read of it so far.
pub struct Bench {
    organization: OrganizationRecord,
    known: Known,
    keys: KeyRing,
}

impl Bench {
    /// Of the account.
    pub async fn of(cx: &mut Context<'_>) -> Result<Self, ApiError> {
        let auth_domain = stored::auth_domain(cx).await?;
        let key = Key::Organization(auth_domain.clone());
        let organization = publish::known(cx, &key).await?;
        let organization = organization.unwrap_or_else(|| bare(cx.account_id, auth_domain));
        // Policies seal nothing: no key of ours is needed.
        let keys = KeyRing::parse(NO_KEY).map_err(|_| ApiError::Internal)?;
        Ok(Self { organization, known: Known::default(), keys })
    }

    /// The organisation, as the edge has it.
    #[must_use]
    pub fn organization(&self) -> &OrganizationRecord {
        &self.organization
    }

    /// Asks until nothing is missing: groups and lists are read where the edge reads them, and
    /// nobody outside is asked.
    pub async fn ask<T>(
        &mut self,
        cx: &mut Context<'_>,
        question: impl Fn(&Known, &Here<'_>, &OrganizationRecord) -> Result<T, Need>,
    ) -> Result<T, ApiError> {
        for _ in 0..MAX_ROUNDS {
            let entropy = [0; 32];
            let here =
                Here { now_millis: cx.now, entropy: &entropy, keys: &self.keys, https_port: None };
            match question(&self.known, &here, &self.organization) {
                Ok(answer) => return Ok(answer),
                Err(Need::Record(key)) => self.read(cx, key).await?,
                Err(Need::Records(keys)) => {
                    for key in keys {
                        self.read(cx, key).await?;
                    }
                }
                Err(need) => {
                    self.known.insert(need, Reply::Failed("not asked in a test".to_owned()));
                }
            }
        }
        tracing::error!("policies ask for more than {MAX_ROUNDS} records");
        Err(ApiError::Internal)
    }

    async fn read(&mut self, cx: &mut Context<'_>, key: Key) -> Result<(), ApiError> {
        let text = changes::value(cx.tx, &key).await?;
        let entry = Entry::decode(&key, text.as_deref()).map_err(|error| {
            tracing::error!(%error, %key, "a record cannot be read");
            ApiError::Internal
        })?;
        self.known.insert_record(key, entry);
        Ok(())
    }
}

/// Whether and why, for people.
#[must_use]
pub fn summary(verdict: &Verdict, policies: &[edge_state::access::Policy]) -> serde_json::Value {
    let policy = verdict.outcome.policy().and_then(|index| policies.get(index));
    serde_json::json!({
        "admitted": verdict.outcome.admits(),
        "outcome": verdict.outcome,
        "policy": policy.map(|policy| serde_json::json!({"id": policy.id, "name": policy.name})),
        "reason": verdict.reason(),
    })
}

/// An organisation of which the edge has not heard yet.
fn bare(account_id: &str, auth_domain: Hostname) -> OrganizationRecord {
    OrganizationRecord {
        account_id: account_id.to_owned(),
        name: auth_domain.to_string(),
        auth_domain,
        enabled: true,
        session_seconds: 86_400,
        auto_redirect_to_identity: false,
        strict_service_token_auth: false,
        login_design: edge_state::access::organization::LoginDesign::default(),
        identity_providers: Vec::new(),
        origin_headers: Vec::new(),
        launcher: None,
        applications: Vec::new(),
        identity_denied_html: None,
        forbidden_html: None,
    }
}

const NO_KEY: &str = "none:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const MAX_ROUNDS: usize = 2_000;
