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
const PATIENCE = 30_000;

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

/** One call below `accounts/{account}/access/`. */
export async function api(method, path, body) {
  const url = `${world.api.url}/accounts/${world.api.account}/access/${path}`;
  const headers = { authorization: `Bearer ${world.api.token}`, ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
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

/** At a provider's own page. */
export async function enterPassword(page, email) {
  await page.fill('input[type=email]', email);
  await page.fill('input[type=password]', world.password);
  await page.click('button[type=submit]');
}

/** From an application's sign-in page by an OpenID provider to wherever that leads. */
export async function signInBy(page, provider, email) {
  await page.click(`[data-idp="${world.providers[provider]}"]`);
  await enterPassword(page, email);
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
