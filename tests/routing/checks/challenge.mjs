// What proves control of a hostname is answered byte for byte, whatever else is switched on.
import assert from 'node:assert/strict';
import { SKIPPED, check, until, withinASecond } from '../check.mjs';
import { put, remove } from '../records.mjs';
import { ask } from '../visitor.mjs';

const path = token => `/.well-known/acme-challenge/${token}`;

for (const name of ['active', 'https', 'pending', 'unknownHost']) {
  for (const scheme of ['http', 'https']) {
    check(`a known token is answered on ${name}, over ${scheme}`, async ({ surroundings, records }) => {
      if (!surroundings[scheme] || (scheme === 'https' && name === 'unknownHost')) return SKIPPED;
      const { token, hostname: host, key_authorization } = records.challenges[name];
      const spoofed = { 'CDN-Loop': 'lintel', Accept: 'application/json' };
      for (const target of [path(token), `${path(token)}?`, `${path(token)}?a=b`]) {
        const answer = await ask(surroundings, { host, target, scheme, headers: spoofed });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.toString('latin1'), key_authorization);
        assert.equal(answer.headers['content-type'], 'text/plain');
        assert.ok(answer.headers['cf-ray']);
      }
      const head = await ask(surroundings, { host, target: path(token), scheme, method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(head.body.length, 0);
    });
  }
}

check('the spelling of Host does not matter', async ({ surroundings, records }) => {
  const { token, key_authorization } = records.challenges.active;
  for (const host of ['ACTIVE.Routing.Test', 'active.routing.test.', 'active.routing.test:80']) {
    const answer = await ask(surroundings, { host, target: path(token) });
    assert.equal(String(answer.body), key_authorization, host);
  }
});

check('an unknown token reaches the origin in the clear, though all else is redirected', async ({ surroundings }) => {
  const answer = await ask(surroundings, { host: 'https.routing.test', target: path('unknown') });
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.body).target, path('unknown'));
});

check("another hostname's token is unknown", async ({ surroundings, records }) => {
  const target = path(records.challenges.pending.token);
  const answer = await ask(surroundings, { host: 'active.routing.test', target });
  assert.equal(JSON.parse(answer.body).target, target);
});

check('an unknown token on a pending hostname gets the page', async ({ surroundings }) => {
  const answer = await ask(surroundings, { host: 'pending.routing.test', target: path('unknown') });
  assert.equal(answer.status, 503);
});

check('a token is answered to GET and HEAD alone', async ({ surroundings, records }) => {
  const target = path(records.challenges.active.token);
  const answer = await ask(surroundings, { host: 'active.routing.test', target, method: 'POST', body: 'x' });
  assert.equal(JSON.parse(answer.body).method, 'POST');
});

check('a token that was asked for too early is answered within a second of its record', async world => {
  const { surroundings } = world;
  const hostname = 'active.routing.test';
  const asked = async token => String((await ask(surroundings, { host: hostname, target: path(token) })).body);
  let late;
  const publish = async number => {
    const token = `late-${process.pid}-${Date.now()}-${number}`;
    late = { v: 1, token, key_authorization: `${token}.late`, hostname };
    assert.notEqual(await asked(token), late.key_authorization);
    await put(surroundings, late);
  };
  await withinASecond(publish, () => until('the token is answered', async () => (await asked(late.token)) === late.key_authorization));
  await remove(surroundings, late);
  await until('the token is forgotten', async () => (await asked(late.token)) !== late.key_authorization);
});

check('the ownership token is answered at every stage', async ({ surroundings, records }) => {
  for (const { hostname, custom_hostname_id, ownership_token } of [records.hosts.pending, records.hosts.https]) {
    const target = `/.well-known/cf-custom-hostname-challenge/${custom_hostname_id}`;
    const answer = await ask(surroundings, { host: hostname, target });
    assert.equal(answer.status, 200);
    assert.equal(String(answer.body), ownership_token);
  }
});

check("another custom hostname's ownership token is not", async ({ surroundings, records }) => {
  const { custom_hostname_id } = records.hosts.pending;
  const target = `/.well-known/cf-custom-hostname-challenge/${custom_hostname_id}`;
  const answer = await ask(surroundings, { host: 'https.routing.test', target });
  assert.equal(JSON.parse(answer.body).target, target);
});
