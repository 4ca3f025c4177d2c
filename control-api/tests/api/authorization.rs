//! Who may do what: every operation of the description, asked by every kind of caller. An operation
//! without a row here fails the test.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::access_matrix;
use crate::lab::{Lab, Tenant, lab};
use crate::openapi::{concrete, operations};

/// What an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    /// A valid token, whatever it may do.
    Token,
    /// Hears whether the token is valid: a token that has ended is told so.
    Verify,
    /// Permission for the user.
    User,
    /// Permission for all accounts.
    AllAccounts,
    /// Permission in the account of the path.
    Account,
    /// Any permission in the account of the path.
    AccountAny,
    /// As [`Needs::Verify`], by a token that works in the account.
    AccountVerify,
    /// Permission to make a zone somewhere; where, stands in the body.
    NewZone,
    /// Permission in the zone of the path.
    Zone,
    /// Any permission in the zone of the path.
    ZoneAny,
}

#[rustfmt::skip]
const MATRIX: &[(&str, &str, Needs)] = &[
    ("GET", "/client/v4/user", Needs::User),
    ("POST", "/client/v4/user/tokens", Needs::User),
    ("GET", "/client/v4/user/tokens", Needs::User),
    ("GET", "/client/v4/user/tokens/verify", Needs::Verify),
    ("GET", "/client/v4/user/tokens/permission_groups", Needs::Token),
    ("GET", "/client/v4/user/tokens/{token_id}", Needs::User),
    ("PUT", "/client/v4/user/tokens/{token_id}", Needs::User),
    ("DELETE", "/client/v4/user/tokens/{token_id}", Needs::User),
    ("PUT", "/client/v4/user/tokens/{token_id}/value", Needs::User),
    ("POST", "/client/v4/accounts", Needs::AllAccounts),
    ("GET", "/client/v4/accounts", Needs::Token),
    ("GET", "/client/v4/accounts/{account_id}", Needs::AccountAny),
    ("POST", "/client/v4/accounts/{account_id}/tokens", Needs::Account),
    ("GET", "/client/v4/accounts/{account_id}/tokens", Needs::Account),
    ("GET", "/client/v4/accounts/{account_id}/tokens/verify", Needs::AccountVerify),
    ("GET", "/client/v4/accounts/{account_id}/tokens/permission_groups", Needs::Account),
    ("GET", "/client/v4/accounts/{account_id}/tokens/{token_id}", Needs::Account),
    ("PUT", "/client/v4/accounts/{account_id}/tokens/{token_id}", Needs::Account),
    ("DELETE", "/client/v4/accounts/{account_id}/tokens/{token_id}", Needs::Account),
    ("PUT", "/client/v4/accounts/{account_id}/tokens/{token_id}/value", Needs::Account),
    ("POST", "/client/v4/zones", Needs::NewZone),
    ("GET", "/client/v4/zones", Needs::Token),
    ("GET", "/client/v4/zones/{zone_id}", Needs::ZoneAny),
    ("PATCH", "/client/v4/zones/{zone_id}", Needs::Zone),
    ("DELETE", "/client/v4/zones/{zone_id}", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/settings", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/settings/{setting_id}", Needs::Zone),
    ("PATCH", "/client/v4/zones/{zone_id}/settings/{setting_id}", Needs::Zone),
    ("POST", "/client/v4/zones/{zone_id}/custom_hostnames", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/custom_hostnames", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/custom_hostnames/quota", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/custom_hostnames/{custom_hostname_id}", Needs::Zone),
    ("PATCH", "/client/v4/zones/{zone_id}/custom_hostnames/{custom_hostname_id}", Needs::Zone),
    ("DELETE", "/client/v4/zones/{zone_id}/custom_hostnames/{custom_hostname_id}", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/custom_hostnames/fallback_origin", Needs::Zone),
    ("PUT", "/client/v4/zones/{zone_id}/custom_hostnames/fallback_origin", Needs::Zone),
    ("DELETE", "/client/v4/zones/{zone_id}/custom_hostnames/fallback_origin", Needs::Zone),
    ("GET", "/client/v4/zones/{zone_id}/dcv_delegation/uuid", Needs::Zone),
    ("GET", "/client/v4/lintel/points_of_presence", Needs::AllAccounts),
    ("DELETE", "/client/v4/lintel/points_of_presence/{name}", Needs::AllAccounts),
];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Nobody,
    Stranger,
    Expired,
    /// May read everything in its own account and zone.
    Reader,
    /// May edit everything in another account.
    OtherAccount,
    /// May edit everything in another zone of the same account.
    OtherZone,
    /// May edit everything in its own account and zone, and nothing of the user.
    Editor,
    /// May edit the user.
    User,
}

const EVERYBODY: [Who; 8] = [
    Who::Nobody,
    Who::Stranger,
    Who::Expired,
    Who::Reader,
    Who::OtherAccount,
    Who::OtherZone,
    Who::Editor,
    Who::User,
];

#[expect(clippy::match_same_arms, reason = "one arm, one sentence")]
/// The refusal that is due; `None`: let in, whatever the answer is then.
fn due(needs: Needs, method: &str, who: Who) -> Option<(u16, u64)> {
    let (out_of_reach, lacking) = (Some((403, 10000)), Some((403, 9109)));
    let reads = method == "GET";
    match (who, needs) {
        (Who::Nobody, _) => Some((400, 9106)),
        (Who::Stranger, Needs::Verify | Needs::AccountVerify) => Some((401, 1000)),
        (Who::Stranger, _) => out_of_reach,
        (Who::Expired, Needs::Verify | Needs::AccountVerify) => None,
        (Who::Expired, _) => out_of_reach,
        (_, Needs::Token | Needs::Verify) => None,
        (Who::User, Needs::User) => None,
        (_, Needs::User) => lacking,
        (_, Needs::AllAccounts) => out_of_reach,
        (Who::OtherAccount | Who::OtherZone | Who::User, Needs::AccountVerify) => Some((401, 1000)),
        (_, Needs::AccountVerify) => None,
        (Who::Reader | Who::OtherZone | Who::User, Needs::NewZone) => lacking,
        (_, Needs::NewZone) => None,
        (Who::Editor, _) => None,
        (Who::Reader, Needs::AccountAny | Needs::ZoneAny) => None,
        (Who::Reader, Needs::Account | Needs::Zone) => {
            if reads {
                None
            } else {
                lacking
            }
        }
        (Who::OtherAccount | Who::OtherZone | Who::User, _) => out_of_reach,
    }
}

struct Cast {
    own: Tenant,
    tokens: Vec<(Who, String)>,
}

#[tokio::test]
async fn every_operation_refuses_whom_it_must() {
    let lab = lab().await;
    let cast = cast(&lab).await;
    let mut described = operations();
    // Last, for then the zone is gone.
    described.sort_by_key(|(method, path)| method == "DELETE" && path.ends_with("{zone_id}"));
    for (method, path) in &described {
        let needs = needs(method, path);
        let needs = needs.unwrap_or_else(|| panic!("{method} {path} has no row in MATRIX"));
        for who in EVERYBODY {
            let token =
                cast.tokens.iter().find(|(w, _)| *w == who).map(|(_, token)| token.as_str());
            let answer = ask(&lab, &cast.own, token, method, path).await;
            if let Some(refusal) = due(needs, method, who) {
                assert_eq!(answer, refusal, "{who:?} at {method} {path}");
                continue;
            }
            let refusals = [(400, 9106), (401, 1000), (403, 10000), (403, 9109)];
            let let_in = !refusals.contains(&answer) && answer.0 < 500;
            assert!(let_in, "{who:?} at {method} {path}: {answer:?}");
        }
    }
    let mut rows: Vec<_> =
        MATRIX.iter().map(|(method, path, _)| (*method, (*path).to_owned())).collect();
    for (method, below, twin) in access_matrix::rows() {
        rows.push((*method, format!("/client/v4/accounts/{{account_id}}{below}")));
        if *twin {
            rows.push((*method, format!("/client/v4/zones/{{zone_id}}{below}")));
        }
    }
    for (method, path) in rows {
        let known = described.contains(&(method.to_owned(), path.clone()));
        assert!(known, "{method} {path} has a row, but is not served");
    }
}

fn needs(method: &str, path: &str) -> Option<Needs> {
    let row = MATRIX.iter().find(|(m, p, _)| *m == method && p == &path);
    let access = || access_matrix::find(method, path).map(|_| Needs::Account);
    row.map(|(_, _, needs)| *needs).or_else(access)
}

/// Access belongs to the account: a token for one zone does not reach it through that zone.
#[tokio::test]
async fn a_token_for_a_zone_has_no_say_in_its_account() {
    let lab = lab().await;
    let own = lab.tenant("own.com").await;
    let groups = lab.operator("GET", "/user/tokens/permission_groups", Value::Null).await;
    let all = groups.result().as_array().expect("groups").iter();
    let names: Vec<_> = all.filter_map(|group| group["name"].as_str()).collect();
    let zone_only = lab.token(&own.zone_resource(), &names, json!({})).await;
    for (method, below, _) in access_matrix::rows().filter(|(_, _, twin)| *twin) {
        let path = format!("/client/v4/zones/{}{below}", own.zone);
        let answer = ask(&lab, &own, Some(&zone_only), method, &path).await;
        assert_eq!(answer, (403, 9109), "{method} {path}");
    }
}

/// Whatever is foreign and whatever does not exist are answered alike.
#[tokio::test]
async fn a_foreign_object_looks_like_none() {
    let lab = lab().await;
    let (own, other) = (lab.tenant("own.com").await, lab.tenant("other.com").await);
    let token = lab
        .token(&own.account_resource(), &["Zone Write", "Account Settings Write"], json!({}))
        .await;
    for path in ["/zones/{zone}", "/zones/{zone}/settings", "/accounts/{account}"] {
        let foreign = path.replace("{zone}", &other.zone).replace("{account}", &other.account);
        let nothing = path.replace("{zone}", &"0".repeat(32)).replace("{account}", &"0".repeat(32));
        let foreign = lab.ask(&token, "GET", &foreign, Value::Null).await;
        let nothing = lab.ask(&token, "GET", &nothing, Value::Null).await;
        assert_eq!(foreign.outcome(), (403, 10000));
        assert_eq!(foreign.text, nothing.text, "{path}");
    }
    for path in ["/zones", "/zones?name=other.com", "/accounts"] {
        let listed = lab.ask(&token, "GET", path, Value::Null).await;
        assert!(
            !listed.text.contains(&other.zone) && !listed.text.contains(&other.account),
            "{path}"
        );
    }
    assert_eq!(
        lab.ask(&token, "GET", "/zones", Value::Null).await.result()[0]["id"],
        own.zone.as_str()
    );
}

async fn ask(lab: &Lab, own: &Tenant, token: Option<&str>, method: &str, path: &str) -> (u16, u64) {
    let path = path.replace("{account_id}", &own.account).replace("{zone_id}", &own.zone);
    let mut request = Request::builder().method(method).uri(concrete(&path));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    // A body that no operation takes, so that nobody changes what the next one asks for.
    let body = json!({"no such field": true}).to_string();
    lab.send(request.body(Body::from(body)).expect("a request")).await.outcome()
}

async fn cast(lab: &Lab) -> Cast {
    let (own, other) = (lab.tenant("own.com").await, lab.tenant("other.com").await);
    let sibling = json!({"name": "sibling.com", "account": {"id": own.account}});
    let sibling = lab.operator("POST", "/zones", sibling).await.id();
    let sibling = format!("com.cloudflare.api.account.zone.{sibling}");
    let groups = lab.operator("GET", "/user/tokens/permission_groups", Value::Null).await;
    let named = |end: &str| -> Vec<String> {
        let all = groups.result().as_array().expect("groups").iter();
        let names = all.filter_map(|group| group["name"].as_str());
        names.filter(|name| name.ends_with(end)).map(str::to_owned).collect()
    };
    let (reads, mut writes) = (named("Read"), named("Write"));
    // Nobody writes there but the edges.
    writes.push("Access: Audit Logs Read".to_owned());
    let reads: Vec<_> = reads.iter().map(String::as_str).collect();
    let writes: Vec<_> = writes.iter().map(String::as_str).collect();
    let past = json!({"expires_on": "2020-01-01T00:00:00Z"});
    let user = format!("com.cloudflare.api.user.{}", "0".repeat(32));
    let mut tokens = vec![(Who::Stranger, "no-such-token".to_owned())];
    for (who, resource, groups, more) in [
        (Who::Expired, own.account_resource(), &writes, past),
        (Who::Reader, own.account_resource(), &reads, json!({})),
        (Who::OtherAccount, other.account_resource(), &writes, json!({})),
        (Who::OtherZone, sibling, &writes, json!({})),
        (Who::Editor, own.account_resource(), &writes, json!({})),
        (Who::User, user, &writes, json!({})),
    ] {
        tokens.push((who, lab.token(&resource, groups, more).await));
    }
    Cast { own, tokens }
}
