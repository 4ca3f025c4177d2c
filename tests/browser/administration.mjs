// What an administrator does by the API while people are signed in.

import assert from 'node:assert/strict';
import { api, choose, person, refusal, signInBy, until, world } from './world.mjs';

const { apps, providers, team } = world;

async function enter(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  if (new URL(page.url()).origin === team) await signInBy(page, 'acme', 'ada@acme.test');
  await page.waitForURL(url);
  return page;
}

const token = async (context) => (await context.cookies(apps.intranet)).find(({ name }) => name === 'CF_Authorization').value;
const part = (jwt, index) => JSON.parse(Buffer.from(jwt.split('.')[index], 'base64url').toString());

export async function newKeysSignAndOldTokensGoOn() {
  const context = await person();
  const page = await enter(context, `${apps.intranet}/before`);
  const before = await token(context);
  await api('POST', 'keys/rotate');
  await page.goto(`${apps.intranet}/after`);
  assert.equal(page.url(), `${apps.intranet}/after`, 'the old token still counts');
  const other = await person();
  const kid = await until('a token by the new key', async () => {
    await other.clearCookies();
    const entered = await enter(other, `${apps.intranet}/new`);
    await entered.close();
    const { kid } = part(await token(other), 0);
    return kid !== part(before, 0).kid && kid;
  });
  await page.goto(`${team}/access/certs`);
  const { keys, public_certs: certificates } = JSON.parse(await page.innerText('body'));
  for (const published of [keys, certificates]) {
    const kids = published.map((key) => key.kid);
    assert.ok(kids.includes(kid) && kids.includes(part(before, 0).kid), 'both keys are published');
  }
  await Promise.all([context.close(), other.close()]);
}

export async function revokedTokensOfAnApplicationAreReplacedOnlyBySession() {
  const context = await person();
  const page = await enter(context, `${apps.intranet}/`);
  const before = await token(context);
  const [application] = (await api('GET', 'apps')).filter(({ domain }) => domain === 'intranet.saas.test');
  await api('POST', `apps/${application.id}/revoke_tokens`);
  // The person is still signed in, so the next token is made in passing; the old one never counts again.
  const after = await until('another token', async () => {
    await page.goto(`${apps.intranet}/again`);
    if (await page.locator(`[data-idp="${providers.acme}"]`).count()) await choose(page, 'acme');
    // Whatever is issued in the very second of the revocation does not count, and leads nowhere.
    assert.equal(page.url(), `${apps.intranet}/again`);
    const now = await token(context);
    return now !== before && now;
  });
  assert.ok(part(after, 1).iat > part(before, 1).iat);
  await context.close();
}

export async function whoIsDisabledIsOutAndStaysOut() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/`);
  await signInBy(page, 'globex', 'ada@globex.test');
  await page.waitForURL(`${apps.intranet}/`);
  const [user] = (await api('GET', 'users?email=ada@globex.test')).filter(({ email }) => email === 'ada@globex.test');
  await api('PUT', `users/${user.id}`, { email: user.email, enabled: false });
  await until('the application is shut', async () => {
    await page.goto(`${apps.intranet}/`);
    return new URL(page.url()).origin === team;
  });
  // The provider still knows them; it makes no difference.
  await page.goto(`${apps.intranet}/`);
  if (await page.locator(`[data-idp="${providers.globex}"]`).count()) await choose(page, 'globex');
  await refusal(page);
  await api('PUT', `users/${user.id}`, { email: user.email, enabled: true });
  await context.close();
}
