// Bodies stream in both directions: the first byte does not wait for the last, and a slow reader
// slows the sender down instead of filling the edge's memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { check, until } from '../check.mjs';
import { MEGABYTE, pause } from '../origin.mjs';
import { begin } from '../visitor.mjs';

const host = 'active.routing.test';
const MEGABYTES = 100;
const BUFFERED = 48; // Megabytes that sockets and the processes on the way may hold.

check('a response begins before its end is known', async ({ surroundings, origin }) => {
  const point = pause(origin, 'down');
  const { sending, response } = begin(surroundings, { host, target: '/stream-down?pause=down' });
  sending.end();
  const answer = await response;
  const [first] = await once(answer, 'data');
  assert.equal(String(first), 'first\n');
  point.go();
  assert.equal(await rest(answer), 'last\n');
});

check('a request begins before its end is known', async ({ surroundings, origin }) => {
  const point = pause(origin, 'up');
  const { sending, response } = begin(surroundings, { host, target: '/stream-up?pause=up', method: 'POST' });
  sending.write('first');
  assert.equal(await point.arrived, 'first');
  sending.end(' last');
  const answer = await response;
  assert.equal(JSON.parse(await rest(answer)).body.length, ' last'.length);
});

check(`${MEGABYTES} MB to a visitor who does not read wait at the origin`, async ({ surroundings, origin }) => {
  const { sending, response } = begin(surroundings, { host, target: `/big?megabytes=${MEGABYTES}` });
  sending.end();
  const answer = await response;
  const held = await settled('the origin is held up', () => origin.sent);
  assert.ok(held < BUFFERED * MEGABYTE.length, `${held} bytes were taken from the origin`);
  let length = 0;
  for await (const chunk of answer) length += chunk.length;
  assert.equal(length, MEGABYTES * MEGABYTE.length);
});

check(`${MEGABYTES} MB to an origin that does not read wait at the visitor`, async ({ surroundings, origin }) => {
  const point = pause(origin, 'sink');
  const headers = { 'Content-Length': MEGABYTES * MEGABYTE.length };
  const { sending, response } = begin(surroundings, { host, target: '/sink?pause=sink', method: 'PUT', headers });
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < MEGABYTES; i++) {
      if (!sending.write(MEGABYTE)) await once(sending, 'drain');
      written += MEGABYTE.length;
    }
    sending.end();
  })();
  const held = await settled('the visitor is held up', () => written);
  assert.ok(held < BUFFERED * MEGABYTE.length, `${held} bytes were taken from the visitor`);
  point.go();
  await writing;
  const answer = await response;
  assert.equal(JSON.parse(await rest(answer)).body.length, MEGABYTES * MEGABYTE.length);
});

async function rest(answer) {
  let text = '';
  for await (const chunk of answer) text += chunk;
  return text;
}

/** Waits until a counter has begun to move and then stands still, and resolves with where. */
async function settled(what, count) {
  let last = { at: 0, since: Date.now() };
  return until(what, () => {
    if (count() !== last.at) last = { at: count(), since: Date.now() };
    return last.at > 0 && Date.now() - last.since > 400 && last.at;
  });
}
