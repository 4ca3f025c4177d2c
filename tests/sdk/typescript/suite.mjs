// The official TypeScript SDK against a control-api, with only its base URL changed.
//
//   LINTEL_API=http://127.0.0.1:8787/client/v4 LINTEL_TOKEN=.. LINTEL_ACCOUNT_ID=.. LINTEL_ZONE_ID=.. node suite.mjs
//
// Prints each check; ends with 0 if all hold. Leaves nothing behind.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import Cloudflare from "cloudflare";
import { all, check, finish, refused } from "./checks.mjs";

const { LINTEL_API: baseURL, LINTEL_TOKEN: apiToken, LINTEL_ACCOUNT_ID: account_id, LINTEL_ZONE_ID: zone_id } = process.env;
const client = new Cloudflare({ baseURL, apiToken });
const run = randomBytes(4).toString("hex");
const made = new Set();
const ssl = { method: "http", type: "dv" };

async function create(name, more = {}) {
  const hostname = `${name}.ts-${run}.${zone.name}`;
  const created = await client.customHostnames.create({ zone_id, hostname, ...more });
  made.add(created.id);
  return created;
}

const list = (query) => all(client.customHostnames.list({ zone_id, ...query }));
const zone = await client.zones.get({ zone_id });
const own = `.ts-${run}.${zone.name}`;

await check("user.tokens.verify", async () => {
  const token = await client.user.tokens.verify();
  assert.equal(token.status, "active");
  assert.match(token.id, /^[0-9a-f]{32}$/);
});

await check("a bad token is refused", async () => {
  const stranger = new Cloudflare({ baseURL, apiToken: "no-such-token", maxRetries: 0 });
  await refused(stranger.zones.get({ zone_id }), Cloudflare.PermissionDeniedError, 403, 10000);
  await refused(stranger.user.tokens.verify(), Cloudflare.AuthenticationError, 401, 1000);
});

await check("zones and accounts: list, get", async () => {
  const zones = await all(client.zones.list({ name: zone.name }));
  assert.deepEqual(zones.map(({ id }) => id), [zone_id]);
  assert.equal(zone.account.id, account_id);
  const accounts = await all(client.accounts.list());
  assert.ok(accounts.some(({ id }) => id === account_id));
  assert.equal((await client.accounts.get({ account_id })).id, account_id);
});

await check("zones.settings: edit, get", async () => {
  const before = await client.zones.settings.get("min_tls_version", { zone_id });
  const edited = await client.zones.settings.edit("min_tls_version", { zone_id, value: "1.3" });
  assert.equal(edited.value, "1.3");
  const after = await client.zones.settings.edit("min_tls_version", { zone_id, value: before.value });
  assert.equal(after.value, before.value);
});

await check("customHostnames.fallbackOrigin: update, get, delete", async () => {
  const before = await client.customHostnames.fallbackOrigin.get({ zone_id }).catch(() => undefined);
  const origin = `origin.${zone.name}`;
  const updated = await client.customHostnames.fallbackOrigin.update({ zone_id, origin });
  assert.equal(updated.origin, origin);
  assert.equal((await client.customHostnames.fallbackOrigin.get({ zone_id })).origin, origin);
  await client.customHostnames.fallbackOrigin.delete({ zone_id });
  await assert.rejects(client.customHostnames.fallbackOrigin.get({ zone_id }), Cloudflare.NotFoundError);
  if (before) await client.customHostnames.fallbackOrigin.update({ zone_id, origin: before.origin });
});

await check("customHostnames: create, get, edit, delete", async () => {
  const created = await create("life", { ssl, custom_metadata: { plan: "pro" } });
  assert.equal(created.ssl.method, "http");
  assert.equal(created.ssl.type, "dv");
  assert.equal(created.ssl.bundle_method, "ubiquitous");
  assert.equal(created.ownership_verification.type, "txt");
  const got = await client.customHostnames.get(created.id, { zone_id });
  assert.equal(got.hostname, created.hostname);
  assert.deepEqual(got.custom_metadata, { plan: "pro" });
  const edited = await client.customHostnames.edit(created.id, { zone_id, custom_origin_server: `o.${zone.name}` });
  assert.equal(edited.custom_origin_server, `o.${zone.name}`);
  assert.deepEqual(edited.custom_metadata, { plan: "pro" });
  const checked = await client.customHostnames.edit(created.id, { zone_id, ssl });
  assert.equal(checked.id, created.id);
  const settings = { http2: "off", min_tls_version: "1.2" };
  const set = await client.customHostnames.edit(created.id, { zone_id, ssl: { ...ssl, settings } });
  assert.deepEqual(set.ssl.settings, settings);
  assert.equal((await client.customHostnames.delete(created.id, { zone_id })).id, created.id);
  await refused(client.customHostnames.get(created.id, { zone_id }), Cloudflare.NotFoundError, 404, 1436);
  made.delete(created.id);
});

await check("every filter of customHostnames.list", async () => {
  const secured = await create("alpha-secured", { ssl: { ...ssl, certificate_authority: "google" } });
  const plain = await create("beta-plain", { custom_origin_server: `o-${run}.${zone.name}` });
  const ids = async (query) => (await list(query)).map(({ id }) => id);
  assert.deepEqual(await ids({ id: plain.id }), [plain.id]);
  assert.deepEqual(await ids({ hostname: { exact: plain.hostname } }), [plain.id]);
  assert.deepEqual(await ids({ hostname: { contain: `ta-plain.ts-${run}` } }), [plain.id]);
  assert.deepEqual(await ids({ hostname: { startsWith: `alpha-secured.ts-${run}` } }), [secured.id]);
  assert.deepEqual(await ids({ custom_origin_server: `o-${run}.${zone.name}` }), [plain.id]);
  for (const [query, expected] of [
    [{ ssl: 1 }, secured],
    [{ ssl: 0 }, plain],
    [{ certificate_authority: "google" }, secured],
    [{ hostname_status: "pending" }, plain],
    [{ hostname_status: "pending", wildcard: false, order: "ssl", direction: "desc" }, secured],
  ]) {
    assert.ok((await ids(query)).includes(expected.id), JSON.stringify(query));
  }
  assert.ok(!(await ids({ ssl: 1 })).includes(plain.id));
  // Its status moves on by itself: what was listed counts if it is the same before and after.
  const status = async () => (await client.customHostnames.get(secured.id, { zone_id })).ssl.status;
  let [before, after, found] = [undefined, await status()];
  while (before !== after) {
    before = after;
    found = await ids({ ssl_status: before, order: "ssl_status" });
    after = await status();
  }
  assert.ok(found.includes(secured.id), `${after}: ${found}`);
  assert.deepEqual(await ids({ wildcard: true, hostname_status: "pending" }), []);
  assert.ok(!(await ids({ hostname_status: "blocked" })).includes(plain.id));
  await refused(client.customHostnames.list({ zone_id, id: plain.id, hostname: { exact: "a" } }), Cloudflare.BadRequestError, 400, 1438);
});

await check("auto-paging over 120 hostnames", async () => {
  const numbers = Array.from({ length: 120 }, (_, index) => index);
  for (let first = 0; first < 120; first += 10) {
    await Promise.all(numbers.slice(first, first + 10).map((index) => create(`page-${index}`)));
  }
  const contain = `page-`;
  for (const per_page of [undefined, 50, 7]) {
    const names = (await list({ hostname: { contain }, per_page })).map(({ hostname }) => hostname);
    const ours = names.filter((name) => name.endsWith(own));
    assert.equal(new Set(ours).size, 120, `per_page ${per_page}`);
    assert.equal(ours.length, 120, `per_page ${per_page}`);
  }
  const past = await client.customHostnames.list({ zone_id, page: 1000, per_page: 50 });
  assert.deepEqual(past.result, []);
});

await check("a duplicate is refused with exactly one request", async () => {
  const { hostname } = await create("twice");
  let requests = 0;
  const counting = new Cloudflare({ baseURL, apiToken, fetch: (...request) => ((requests += 1), fetch(...request)) });
  const again = counting.customHostnames.create({ zone_id, hostname });
  const error = await refused(again, Cloudflare.ConflictError, 409, 1406);
  assert.equal(error.errors[0].message, "Duplicate custom hostname found.");
  assert.equal(requests, 1);
});

await check("not found, and a body that cannot be", async () => {
  const nothing = "00000000-0000-4000-8000-000000000000";
  await refused(client.customHostnames.get(nothing, { zone_id }), Cloudflare.NotFoundError, 404, 1436);
  const { id } = await create("half");
  const half = client.customHostnames.edit(id, { zone_id, ssl: { method: "http" } });
  await refused(half, Cloudflare.BadRequestError, 400, 1440);
  const wild = client.customHostnames.create({ zone_id, hostname: `*${own}`, ssl });
  await refused(wild, Cloudflare.BadRequestError, 400, 1448);
});

await check("Idempotency-Key: a repeat returns the first answer", async () => {
  const hostname = `once${own}`;
  const options = { headers: { "Idempotency-Key": randomUUID() } };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => client.customHostnames.create({ zone_id, hostname, ssl }, options)),
  );
  made.add(answers[0].id);
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
});

await check("quota and dcvDelegation", async () => {
  const quota = await client.customHostnames.quota.get({ zone_id });
  assert.ok(quota.used > 0 && quota.exceeded === false);
  assert.match((await client.dcvDelegation.get({ zone_id })).uuid, /^[a-z0-9]{16}$/);
});

await check("accounts.tokens: create, verify, list, update, roll, delete", async () => {
  const groups = await all(client.accounts.tokens.permissionGroups.list({ account_id }));
  const group = groups.find(({ name }) => name === "SSL and Certificates Read");
  const policies = [
    { effect: "allow", resources: { [`com.cloudflare.api.account.zone.${zone_id}`]: "*" }, permission_groups: [{ id: group.id }] },
  ];
  const token = await client.accounts.tokens.create({ account_id, name: `ts-${run}`, policies });
  const reader = new Cloudflare({ baseURL, apiToken: token.value });
  assert.equal((await reader.accounts.tokens.verify({ account_id }).catch(() => reader.user.tokens.verify())).id, token.id);
  await reader.customHostnames.quota.get({ zone_id });
  const write = reader.customHostnames.fallbackOrigin.update({ zone_id, origin: `x.${zone.name}` });
  await refused(write, Cloudflare.PermissionDeniedError, 403, 9109);
  assert.ok((await all(client.accounts.tokens.list({ account_id }))).some(({ id }) => id === token.id));
  const renamed = await client.accounts.tokens.update(token.id, { account_id, name: `ts-${run}-2`, policies });
  assert.equal(renamed.name, `ts-${run}-2`);
  const value = await client.accounts.tokens.value.update(token.id, { account_id, body: {} });
  await assert.rejects(reader.user.tokens.verify(), Cloudflare.AuthenticationError);
  assert.equal((await new Cloudflare({ baseURL, apiToken: value }).user.tokens.verify()).status, "active");
  assert.equal((await client.accounts.tokens.delete(token.id, { account_id })).id, token.id);
});

const ids = [...made];
for (let first = 0; first < ids.length; first += 10) {
  await Promise.all(ids.slice(first, first + 10).map((id) => client.customHostnames.delete(id, { zone_id })));
}
await check("nothing is left behind", async () => {
  assert.deepEqual(await list({ hostname: { contain: `ts-${run}` } }), []);
});

finish();
