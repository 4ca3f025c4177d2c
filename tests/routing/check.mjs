// Names, outcomes, an exit code: all that the suite needs of a test runner.

const checks = [];

/** Registers a check. It gets the world that `runAll` is given. */
export const check = (name, body) => checks.push({ name, body });

/** Runs all checks, one after another; resolves with whether all passed. */
export async function runAll(title, world, only = process.env.LINTEL_ROUTING_ONLY) {
  const failed = [];
  let skipped = 0;
  const began = Date.now();
  const chosen = checks.filter(({ name }) => !only || name.includes(only));
  for (const { name, body } of chosen) {
    try {
      const outcome = await body(world);
      if (outcome === SKIPPED) skipped++;
      console.log(outcome === SKIPPED ? `  - ${name} (not on ${title})` : `  ✓ ${name}`);
    } catch (error) {
      failed.push(name);
      console.log(`  ✗ ${name}\n${String(error.stack ?? error).replace(/^/gm, '      ')}`);
    }
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  const passed = chosen.length - failed.length - skipped;
  console.log(`${title}: ${passed} checks passed, ${failed.length} failed, ${skipped} left out, in ${seconds} s`);
  return failed.length === 0;
}

/** What a check returns that does not apply here. */
export const SKIPPED = Symbol('skipped');

/**
 * Fails unless, of ten times, what `cause` (told the number) makes is `seen` within a second once. What waits for a timer takes as long
 * every time; a machine that is busy with something else does not.
 */
export async function withinASecond(cause, seen) {
  const took = [];
  for (let number = 0; number < 10; number++) {
    await cause(number);
    const began = Date.now();
    await seen();
    took.push(Date.now() - began);
    if (took.at(-1) < 1000) return;
  }
  throw new Error(`not within a second, ten times: ${took.join(', ')} ms`);
}

/** Asks at growing intervals until `probe` resolves with something true; fails with what it last saw. Generous: only what is broken takes so long. */
export async function until(what, probe, seconds = 120) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (let interval = 10; ; interval = Math.min(interval * 1.5, 500)) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}; last seen: ${last?.stack ?? JSON.stringify(last)}`);
    await new Promise(resolve => setTimeout(resolve, interval));
  }
}
