// Access applications, their policies and policy tests by the official TypeScript SDK.
//
//   LINTEL_API=.. LINTEL_TOKEN=.. LINTEL_ACCOUNT_ID=.. LINTEL_ZONE_ID=.. node applications.mjs
//
// Leaves nothing behind but the organisation's team domain, if there was none.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import Cloudflare from "cloudflare";
import { all, check, finish } from "./checks.mjs";

const { LINTEL_API: baseURL, LINTEL_TOKEN: apiToken, LINTEL_ACCOUNT_ID: account_id, LINTEL_ZONE_ID: zone_id } = process.env;
const client = new Cloudflare({ baseURL, apiToken });
const { organizations, access } = client.zeroTrust;
const { applications, policies } = access;
const run = randomBytes(4).toString("hex");

// What was sent is answered as it was sent: by the request itself, and read again.
function holds(answer, sent) {
  for (const [field, value] of Object.entries(sent)) {
    if (field !== "account_id" && field !== "policies" && field !== "saas_app") assert.deepEqual(answer[field], value, field);
  }
}

const zone = await client.zones.get({ zone_id });
const host = (name) => `${name}-ts-${run}.${zone.name}`;
const everyone = (name) => ({ account_id, name, decision: "allow", include: [{ everyone: {} }] });
const organization = await organizations.list({ account_id });
if (!organization.auth_domain) await organizations.update({ account_id, name: "SDK", auth_domain: `team.${zone.name}` });
const { auth_domain } = await organizations.list({ account_id });

await check("access.policies: create, get, update, list, delete", async () => {
  const sent = {
    ...everyone(`Staff ${run}`),
    include: [{ email_domain: { domain: "saas.com" } }, { email: { email: "Ann@saas.com" } }],
    exclude: [{ ip: { ip: "192.0.2.0/24" } }],
    session_duration: "30m",
    purpose_justification_required: true,
    purpose_justification_prompt: "Why?",
    approval_required: true,
    approval_groups: [{ approvals_needed: 1, email_addresses: ["b@saas.com"] }],
  };
  const made = await policies.create(sent);
  holds(made, sent);
  assert.equal(made.reusable, true);
  assert.deepEqual(await policies.get(made.id, { account_id }), made);
  const bare = await policies.update(made.id, { ...everyone("Bare"), exclude: [] });
  assert.deepEqual([bare.session_duration, bare.exclude, bare.approval_groups], ["24h", [], undefined]);
  assert.ok((await all(policies.list({ account_id }))).some(({ id }) => id === made.id));
  const spoiled = policies.update(made.id, { ...everyone("Bare"), include: [{ email_domain: {} }, { email: {} }] });
  await assert.rejects(spoiled, Cloudflare.BadRequestError);
  await policies.delete(made.id, { account_id });
  await assert.rejects(policies.get(made.id, { account_id }), Cloudflare.NotFoundError);
});

await check("access.applications of type self_hosted: create, get, update, list, settings, delete", async () => {
  const one = await policies.create(everyone(`One ${run}`));
  const two = await policies.create(everyone(`Two ${run}`));
  const sent = {
    account_id,
    type: "self_hosted",
    name: `Wiki ${run}`,
    domain: host("wiki"),
    destinations: [{ type: "public", uri: host("wiki") }, { type: "public", uri: `${host("docs")}/a/*` }],
    session_duration: "90m",
    app_launcher_visible: false,
    cors_headers: { allowed_origins: ["https://b.com", "https://a.com"], max_age: 0 },
    same_site_cookie_attribute: "lax",
    custom_deny_message: "No.",
    policies: [{ id: two.id, precedence: 2 }, { id: one.id, precedence: 1 }],
  };
  const made = await applications.create(sent);
  holds(made, sent);
  assert.deepEqual(made.policies.map(({ id, precedence }) => [id, precedence]), [[one.id, 1], [two.id, 2]]);
  assert.match(made.aud, /^[0-9a-f]{64}$/);
  assert.deepEqual(await applications.get(made.id, { account_id }), made);
  assert.deepEqual(await applications.get(made.id, { zone_id }), made);
  const byDomain = await all(applications.list({ account_id, domain: host("wiki"), exact: true }));
  assert.deepEqual(byDomain.map(({ id }) => id), [made.id]);
  // Written back as it was read, nothing moves; without `policies` they stay.
  const { policies: _, ...rest } = made;
  const again = await applications.update(made.id, { account_id, ...rest });
  assert.deepEqual({ ...again, updated_at: made.updated_at }, made);
  const moved = await applications.update(made.id, { account_id, type: "self_hosted", domain: host("moved"), policies: [] });
  assert.deepEqual([moved.aud, moved.policies, moved.self_hosted_domains], [made.aud, [], [host("moved")]]);
  assert.deepEqual(moved.destinations, [{ type: "public", uri: host("moved") }]);
  assert.deepEqual([moved.session_duration, moved.http_only_cookie_attribute, moved.cors_headers], ["24h", true, undefined]);
  const settings = await applications.settings.update(made.id, { account_id, allow_iframe: true });
  assert.deepEqual(settings, { allow_iframe: true });
  assert.deepEqual(await applications.settings.edit(made.id, { account_id, skip_interstitial: true }), { allow_iframe: true, skip_interstitial: true });
  assert.deepEqual(await applications.revokeTokens(made.id, { account_id }), {});
  const checked = await applications.userPolicyChecks.list(made.id, { account_id });
  assert.deepEqual([checked.app_state.app_uid, checked.app_state.aud], [made.id, made.aud]);
  const taken = applications.create({ account_id, type: "self_hosted", domain: host("moved") });
  await assert.rejects(taken, Cloudflare.ConflictError);
  assert.equal((await applications.delete(made.id, { account_id })).id, made.id);
  await assert.rejects(applications.get(made.id, { account_id }), Cloudflare.NotFoundError);
  for (const { id } of [one, two]) await policies.delete(id, { account_id });
});

await check("access.applications of type saas: what is ours, and the secret once", async () => {
  const idp_id = "f174e90a-fafe-4643-bbbc-4a0ed4fc8415";
  const sent = {
    account_id,
    type: "saas",
    name: `CRM ${run}`,
    saas_app: {
      auth_type: "saml",
      sp_entity_id: "urn:sp",
      consumer_service_url: "https://sp.com/acs",
      name_id_format: "email",
      default_relay_state: "/start?a=b&c",
      name_id_transform_jsonata: "$uppercase(email)",
      saml_attribute_transform_jsonata: '{"mail": email, "team": groups.name}',
      custom_attributes: [
        {
          name: "mail",
          friendly_name: "E-mail",
          name_format: "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
          required: true,
          source: { name: "email", name_by_idp: [{ idp_id, source_name: "mail" }] },
        },
        { name: "dept", required: false, source: { name: "department" } },
      ],
    },
  };
  const saml = await applications.create(sent);
  holds(saml, sent);
  holds(saml.saas_app, sent.saas_app);
  const { idp_entity_id, sso_endpoint, public_key, ...rest } = saml.saas_app;
  assert.deepEqual(rest, sent.saas_app);
  assert.equal(sso_endpoint, `https://${auth_domain}/access/sso/saml/${saml.id}`);
  assert.equal(idp_entity_id, sso_endpoint);
  assert.match(public_key, /BEGIN CERTIFICATE/);
  assert.deepEqual((await applications.get(saml.id, { account_id })).saas_app, saml.saas_app);
  // As a declarative client writes back what it has read, and then no more than it must.
  const again = await applications.update(saml.id, { ...sent, saas_app: saml.saas_app });
  assert.deepEqual(again.saas_app, saml.saas_app);
  const { sp_entity_id, consumer_service_url } = sent.saas_app;
  const bare = await applications.update(saml.id, { ...sent, saas_app: { sp_entity_id, consumer_service_url } });
  assert.deepEqual(bare.saas_app, { auth_type: "saml", sp_entity_id, consumer_service_url, idp_entity_id, sso_endpoint, public_key });
  const spoiled = { ...sent.saas_app, custom_attributes: [{ name: "a", source: { name_by_idp: [null] } }] };
  await assert.rejects(applications.update(saml.id, { ...sent, saas_app: spoiled }), Cloudflare.BadRequestError);
  assert.deepEqual((await applications.get(saml.id, { account_id })).saas_app, bare.saas_app);
  const redirect_uris = ["https://b.com/cb", "https://a.com/cb"];
  const oidc = await applications.create({ account_id, type: "saas", saas_app: { auth_type: "oidc", redirect_uris } });
  assert.match(oidc.saas_app.client_secret, /^[0-9a-f]{64}$/);
  const { client_secret: _, ...later } = oidc.saas_app;
  assert.deepEqual((await applications.get(oidc.id, { account_id })).saas_app, later);
  assert.deepEqual([later.redirect_uris, later.access_token_lifetime], [redirect_uris, "5m"]);
  for (const { id } of [saml, oidc]) await applications.delete(id, { account_id });
});

await check("access.applications of the other types", async () => {
  for (const sent of [
    { type: "bookmark", name: "Help", domain: "https://saas.com/help" },
    { type: "app_launcher", bg_color: "#112233", footer_links: [{ name: "Help", url: "https://saas.com" }] },
    { type: "warp" },
    { type: "infrastructure", name: "Servers", target_criteria: [{ port: 22, protocol: "SSH", target_attributes: { env: ["a"] } }] },
    { type: "ssh", domain: host("ssh") },
  ]) {
    const made = await applications.create({ account_id, ...sent });
    holds(made, sent);
    assert.deepEqual(await applications.get(made.id, { account_id }), made);
    await applications.delete(made.id, { account_id });
  }
});

await check("access.applications.policies: create, get, update, list, delete", async () => {
  const { id: app_id } = await applications.create({ account_id, type: "self_hosted", domain: host("legacy") });
  const body = { account_id, name: "Own", decision: "allow", include: [{ everyone: {} }] };
  const own = await applications.policies.create(app_id, body);
  assert.equal(own.precedence, 1);
  assert.deepEqual(await applications.policies.get(own.id, { account_id, app_id }), own);
  const moved = await applications.policies.update(own.id, { ...body, app_id, precedence: 7 });
  assert.equal(moved.precedence, 7);
  assert.deepEqual((await all(applications.policies.list(app_id, { account_id }))).map(({ id }) => id), [own.id]);
  assert.equal((await applications.policies.delete(own.id, { account_id, app_id })).id, own.id);
  await applications.delete(app_id, { account_id });
});

await check("access.applications.policyTests: create, get, users", async () => {
  const inline = { name: "T", decision: "allow", include: [{ everyone: {} }] };
  const made = await applications.policyTests.create({ account_id, policies: [inline] });
  assert.equal(made.status, "success");
  const test = await applications.policyTests.get(made.id, { account_id });
  assert.deepEqual([test.id, test.status, test.percent_users_processed], [made.id, "complete", 100]);
  const users = await all(applications.policyTests.users.list(made.id, { account_id }));
  assert.equal(users.length, test.total_users);
});

await check("access.applications.CAs: there are none", async () => {
  assert.deepEqual(await all(applications.cas.list({ account_id })), []);
});

finish();
