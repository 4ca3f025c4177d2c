// What must not work: forged, changed and repeated messages.

import assert from 'node:assert/strict';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { applications, arrive, ask, change, enter, fetchText, follow, names, peers, restore, seen } from './saml.mjs';
import { fetchAfresh, messages, person, world } from './world.mjs';

const { team } = world;
const EVIL = 'https://evil.example/acs';

/** The address that a service provider sends somebody to. */
async function request(name, options = {}) {
  const answer = await fetchAfresh(`${peers[name].url}/in?${new URLSearchParams(options)}`, { redirect: 'manual' });
  return new URL(answer.headers.get('location'));
}

/** The same with another request in it. */
function rewritten(url, rewrite) {
  const changed = new URL(url);
  const xml = inflateRawSync(Buffer.from(changed.searchParams.get('SAMLRequest'), 'base64')).toString();
  assert.notEqual(rewrite(xml), xml, 'the request is changed');
  changed.searchParams.set('SAMLRequest', deflateRawSync(rewrite(xml)).toString('base64'));
  return changed;
}

/** Somebody who is signed in already goes there, and nothing is sent to anybody. */
async function isRefused(context, what, url) {
  const { status, text, way } = await follow(context, url.href);
  assert.ok(status >= 400 && status < 500, `${what}: ${status}, ${way.at(-1)}`);
  assert.ok(way.every((address) => new URL(address).origin === team), `${what}: ${way}`);
  assert.doesNotMatch(text, /SAMLResponse/, what);
  assert.match(text, /<h1/, `${what}: a page says so`);
}

export async function changedRequestsAreRefused() {
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    await enter(page, name);
    const without = (url, ...parameters) => {
      const changed = new URL(url);
      for (const parameter of parameters) changed.searchParams.delete(parameter);
      return changed;
    };
    const other = (url, parameter, value) => {
      const changed = new URL(url);
      changed.searchParams.set(parameter, value);
      return changed;
    };
    const cases = {
      'another RelayState': (url) => other(url, 'RelayState', 'https://evil.example/'),
      'another consumer service': (url) => rewritten(url, (xml) => xml.replaceAll(`${peers[name].url}/acs`, EVIL)),
      'another ID': (url) => rewritten(url, (xml) => xml.replace(/ ID="[^"]*"/, ' ID="_another"')),
      'no signature': (url) => without(url, 'Signature', 'SigAlg'),
      'an algorithm without a signature': (url) => without(url, 'Signature'),
      'SHA-1': (url) => other(url, 'SigAlg', 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'),
      'the endpoint of another application': (url) => {
        const to = new URL(applications[names.find((known) => known !== name)].saas.sso_endpoint);
        to.search = url.search;
        return to;
      },
    };
    const { text } = await follow(context, (await request(name, { relay: 'r' })).href);
    assert.match(text, /SAMLResponse/, 'what is not changed is answered');
    for (const [what, how] of Object.entries(cases)) {
      const url = how(await request(name, { relay: 'r' }));
      await isRefused(context, `${name}: ${what}`, url);
    }
    await context.close();
  }
}

export async function aPostedRequestThatWasChangedIsRefused() {
  for (const name of ['node-saml', 'samlify', 'pysaml2']) {
    const html = await fetchText(`${peers[name].url}/in?binding=post&relay=r`);
    const decoded = html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).replaceAll('&#x2B;', '+');
    const [, encoded] = /name="SAMLRequest"[^>]*value="([^"]*)"/.exec(decoded) ?? /value="([^"]*)"[^>]*name="SAMLRequest"/.exec(decoded);
    const xml = Buffer.from(encoded, 'base64').toString();
    for (const changed of [xml.replace(/ ID="[^"]*"/, ' ID="_another"'), xml.replace(/<((?:\w+:)?)Signature\b[\s\S]*<\/\1Signature>/, '')]) {
      assert.notEqual(changed, xml);
      const body = new URLSearchParams({ SAMLRequest: Buffer.from(changed).toString('base64') }).toString();
      const { status, text } = await ask(applications[name].saas.sso_endpoint, { method: 'POST', body });
      assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
      assert.doesNotMatch(text, /SAMLResponse/);
    }
  }
}

export async function whereSignaturesAreNotAskedForTheConsumerServiceStillCounts() {
  const name = 'python3-saml';
  await change(name, { saas: { require_signed_requests: false } });
  const context = await person();
  const page = await context.newPage();
  const told = await enter(page, name, { unsigned: '1' });
  assert.equal(told.name_id, 'ada@acme.test');
  const url = rewritten(await request(name, { unsigned: '1' }), (xml) => xml.replaceAll(`${peers[name].url}/acs`, EVIL));
  await isRefused(context, 'another consumer service', url);
  // A signature that is there must be right, even where none is asked for.
  const forged = new URL(await request(name, { relay: 'r' }));
  forged.searchParams.set('RelayState', 'other');
  await isRefused(context, 'a wrong signature', forged);
  await restore(name);
  await isRefused(context, 'no signature where one is asked for', await request(name, { unsigned: '1' }));
  await context.close();
}

export async function aRequestServesOnce() {
  for (const name of names) {
    const context = await person();
    const page = await context.newPage();
    const url = await request(name, { relay: 'once' });
    await page.goto(url.href);
    const { what, told } = await arrive(page);
    assert.equal(what, 'person', told);
    await isRefused(context, `${name}: again`, url);
    await context.close();
  }
}

export async function serviceProvidersRefuseWhatWasChangedOrSentTwice() {
  for (const name of names) {
    const context = await person();
    await enter(await context.newPage(), name);
    const acs = `${peers[name].url}/acs`;
    const { query } = messages.filter(({ url }) => url === acs).at(-1);
    const fields = new URLSearchParams(query);
    const send = async (xml) => {
      const body = new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64') });
      return (await fetchAfresh(acs, { method: 'POST', body })).status;
    };
    const xml = Buffer.from(fields.get('SAMLResponse'), 'base64').toString();
    const before = await seen(name);
    assert.equal(await send(xml), 403, `${name}: twice`);
    assert.equal(await send(xml.replaceAll('ada@acme.test', 'eve@acme.test')), 403, `${name}: changed`);
    assert.equal((await seen(name)).accepted, before.accepted);
    await context.close();
  }
}
