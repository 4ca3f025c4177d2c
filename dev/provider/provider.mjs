// An OpenID provider for demonstrations and tests: npm `oidc-provider`, with people and clients from LINTEL_PROVIDER, JSON:
//   {port, issuer?, name, clients: [{client_id, client_secret, redirect_uris}], people: [{email, password, name, groups?, amr?, ..}]}
// It ends when its standard input does, and says one line of JSON, {issuer}, once it answers.

import { generateKeyPairSync, randomBytes, timingSafeEqual, createHash } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { page, signInForm } from './page.mjs';

const MAX_FORM_BYTES = 4096;

const { port, name, clients, people, issuer = `http://127.0.0.1:${port}`, options = {} } = JSON.parse(process.env.LINTEL_PROVIDER);

const signingKey = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
const provider = new Provider(issuer, {
  clients: clients.map((client) => ({ grant_types: ['authorization_code'], response_types: ['code'], ...client })),
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  // The claims that a scope brings, in the id token as well: a demonstration should show them.
  claims: { openid: ['sub', 'amr', 'acr'], email: ['email', 'email_verified'], profile: ['name', 'family_name', 'given_name'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  interactions: { url: (_context, interaction) => `/sign-in/${interaction.uid}` },
  pkce: { required: () => true },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 3600, Session: 86_400, Grant: 86_400 },
  findAccount: (_context, id) => account(people.find((person) => subject(person) === id)),
  loadExistingGrant: consent,
  ...options,
});

/** A provider's name for somebody never changes, whatever becomes of the address. */
function subject(person) {
  return createHash('sha256').update(`${issuer} ${person.email}`).digest('hex').slice(0, 32);
}

function account(person) {
  if (!person) return undefined;
  const { password: _password, amr: _amr, ...claims } = person;
  return { accountId: subject(person), claims: () => ({ sub: subject(person), email_verified: true, ...claims }) };
}

/** The clients here are the house's own: nobody is asked whether they may know who signed in. */
async function consent(context) {
  const { client, session } = context.oidc;
  const grantId = context.oidc.result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  if (grantId) return provider.Grant.find(grantId);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid email profile groups');
  await grant.save();
  return grant;
}

async function signIn(request, response) {
  const { uid, params, prompt } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') return show(response, 200, signInForm({ name, uid, people, hint: params.login_hint }));
  const form = new URLSearchParams(await body(request));
  const person = people.find(({ email }) => email.toLowerCase() === form.get('email')?.trim().toLowerCase());
  if (!person || !same(person.password, form.get('password') ?? '')) {
    return show(response, 401, signInForm({ name, uid, people, hint: form.get('email'), error: 'The address or the password is not right.' }));
  }
  const login = { accountId: subject(person), amr: person.amr ?? ['pwd'], ...(prompt.name === 'login' && { remember: true }) };
  await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}

function same(left, right) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

async function body(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_FORM_BYTES) throw new Error('the form is too long');
  }
  return text;
}

function show(response, status, html) {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-frame-options': 'DENY' };
  response.writeHead(status, headers).end(html);
}

const answer = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/sign-in/')) return answer(request, response);
  return signIn(request, response).catch((error) => {
    show(response, 400, page('Sign-in expired', `<h1>This sign-in is over</h1><p>Go back to where you came from and begin again. <small>${error.name}</small>`));
  });
});
server.keepAliveTimeout = 0; // Whoever keeps a connection ends it: closed from here, it may be just in use again.
server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ issuer })));
process.stdin.resume().on('end', () => process.exit(0));
