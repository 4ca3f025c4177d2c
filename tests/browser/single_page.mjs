// A single-page application with a service worker, whose token expires under it.

import assert from 'node:assert/strict';
import { choose, fetchAfresh, person, signInBy, until, world } from './world.mjs';

const { apps } = world;

/** The application's own view of one call: what its service worker passed on. */
const call = (page, path, options = {}) =>
  page.evaluate(([path, options]) => globalThis.call(path, options), [path, options]);

async function open(context) {
  const page = await context.newPage();
  await page.goto(`${apps.spa}/app`);
  await signInBy(page, 'acme', 'ada@acme.test');
  await page.waitForURL(`${apps.spa}/app`);
  await until('the service worker is in charge', () => page.evaluate('navigator.serviceWorker.controller !== null'));
  return page;
}

const appToken = async (context) => (await context.cookies(apps.spa)).find(({ name }) => name === 'CF_Authorization')?.value;

const expiry = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).exp;

export async function aTokenThatExpiresUnderAServiceWorkerIsRenewedInPassing() {
  const context = await person();
  const page = await open(context);
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.fill('#draft', 'half a sentence');
  const first = await appToken(context);
  await until('the first token has expired', () => Date.now() / 1000 > expiry(first) + 1);
  const answer = await call(page, '/api/data', { method: 'POST', body: 'kept' });
  assert.deepEqual(answer, { status: 200, body: 'data' });
  assert.notEqual(await appToken(context), first, 'the token is another one');
  assert.equal(await page.inputValue('#draft'), 'half a sentence');
  assert.deepEqual(complaints, []);
  await context.close();
}

export async function aSessionThatEndsIsToldToFetchAsJson() {
  const context = await person();
  const page = await open(context);
  await page.fill('#draft', 'half a sentence');
  const revoke = `${world.api.url}/accounts/${world.api.account}/access/organizations/revoke_user`;
  const headers = { authorization: `Bearer ${world.api.token}`, 'content-type': 'application/json' };
  const revoked = await fetchAfresh(revoke, { method: 'POST', headers, body: JSON.stringify({ email: 'ada@acme.test' }) });
  assert.equal(revoked.status, 200);
  const revokedAt = Date.now();
  const refused = await until('the revocation reaches the edge', async () => {
    const answer = await call(page, '/api/data');
    return answer.status === 401 && answer;
  });
  const told = JSON.parse(refused.body);
  assert.match(JSON.stringify(told), /\/access\/login\//, 'it says where to sign in');
  assert.equal(await page.inputValue('#draft'), 'half a sentence', 'nothing reloaded');
  // The way back: sign in beside it, and the same page has its data again.
  const login = Object.values(told).find((value) => typeof value === 'string' && value.includes('/access/login/'));
  // Whatever is issued in the very second of a revocation does not count.
  await until('that second is over', () => Date.now() > revokedAt + 1000);
  const beside = await context.newPage();
  await beside.goto(new URL(login, apps.spa).href);
  if (await beside.locator(`[data-idp="${world.providers.acme}"]`).count()) await choose(beside, 'acme');
  await beside.waitForURL(`${apps.spa}/**`);
  assert.equal((await call(page, '/api/data')).status, 200);
  await context.close();
}
