// A web application of another company, for demonstrations and tests: npm `@node-saml/node-saml` as SAML service provider, as strict as it goes.
// LINTEL_APPLICATION, JSON: {port, name, keys, settings}. `keys` is a PEM file with a private key and its certificate. `settings` is a JSON file,
//   {idpIssuer, entryPoint, logoutUrl, idpCert}: what an administrator enters once both sides have each other's metadata; it is read whenever it
//   is needed. It ends when its standard input does, and says one line of JSON, {url}, once it answers.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { SAML, ValidateInResponseTo, generateServiceProviderMetadata } from '@node-saml/node-saml';
import { landing, page, problem } from './page.mjs';

const MAX_FORM_BYTES = 256 << 10;
const MAX_SESSIONS = 1000;

const { port, name, keys, settings } = JSON.parse(process.env.LINTEL_APPLICATION);
const url = `http://127.0.0.1:${port}`;
const pem = readFileSync(keys, 'utf8');
const [privateKey, publicCert] = ['PRIVATE KEY', 'CERTIFICATE'].map((label) => new RegExp(`-----BEGIN ${label}-----[^]+?-----END ${label}-----\n`).exec(pem)[0]);

const ourselves = {
  issuer: `${url}/metadata`,
  audience: `${url}/metadata`,
  callbackUrl: `${url}/acs`,
  logoutCallbackUrl: `${url}/logout`,
  privateKey,
  publicCert,
  decryptionPvk: privateKey,
  identifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  signatureAlgorithm: 'sha256',
  digestAlgorithm: 'sha256',
  disableRequestedAuthnContext: true,
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
  validateInResponseTo: ValidateInResponseTo.ifPresent, // A sign-in may begin at the identity provider.
};
const metadata = generateServiceProviderMetadata({ ...ourselves, publicCerts: publicCert, decryptionCert: publicCert });

/** Requests on their way, across changes of the settings. */
const pending = new Map();
const cacheProvider = {
  saveAsync: async (id, value) => {
    forgetOldest(pending);
    pending.set(id, value);
    return { value, createdAt: Date.now() };
  },
  getAsync: async (id) => pending.get(id) ?? null,
  removeAsync: async (id) => (pending.delete(id) ? id : null),
};
const saml = () => new SAML({ ...ourselves, ...JSON.parse(readFileSync(settings, 'utf8')), cacheProvider });

/** Who is signed in, by the name in their cookie. */
const sessions = new Map();
const COOKIE = 'application_session';
const cookie = (value, age) => ({ 'set-cookie': `${COOKIE}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax` });
const sessionId = ({ headers }) => new RegExp(`(?:^|; )${COOKIE}=([0-9a-f]+)`).exec(headers.cookie ?? '')?.[1];

function forgetOldest(map) {
  if (map.size >= MAX_SESSIONS) map.delete(map.keys().next().value);
}

const routes = {
  'GET /': async ({ request, response }) => show(response, 200, landing(name, sessions.get(sessionId(request)))),
  'GET /metadata': async ({ response }) => response.writeHead(200, { 'content-type': 'application/samlmetadata+xml' }).end(metadata),
  'GET /sign-in': async ({ response, query }) => go(response, await saml().getAuthorizeUrlAsync(query.get('to') ?? '/', undefined, {})),
  'POST /acs': async ({ request, response, form }) => {
    const { profile } = await saml().validatePostResponseAsync({ SAMLResponse: form.get('SAMLResponse') });
    const id = randomBytes(16).toString('hex');
    sessions.delete(sessionId(request));
    forgetOldest(sessions);
    sessions.set(id, profile);
    const to = form.get('RelayState') ?? '/';
    go(response, /^\/(?![/\\])/.test(to) ? to : '/', cookie(id, 86_400));
  },
  'POST /sign-out': async ({ request, response }) => {
    const profile = sessions.get(sessionId(request));
    if (!profile) return go(response, '/');
    sessions.delete(sessionId(request));
    go(response, await saml().getLogoutUrlAsync(profile, '', {}), cookie('', 0));
  },
  'GET /logout': async ({ response, query, rawQuery }) => {
    if (!query.has('Signature')) throw new Error('a logout message must be signed');
    await loggedOut(response, await saml().validateRedirectAsync(Object.fromEntries(query), rawQuery), query);
  },
  'POST /logout': async ({ response, form }) => {
    const message = Object.fromEntries(form);
    const check = message.SAMLRequest ? saml().validatePostRequestAsync(message) : saml().validatePostResponseAsync(message);
    await loggedOut(response, await check, form);
  },
};

/** The other side's request is answered; its answer to ours ends where everything began. */
async function loggedOut(response, { profile }, message) {
  if (!message.has('SAMLRequest')) return show(response, 200, landing(name, undefined, 'You are signed out.'), cookie('', 0));
  for (const [id, session] of sessions) {
    if (session.nameID === profile.nameID && (!profile.sessionIndex || session.sessionIndex === profile.sessionIndex)) sessions.delete(id);
  }
  go(response, await saml().getLogoutResponseUrlAsync(profile, message.get('RelayState') ?? '', {}, true), cookie('', 0));
}

async function body(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_FORM_BYTES) throw new Error('the form is too long');
  }
  return new URLSearchParams(text);
}

function show(response, status, html, headers = {}) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-frame-options': 'DENY', ...headers }).end(html);
}

function go(response, location, headers = {}) {
  response.writeHead(303, { location, 'cache-control': 'no-store', ...headers }).end();
}

async function answer(request, response) {
  const [path, rawQuery = ''] = request.url.split(/\?(.*)/s);
  const route = routes[`${request.method} ${path}`];
  if (!route) return show(response, 404, page(name, problem('There is no such page here.')));
  const form = request.method === 'POST' ? await body(request) : new URLSearchParams();
  return route({ request, response, form, rawQuery, query: new URLSearchParams(rawQuery) });
}

const server = createServer((request, response) =>
  answer(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) show(response, 400, page(name, problem(`This does not sign anybody in: ${error.message}`)));
  }));
server.keepAliveTimeout = 0; // Whoever keeps a connection ends it: closed from here, it may be just in use again.
server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ url })));
process.stdin.resume().on('end', () => process.exit(0));
