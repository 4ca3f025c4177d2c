// SAML applications and the peers behind them. Every application is made from its service provider's own metadata, and every service
// provider is told of us by our metadata, as administrators do it.

import assert from 'node:assert/strict';
import { request } from 'node:https';
import { api, choose, enterPassword, fetchAfresh, until, world } from './world.mjs';

const { providers, team } = world;

export const peers = world.saml.peers;
export const names = Object.keys(peers);
export const EVERYBODY = [{ name: 'Everybody', decision: 'allow', include: [{ everyone: {} }] }];

/** Applications by the name of their service provider: {id, body, saas}. */
export const applications = {};
/** Every metadata file that we gave out. */
export const ourMetadata = [];
/** What every application is created with, beside its service provider's metadata. */
const STRICT = { auth_type: 'saml', require_signed_requests: true, sign: 'both' };

/** Asks the team domain without a browser: no cookies, redirects are not followed. */
export function ask(url, { method = 'GET', body, headers = {} } = {}) {
  const { hostname, port, pathname, search } = new URL(url);
  const type = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    // A connection of its own: see fetchAfresh.
    const options = { agent: false, host: '127.0.0.1', port, method, path: pathname + search, servername: hostname, rejectUnauthorized: false };
    const asked = request({ ...options, headers: { host: `${hostname}:${port}`, ...type, ...headers } }, async (answer) => {
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() });
    });
    asked.on('error', reject).end(body);
  });
}

/** Where an address leads who has these cookies: the last answer, and every address on the way. */
export async function follow(context, url) {
  const jar = new Map((await context.cookies(url)).map(({ name, value }) => [name, value]));
  const way = [];
  for (let next = url; ; ) {
    way.push(next);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(next, { headers: { cookie } });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      jar.set(name, value);
    }
    const { location } = answer.headers;
    if (!location) return { ...answer, way };
    next = new URL(location, next).href;
    if (new URL(next).origin !== team || way.length > 8) return { ...answer, way: [...way, next] };
  }
}

/** What a page says, for failures. */
export const words = (html) => html.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/g, ' ').replace(/\s+/g, ' ').slice(0, 500);

/** Our metadata for an application, once it stands. */
export async function metadata({ saas }) {
  return until(`metadata of ${saas.sp_entity_id ?? saas.sp_metadata_url}`, async () => {
    const { status, text } = await ask(`${saas.sso_endpoint}/saml-metadata`);
    assert.equal(status, 200, `${status}: ${words(text)}`);
    if (!ourMetadata.includes(text)) ourMetadata.push(text);
    return text;
  });
}

/** Tells a service provider of us. */
export async function introduce(name, application, more = {}) {
  const told = { metadata: await metadata(application), ...application.saas, ...more };
  await put(`${peers[name].url}/idp`, told);
}

export async function put(url, body) {
  const answer = await fetchAfresh(url, { method: 'PUT', body: JSON.stringify(body) });
  assert.ok(answer.ok, `${url}: ${await answer.text()}`);
}

export const fetchText = async (url) => (await fetchAfresh(url)).text();

/** Creates an application for a service provider. */
export async function create(name, { saas = {}, title = name, ...more } = {}) {
  const wanted = saas.sp_metadata_url ? {} : { sp_metadata: await fetchText(`${peers[name].url}/metadata`) };
  const body = { type: 'saas', name: title, app_launcher_visible: true, policies: EVERYBODY, ...more, saas_app: { ...STRICT, ...wanted, ...saas } };
  const { id, saas_app: made } = await api('POST', 'apps', body);
  return { id, body, saas: made };
}

let changes = 0;

/** Writes an application, under a new title, and waits until the edge knows it by that. */
async function write(name, body) {
  const { id } = applications[name];
  const title = `${name} (${(changes += 1)})`;
  const { saas_app: saas } = await api('PUT', `apps/${id}`, { ...body, name: title });
  await until(`${title} is at the edge`, async () => {
    const { text } = await ask(`${team}/access/login/${id}?redirect_url=${encodeURIComponent(saas.sso_endpoint)}`);
    if (!text.includes(title)) throw new Error(words(text));
    return true;
  });
  return { id, body, saas };
}

/** Changes an application until `restore` is called. */
export async function change(name, { saas = {}, ...more }) {
  const { body } = applications[name];
  return write(name, { ...body, ...more, saas_app: { ...body.saas_app, ...saas } });
}

export async function restore(name) {
  await write(name, applications[name].body);
  await introduce(name, applications[name]);
}

const HERE = '#person, #refused, #out, #nobody, [data-idp], input[type=password]';

/** Signs in wherever that is asked for, until the service provider says something; then {what: person | refused | out | nobody, told}. */
export async function arrive(page, { provider = 'acme', email = 'ada@acme.test' } = {}) {
  return until(`${page.url()}: an answer of the service provider`, async () => {
    // Pages pass by that send themselves away.
    await page.waitForSelector(HERE, { state: 'attached', timeout: 5000 }).catch(async () => {
      throw new Error(`${page.url()} says: ${(await page.innerText('body').catch(() => '')).slice(0, 500)}`);
    });
    if (new URL(page.url()).origin === team) {
      if (await page.locator(`[data-idp="${providers[provider]}"]`).count()) await choose(page, provider);
      return false;
    }
    if (await page.locator('input[type=password]').count()) {
      await enterPassword(page, email);
      return false;
    }
    for (const what of ['person', 'refused', 'out', 'nobody']) {
      if (!(await page.locator(`#${what}`).count())) continue;
      const text = await page.innerText(`#${what}`);
      return { what, told: what === 'person' ? JSON.parse(text) : text };
    }
    return false;
  });
}

/** Signs in, beginning at the service provider; the person it sees. */
export async function enter(page, name, { who, ...options } = {}) {
  await page.goto(`${peers[name].url}/in?${new URLSearchParams(options)}`);
  const { what, told } = await arrive(page, who);
  assert.equal(what, 'person', `${name}: ${told}`);
  return told;
}

/** Until signing in leads to a person as wanted: what was changed through the API is on its way. */
export async function entersAs(page, name, wanted, options = {}) {
  return until(`${name} sees what it should`, async () => {
    await page.goto(`${peers[name].url}/in?${new URLSearchParams(options)}`);
    const { what, told } = await arrive(page);
    assert.equal(what, 'person', `${name}: ${told}`);
    await wanted(told);
    return told;
  });
}

/** Until this very address is there. */
export async function lands(page, url) {
  await page.waitForURL(url).catch(async () => {
    throw new Error(`not at ${url} but at ${page.url()}, which says: ${(await page.innerText('body')).slice(0, 500)}`);
  });
}

/** Who is signed in at a service provider in this window. */
export async function at(page, name) {
  await page.goto(`${peers[name].url}/`);
  const { what, told } = await arrive(page);
  return what === 'person' ? told : null;
}

export async function seen(name) {
  return JSON.parse(await fetchText(`${peers[name].url}/seen`));
}

/** Applications for all service providers; one of them by the address of its metadata. */
export async function setUp() {
  for (const name of names) {
    const saas = name === 'pysaml2' ? { sp_metadata_url: `${peers[name].url}/metadata` } : {};
    applications[name] = await create(name, { saas });
  }
  for (const name of names) await introduce(name, applications[name]);
}
