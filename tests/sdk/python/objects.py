"""Organizations, keys, identity providers, groups, service tokens, client CAs, lists, pages, tags and posture by the official Python SDK.

    LINTEL_API=.. LINTEL_TOKEN=.. LINTEL_ACCOUNT_ID=.. LINTEL_ZONE_ID=.. python objects.py

Prints each check; ends with 0 if all hold. Leaves nothing behind but the organization, which the contract cannot delete.
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
trust = client.zero_trust
access = trust.access
run = secrets.token_hex(4)
zone = client.zones.get(zone_id=ZONE)

# A CA that signs nothing; its key was never kept.
CA = """-----BEGIN CERTIFICATE-----
MIIBmDCCAT2gAwIBAgIUdxX1gpVhgtKduvse62Tdb0UYkSwwCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVTGludGVsIHRlc3QgY2xpZW50IENBMCAXDTI2MTEyMTE1MDQ1
OFoYDzIxMjYxMDI4MTUwNDU4WjAgMR4wHAYDVQQDDBVMaW50ZWwgdGVzdCBjbGll
bnQgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARL0okr7xpME3j1HzFHN1WC
pJKh313ErT7X34sVpjdD6YDy/k84v5QgCRY3ICuzjeHG50XlJ4BUSSna6E+0XnxW
o1MwUTAdBgNVHQ4EFgQUjwdBF5b0jLGuCwenDJfqfK+lGZYwHwYDVR0jBBgwFoAU
jwdBF5b0jLGuCwenDJfqfK+lGZYwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNJADBGAiEAu8x5eUg4XIf066Ac9vtX1V5fiOpCmVkWryxnY1qlBPMCIQDJiyzU
cUmffW9S51JxKqexey30NmmuTkuEV4VzYXBScg==
-----END CERTIFICATE-----
"""


def gone(call):
    refused(call, cloudflare.NotFoundError)


def repeats(answer, sent):
    """What was set is answered as it was set."""
    answer = answer.to_dict()
    for name, value in sent.items():
        assert answer.get(name) == value, (name, answer.get(name), value)
    return answer


@check("organizations: list, update")
def _():
    sent = {"name": f"py-{run}", "auth_domain": f"team.{zone.name}", "session_duration": "6h"}
    repeats(trust.organizations.update(account_id=ACCOUNT, **sent), sent)
    read = repeats(trust.organizations.list(account_id=ACCOUNT), sent)
    assert "custom_pages" not in read and read["is_ui_read_only"] is False
    twice = lambda: trust.organizations.create(account_id=ACCOUNT, name="x", auth_domain=f"x.{zone.name}")
    refused(twice, cloudflare.ConflictError)


@check("keys: get, update, rotate")
def _():
    assert access.keys.get(account_id=ACCOUNT).key_rotation_interval_days >= 21
    assert access.keys.update(account_id=ACCOUNT, key_rotation_interval_days=42).key_rotation_interval_days == 42
    assert access.keys.rotate(account_id=ACCOUNT).days_until_next_rotation == 42


@check("identity providers and groups")
def _():
    providers = trust.identity_providers
    config = {"client_id": "c", "directory_id": "d", "claims": ["z", "a"], "support_groups": True}
    hidden = f"hidden-{run}"
    made = providers.create(
        account_id=ACCOUNT, name=f"py-{run}", type="azureAD", config={**config, "client_secret": hidden}
    )
    config["redirect_url"] = f"https://team.{zone.name}/access/callback/{made.id}"
    repeats(made, {"config": config, "type": "azureAD"})
    read = providers.get(identity_provider_id=made.id, account_id=ACCOUNT)
    assert read.to_dict() == made.to_dict()
    assert hidden not in str([p.to_dict() for p in providers.list(account_id=ACCOUNT)])
    sent = {"name": f"py-{run}", "include": [{"azureAD": {"id": "g", "identity_provider_id": made.id}}]}
    group = access.groups.create(account_id=ACCOUNT, **sent)
    repeats(group, sent)
    found = list(access.groups.list(account_id=ACCOUNT, name=sent["name"]))
    assert [g.id for g in found] == [group.id]
    delete = lambda: providers.delete(identity_provider_id=made.id, account_id=ACCOUNT)
    refused(delete, cloudflare.ConflictError)
    everyone = {"name": "E", "include": [{"everyone": {}}]}
    repeats(access.groups.update(group_id=group.id, account_id=ACCOUNT, **everyone), everyone)
    access.groups.delete(group_id=group.id, account_id=ACCOUNT)
    gone(lambda: access.groups.get(group_id=group.id, account_id=ACCOUNT))
    assert delete().id == made.id
    gone(lambda: providers.get(identity_provider_id=made.id, account_id=ACCOUNT))
    wrong = lambda: providers.create(account_id=ACCOUNT, name="x", type="okta", config={"client_id": "c"})
    refused(wrong, cloudflare.BadRequestError)


@check("SAML providers and their certificate sets")
def _():
    providers, sets = trust.identity_providers, access.saml_certificates
    config = {
        "sso_target_url": "https://idp.example.net/sso",
        "issuer_url": "https://idp.example.net",
        "idp_public_certs": [CA],
        "force_authn": True,
        "header_attributes": [{"attribute_name": "groups", "header_name": "X-Groups"}],
    }
    made = providers.create(account_id=ACCOUNT, name=f"py-saml-{run}", type="saml", config=config)
    config["redirect_url"] = f"https://team.{zone.name}/access/callback/{made.id}"
    repeats(made, {"config": config})
    made_set = providers.saml_certificate.create(identity_provider_id=made.id, account_id=ACCOUNT)
    read = sets.get(saml_cert_set_id=made_set.uid, account_id=ACCOUNT)
    assert read.to_dict() == made_set.to_dict() and read.previous_certificate is None
    assert [s.uid for s in sets.list(account_id=ACCOUNT, id=made_set.uid)] == [made_set.uid]
    pem = sets.get_pem(saml_cert_set_id=made_set.uid, account_id=ACCOUNT).read().decode()
    assert pem == made_set.current_certificate.public_certificate
    rotated = sets.rotate(saml_cert_set_id=made_set.uid, account_id=ACCOUNT)
    assert rotated.to_dict()["previous_certificate"]["uid"] == made_set.current_certificate.uid
    providers.delete(identity_provider_id=made.id, account_id=ACCOUNT)
    gone(lambda: sets.get(saml_cert_set_id=made_set.uid, account_id=ACCOUNT))


@check("service tokens")
def _():
    tokens = access.service_tokens
    made = tokens.create(account_id=ACCOUNT, name=f"py-{run}", duration="17520h")
    assert re.fullmatch(r"cfast_[0-9A-Za-z]{48}", made.client_secret)
    assert made.duration == "17520h"
    read = tokens.get(service_token_id=made.id, account_id=ACCOUNT)
    assert "client_secret" not in read.to_dict() and read.client_id == made.client_id
    assert tokens.rotate(service_token_id=made.id, account_id=ACCOUNT).client_secret != made.client_secret
    assert tokens.refresh(service_token_id=made.id, account_id=ACCOUNT).expires_at > read.expires_at
    tokens.update(service_token_id=made.id, account_id=ACCOUNT, name="Renamed")
    tokens.delete(service_token_id=made.id, account_id=ACCOUNT)
    gone(lambda: tokens.get(service_token_id=made.id, account_id=ACCOUNT))


@check("certificates and their settings")
def _():
    certificates = access.certificates
    sent = {"name": f"py-{run}", "certificate": CA, "associated_hostnames": [f"mtls.{zone.name}"]}
    made = certificates.create(account_id=ACCOUNT, **sent)
    repeats(made, sent)
    settings = [{"hostname": f"mtls.{zone.name}", "china_network": False, "client_certificate_forwarding": True}]
    written = list(certificates.settings.update(account_id=ACCOUNT, settings=settings))
    assert [s.to_dict() for s in written] == settings
    assert [s.to_dict() for s in certificates.settings.get(account_id=ACCOUNT)] == settings
    delete = lambda: certificates.delete(certificate_id=made.id, account_id=ACCOUNT)
    refused(delete, cloudflare.ConflictError)
    emptied = certificates.update(certificate_id=made.id, account_id=ACCOUNT, associated_hostnames=[])
    assert emptied.associated_hostnames == [] and emptied.name == sent["name"]
    list(certificates.settings.update(account_id=ACCOUNT, settings=[]))
    delete()
    gone(lambda: certificates.get(certificate_id=made.id, account_id=ACCOUNT))


@check("lists, custom pages, tags")
def _():
    lists = trust.gateway.lists
    sent = {"name": f"py-{run}", "type": "IP", "items": [{"value": "192.0.2.0/24", "description": "N"}]}
    made = lists.create(account_id=ACCOUNT, **sent)
    repeats(made, {"name": sent["name"], "type": "IP"})
    read = lists.get(list_id=made.id, account_id=ACCOUNT).to_dict()
    assert (read["items"], read["count"]) == (sent["items"], 1)
    lists.edit(list_id=made.id, account_id=ACCOUNT, append=[{"value": "::1"}], remove=["192.0.2.0/24"])
    assert [item.value for item in lists.items.list(list_id=made.id, account_id=ACCOUNT)] == ["::1"]
    lists.delete(list_id=made.id, account_id=ACCOUNT)
    gone(lambda: lists.get(list_id=made.id, account_id=ACCOUNT))

    pages = access.custom_pages
    page = pages.create(account_id=ACCOUNT, name=f"py-{run}", type="identity_denied", custom_html="<p>No")
    assert pages.get(custom_page_id=page.uid, account_id=ACCOUNT).custom_html == "<p>No"
    pages.delete(custom_page_id=page.uid, account_id=ACCOUNT)

    name = f"py {run}/more"
    assert access.tags.create(account_id=ACCOUNT, name=name).name == name
    assert access.tags.get(tag_name=name, account_id=ACCOUNT).name == name
    access.tags.delete(tag_name=name, account_id=ACCOUNT)
    gone(lambda: access.tags.get(tag_name=name, account_id=ACCOUNT))


@check("device posture")
def _():
    posture = trust.devices.posture
    config = {"api_url": "https://posture.example.net/", "access_client_id": "id.access"}
    made = posture.integrations.create(
        account_id=ACCOUNT, name=f"py-{run}", type="custom_s2s", interval="10m",
        config={**config, "access_client_secret": "hidden"},
    )
    assert made.to_dict()["config"] == config
    sent = {"name": f"py-{run}", "type": "custom_s2s", "input": {"connection_id": made.id, "operator": ">=", "score": 5}}
    rule = posture.create(account_id=ACCOUNT, **sent)
    repeats(rule, sent)
    posture.delete(rule_id=rule.id, account_id=ACCOUNT)
    posture.integrations.delete(integration_id=made.id, account_id=ACCOUNT)
    gone(lambda: posture.get(rule_id=rule.id, account_id=ACCOUNT))


run_checks()
