// Signing out: at one place and so at all others.

import assert from 'node:assert/strict';
import { applications, arrive, at, enter, names, peers, seen } from './saml.mjs';
import { person, signOut, until, world } from './world.mjs';

const { providers, team } = world;

/** Nobody is signed in with us any more. */
async function signedOutHere(page) {
  await until('somebody is asked again', async () => {
    await page.goto(`${team}/`);
    return (await page.locator(`[data-idp="${providers.acme}"]`).count()) === 1;
  });
}

export async function everyServiceProviderSignsPeopleOut() {
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    await enter(page, name);
    await page.goto(`${peers[name].url}/out?relay=bye`);
    const { what, told } = await arrive(page);
    assert.equal(what, 'out', `${name}: ${told}`);
    assert.equal(told, 'bye', `${name}: its RelayState came back`);
    await signedOutHere(page);
    assert.equal(await at(page, name), null);
    await context.close();
  }
}

export async function signingOutHereSignsOutEverywhere() {
  const context = await person();
  const page = await context.newPage();
  for (const name of names) await enter(page, name);
  for (const name of names) assert.equal((await at(page, name)).name_id, 'ada@acme.test', name);
  const ended = async () => (await Promise.all(names.map(seen))).map((peer) => peer.ended);
  const before = await ended();
  await signOut(page);
  assert.deepEqual(await ended(), before.map((count) => count + 1), `${names}: everybody was told`);
  for (const name of names) assert.equal(await at(page, name), null, name);
  await signedOutHere(page);
  await context.close();
}

export async function oneServiceProviderSignsOutOfAllOthers() {
  for (const first of names) {
    const context = await person();
    const page = await context.newPage();
    for (const name of names) await enter(page, name);
    await page.goto(`${peers[first].url}/out?relay=whole`);
    const { what, told } = await arrive(page);
    assert.deepEqual([what, told], ['out', 'whole'], `it ends where it began, at ${first}: ${page.url()}`);
    for (const name of names) assert.equal(await at(page, name), null, `${name}, begun at ${first}`);
    await signedOutHere(page);
    await context.close();
  }
}

export async function onlyThisBrowserIsSignedOut() {
  const [context, other] = [await person(), await person()];
  const [page, elsewhere] = [await context.newPage(), await other.newPage()];
  for (const name of ['python3-saml', 'pysaml2']) {
    await enter(page, name);
    await enter(elsewhere, name);
  }
  await page.goto(`${peers.pysaml2.url}/out`);
  await arrive(page);
  assert.equal(await at(page, 'python3-saml'), null);
  assert.equal((await at(elsewhere, 'python3-saml')).name_id, 'ada@acme.test', 'by SessionIndex');
  await elsewhere.goto(`${peers.pysaml2.url}/in`);
  assert.equal((await arrive(elsewhere)).what, 'person');
  await Promise.all([context.close(), other.close()]);
}

export async function aForgedLogoutRequestSignsNobodyOut() {
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    await enter(page, name);
    const { ended } = await seen(name);
    // The service provider ends its own session as it leaves; ours is what must stand.
    const answer = await context.request.get(`${peers[name].url}/out`, { maxRedirects: 0 });
    const url = new URL(answer.headers().location);
    assert.ok(url.searchParams.get('Signature'));
    url.searchParams.delete('Signature');
    url.searchParams.delete('SigAlg');
    await page.goto(url.href);
    await page.waitForLoadState('networkidle');
    assert.equal((await seen(name)).ended, ended + 1);
    await page.goto(`${peers[name].url}/in`);
    await page.waitForURL(`${peers[name].url}/**`);
    assert.equal((await arrive(page)).what, 'person', `${name}: still signed in with us`);
    await context.close();
  }
}

export async function aLogoutRequestOfSomebodyElseIsOfNoUse() {
  const [context, other] = [await person(), await person()];
  const [page, elsewhere] = [await context.newPage(), await other.newPage()];
  await enter(page, 'pysaml2');
  await enter(elsewhere, 'pysaml2', { who: { email: 'grace@acme.test' } });
  const answer = await other.request.get(`${peers.pysaml2.url}/out`, { maxRedirects: 0 });
  // Signed well, but for Grace's session: in Ada's browser it ends nothing, and is answered.
  await page.goto(answer.headers().location);
  await page.waitForURL(`${peers.pysaml2.url}/**`);
  await page.goto(`${applications['python3-saml'].saas.sso_endpoint}`);
  await page.waitForSelector('#person, #refused');
  await page.goto(`${team}/`);
  assert.equal(await page.locator(`[data-idp="${providers.acme}"]`).count(), 0, 'Ada is still signed in');
  await Promise.all([context.close(), other.close()]);
}

export async function signingInAgainAfterSigningOutIsAnotherSession() {
  const name = 'node-saml';
  const context = await person();
  const page = await context.newPage();
  const before = await enter(page, name);
  await signOut(page);
  await signedOutHere(page);
  const after = await enter(page, name);
  assert.notEqual(after.session_index, before.session_index);
  await context.close();
}
