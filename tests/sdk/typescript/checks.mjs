// What the suites have in common: checks, and what counts as a refusal.
import assert from "node:assert/strict";

let failures = 0;

export async function check(what, body) {
  try {
    await body();
    console.log(`ok      ${what}`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${what}\n${String(error.stack ?? error).replace(/^/gm, "        ")}`);
  }
}

// What the SDK throws for a refusal: of this type and, where they are given, with this status and first code.
export async function refused(promise, type, status, code) {
  const error = await promise.then(() => assert.fail("was not refused"), (error) => error);
  assert.ok(error instanceof type, `${error}`);
  if (status) assert.equal(error.status, status);
  if (code) assert.equal(error.errors[0].code, code);
  return error;
}

export async function all(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}

// The end of every suite.
export function finish() {
  console.log(failures === 0 ? "all checks hold" : `${failures} checks failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}
