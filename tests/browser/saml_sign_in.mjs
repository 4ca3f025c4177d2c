// People sign in to applications of other companies.

import assert from 'node:assert/strict';
import { EVERYBODY, applications, arrive, at, change, enter, entersAs, introduce, names, peers, restore, seen } from './saml.mjs';
import { leave, messages, person, refusal, signInBy, until, world } from './world.mjs';

const { team } = world;
const EMAIL = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

const POSTING = names.filter((name) => name !== 'python3-saml'); // It redirects, always.

export async function everyServiceProviderSignsPeopleIn() {
  for (const name of names) {
    for (const binding of POSTING.includes(name) ? ['redirect', 'post'] : ['redirect']) {
      const context = await person();
      const page = await context.newPage();
      const told = await enter(page, name, { relay: `/deep?page=${binding}`, binding });
      assert.equal(told.name_id, 'ada@acme.test', name);
      assert.equal(told.name_id_format, EMAIL, name);
      assert.equal(told.relay_state, `/deep?page=${binding}`, name);
      assert.ok(told.in_response_to && told.session_index, name);
      assert.deepEqual(told.attributes.email, ['ada@acme.test'], name);
      assert.deepEqual(told.attributes.groups, ['engineering'], name);
      await context.close();
    }
  }
}

export async function oneSignInServesEveryServiceProvider() {
  const context = await person();
  const page = await context.newPage();
  const first = await enter(page, names[0]);
  const indexes = new Set([first.session_index]);
  for (const name of names.slice(1)) {
    await page.goto(`${peers[name].url}/in`);
    // Nobody asks anything.
    await page.waitForURL(`${peers[name].url}/**`);
    const { what, told } = await arrive(page);
    assert.equal(what, 'person', told);
    indexes.add(told.session_index);
  }
  assert.equal(indexes.size, names.length, 'no two service providers can tell that it is one session');
  await context.close();
}

export async function byThreeFieldsOfTheApiItWorksAsWell() {
  const name = 'node-saml';
  const { saas } = applications[name];
  await introduce(name, applications[name], { metadata: undefined });
  const context = await person();
  await enter(await context.newPage(), name);
  assert.match(saas.public_key, /BEGIN CERTIFICATE/);
  assert.equal(saas.idp_entity_id, saas.sso_endpoint);
  await introduce(name, applications[name]);
  await context.close();
}

export async function peopleStartWithUs() {
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    const before = (await seen(name)).accepted;
    await page.goto(applications[name].saas.sso_endpoint);
    const refused = await arrive(page);
    assert.equal(refused.what, 'refused', `${name} takes only what it asked for`);
    assert.equal((await seen(name)).accepted, before);
    await introduce(name, applications[name], { unsolicited: true });
    await page.goto(`${applications[name].saas.sso_endpoint}?RelayState=${encodeURIComponent('https://evil.example/')}`);
    const { what, told } = await arrive(page);
    assert.equal(what, 'person', told);
    assert.equal(told.in_response_to, null);
    assert.equal(told.relay_state, null, `${name}: a link does not say where somebody lands`);
    await introduce(name, applications[name]);
    await context.close();
  }
}

export async function theLauncherLeadsIntoEveryServiceProvider() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${team}/`);
  await signInBy(page, 'acme', 'ada@acme.test');
  for (const name of names) {
    await introduce(name, applications[name], { unsolicited: true });
    await page.goto(`${team}/`);
    const tile = page.locator(`a[href*="${applications[name].id}"]`);
    await tile.first().waitFor();
    await tile.first().click();
    const { what, told } = await arrive(page);
    assert.equal(what, 'person', told);
    await introduce(name, applications[name]);
  }
  await context.close();
}

export async function aDefaultRelayStateGoesAlong() {
  const name = 'samlify';
  const application = await change(name, { saas: { default_relay_state: 'https://intranet.example/start?a=1&b=ü' } });
  await introduce(name, application, { unsolicited: true });
  const context = await person();
  const page = await context.newPage();
  await until('the default relay state', async () => {
    await page.goto(application.saas.sso_endpoint);
    const { told } = await arrive(page);
    return told.relay_state === 'https://intranet.example/start?a=1&b=ü';
  });
  await restore(name);
  await context.close();
}

export async function relayStatesComeBackAsTheyWere() {
  const odd = ['/a b+c%20d%2B?x=1&y=ü#f', '"><script>alert(1)</script>\'', '😀 \t end', 'x'.repeat(3000)];
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    for (const relay of odd) {
      // These sign other octets than they (or the browser for them) send, where an address has such signs.
      const binding = ['node-saml', 'samlify'].includes(name) && /[^\w]/.test(relay) ? 'post' : 'redirect';
      const told = await enter(page, name, { relay, binding });
      assert.equal(told.relay_state, relay, `${name}, ${binding}`);
    }
    if (POSTING.includes(name)) {
      const long = 'long/'.repeat(2000);
      const told = await enter(page, name, { relay: long, binding: 'post' });
      assert.equal(told.relay_state, long, name);
    }
    await context.close();
  }
}

export async function encryptedAssertionsAreRead() {
  for (const name of names) {
    const application = await change(name, { saas: { encrypt: 'assertion' } });
    await introduce(name, application, { encrypted: true });
    const context = await person();
    const told = await entersAs(await context.newPage(), name, (told) => assert.equal(told.name_id, 'ada@acme.test'));
    assert.deepEqual(told.attributes.groups, ['engineering'], name);
    const sent = messages.filter(({ url }) => url === `${peers[name].url}/acs`).at(-1);
    const xml = Buffer.from(new URLSearchParams(sent.query).get('SAMLResponse'), 'base64').toString();
    assert.ok(xml.includes('EncryptedAssertion') && !xml.includes('ada@acme.test'), name);
    await restore(name);
    await context.close();
  }
}

export async function forceAuthnAsksAgain() {
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    await enter(page, name);
    await page.goto(`${peers[name].url}/in?force=1`);
    await page.waitForSelector('[data-idp], input[type=password]');
    const { what, told } = await arrive(page);
    assert.equal(what, 'person', told);
    await context.close();
  }
}

export async function whoMustNotBeAskedIsNot() {
  for (const name of names.filter((name) => name !== 'samlify')) {
    const context = await person();
    const page = await context.newPage();
    await page.goto(`${peers[name].url}/in?passive=1`);
    const { what, told } = await arrive(page);
    assert.equal(what, 'refused', name);
    assert.match(told, /NoPassive|Responder/, name);
    await enter(page, name);
    await page.goto(`${peers[name].url}/in?passive=1`);
    const now = await arrive(page);
    assert.equal(now.what, 'person', `${name}: who is signed in already is let through: ${now.told}`);
    await context.close();
  }
}

export async function whoMayNotEnterStaysOutside() {
  const name = 'python3-saml';
  const nobody = [{ name: 'Graces', decision: 'allow', include: [{ email: { email: 'grace@acme.test' } }] }];
  await change(name, { policies: nobody });
  const before = await seen(name);
  const context = await person();
  const page = await context.newPage();
  for (const start of [`${peers[name].url}/in`, applications[name].saas.sso_endpoint]) {
    await context.clearCookies();
    await page.goto(start);
    await signInBy(page, 'acme', 'ada@acme.test');
    await refusal(page);
    assert.deepEqual(await seen(name), before, `${start}: the service provider hears nothing`);
  }
  const grace = await person();
  const told = await enter(await grace.newPage(), name, { who: { email: 'grace@acme.test' } });
  assert.equal(told.name_id, 'grace@acme.test');
  await change(name, { policies: EVERYBODY });
  await Promise.all([context.close(), grace.close()]);
}

export async function itWorksWithoutJavaScriptToo() {
  const name = 'pysaml2';
  const context = await person({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${peers[name].url}/in?relay=plain`);
  await signInBy(page, 'acme', 'ada@acme.test');
  await page.waitForURL(`${team}/**`);
  await leave(page, () => page.locator('form[method=post] button').first().click());
  const { what, told } = await arrive(page);
  assert.equal(what, 'person', told);
  assert.equal(told.relay_state, 'plain');
  assert.equal((await at(page, name)).name_id, 'ada@acme.test');
  await context.close();
}
