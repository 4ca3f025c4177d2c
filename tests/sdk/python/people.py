"""Users, sessions, seats, revocation and the login log by the official Python SDK.

    LINTEL_API=.. LINTEL_TOKEN=.. LINTEL_PEOPLE_ACCOUNT_ID=.. python people.py

In that account py-ann@corp.com and py-bob@corp.com have signed in once and were refused once.
"""

import os
import time

import cloudflare
from cloudflare import Cloudflare

from checks import check, refused, run_checks

ACCOUNT = os.environ["LINTEL_PEOPLE_ACCOUNT_ID"]
client = Cloudflare(base_url=os.environ["LINTEL_API"], api_token=os.environ["LINTEL_TOKEN"])
users = client.zero_trust.access.users
logs = client.zero_trust.access.logs


def one(email):
    return list(users.list(account_id=ACCOUNT, email=email))[0]


@check("access.users: create, get, update, list, delete")
def people():
    made = users.create(account_id=ACCOUNT, email="PY-New@corp.com", name="New")
    assert made.email == "py-new@corp.com"
    assert users.get(user_id=made.id, account_id=ACCOUNT).to_dict() == made.to_dict()
    refused(lambda: users.create(account_id=ACCOUNT, email="py-new@corp.com"), cloudflare.ConflictError)
    renamed = users.update(user_id=made.id, account_id=ACCOUNT, email=made.email, name="Newer")
    assert renamed.name == "Newer"
    assert [user.id for user in users.list(account_id=ACCOUNT, search="newer")] == [made.id]
    assert len(list(users.list(account_id=ACCOUNT, per_page=2))) >= 5
    users.delete(user_id=made.id, account_id=ACCOUNT)
    refused(lambda: users.get(user_id=made.id, account_id=ACCOUNT), cloudflare.NotFoundError)


@check("access.users: active_sessions, last_seen_identity, failed_logins")
def sessions():
    ann = one("py-ann@corp.com")
    assert ann.access_seat is True and ann.last_successful_login is not None
    [session] = users.active_sessions.list(user_id=ann.id, account_id=ACCOUNT)
    assert session.expiration > time.time()
    seen = users.active_sessions.get(nonce=session.metadata.nonce, user_id=ann.id, account_id=ACCOUNT)
    assert (seen.is_active, seen.email, seen.user_uuid) == (True, ann.email, ann.id)
    identity = users.last_seen_identity.get(user_id=ann.id, account_id=ACCOUNT)
    assert (identity.geo.country, identity.idp.type, identity.account_id) == ("DE", "oidc", ACCOUNT)
    [failed] = users.failed_logins.list(user_id=ann.id, account_id=ACCOUNT)
    assert failed.metadata["code"] == "PYANN77"


@check("access.logs.access_requests and scim.updates")
def log():
    listed = lambda **query: logs.access_requests.list(account_id=ACCOUNT, **query)
    assert len(listed(email="py-")) == 4
    assert len(listed(email="py-ann@corp.com", email_op="eq")) == 2
    assert len(listed(email="py-ann@corp.com", email_exact=True, limit=1)) == 1
    times = [line.created_at for line in listed(direction="asc")]
    assert times == sorted(times)
    assert listed(until="1970-01-01T00:00:00Z") == []
    [line] = listed(email="py-ann", extra_query={"code": "py-ann-77"})
    assert (line.allowed, line.user_email, line.app_domain) == (False, "py-ann@corp.com", "wiki.own.com")
    assert list(logs.scim.updates.list(account_id=ACCOUNT, idp_id=["a", "b"])) == []


@check("seats.edit")
def seats():
    bob = one("py-bob@corp.com")
    change = {"seat_uid": bob.seat_uid, "access_seat": False, "gateway_seat": False}
    [seat] = client.zero_trust.seats.edit(account_id=ACCOUNT, body=[change])
    assert (seat.seat_uid, seat.access_seat) == (bob.seat_uid, False)
    assert one("py-bob@corp.com").access_seat is False


@check("organizations.revoke_users, in each spelling")
def revoke():
    organizations = client.zero_trust.organizations
    ann = one("py-ann@corp.com")
    for more in [{}, {"body_devices": True}, {"query_devices": True}, {"user_uid": ann.id, "warp_session_reauth": True}]:
        assert organizations.revoke_users(account_id=ACCOUNT, email=ann.email, **more) is True
    assert list(users.active_sessions.list(user_id=ann.id, account_id=ACCOUNT)) == []
    nobody = lambda: organizations.revoke_users(account_id=ACCOUNT, email="nobody@corp.com")
    refused(nobody, cloudflare.NotFoundError)


run_checks()
