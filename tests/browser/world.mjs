// What the browser suite runs in: a browser that finds every name on this machine, and what it is told in LINTEL_BROWSER (JSON):
//   {name, team, apps: {intranet, engineering, spa}, providers: {acme, globex, github, pin}, password, mails, api: {url, token}, screenshots}
// and in the SAML suite also saml: {peers: {name: {url, ...}}, provider: {url, ...}}.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const world = JSON.parse(process.env.LINTEL_BROWSER);

const CHROMIUM = process.env.LINTEL_CHROMIUM ?? '/usr/bin/chromium';
// Every name is this machine; the test's own CA is not in the browser's store.
const FLAGS = ['--host-resolver-rules=MAP * 127.0.0.1', '--ignore-certificate-errors', '--no-sandbox'];
// Generous: it is reached only by what is broken, also on a slow machine.
const PATIENCE = 180_000;
/** What a refusal is found by in the login log. */
export const CODE = /\b[0-9A-HJKMNP-TV-Z]{8}\b/;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });

/** A person's own browser window: no cookies of anybody else. */
export async function person(options = {}) {
  // Without transitions: what is looked at is what stays.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE);
  context.on('request', (request) => request.isNavigationRequest() && keep(request));
  return context;
}

/** Every SAML message that went through a browser: {url, method, query}. The query as it was, or of the form. */
export const messages = [];

function keep(request) {
  const url = request.url();
  const query = request.method() === 'POST' ? (request.postData() ?? '') : new URL(url).search.slice(1);
  if (/(^|&)SAML(Request|Response)=/.test(query)) messages.push({ url, method: request.method(), query });
}

/** `fetch` by a connection of its own: one that was kept may be closed by its server just when it is used again. */
export function fetchAfresh(url, { headers, ...options } = {}) {
  return fetch(url, { ...options, headers: { ...headers, connection: 'close' } });
}

/** One call below `accounts/{account}/access/`. */
export async function api(method, path, body) {
  const url = `${world.api.url}/accounts/${world.api.account}/access/${path}`;
  const headers = { authorization: `Bearer ${world.api.token}`, ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetchAfresh(url, { method, headers, body: body && JSON.stringify(body) });
  const { result, errors } = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(errors)}`);
  return result;
}

export async function close() {
  await browser.close();
}

/** Asks until the answer is there; the last failure is what is told. */
export async function until(what, ask) {
  const end = Date.now() + PATIENCE;
  for (let pause = 20, last; ; pause = Math.min(pause * 1.5, 500)) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not in time: ${what}${last ? `; last: ${last.message}` : ''}`);
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

/** Mails to an address, oldest first. */
export async function mailsTo(address) {
  const lines = (await readFile(world.mails, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line)).filter(({ to }) => to?.includes(address));
}

/** The code in the newest mail beyond the first `seen`. */
export async function mailedCode(address, seen = 0) {
  return until(`a mail to ${address}`, async () => {
    const mail = (await mailsTo(address)).slice(seen).at(-1);
    return mail && /^\d{8}$/m.exec(mail.parts['text/plain'])?.[0];
  });
}

/** Does what leads to another page, until that is there: who looks before sees the old one, and who goes elsewhere before undoes it. */
export async function leave(page, act) {
  await Promise.all([page.waitForEvent('framenavigated', (frame) => frame === page.mainFrame()), act()]);
}

/** At a provider's own page. */
export async function enterPassword(page, email) {
  await page.fill('input[type=email]', email);
  await page.fill('input[type=password]', world.password);
  await leave(page, () => page.click('button[type=submit]'));
}

/** At the team domain's choice of providers. */
export async function choose(page, provider) {
  await leave(page, () => page.click(`[data-idp="${world.providers[provider]}"]`));
}

/** From an application's sign-in page by an OpenID provider to wherever that leads. */
export async function signInBy(page, provider, email) {
  await choose(page, provider);
  await enterPassword(page, email);
}

/** Until the team domain has refused somebody; what its page says, a code for whoever helps among that. */
export async function refusal(page) {
  return until('a page that refuses', async () => {
    const text = await page.innerText('body');
    if (new URL(page.url()).origin === world.team && CODE.test(text)) return text;
    throw new Error(`${page.url()} says ${text.slice(0, 500)}`);
  });
}

/** Signs out at the team domain, until it says that this is done: at every application, and here. */
export async function signOut(page, team = world.team) {
  await page.goto(`${team}/access/logout`);
  await page.locator('form[method=post] button').first().click();
  await page.waitForSelector('text=You are signed out');
}

export async function screenshot(page, name) {
  if (!world.screenshots) return;
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.screenshot({ path: path.join(world.screenshots, `${name}-${scheme}.png`) });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 375, height: 700 });
  await page.screenshot({ path: path.join(world.screenshots, `${name}-phone.png`), fullPage: true });
  await page.setViewportSize({ width: 1280, height: 800 });
}
