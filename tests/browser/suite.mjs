// The cases about signing in to gated applications; see run.mjs.

import * as access from './access.mjs';
import * as administration from './administration.mjs';
import * as pages from './pages.mjs';
import { run } from './run.mjs';
import * as single from './single_page.mjs';
import { person, signInBy, until, world } from './world.mjs';

// What was written through the API a moment ago is on its way to the edge.
const visitor = await person();
const page = await visitor.newPage();
for (const app of Object.values(world.apps)) {
  await until(`${app} is gated`, async () => {
    await page.goto(`${app}/`);
    if (new URL(page.url()).origin === world.team && (await page.locator('[data-idp]').count())) return true;
    throw new Error(`${page.url()} says ${await page.innerText('body')}`);
  });
}
// In the order in which it was made: what the launcher shows came last.
await page.goto(`${world.team}/`);
await signInBy(page, 'acme', 'ada@acme.test');
await until('the launcher shows what there is', async () => {
  await page.goto(`${world.team}/`);
  const { engineering, spa } = world.apps;
  for (const tile of [`a[href^="${engineering}"]`, `a[href^="${spa}"]`, 'text=Company handbook']) {
    if (!(await page.locator(tile).count())) throw new Error(`no ${tile}: ${await page.innerText('body')}`);
  }
  return true;
});
await visitor.close();

await run({ ...access, ...administration, ...pages, ...single });
