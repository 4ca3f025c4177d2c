// One side breaks off, or the edge cannot read its records: nobody is told a half for a whole, and
// nothing is held for who has left.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { SKIPPED, check, until } from '../check.mjs';
import { pause } from '../origin.mjs';
import { ask, begin, connect } from '../visitor.mjs';

const host = 'active.routing.test';

for (const how of ['of known length', 'of unknown length']) {
  check(`a response ${how} that the origin breaks off is broken off here, too`, async ({ surroundings }) => {
    const target = how === 'of known length' ? '/break-off-later?length' : '/break-off-later';
    await assert.rejects(ask(surroundings, { host, target }));
  });
}

// workerd notices that a visitor has left when it next writes to him; until then only timeouts help.
check('the origin learns that the visitor has left', async ({ surroundings, origin }) => {
  const point = pause(origin, 'leave');
  const { sending, response } = begin(surroundings, { host, target: '/big?megabytes=100&pause=leave' });
  sending.end();
  await once(await response, 'data');
  sending.destroy();
  await point.left;
});

check('each side of a WebSocket learns that the other has gone', async ({ surroundings, origin }) => {
  const point = pause(origin, 'socket');
  const socket = connect(surroundings, { host, target: '/?pause=socket' });
  await once(socket, 'open');
  socket.terminate();
  await point.left;
});

check('while records cannot be read, those that were are used, and others are said to be out of reach', async ({ surroundings }) => {
  if (!surroundings.outage) return SKIPPED;
  const status = async host => (await ask(surroundings, { host })).status;
  assert.equal(await status(host), 200);
  assert.equal(await status('stranger.routing.test'), 404);
  surroundings.outage.begin();
  try {
    const page = await until('reading fails', async () => {
      const answer = await ask(surroundings, { host: `new-${Date.now()}.routing.test`, headers: { Accept: 'application/json' } });
      return answer.status === 503 && answer;
    });
    assert.equal(JSON.parse(page.body).error.code, 'edge_unavailable');
    assert.equal(page.headers['retry-after'], '5');
    const stale = Date.now() + 600; // More than twice the time for which a record is fresh.
    while (Date.now() < stale) {
      assert.equal(await status(host), 200);
      assert.equal(await status('stranger.routing.test'), 404);
    }
  } finally {
    surroundings.outage.end();
  }
});
