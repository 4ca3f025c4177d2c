// Runs the cases named in LINTEL_CASES (with commas between), or all; each has a browser window of its own. Ends with 1 if one failed.

import * as access from './access.mjs';
import * as administration from './administration.mjs';
import * as pages from './pages.mjs';
import * as single from './single_page.mjs';
import { close, world } from './world.mjs';

const cases = Object.entries({ ...access, ...administration, ...pages, ...single });
const wanted = (process.env.LINTEL_CASES ?? '').split(',').filter(Boolean);
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
