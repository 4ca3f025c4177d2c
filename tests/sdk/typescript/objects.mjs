// Organizations, keys, identity providers, groups, service tokens, client CAs, lists, pages, tags and posture by the official TypeScript SDK.
//
//   LINTEL_API=.. LINTEL_TOKEN=.. LINTEL_ACCOUNT_ID=.. LINTEL_ZONE_ID=.. node objects.mjs
//
// Prints each check; ends with 0 if all hold. Leaves nothing behind but the organization, which the contract cannot delete.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import Cloudflare from "cloudflare";
import { all, check, finish, refused } from "./checks.mjs";

const { LINTEL_API: baseURL, LINTEL_TOKEN: apiToken, LINTEL_ACCOUNT_ID: account_id, LINTEL_ZONE_ID: zone_id } = process.env;
const client = new Cloudflare({ baseURL, apiToken });
const { access, gateway, devices, identityProviders, organizations } = client.zeroTrust;
const run = randomBytes(4).toString("hex");
const zone = await client.zones.get({ zone_id });
// A CA that signs nothing; its key was never kept.
const CA = `-----BEGIN CERTIFICATE-----
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
`;

// What was set is answered as it was set, with nothing in it that was not.
function repeats(answer, sent) {
  for (const [name, value] of Object.entries(sent)) assert.deepEqual(answer[name], value, name);
}

const gone = (promise) => refused(promise, Cloudflare.NotFoundError, 404);

await check("organizations: list, update, and the team domain stays", async () => {
  assert.ok(typeof (await organizations.list({ account_id })).name === "string");
  const sent = { name: `ts-${run}`, auth_domain: `team.${zone.name}`, session_duration: "12h", login_design: { header_text: "Hello" } };
  repeats(await organizations.update({ account_id, ...sent }), sent);
  const read = await organizations.list({ account_id });
  repeats(read, { ...sent, is_ui_read_only: false, auto_redirect_to_identity: false });
  for (const unset of ["deny_unmatched_requests", "custom_pages", "mfa_config"]) assert.ok(!(unset in read), unset);
  const without = await organizations.update({ account_id, name: sent.name });
  assert.equal(without.auth_domain, sent.auth_domain);
  assert.ok(!("session_duration" in without));
  assert.deepEqual(await organizations.list({ zone_id }), without);
  const twice = organizations.create({ account_id, name: "x", auth_domain: `x.${zone.name}` });
  await refused(twice, Cloudflare.ConflictError, 409);
});

await check("keys: get, update, rotate", async () => {
  const before = await access.keys.get({ account_id });
  assert.ok(before.key_rotation_interval_days >= 21);
  const updated = await access.keys.update({ account_id, key_rotation_interval_days: 30 });
  assert.equal(updated.key_rotation_interval_days, 30);
  const rotated = await access.keys.rotate({ account_id });
  assert.ok(rotated.last_key_rotation_at >= before.last_key_rotation_at);
  assert.equal(rotated.days_until_next_rotation, 30);
});

let provider;
await check("identity providers: create, get, update, list; no secret is told", async () => {
  const config = {
    client_id: "client", auth_url: "https://idp.example.net/a", token_url: "https://idp.example.net/t", certs_url: "https://idp.example.net/k",
    scopes: ["openid", "email", "profile"], claims: ["z", "a"],
  };
  const secret = { client_secret: `hidden-${run}` };
  const sent = { name: `ts-${run}`, type: "oidc" };
  const made = await identityProviders.create({ account_id, ...sent, config: { ...config, ...secret } });
  provider = made.id;
  const redirect_url = `https://team.${zone.name}/access/callback/${made.id}`;
  repeats(made, { ...sent, config: { ...config, redirect_url } });
  assert.ok(!("scim_config" in made) && !("read_only" in made));
  assert.deepEqual(await identityProviders.get(made.id, { account_id }), made);
  assert.deepEqual(await identityProviders.get(made.id, { zone_id }), made);
  const updated = await identityProviders.update(made.id, { account_id, ...sent, name: "Renamed", config });
  repeats(updated, { name: "Renamed", config: { ...config, redirect_url } });
  const listed = await all(identityProviders.list({ account_id }));
  assert.deepEqual(listed.find(({ id }) => id === made.id), updated);
  assert.ok(!JSON.stringify([made, updated, listed]).includes(secret.client_secret));
  const pin = await identityProviders.create({ account_id, name: "PIN", type: "onetimepin", config: {} });
  assert.equal((await identityProviders.delete(pin.id, { account_id })).id, pin.id);
  await gone(identityProviders.get(pin.id, { account_id }));
  const local = identityProviders.create({ account_id, ...sent, config: { ...config, token_url: "https://10.0.0.1/" } });
  assert.equal((await refused(local, Cloudflare.BadRequestError, 400)).errors[0].source.pointer, "/config/token_url");
});

await check("SAML providers: their certificate sets are made, listed, downloaded and rotated", async () => {
  const config = {
    sso_target_url: "https://idp.example.net/sso", issuer_url: "https://idp.example.net", idp_public_certs: [CA],
    attributes: ["groups"], email_attribute_name: "mail", sign_request: true,
    header_attributes: [{ attribute_name: "groups", header_name: "X-Groups" }],
  };
  const sent = { name: `ts-saml-${run}`, type: "saml" };
  const made = await identityProviders.create({ account_id, ...sent, config });
  repeats(made, { ...sent, config: { ...config, redirect_url: `https://team.${zone.name}/access/callback/${made.id}` } });
  assert.ok(!("saml_certificate_set_id" in made));
  const set = await identityProviders.samlCertificate.create(made.id, { account_id });
  assert.deepEqual(await access.samlCertificates.get(set.uid, { account_id }), set);
  assert.deepEqual(await all(access.samlCertificates.list({ account_id, id: set.uid })), [set]);
  const pem = await (await access.samlCertificates.getPem(set.uid, { account_id })).text();
  assert.equal(pem, set.current_certificate.public_certificate);
  const rotated = await access.samlCertificates.rotate(set.uid, { account_id });
  assert.equal(rotated.previous_certificate.uid, set.current_certificate.uid);
  const encrypting = { ...config, enable_encryption: true };
  const update = { ...sent, config: encrypting, saml_certificate_set_id: set.uid };
  repeats(await identityProviders.update(made.id, { account_id, ...update }), { saml_certificate_set_id: set.uid });
  await identityProviders.delete(made.id, { account_id });
  await gone(access.samlCertificates.get(set.uid, { account_id }));
});

await check("groups: create, get, update, list, delete; references hold", async () => {
  const sent = {
    name: `ts-${run}`,
    include: [{ email: { email: "Ann@Example.net" } }, { login_method: { id: provider } }, { ip: { ip: "192.0.2.0/24" } }],
    require: [{ auth_method: { auth_method: "hwk" } }],
  };
  const made = await access.groups.create({ account_id, ...sent });
  repeats(made, sent);
  assert.ok(!("exclude" in made) && !("is_default" in made));
  assert.deepEqual(await access.groups.get(made.id, { account_id }), made);
  assert.deepEqual((await all(access.groups.list({ account_id, name: sent.name }))).map(({ id }) => id), [made.id]);
  assert.deepEqual(await all(access.groups.list({ account_id, search: "no such group" })), []);
  await refused(identityProviders.delete(provider, { account_id }), Cloudflare.ConflictError, 409);
  const spoiled = access.groups.update(made.id, { account_id, name: "x", include: [{ email_domain: {} }] });
  await refused(spoiled, Cloudflare.BadRequestError, 400);
  const everyone = { name: "Everyone", include: [{ everyone: {} }] };
  const updated = await access.groups.update(made.id, { account_id, ...everyone });
  repeats(updated, everyone);
  assert.ok(!("require" in updated));
  assert.equal((await access.groups.delete(made.id, { account_id })).id, made.id);
  await gone(access.groups.get(made.id, { account_id }));
});

await check("identity providers: delete", async () => {
  await identityProviders.delete(provider, { account_id });
  await gone(identityProviders.get(provider, { account_id }));
});

await check("service tokens: create, get, update, rotate, refresh, delete; the secret once", async () => {
  const made = await access.serviceTokens.create({ account_id, name: `ts-${run}` });
  assert.match(made.client_id, /^[0-9a-f]{32}\.access$/);
  assert.match(made.client_secret, /^cfast_[0-9A-Za-z]{48}$/);
  assert.equal(made.duration, "8760h");
  const read = await access.serviceTokens.get(made.id, { account_id });
  assert.ok(!("client_secret" in read));
  const same = await access.serviceTokens.update(made.id, { account_id, name: "Renamed", duration: "8760h", client_secret_version: 1 });
  assert.deepEqual([same.name, same.client_id, same.client_secret], ["Renamed", made.client_id, undefined]);
  const next = await access.serviceTokens.update(made.id, { account_id, name: "Renamed", duration: "8760h", client_secret_version: 2 });
  assert.match(next.client_secret, /^cfast_/);
  const rotated = await access.serviceTokens.rotate(made.id, { account_id });
  assert.equal(new Set([made, next, rotated].map((token) => token.client_secret)).size, 3);
  const refreshed = await access.serviceTokens.refresh(made.id, { account_id });
  assert.ok(refreshed.expires_at > read.expires_at);
  await access.serviceTokens.delete(made.id, { account_id });
  await gone(access.serviceTokens.get(made.id, { account_id }));
});

await check("certificates and their settings: create, get, update, list, delete", async () => {
  const sent = { name: `ts-${run}`, certificate: CA, associated_hostnames: [`mtls.${zone.name}`] };
  const made = await access.certificates.create({ account_id, ...sent });
  repeats(made, sent);
  assert.match(made.fingerprint, /^MD5 Fingerprint=([0-9A-F]{2}:){15}[0-9A-F]{2}$/);
  assert.deepEqual(await access.certificates.get(made.id, { zone_id }), made);
  const settings = [{ hostname: `mtls.${zone.name}`, china_network: false, client_certificate_forwarding: true }];
  assert.deepEqual(await all(access.certificates.settings.update({ account_id, settings })), settings);
  assert.deepEqual(await all(access.certificates.settings.get({ account_id })), settings);
  await refused(access.certificates.delete(made.id, { account_id }), Cloudflare.ConflictError, 409);
  const emptied = await access.certificates.update(made.id, { account_id, associated_hostnames: [] });
  assert.deepEqual([emptied.name, emptied.associated_hostnames, emptied.fingerprint], [sent.name, [], made.fingerprint]);
  await all(access.certificates.settings.update({ account_id, settings: [] }));
  await access.certificates.delete(made.id, { account_id });
  await gone(access.certificates.get(made.id, { account_id }));
});

await check("gateway lists: create, get, update, edit, items, list, delete", async () => {
  const sent = { name: `ts-${run}`, type: "EMAIL", items: [{ value: "b@example.net", description: "B" }, { value: "a@example.net" }] };
  const made = await gateway.lists.create({ account_id, ...sent });
  repeats(made, { ...sent, count: 2 });
  assert.deepEqual(await gateway.lists.get(made.id, { account_id }), made);
  const edited = await gateway.lists.edit(made.id, { account_id, append: [{ value: "c@example.net" }], remove: ["a@example.net"] });
  assert.equal(edited.count, 2);
  const items = await all(gateway.lists.items.list(made.id, { account_id }));
  assert.deepEqual(items.map(({ value }) => value), ["b@example.net", "c@example.net"]);
  const updated = await gateway.lists.update(made.id, { account_id, name: sent.name, items: [] });
  assert.equal(updated.count, 0);
  assert.ok((await all(gateway.lists.list({ account_id }))).some(({ id }) => id === made.id));
  await gateway.lists.delete(made.id, { account_id });
  await gone(gateway.lists.get(made.id, { account_id }));
});

await check("custom pages: create, get, update, list, delete", async () => {
  const sent = { name: `ts-${run}`, type: "forbidden", custom_html: "<h1>No</h1>\r\n" };
  const made = await access.customPages.create({ account_id, ...sent });
  repeats(made, sent);
  assert.deepEqual(await access.customPages.get(made.uid, { account_id }), made);
  const updated = await access.customPages.update(made.uid, { account_id, ...sent, custom_html: "<h1>Yes</h1>" });
  assert.equal(updated.custom_html, "<h1>Yes</h1>");
  const [listed] = (await all(access.customPages.list({ account_id }))).filter(({ uid }) => uid === made.uid);
  assert.ok(listed && !("custom_html" in listed));
  await access.customPages.delete(made.uid, { account_id });
  await gone(access.customPages.get(made.uid, { account_id }));
});

await check("tags: create, get, update, list, delete, by name", async () => {
  const name = `ts ${run} & more`;
  assert.equal((await access.tags.create({ account_id, name })).name, name);
  await refused(access.tags.create({ account_id, name }), Cloudflare.ConflictError, 409);
  assert.equal((await access.tags.get(name, { account_id })).name, name);
  assert.equal((await access.tags.update(name, { account_id, name })).name, name);
  assert.ok((await all(access.tags.list({ account_id }))).some((tag) => tag.name === name));
  await access.tags.delete(name, { account_id });
  await gone(access.tags.get(name, { account_id }));
});

await check("device posture: integrations and rules", async () => {
  const config = { api_url: "https://posture.example.net/", access_client_id: "id.access" };
  const made = await devices.posture.integrations.create({
    account_id, name: `ts-${run}`, type: "custom_s2s", interval: "10m", config: { ...config, access_client_secret: "hidden" },
  });
  repeats(made, { interval: "10m", config });
  const edited = await devices.posture.integrations.edit(made.id, { account_id, interval: "1h" });
  repeats(edited, { interval: "1h", config });
  assert.deepEqual(await devices.posture.integrations.get(made.id, { account_id }), edited);
  const sent = { name: `ts-${run}`, type: "custom_s2s", schedule: "1h", match: [{ platform: "linux" }], input: { connection_id: made.id, operator: ">=", score: 5 } };
  const rule = await devices.posture.create({ account_id, ...sent });
  repeats(rule, sent);
  assert.deepEqual(await devices.posture.get(rule.id, { account_id }), rule);
  repeats(await devices.posture.update(rule.id, { account_id, ...sent, schedule: "2h" }), { schedule: "2h" });
  assert.ok((await all(devices.posture.list({ account_id }))).some(({ id }) => id === rule.id));
  assert.ok((await all(devices.posture.integrations.list({ account_id }))).some(({ id }) => id === made.id));
  await devices.posture.delete(rule.id, { account_id });
  await devices.posture.integrations.delete(made.id, { account_id });
  await gone(devices.posture.get(rule.id, { account_id }));
});

finish();
