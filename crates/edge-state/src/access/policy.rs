//! Policies, and what their rules refer to: `group:{id}`, `list:{id}`.

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::{Key, Record};

/// One policy of an application.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Policy {
    /// UUID.
    pub id: String,
    /// What administrators read.
    pub name: String,
    /// What happens to whom it matches.
    pub decision: Decision,
    /// One of these must hold.
    pub include: Vec<Rule>,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Rule>,
    /// None of these may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Rule>,
    /// Seconds; absent: as the application says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_seconds: Option<u64>,
    /// `purpose_justification_required`: the person says why.
    #[serde(default, skip_serializing_if = "is_false")]
    pub justification_required: bool,
    /// `purpose_justification_prompt`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification_prompt: Option<String>,
    /// `approval_required`: others agree first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub approval_required: bool,
    /// `approval_groups`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval_groups: Vec<ApprovalGroup>,
}

/// People of whom so many must agree.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApprovalGroup {
    /// How many.
    pub approvals_needed: u32,
    /// Their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email_addresses: Vec<String>,
    /// A list with more of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_list_id: Option<String>,
}

/// `decision`
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Comes in, with an identity.
    Allow,
    /// Stays out.
    Deny,
    /// Comes in without being asked anything.
    Bypass,
    /// "Service Auth": comes in as a machine.
    NonIdentity,
}

/// One rule: exactly one selector, spelled as in the contract.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// This address.
    Email {
        /// Compared without regard to ASCII case.
        email: String,
    },
    /// Any address of this domain.
    EmailDomain {
        /// Without `@`.
        domain: String,
    },
    /// Any address of this list.
    EmailList {
        /// Of [`ListRecord`].
        id: String,
    },
    /// Everybody who signed in; with `bypass`, everybody.
    Everyone {},
    /// From this network.
    Ip {
        /// CIDR.
        ip: String,
    },
    /// From any network of this list.
    IpList {
        /// Of [`ListRecord`].
        id: String,
    },
    /// From this country.
    Geo {
        /// ISO 3166-1 alpha-2.
        country_code: String,
    },
    /// Whoever this Access group holds.
    Group {
        /// Of [`GroupRecord`].
        id: String,
    },
    /// By this provider.
    LoginMethod {
        /// Of [`super::IdentityProviderRecord`].
        id: String,
    },
    /// With this factor among those that the provider names.
    AuthMethod {
        /// RFC 8176.
        auth_method: String,
    },
    /// With this Entra authentication context.
    AuthContext {
        /// Object id.
        id: String,
        /// `c1` .. `c99`
        ac_id: String,
        /// Provider.
        identity_provider_id: String,
    },
    /// Member of this Entra group.
    #[serde(rename = "azureAD")]
    AzureAd {
        /// Object id.
        id: String,
        /// Provider.
        identity_provider_id: String,
    },
    /// Member of this GitHub organisation.
    #[serde(rename = "github-organization")]
    GithubOrganization {
        /// Login of the organisation.
        name: String,
        /// Provider.
        identity_provider_id: String,
        /// And of this team in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
    },
    /// Member of this Google group.
    Gsuite {
        /// Of the group.
        email: String,
        /// Provider.
        identity_provider_id: String,
    },
    /// Member of this Okta group.
    Okta {
        /// Of the group.
        name: String,
        /// Provider.
        identity_provider_id: String,
    },
    /// With this SAML attribute.
    Saml {
        /// Name.
        attribute_name: String,
        /// Value.
        attribute_value: String,
        /// Provider.
        identity_provider_id: String,
    },
    /// With this OIDC claim.
    Oidc {
        /// Name.
        claim_name: String,
        /// Value.
        claim_value: String,
        /// Provider.
        identity_provider_id: String,
    },
    /// With any client certificate that verifies.
    Certificate {},
    /// With a client certificate of this common name.
    CommonName {
        /// Compared exactly.
        common_name: String,
    },
    /// With this service token.
    ServiceToken {
        /// Its id.
        token_id: String,
    },
    /// With any service token.
    AnyValidServiceToken {},
    /// With a token that another application was given.
    LinkedAppToken {
        /// That application.
        app_uid: String,
    },
    /// From a device that meets this posture rule.
    DevicePosture {
        /// The posture rule.
        integration_uid: String,
        /// Of another account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<String>,
    },
    /// If a service of the operator's says so.
    ExternalEvaluation {
        /// Asked with a signed token.
        evaluate_url: String,
        /// JWKS that its answer is verified by.
        keys_url: String,
    },
    /// With one of these risk scores.
    UserRiskScore {
        /// `low`, `medium`, `high`, `unscored`
        user_risk_score: Vec<String>,
    },
    /// Member of the account.
    CloudflareAccountMember {
        /// Of another account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<String>,
    },
}

/// An Access group: rules with a name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GroupRecord {
    /// UUID.
    pub id: String,
    /// What administrators read.
    pub name: String,
    /// One of these must hold.
    pub include: Vec<Rule>,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Rule>,
    /// None of these may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Rule>,
}

/// A list: addresses of people, or networks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ListRecord {
    /// UUID.
    pub id: String,
    /// `EMAIL`, `IP`, `SERIAL`, ..
    #[serde(rename = "type")]
    pub kind: String,
    /// Normalised and sorted, so that it can be searched: lower case, networks as CIDR.
    pub values: Vec<String>,
}

impl Record for GroupRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Group(self.id.clone())
    }
}

impl Record for ListRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::List(self.id.clone())
    }
}
