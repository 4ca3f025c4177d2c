// Runs the cases named in LINTEL_CASES (with commas between), or all; each has a browser window of its own. Ends with 1 if one failed.

import * as access from './access.mjs';
import * as administration from './administration.mjs';
import * as pages from './pages.mjs';
import * as single from './single_page.mjs';
import { close, person, until, world } from './world.mjs';

const cases = Object.entries({ ...access, ...administration, ...pages, ...single });
const wanted = (process.env.LINTEL_CASES ?? '').split(',').filter(Boolean);

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
await visitor.close();

let failed = 0;
for (const [name, run] of cases) {
  if (wanted.length && !wanted.includes(name)) continue;
  const began = Date.now();
  try {
    await run();
    console.log(`ok    ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack ?? error}`);
  }
}
await close();
console.log(`${world.name}: ${failed ? `${failed} failed` : 'all passed'}`);
process.exit(failed ? 1 : 0);
