// Looks at one page: by axe for accessibility, by its width, and with a photograph for people.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { screenshot } from './world.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    // Outside the page's own policy, which forbids foreign scripts.
    const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ['violations'] })`);
    const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(told, [], `${name}, ${colorScheme}`);
  }
  const width = await page.evaluate('document.documentElement.scrollWidth');
  assert.ok(width <= (await page.evaluate('window.innerWidth')), `${name} does not scroll sideways`);
  await screenshot(page, name);
}
