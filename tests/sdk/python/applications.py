"""Access applications, their policies and policy tests by the official Python SDK.

    LINTEL_API=.. LINTEL_TOKEN=.. LINTEL_ACCOUNT_ID=.. LINTEL_ZONE_ID=.. python applications.py

Leaves nothing behind but the organisation's team domain, if there was none.
"""

import os
import re
import secrets

import cloudflare
from cloudflare import Cloudflare

from checks import check, refused, run_checks

ACCOUNT = os.environ["LINTEL_ACCOUNT_ID"]
ZONE = os.environ["LINTEL_ZONE_ID"]
client = Cloudflare(base_url=os.environ["LINTEL_API"], api_token=os.environ["LINTEL_TOKEN"])
applications = client.zero_trust.access.applications
policies = client.zero_trust.access.policies
organizations = client.zero_trust.organizations
run = secrets.token_hex(4)


def host(name):
    return f"{name}-py-{run}.{zone.name}"


def everyone(name):
    return {"account_id": ACCOUNT, "name": name, "decision": "allow", "include": [{"everyone": {}}]}


zone = client.zones.get(zone_id=ZONE)
if not organizations.list(account_id=ACCOUNT).auth_domain:
    organizations.update(account_id=ACCOUNT, name="SDK", auth_domain=f"team.{zone.name}")
auth_domain = organizations.list(account_id=ACCOUNT).auth_domain


@check("access.policies: create, get, update, list, delete")
def reusable():
    made = policies.create(
        account_id=ACCOUNT,
        name=f"Staff {run}",
        decision="allow",
        include=[{"email_domain": {"domain": "saas.com"}}],
        require=[{"geo": {"country_code": "DE"}}],
        session_duration="30m",
        approval_required=True,
        approval_groups=[{"approvals_needed": 1, "email_addresses": ["b@saas.com"]}],
    )
    assert (made.reusable, made.session_duration, made.approval_groups[0].approvals_needed) == (True, "30m", 1)
    assert policies.get(policy_id=made.id, account_id=ACCOUNT).to_dict() == made.to_dict()
    bare = policies.update(policy_id=made.id, **everyone("Bare"))
    assert (bare.session_duration, bare.require, bare.approval_required) == ("24h", None, None)
    assert made.id in [policy.id for policy in policies.list(account_id=ACCOUNT)]
    spoiled = {**everyone("Bare"), "include": [{"email_domain": {}}]}
    refused(lambda: policies.update(policy_id=made.id, **spoiled), cloudflare.BadRequestError)
    policies.delete(policy_id=made.id, account_id=ACCOUNT)
    refused(lambda: policies.get(policy_id=made.id, account_id=ACCOUNT), cloudflare.NotFoundError)


@check("access.applications of type self_hosted: create, get, update, list, settings, delete")
def self_hosted():
    one, two = policies.create(**everyone(f"One {run}")), policies.create(**everyone(f"Two {run}"))
    made = applications.create(
        account_id=ACCOUNT,
        type="self_hosted",
        name=f"Wiki {run}",
        domain=host("wiki"),
        destinations=[{"type": "public", "uri": host("wiki")}, {"type": "public", "uri": f"{host('docs')}/a"}],
        session_duration="90m",
        cors_headers={"allowed_origins": ["https://a.com"], "max_age": 0},
        policies=[{"id": two.id, "precedence": 2}, {"id": one.id, "precedence": 1}],
    )
    assert [(policy.id, policy.precedence) for policy in made.policies] == [(one.id, 1), (two.id, 2)]
    assert (made.session_duration, made.cors_headers.max_age) == ("90m", 0)
    assert re.fullmatch("[0-9a-f]{64}", made.aud)
    assert applications.get(app_id=made.id, account_id=ACCOUNT).to_dict() == made.to_dict()
    assert applications.get(app_id=made.id, zone_id=ZONE).to_dict() == made.to_dict()
    listed = applications.list(account_id=ACCOUNT, domain=host("wiki"), exact=True)
    assert [application.id for application in listed] == [made.id]
    kept = applications.update(app_id=made.id, account_id=ACCOUNT, type="self_hosted", domain=host("moved"))
    assert (kept.aud, kept.domain, len(kept.policies)) == (made.aud, host("moved"), 2)
    assert (kept.self_hosted_domains, kept.destinations[0].uri) == ([host("moved")], host("moved"))
    assert (kept.session_duration, kept.http_only_cookie_attribute, kept.cors_headers) == ("24h", True, None)
    settings = applications.settings.update(app_id=made.id, account_id=ACCOUNT, allow_iframe=True)
    assert (settings.allow_iframe, settings.skip_interstitial) == (True, None)
    edited = applications.settings.edit(app_id=made.id, account_id=ACCOUNT, skip_interstitial=True)
    assert (edited.allow_iframe, edited.skip_interstitial) == (True, True)
    applications.revoke_tokens(app_id=made.id, account_id=ACCOUNT)
    checked = applications.user_policy_checks.list(app_id=made.id, account_id=ACCOUNT)
    assert (checked.app_state.app_uid, checked.app_state.aud) == (made.id, made.aud)
    taken = {"account_id": ACCOUNT, "type": "self_hosted", "domain": host("moved")}
    refused(lambda: applications.create(**taken), cloudflare.ConflictError)
    assert applications.delete(app_id=made.id, account_id=ACCOUNT).id == made.id
    refused(lambda: applications.get(app_id=made.id, account_id=ACCOUNT), cloudflare.NotFoundError)
    for policy in (one, two):
        policies.delete(policy_id=policy.id, account_id=ACCOUNT)


@check("access.applications of type saas: what is ours, and the secret once")
def saas():
    mail = {
        "name": "mail",
        "friendly_name": "E-mail",
        "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
        "required": True,
        "source": {"name": "email", "name_by_idp": [{"idp_id": "i-1", "source_name": "mail"}]},
    }
    saml_app = {
        "auth_type": "saml",
        "sp_entity_id": "urn:sp",
        "consumer_service_url": "https://sp.com/acs",
        "name_id_format": "id",
        "default_relay_state": "/start",
        "name_id_transform_jsonata": "email",
        "saml_attribute_transform_jsonata": '{"mail": email}',
        "custom_attributes": [mail],
    }
    saml = applications.create(
        account_id=ACCOUNT,
        type="saas",
        name=f"CRM {run}",
        saas_app=saml_app,
    )
    assert saml.saas_app.sso_endpoint == f"https://{auth_domain}/access/sso/saml/{saml.id}"
    assert saml.saas_app.idp_entity_id == saml.saas_app.sso_endpoint
    shown = saml.saas_app.to_dict()
    ours = {name: shown.pop(name) for name in ("sso_endpoint", "idp_entity_id", "public_key")}
    assert shown == saml_app
    assert applications.get(app_id=saml.id, account_id=ACCOUNT).saas_app == saml.saas_app
    bare = {name: saml_app[name] for name in ("auth_type", "sp_entity_id", "consumer_service_url")}
    again = applications.update(app_id=saml.id, account_id=ACCOUNT, type="saas", name=f"CRM {run}", saas_app=bare)
    assert again.saas_app.to_dict() == bare | ours
    assert "BEGIN CERTIFICATE" in saml.saas_app.public_key
    oidc = applications.create(
        account_id=ACCOUNT, type="saas", saas_app={"auth_type": "oidc", "redirect_uris": ["https://a.com/cb"]}
    )
    assert re.fullmatch("[0-9a-f]{64}", oidc.saas_app.client_secret)
    later = applications.get(app_id=oidc.id, account_id=ACCOUNT).saas_app
    assert (later.client_id, later.client_secret) == (oidc.saas_app.client_id, None)
    for application in (saml, oidc):
        applications.delete(app_id=application.id, account_id=ACCOUNT)


@check("access.applications of the other types")
def others():
    for sent in (
        {"type": "bookmark", "name": "Help", "domain": "https://saas.com/help"},
        {"type": "app_launcher", "bg_color": "#112233"},
        {"type": "warp"},
        {"type": "vnc", "domain": host("vnc")},
    ):
        made = applications.create(account_id=ACCOUNT, **sent)
        for field, value in sent.items():
            assert getattr(made, field) == value, (field, made)
        assert applications.get(app_id=made.id, account_id=ACCOUNT).to_dict() == made.to_dict()
        applications.delete(app_id=made.id, account_id=ACCOUNT)


@check("access.applications.policies: create, get, update, list, delete")
def scoped():
    app = applications.create(account_id=ACCOUNT, type="self_hosted", domain=host("legacy")).id
    below = {"app_id": app, "account_id": ACCOUNT}
    body = {"name": "Own", "decision": "allow", "include": [{"everyone": {}}]}
    own = applications.policies.create(**below, extra_body=body)
    assert own.precedence == 1
    assert applications.policies.get(policy_id=own.id, **below).to_dict() == own.to_dict()
    moved = applications.policies.update(policy_id=own.id, **below, extra_body={**body, "precedence": 7})
    assert moved.precedence == 7
    assert [policy.id for policy in applications.policies.list(**below)] == [own.id]
    assert applications.policies.delete(policy_id=own.id, **below).id == own.id
    applications.delete(app_id=app, account_id=ACCOUNT)


@check("access.applications.policy_tests: create, get, users")
def policy_tests():
    tests = applications.policy_tests
    inline = {"name": "T", "decision": "allow", "include": [{"everyone": {}}]}
    made = tests.create(account_id=ACCOUNT, policies=[inline])
    assert made.status == "success"
    test = tests.get(policy_test_id=made.id, account_id=ACCOUNT)
    assert (test.id, test.status, test.percent_users_processed) == (made.id, "complete", 100)
    users = list(tests.users.list(policy_test_id=made.id, account_id=ACCOUNT))
    assert len(users) == test.total_users


@check("access.applications.cas: there are none")
def certificates():
    assert list(applications.cas.list(account_id=ACCOUNT)) == []


run_checks()
