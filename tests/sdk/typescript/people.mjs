// Users, sessions, seats, revocation and the login log by the official TypeScript SDK.
//
//   LINTEL_API=.. LINTEL_TOKEN=.. LINTEL_PEOPLE_ACCOUNT_ID=.. node people.mjs
//
// In that account ts-ann@corp.com and ts-bob@corp.com have signed in once and were refused once.
import assert from "node:assert/strict";
import Cloudflare from "cloudflare";
import { all, check, finish } from "./checks.mjs";

const { LINTEL_API: baseURL, LINTEL_TOKEN: apiToken, LINTEL_PEOPLE_ACCOUNT_ID: account_id } = process.env;
const client = new Cloudflare({ baseURL, apiToken });
const { users, logs } = client.zeroTrust.access;

const one = async (email) => (await all(users.list({ account_id, email })))[0];

await check("access.users: create, get, update, list, delete", async () => {
  const made = await users.create({ account_id, email: "TS-New@corp.com", name: "New" });
  assert.equal(made.email, "ts-new@corp.com");
  assert.match(made.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(await users.get(made.id, { account_id }), made);
  const again = users.create({ account_id, email: "ts-new@corp.com" });
  await assert.rejects(again, Cloudflare.ConflictError);
  const renamed = await users.update(made.id, { account_id, email: made.email, name: "Newer" });
  assert.equal(renamed.name, "Newer");
  assert.deepEqual((await all(users.list({ account_id, search: "newer" }))).map(({ id }) => id), [made.id]);
  assert.deepEqual((await all(users.list({ account_id, name: "Newer" }))).map(({ id }) => id), [made.id]);
  // Page after page until one is empty.
  assert.ok((await all(users.list({ account_id, per_page: 2 }))).length >= 5);
  await users.delete(made.id, { account_id });
  await assert.rejects(users.get(made.id, { account_id }), Cloudflare.NotFoundError);
});

await check("access.users: activeSessions, lastSeenIdentity, failedLogins", async () => {
  const ann = await one("ts-ann@corp.com");
  assert.equal(ann.access_seat, true);
  const [session] = await all(users.activeSessions.list(ann.id, { account_id }));
  assert.ok(session.expiration > Date.now() / 1000);
  const seen = await users.activeSessions.get(session.metadata.nonce, { account_id, user_id: ann.id });
  assert.deepEqual([seen.isActive, seen.email, seen.user_uuid], [true, ann.email, ann.id]);
  const identity = await users.lastSeenIdentity.get(ann.id, { account_id });
  assert.deepEqual([identity.geo.country, identity.idp.type, identity.account_id], ["DE", "oidc", account_id]);
  const [failed] = await all(users.failedLogins.list(ann.id, { account_id }));
  assert.equal(failed.metadata.code, "TSANN77");
});

await check("access.logs.accessRequests and scim.updates", async () => {
  const list = (query) => logs.accessRequests.list({ account_id, ...query });
  const mine = await list({ email: "ts-" });
  assert.equal(mine.length, 4);
  assert.deepEqual((await list({ email: "ts-ann@corp.com", emailOp: "eq" })).length, 2);
  assert.deepEqual((await list({ email: "ts-ann@corp.com", email_exact: true, limit: 1 })).length, 1);
  const times = (await list({ direction: "asc" })).map(({ created_at }) => Date.parse(created_at));
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.deepEqual(await list({ until: "1970-01-01T00:00:00Z" }), []);
  const [line] = await list({ email: "ts-bob", fields: "action,allowed,user_email" });
  assert.deepEqual(Object.keys(line).sort(), ["action", "allowed", "user_email"]);
  assert.deepEqual(await all(logs.scim.updates.list({ account_id, idp_id: ["a", "b"] })), []);
  const lines = await client.get(`/accounts/${account_id}/access/logs/access_requests`, {
    query: { format: "ndjson", code: "ts-ann-77" },
    __binaryResponse: true,
  });
  const exported = (await lines.text()).trim().split("\n").map((text) => JSON.parse(text));
  assert.deepEqual(exported.map(({ code, allowed }) => [code, allowed]), [["TSANN77", false]]);
});

await check("seats.edit", async () => {
  const { seat_uid } = await one("ts-bob@corp.com");
  const body = [{ seat_uid, access_seat: false, gateway_seat: false }];
  const [seat] = await all(client.zeroTrust.seats.edit({ account_id, body }));
  assert.deepEqual([seat.seat_uid, seat.access_seat], [seat_uid, false]);
  assert.equal((await one("ts-bob@corp.com")).access_seat, false);
});

await check("organizations.revokeUsers, in each spelling", async () => {
  const { organizations } = client.zeroTrust;
  const ann = await one("ts-ann@corp.com");
  for (const more of [{}, { body_devices: true }, { query_devices: true }, { user_uid: ann.id, warp_session_reauth: true }]) {
    assert.equal(await organizations.revokeUsers({ account_id, email: ann.email, ...more }), true);
  }
  assert.deepEqual(await all(users.activeSessions.list(ann.id, { account_id })), []);
  const nobody = organizations.revokeUsers({ account_id, email: "nobody@corp.com" });
  await assert.rejects(nobody, Cloudflare.NotFoundError);
});

finish();
