// Signing in, entering, and leaving.

import assert from 'node:assert/strict';
import { CODE, choose, enterPassword, fetchAfresh, leave, mailedCode, mailsTo, person, refusal, signInBy, signOut, until, world } from './world.mjs';

const { apps, providers, team } = world;

/** What the gated origin saw, as its page says. */
const seen = async (page) => JSON.parse(await page.innerText('body'));

const arrives = (page, url) => page.waitForURL(url, { waitUntil: 'load' });

export async function eachOpenIdProviderSignsIn() {
  for (const [provider, email] of [['acme', 'ada@acme.test'], ['globex', 'grace@globex.test']]) {
    const context = await person();
    const page = await context.newPage();
    await page.goto(`${apps.intranet}/deep/page?q=1&r=%2F`);
    assert.equal(new URL(page.url()).origin, team);
    await signInBy(page, provider, email);
    await arrives(page, `${apps.intranet}/deep/page?q=1&r=%2F`);
    const { headers } = await seen(page);
    assert.equal(headers['cf-access-authenticated-user-email'], email);
    assert.equal(headers['cf-access-jwt-assertion'].split('.').length, 3);
    assert.doesNotMatch(headers.cookie ?? '', /CF_AppSession|CF_Binding/);
    await context.close();
  }
}

export async function githubSignsIn() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/`);
  await choose(page, 'github');
  await page.click('#authorize');
  await arrives(page, `${apps.intranet}/`);
  assert.equal((await seen(page)).headers['cf-access-authenticated-user-email'], 'ada@octo.test');
  await context.close();
}

export async function aMailedCodeSignsInTheBrowserThatAskedAndNoOther() {
  const [context, other] = [await person(), await person()];
  const [page, elsewhere] = [await context.newPage(), await other.newPage()];
  const address = 'guest@partner.test';
  await page.goto(`${apps.intranet}/from-mail`);
  await choose(page, 'pin');
  await page.fill('input[type=email]', address);
  await leave(page, () => page.click('button[type=submit]'));
  await page.waitForSelector('input[autocomplete=one-time-code]');
  const code = await mailedCode(address);
  const [{ parts }] = await mailsTo(address);
  for (const [kind, part] of Object.entries(parts)) {
    assert.doesNotMatch(part, /\/access\/(pin|callback|start)/, `no link in the ${kind} part signs in`);
  }
  // Somebody who sees the mail, at the same address of the page.
  await elsewhere.goto(page.url());
  if (await elsewhere.locator('input[autocomplete=one-time-code]').count()) {
    await elsewhere.fill('input[autocomplete=one-time-code]', code);
    await leave(elsewhere, () => elsewhere.click('button[type=submit]'));
  }
  await elsewhere.goto(`${apps.intranet}/from-mail`);
  assert.equal(new URL(elsewhere.url()).origin, team, 'the other browser is not signed in');
  await page.fill('input[autocomplete=one-time-code]', code);
  await page.click('button[type=submit]');
  await arrives(page, `${apps.intranet}/from-mail`);
  assert.equal((await seen(page)).headers['cf-access-authenticated-user-email'], address);
  await Promise.all([context.close(), other.close()]);
}

export async function tenTabsEachArriveAtTheirOwnPage() {
  const context = await person();
  const tabs = await Promise.all(Array.from({ length: 10 }, () => context.newPage()));
  await Promise.all(tabs.map((tab, n) => tab.goto(`${apps.intranet}/tab/${n}`)));
  await Promise.all(tabs.map((tab) => choose(tab, 'acme')));
  // Every tab stands at the provider now, each with an attempt of its own.
  for (const [n, tab] of tabs.entries()) {
    await enterPassword(tab, 'ada@acme.test');
    await arrives(tab, `${apps.intranet}/tab/${n}`);
  }
  await context.close();
}

export async function theLauncherShowsWhatThisPersonMayOpen() {
  for (const [email, engineering] of [['ada@acme.test', 1], ['grace@acme.test', 0]]) {
    const context = await person();
    const page = await context.newPage();
    await page.goto(`${team}/`);
    await signInBy(page, 'acme', email);
    await page.waitForSelector(`a[href^="${apps.intranet}"]`);
    assert.equal(await page.locator(`a[href^="${apps.engineering}"]`).count(), engineering, email);
    assert.equal(await page.getByText('Company handbook').count(), 1, 'a bookmark is there');
    await page.goto(`${team}/?q=nothing-like-it`);
    assert.equal(await page.locator(`a[href^="${apps.intranet}"]`).count(), 0, 'the search finds nothing');
    await page.goto(`${team}/`);
    await page.click(`a[href^="${apps.intranet}"]`);
    await page.waitForURL(`${apps.intranet}/**`);
    await context.close();
  }
}

export async function whoMayNotEnterIsToldWithACode() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.engineering}/`);
  await signInBy(page, 'acme', 'grace@acme.test');
  const text = await refusal(page);
  assert.doesNotMatch(text, /engineering.*mfa|require/i, 'it does not tell the rule');
  const [code] = CODE.exec(text);
  const log = `${world.api.url}/accounts/${world.api.account}/access/logs/access_requests?code=${code}`;
  await until('the log knows the code', async () => {
    const answer = await fetchAfresh(log, { headers: { authorization: `Bearer ${world.api.token}` } });
    const { result } = await answer.json();
    return result?.length === 1 && result[0].allowed === false && result[0].user_email === 'grace@acme.test';
  });
  await context.close();
}

export async function aSecondApplicationNeedsNoSecondSignIn() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/`);
  await signInBy(page, 'acme', 'ada@acme.test');
  await arrives(page, `${apps.intranet}/`);
  await page.goto(`${apps.spa}/plain`);
  assert.equal(page.url(), `${apps.spa}/plain`);
  await context.close();
}

export async function theBackButtonAfterSignInLeadsNowhereBad() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/start`);
  const callbacks = [];
  page.on('request', (request) => request.url().includes('/access/callback/') && callbacks.push(request.url()));
  await signInBy(page, 'acme', 'ada@acme.test');
  await arrives(page, `${apps.intranet}/start`);
  // The callback again, as a history or a proxy would send it: nobody is signed in by it, and who is, goes on.
  await page.goto(callbacks.at(-1));
  await arrives(page, `${apps.intranet}/start`);
  const stranger = await person();
  const theirs = await stranger.newPage();
  await theirs.goto(callbacks.at(-1));
  await theirs.goto(`${apps.intranet}/start`);
  assert.equal(new URL(theirs.url()).origin, team, 'a replayed callback signs in nobody else');
  await Promise.all([context.close(), stranger.close()]);
}

export async function signingOutEndsIt() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/`);
  await signInBy(page, 'acme', 'ada@acme.test');
  await arrives(page, `${apps.intranet}/`);
  await signOut(page);
  await until('the application is shut', async () => {
    await page.goto(`${apps.intranet}/`);
    return new URL(page.url()).origin === team && (await page.locator(`[data-idp="${providers.acme}"]`).count()) === 1;
  });
  await context.close();
}

export async function itWorksWithoutJavaScript() {
  const context = await person({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/no-script`);
  await signInBy(page, 'acme', 'ada@acme.test');
  await arrives(page, `${apps.intranet}/no-script`);
  await page.goto(`${team}/`);
  await page.waitForSelector(`a[href^="${apps.intranet}"]`);
  await context.close();
}
