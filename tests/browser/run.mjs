// Runs the cases named in LINTEL_CASES (with commas between), or all; each has a browser window of its own. Ends with 1 if one failed.

import { appendFileSync } from 'node:fs';
import { close, world } from './world.mjs';

// Who watches sees each line as it comes, in this file.
const say = (line) => {
  console.log(line);
  if (process.env.LINTEL_PROGRESS) appendFileSync(process.env.LINTEL_PROGRESS, `${line}\n`);
};

export async function run(cases) {
  const wanted = (process.env.LINTEL_CASES ?? '').split(',').filter(Boolean);
  let failed = 0;
  for (const [name, run] of Object.entries(cases)) {
    if (wanted.length && !wanted.includes(name)) continue;
    const began = Date.now();
    try {
      await run();
      say(`ok    ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed += 1;
      say(`FAIL  ${name}\n${error.stack ?? error}`);
    }
  }
  await close();
  say(`${world.name}: ${failed ? `${failed} failed` : 'all passed'}`);
  process.exit(failed ? 1 : 0);
}
