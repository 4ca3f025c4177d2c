// What `make run` shows of SAML, with LINTEL_BROWSER = dev.json: the demo user signs in to the application that knows nothing but SAML, begun there
// and begun here, is told of both ways, and signs out of everything with the application's own button.

import assert from 'node:assert/strict';
import { close, leave, person, signOut, until, world } from './world.mjs';

const { saml_app: start, team_domain: team, demo_users: [ada] } = world;
const home = new URL('/', start).href;

/** From the team domain's choice to wherever that leads. */
async function signIn(page) {
  await page.waitForURL(`${team}/**`);
  await leave(page, () => page.click('[data-idp]'));
  await page.fill('input[type=email]', ada.email);
  await page.fill('input[type=password]', ada.password);
  await leave(page, () => page.click('button[type=submit]'));
}

async function cases() {
  const visitor = await person();
  const page = await visitor.newPage();
  await until('the application is known at the edge', async () => {
    await page.goto(start);
    return (await page.locator('[data-idp]').count()) > 0;
  });

  await signIn(page);
  await page.waitForURL(home);
  assert.equal(await page.innerText('#name-id'), ada.email);
  const told = await page.innerText('table');
  for (const value of [ada.email, 'engineering']) assert.match(told, new RegExp(value));

  // Who is known need not say it again.
  await visitor.clearCookies({ domain: new URL(home).hostname });
  await page.goto(start);
  await page.waitForURL(home);
  assert.equal(await page.innerText('#name-id'), ada.email);

  await page.click('text=Sign out');
  await page.waitForSelector('text=You are signed out');
  await page.goto(home);
  assert.match(await page.innerText('main'), /Nobody is signed in/);
  await page.goto(start);
  await page.waitForSelector('[data-idp]'); // Neither is the session here left.

  // Begun at the launcher: nobody asked, and the application takes it all the same.
  await page.goto(`${team}/`);
  await signIn(page);
  await page.waitForSelector('[data-app]');
  await page.click('a[data-app]:has-text("Wiki")');
  await page.waitForURL(home);
  assert.equal(await page.innerText('#name-id'), ada.email);

  // Signing out here tells the application.
  await signOut(page, team);
  await page.goto(home);
  assert.match(await page.innerText('main'), /Nobody is signed in/);
}

try {
  await cases();
  console.log('signed in at the application and at the launcher, and out from both ends');
} finally {
  await close();
}
