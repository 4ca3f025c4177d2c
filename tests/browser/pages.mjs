// Every page of Access; see look.mjs.

import { look } from './look.mjs';
import { choose, leave, person, refusal, signInBy, world } from './world.mjs';

const { apps, providers, team } = world;

export async function everyPageIsAccessible() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/`);
  await look(page, 'sign-in');
  await choose(page, 'pin');
  await page.waitForSelector('input[type=email]');
  await look(page, 'pin-ask');
  await page.fill('input[type=email]', 'looks@partner.test');
  await leave(page, () => page.click('button[type=submit]'));
  await page.waitForSelector('input[autocomplete=one-time-code]');
  await look(page, 'pin-enter');
  await page.fill('input[autocomplete=one-time-code]', '00000000');
  await leave(page, () => page.click('button[type=submit]'));
  await page.waitForSelector('input[autocomplete=one-time-code]');
  await look(page, 'pin-wrong');
  await page.goto(`${team}/access/callback/${providers.acme}?state=broken&code=x`);
  await look(page, 'error');
  await page.goto(`${apps.engineering}/`);
  await signInBy(page, 'acme', 'grace@acme.test');
  await refusal(page);
  await look(page, 'denied');
  await page.goto(`${team}/`);
  await look(page, 'launcher');
  await page.goto(`${team}/access/logout`);
  await look(page, 'sign-out');
  await context.close();
}

export async function theKeyboardAloneSignsIn() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${apps.intranet}/keyboard`);
  for (let steps = 0; steps < 20; steps += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((id) => document.activeElement?.dataset.idp === id, providers.acme)) break;
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('input[type=password]');
  await context.close();
}
