// A WebSocket passes through the edge as it is.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { check } from '../check.mjs';
import { connect } from '../visitor.mjs';

const host = 'active.routing.test';

async function open(surroundings, options = {}) {
  const socket = connect(surroundings, { host, target: '/socket?a=b', ...options });
  await once(socket, 'open');
  return socket;
}

check('WebSocket messages go both ways, text and binary', async ({ surroundings }) => {
  const socket = await open(surroundings);
  const messages = ['text ü', Buffer.from([0, 255, 1]), Buffer.alloc(1 << 20, 'x'), ''];
  for (const message of messages) {
    socket.send(message);
    const [data, binary] = await once(socket, 'message');
    assert.equal(binary, Buffer.isBuffer(message));
    assert.ok(Buffer.from(message).equals(data));
  }
  socket.close(1000);
  await once(socket, 'close');
});

check("the origin's close code reaches the visitor", async ({ surroundings }) => {
  const socket = await open(surroundings);
  socket.send('close');
  const [code, reason] = await once(socket, 'close');
  assert.equal(code, 4001);
  assert.equal(String(reason), 'as asked');
});

check('subprotocols are negotiated with the origin, who hears of the visitor from the edge', async ({ surroundings }) => {
  const headers = { X_Forwarded_For: 'spoofed', Cookie: 'a=b' };
  const socket = await open(surroundings, { protocols: ['first', 'second'], headers });
  assert.equal(socket.protocol, 'second');
  socket.send('headers');
  const seen = JSON.parse(String((await once(socket, 'message'))[0]));
  assert.equal(seen.target, '/socket?a=b');
  assert.equal(seen.headers['x-forwarded-host'], host);
  assert.equal(seen.headers.cookie, 'a=b');
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
  assert.ok(!('x_forwarded_for' in seen.headers));
  socket.close();
  await once(socket, 'close');
});

check('a WebSocket to an origin that is down fails with a status', async ({ surroundings }) => {
  const socket = connect(surroundings, { host: 'down.routing.test', target: '/' });
  const [, answer] = await once(socket, 'unexpected-response');
  assert.equal(answer.statusCode, 502);
  answer.destroy();
});
