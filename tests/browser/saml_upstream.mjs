// A customer's own SAML identity provider: people sign in there, to gated applications and to those of other companies.

import assert from 'node:assert/strict';
import { arrive, ask, at, enter, fetchText, lands, ourMetadata, peers, put, words } from './saml.mjs';
import { CODE, api, choose, enterPassword, leave, messages, person, signInBy, signOut, until, world } from './world.mjs';

const { apps, providers, team } = world;
const { url: provider } = world.saml.provider;
const ADA = { provider: 'initech', email: 'ada@initech.test' };

let object;
let ours;
let changes = 0;

/** Tells both of each other; `more` differs from the usual. */
async function agree({ config = {}, peer = {} } = {}) {
  // Whoever sees these knows this version: the one in our metadata, the other at the login page.
  const [mark, title] = [`mark-${(changes += 1)}`, `Initech ${changes}.`];
  const body = {
    name: title,
    type: 'saml',
    config: {
      idp_metadata: await fetchText(`${provider}/metadata`),
      sign_request: true,
      email_attribute_name: 'initech-mail',
      attributes: ['groups', 'initech-name', 'initech-id', mark],
      header_attributes: [
        { attribute_name: 'groups', header_name: 'x-initech-groups' },
        { attribute_name: 'initech-id', header_name: 'x-initech-uid' },
      ],
      require_signed_response: true,
      ...config,
    },
  };
  object = object ? await api('PUT', `identity_providers/${object.id}`, body) : await api('POST', 'identity_providers', body);
  providers.initech = object.id;
  world.saml.provider.id = object.id;
  const metadata = `${team}/access/callback/${object.id}/saml-metadata`;
  ours = await until('our metadata for the provider', async () => {
    const { status, text } = await ask(metadata);
    assert.equal(status, 200, `${status}: ${words(text)}`);
    assert.ok(text.includes(`"${mark}"`), `no ${mark}: ${text}`);
    assert.ok(!config.enable_encryption || text.includes('use="encryption"'), text);
    return text;
  });
  ourMetadata.push(ours);
  await put(`${provider}/peers`, { metadata: [ours], encrypted: false, subject: 'email', signed: 'both', ...peer });
  // Of the launcher, which anybody may ask for.
  await until('the login page knows it', async () => {
    const { text, headers } = await ask(`${team}/`);
    const shown = headers.location ? (await ask(new URL(headers.location, team).href)).text : text;
    if (!shown.includes(title)) throw new Error(words(shown));
    return true;
  });
}

const entity = () => /entityID="([^"]*)"/.exec(ours)[1];
const seen = async () => JSON.parse(await fetchText(`${provider}/seen`));

async function signIn(page, url, email = ADA.email) {
  await page.goto(url);
  await choose(page, 'initech');
  await enterPassword(page, email);
}

export async function aSamlProviderSignsPeopleIn() {
  await agree();
  const context = await person();
  const page = await context.newPage();
  await signIn(page, `${apps.intranet}/by-saml?q=1`);
  await lands(page, `${apps.intranet}/by-saml?q=1`);
  const { headers } = JSON.parse(await page.innerText('body'));
  assert.equal(headers['cf-access-authenticated-user-email'], ADA.email);
  assert.match(headers['x-initech-groups'], /engineering.*R&D/);
  assert.equal(headers['x-initech-uid'], 'u-1815');
  const { requests } = await seen();
  assert.ok(requests.at(-1).relay_state.length <= 80 && requests.at(-1).binding === 'GET');
  await context.close();
}

export async function nobodySendsTheHeadersOfTheProviderHimself() {
  await agree();
  const context = await person({ extraHTTPHeaders: { 'x-initech-groups': 'admins', 'X-Initech-Uid': 'root' } });
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/headers`);
  await signInBy(page, 'acme', 'ada@acme.test');
  await lands(page, `${apps.intranet}/headers`);
  const { headers } = JSON.parse(await page.innerText('body'));
  assert.ok(!('x-initech-groups' in headers) && !('x-initech-uid' in headers), JSON.stringify(headers));
  await context.close();
}

export async function samlInSamlOut() {
  await agree();
  for (const name of Object.keys(peers)) {
    const context = await person();
    const told = await enter(await context.newPage(), name, { who: ADA });
    assert.equal(told.name_id, ADA.email, name);
    assert.deepEqual(told.attributes.groups, ['engineering', 'R&D'], name);
    await context.close();
  }
}

export async function encryptedAssertionsOfTheProviderAreRead() {
  await agree({ config: { enable_encryption: true }, peer: { encrypted: true } });
  const context = await person();
  const page = await context.newPage();
  await signIn(page, `${apps.intranet}/encrypted`);
  await lands(page, `${apps.intranet}/encrypted`);
  const sent = messages.filter(({ url }) => url.includes(`/access/callback/${object.id}`)).at(-1);
  const xml = Buffer.from(new URLSearchParams(sent.query).get('SAMLResponse'), 'base64').toString();
  assert.ok(xml.includes('EncryptedAssertion') && xml.includes('xmlenc11#aes256-gcm') && !xml.includes(ADA.email));
  // Where encryption is agreed, plain assertions do not count.
  await put(`${provider}/peers`, { metadata: [ours], encrypted: false, subject: 'email', signed: 'both' });
  const other = await person();
  const elsewhere = await other.newPage();
  await signIn(elsewhere, `${apps.intranet}/plain`);
  await isOutside(elsewhere);
  await Promise.all([context.close(), other.close()]);
}

/** On a page of ours that refuses or asks again, beyond the one that posts once more; and nobody. */
async function isOutside(page) {
  await until('a page that lets nobody in', async () => {
    const text = await page.innerText('body');
    if (new URL(page.url()).origin === team && (CODE.test(text) || (await page.locator('[data-idp]').count()))) return true;
    throw new Error(`${page.url()} says ${text.slice(0, 500)}`);
  });
  await isNobody(page);
}

async function isNobody(page) {
  await page.goto(`${apps.intranet}/outside`);
  assert.equal(new URL(page.url()).origin, team);
  assert.equal(await page.locator(`[data-idp="${object.id}"]`).count(), 1, await page.innerText('body'));
}

export async function theProviderIsAskedAgainWhereThatIsWanted() {
  await agree({ config: { force_authn: true } });
  const context = await person();
  const page = await context.newPage();
  await signIn(page, `${apps.intranet}/forced`);
  await lands(page, `${apps.intranet}/forced`);
  assert.equal((await seen()).requests.at(-1).force, true);
  await agree();
  // And where the service provider of another company wants it.
  await page.goto(`${peers.pysaml2.url}/in?force=1`);
  const { what, told } = await arrive(page, ADA);
  assert.equal(what, 'person', told);
  assert.equal((await seen()).requests.at(-1).force, true);
  await context.close();
}

export async function theSubjectMayStandInAnAttribute() {
  await agree({ config: { subject_attribute_name: 'initech-id' }, peer: { subject: 'attribute' } });
  const ids = [];
  for (let again = 0; again < 2; again += 1) {
    const context = await person();
    const page = await context.newPage();
    await signIn(page, `${apps.intranet}/subject`);
    await lands(page, `${apps.intranet}/subject`);
    const { headers } = JSON.parse(await page.innerText('body'));
    assert.equal(headers['cf-access-authenticated-user-email'], ADA.email);
    ids.push(JSON.parse(Buffer.from(headers['cf-access-jwt-assertion'].split('.')[1], 'base64url')).sub);
    await context.close();
  }
  assert.equal(ids[0], ids[1], 'the same person, though the NameID changes');
}

export async function whatNobodyAskedForIsRefusedUnlessSwitchedOn() {
  for (const allowed of [false, true]) {
    await agree({ config: { allow_unsolicited: allowed } });
    const context = await person();
    const page = await context.newPage();
    await page.goto(`${provider}/start?sp=${encodeURIComponent(entity())}`);
    await enterPassword(page, ADA.email);
    if (!allowed) {
      await isOutside(page);
      await context.close();
      continue;
    }
    await page.waitForSelector('[data-app]'); // After the page that posts once more.
    await page.goto(`${apps.intranet}/unsolicited`);
    await lands(page, `${apps.intranet}/unsolicited`);
    // The same response in another browser.
    const sent = messages.filter(({ url }) => url.includes(`/access/callback/${object.id}`)).at(-1);
    const { status, headers } = await ask(sent.url, { method: 'POST', body: sent.query });
    const cookies = [headers['set-cookie'] ?? []].flat();
    assert.ok(!cookies.some((cookie) => /^CF_Authorization=[^;]/.test(cookie)), `${status}`);
    const other = await person();
    const elsewhere = await other.newPage();
    await elsewhere.goto(`${provider}/metadata`).catch(() => {});
    await elsewhere.setContent(`<form method=post action="${sent.url}"><input name=SAMLResponse><button>x</button></form>`);
    await elsewhere.fill('input', new URLSearchParams(sent.query).get('SAMLResponse'));
    await leave(elsewhere, () => elsewhere.click('button'));
    await isOutside(elsewhere);
    await Promise.all([context.close(), other.close()]);
  }
}

export async function changedResponsesOfTheProviderAreRefused() {
  await agree();
  const changes = {
    'another person': (xml) => xml.replaceAll(ADA.email, 'root@initech.test'),
    'no signature of the assertion': (xml) => xml.replace(/(<ns1:Assertion[\s\S]*?)<ns2:Signature[\s\S]*?<\/ns2:Signature>/, '$1'),
    'no signature at all': (xml) => xml.replace(/<(ns\d+):Signature\b[\s\S]*?<\/\1:Signature>/g, ''),
    'another audience': (xml) => xml.replaceAll('</ns1:Audience>', 'x</ns1:Audience>'),
  };
  for (const [what, change] of Object.entries(changes)) {
    const context = await person();
    const page = await context.newPage();
    let changed = false;
    await page.route('**/access/callback/**', (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      const fields = new URLSearchParams(route.request().postData());
      if (!fields.has('SAMLResponse')) return route.continue();
      const xml = Buffer.from(fields.get('SAMLResponse'), 'base64').toString();
      changed ||= change(xml) !== xml; // It is posted twice: the second time with our cookies.
      fields.set('SAMLResponse', Buffer.from(change(xml)).toString('base64'));
      return route.continue({ postData: fields.toString() });
    });
    await signIn(page, `${apps.intranet}/changed`);
    await isOutside(page);
    assert.ok(changed, what);
    await context.close();
  }
}

export async function signingOutReachesTheProvider() {
  await agree();
  const context = await person();
  const page = await context.newPage();
  await enter(page, 'node-saml', { who: ADA });
  const { ended } = await seen();
  await signOut(page);
  // It ends all her sessions there, those of other windows as well.
  const after = await seen();
  assert.ok(after.ended > ended, `the provider was told: ${after.refused}`);
  assert.equal(await at(page, 'node-saml'), null, 'and the service provider as well');
  await isNobody(page);
  await context.close();
}

export async function theProviderSignsPeopleOut() {
  await agree();
  const context = await person();
  const page = await context.newPage();
  await signIn(page, `${apps.intranet}/until-logout`);
  await lands(page, `${apps.intranet}/until-logout`);
  await page.goto(`${provider}/out`);
  await page.waitForSelector('#out, #refused');
  assert.equal(await page.locator('#out').count() && (await page.innerText('#out')), 'True');
  await until('the application is shut', async () => {
    await page.goto(`${apps.intranet}/after-logout`);
    return new URL(page.url()).origin === team;
  });
  await context.close();
}
