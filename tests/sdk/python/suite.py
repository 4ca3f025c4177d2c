"""The official Python SDK against a control-api, with only its base URL changed.

    LINTEL_API=http://127.0.0.1:8787/client/v4 LINTEL_TOKEN=.. LINTEL_ACCOUNT_ID=.. LINTEL_ZONE_ID=.. python suite.py

Prints each check; ends with 0 if all hold. Leaves nothing behind.
"""

import os
import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import cloudflare
import httpx
from cloudflare import Cloudflare

from checks import check, refused, run_checks

API = os.environ["LINTEL_API"]
TOKEN = os.environ["LINTEL_TOKEN"]
ACCOUNT = os.environ["LINTEL_ACCOUNT_ID"]
ZONE = os.environ["LINTEL_ZONE_ID"]
SSL = {"method": "http", "type": "dv"}

client = Cloudflare(base_url=API, api_token=TOKEN)
hostnames = client.custom_hostnames
zone = client.zones.get(zone_id=ZONE)
run = secrets.token_hex(4)
own = f".py-{run}.{zone.name}"
made = set()


def create(name, **more):
    created = hostnames.create(zone_id=ZONE, hostname=f"{name}{own}", **more)
    made.add(created.id)
    return created


def listed(**query):
    return [one.id for one in hostnames.list(zone_id=ZONE, **query)]


@check("user.tokens.verify")
def verify():
    token = client.user.tokens.verify()
    assert token.status == "active" and len(token.id) == 32


@check("a bad token is refused")
def bad_token():
    stranger = Cloudflare(base_url=API, api_token="no-such-token", max_retries=0)
    refused(lambda: stranger.zones.get(zone_id=ZONE), cloudflare.PermissionDeniedError, 403, 10000)
    refused(lambda: stranger.user.tokens.verify(), cloudflare.AuthenticationError, 401, 1000)


@check("zones and accounts: list, get")
def zones_and_accounts():
    assert [one.id for one in client.zones.list(name=zone.name)] == [ZONE]
    assert zone.account.id == ACCOUNT
    assert ACCOUNT in [one.id for one in client.accounts.list()]
    assert client.accounts.get(account_id=ACCOUNT).id == ACCOUNT


@check("zones.settings: edit, get")
def zone_settings():
    settings = client.zones.settings
    before = settings.get("always_use_https", zone_id=ZONE).value
    assert settings.edit("always_use_https", zone_id=ZONE, value="on").value == "on"
    assert settings.edit("always_use_https", zone_id=ZONE, value=before).value == before


@check("custom_hostnames.fallback_origin: update, get, delete")
def fallback_origin():
    fallback = hostnames.fallback_origin
    try:
        before = fallback.get(zone_id=ZONE).origin
    except cloudflare.NotFoundError:
        before = None
    origin = f"origin.{zone.name}"
    assert fallback.update(zone_id=ZONE, origin=origin).origin == origin
    assert fallback.get(zone_id=ZONE).origin == origin
    fallback.delete(zone_id=ZONE)
    refused(lambda: fallback.get(zone_id=ZONE), cloudflare.NotFoundError, 404, 1551)
    if before:
        fallback.update(zone_id=ZONE, origin=before)


@check("custom_hostnames: create, get, edit, delete")
def life():
    created = create("life", ssl=SSL, custom_metadata={"plan": "pro"})
    assert (created.ssl.method, created.ssl.type, created.ssl.bundle_method) == ("http", "dv", "ubiquitous")
    got = hostnames.get(custom_hostname_id=created.id, zone_id=ZONE)
    assert got.hostname == created.hostname and got.created_at.tzinfo is not None
    edited = hostnames.edit(custom_hostname_id=created.id, zone_id=ZONE, custom_origin_server=f"o.{zone.name}")
    assert edited.custom_origin_server == f"o.{zone.name}" and edited.custom_metadata == {"plan": "pro"}
    assert hostnames.edit(custom_hostname_id=created.id, zone_id=ZONE, ssl=SSL).id == created.id
    settings = {"http2": "off", "min_tls_version": "1.2"}
    edited = hostnames.edit(custom_hostname_id=created.id, zone_id=ZONE, ssl={**SSL, "settings": settings})
    assert (edited.ssl.settings.http2, edited.ssl.settings.min_tls_version) == ("off", "1.2")
    assert hostnames.delete(custom_hostname_id=created.id, zone_id=ZONE).id == created.id
    made.discard(created.id)
    get = lambda: hostnames.get(custom_hostname_id=created.id, zone_id=ZONE)
    refused(get, cloudflare.NotFoundError, 404, 1436)


@check("every filter of custom_hostnames.list")
def filters():
    secured = create("alpha-secured", ssl={**SSL, "certificate_authority": "google"})
    plain = create("beta-plain", custom_origin_server=f"o-{run}.{zone.name}")
    assert listed(id=plain.id) == [plain.id]
    assert listed(hostname={"exact": plain.hostname}) == [plain.id]
    assert listed(hostname={"contain": f"ta-plain.py-{run}"}) == [plain.id]
    assert listed(hostname={"starts_with": f"alpha-secured.py-{run}"}) == [secured.id]
    assert listed(custom_origin_server=f"o-{run}.{zone.name}") == [plain.id]
    assert secured.id in listed(ssl=1) and plain.id not in listed(ssl=1)
    assert plain.id in listed(ssl=0) and secured.id not in listed(ssl=0)
    assert secured.id in listed(certificate_authority="google")
    assert plain.id in listed(hostname_status="pending", wildcard=False, order="ssl", direction="desc")
    # Its status moves on by itself: what was listed counts if it is the same before and after.
    status = lambda: hostnames.get(custom_hostname_id=secured.id, zone_id=ZONE).ssl.status
    before, after = None, status()
    while before != after:
        before, ids, after = after, listed(ssl_status=after, order="ssl_status"), status()
    assert secured.id in ids, (after, ids)
    assert listed(wildcard=True, hostname_status="pending") == []
    both = lambda: listed(id=plain.id, hostname={"exact": "a"})
    refused(both, cloudflare.BadRequestError, 400, 1438)


@check("auto-paging over 120 hostnames")
def paging():
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda index: create(f"page-{index}"), range(120)))
    for more in ({}, {"per_page": 50}, {"per_page": 7}):
        names = [one.hostname for one in hostnames.list(zone_id=ZONE, hostname={"contain": "page-"}, **more)]
        ours = [name for name in names if name.endswith(own)]
        assert len(ours) == 120 == len(set(ours)), (more, len(ours))
    assert hostnames.list(zone_id=ZONE, page=1000, per_page=50).result == []


@check("a duplicate is refused with exactly one request")
def duplicate():
    hostname = create("twice").hostname
    requests = []
    counting = httpx.Client(event_hooks={"request": [requests.append]})
    second = Cloudflare(base_url=API, api_token=TOKEN, http_client=counting)
    again = lambda: second.custom_hostnames.create(zone_id=ZONE, hostname=hostname)
    error = refused(again, cloudflare.ConflictError, 409, 1406)
    assert error.errors[0].message == "Duplicate custom hostname found."
    assert len(requests) == 1, len(requests)


@check("not found, and a body that cannot be")
def impossible():
    nothing = "00000000-0000-4000-8000-000000000000"
    get = lambda: hostnames.get(custom_hostname_id=nothing, zone_id=ZONE)
    refused(get, cloudflare.NotFoundError, 404, 1436)
    half = create("half").id
    edit = lambda: hostnames.edit(custom_hostname_id=half, zone_id=ZONE, ssl={"method": "http"})
    refused(edit, cloudflare.BadRequestError, 400, 1440)
    wild = lambda: hostnames.create(zone_id=ZONE, hostname=f"*{own}", ssl=SSL)
    refused(wild, cloudflare.BadRequestError, 400, 1448)


@check("Idempotency-Key: a repeat returns the first answer")
def idempotency():
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    post = lambda _: hostnames.create(zone_id=ZONE, hostname=f"once{own}", ssl=SSL, extra_headers=headers)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(post, range(5)))
    made.add(answers[0].id)
    assert all(answer == answers[0] for answer in answers)


@check("quota and dcv_delegation")
def quota():
    quota = hostnames.quota.get(zone_id=ZONE)
    assert quota.used > 0 and quota.exceeded is False
    assert len(client.dcv_delegation.get(zone_id=ZONE).uuid) == 16


@check("accounts.tokens: create, verify, list, update, roll, delete")
def tokens():
    tokens = client.accounts.tokens
    groups = {group.name: group.id for group in tokens.permission_groups.list(account_id=ACCOUNT)}
    policy = {
        "effect": "allow",
        "resources": {f"com.cloudflare.api.account.zone.{ZONE}": "*"},
        "permission_groups": [{"id": groups["SSL and Certificates Read"]}],
    }
    expires = datetime.now(timezone.utc) + timedelta(hours=1)
    token = tokens.create(account_id=ACCOUNT, name=f"py-{run}", policies=[policy], expires_on=expires)
    reader = Cloudflare(base_url=API, api_token=token.value)
    assert reader.user.tokens.verify().id == token.id
    reader.custom_hostnames.quota.get(zone_id=ZONE)
    write = lambda: reader.custom_hostnames.fallback_origin.update(zone_id=ZONE, origin=f"x.{zone.name}")
    refused(write, cloudflare.PermissionDeniedError, 403, 9109)
    assert token.id in [one.id for one in tokens.list(account_id=ACCOUNT)]
    renamed = tokens.update(token_id=token.id, account_id=ACCOUNT, name=f"py-{run}-2", policies=[policy])
    assert renamed.name == f"py-{run}-2"
    value = tokens.value.update(token_id=token.id, account_id=ACCOUNT)
    refused(lambda: reader.user.tokens.verify(), cloudflare.AuthenticationError, 401, 1000)
    assert Cloudflare(base_url=API, api_token=value).user.tokens.verify().status == "active"
    assert tokens.delete(token_id=token.id, account_id=ACCOUNT).id == token.id


@check("nothing is left behind")
def clean():
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda id: hostnames.delete(custom_hostname_id=id, zone_id=ZONE), made))
    assert listed(hostname={"contain": f"py-{run}"}) == []


run_checks()
