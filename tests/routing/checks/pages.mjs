// Redirects, and the pages where there is no answer from an origin.
import assert from 'node:assert/strict';
import { SKIPPED, check, until, withinASecond } from '../check.mjs';
import { put, remove } from '../records.mjs';
import { ask, text } from '../visitor.mjs';

check('plain HTTP is redirected where the zone wants it', async ({ surroundings }) => {
  const target = '/a//b;c?d=%20&e=?f';
  const port = surroundings.httpsPort ? `:${surroundings.httpsPort}` : '';
  for (const [method, status] of [['GET', 301], ['HEAD', 301], ['POST', 308], ['PUT', 308]]) {
    const body = method === 'POST' ? 'x' : undefined;
    const answer = await ask(surroundings, { host: 'https.routing.test', target, method, body });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.location, `https://https.routing.test${port}${target}`);
    assert.ok(!answer.headers['strict-transport-security']);
  }
});

check('over HTTPS there is no redirect, and HSTS', async ({ surroundings }) => {
  if (!surroundings.https) return SKIPPED;
  const answer = await ask(surroundings, { host: 'https.routing.test', scheme: 'https' });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000; includeSubDomains');
  assert.equal(JSON.parse(answer.body).headers['x-forwarded-proto'], 'https');
});

const pages = [
  ['an unknown hostname', 'stranger.routing.test', 404, 'unknown_hostname'],
  ['an address as Host', '192.0.2.1', 404, 'unknown_hostname'],
  ['two labels below a wildcard', 'a.b.wildcard.routing.test', 404, 'unknown_hostname'],
  ['a pending hostname', 'pending.routing.test', 503, 'pending_hostname'],
  ['no origin', 'homeless.routing.test', 503, 'no_origin'],
  ['an origin that refuses connections', 'down.routing.test', 502, 'origin_connect'],
  ['an origin without an address', 'nameless.routing.test', 502, 'origin_dns'],
  ['an origin that is the edge', 'loop.routing.test', 508, 'loop'],
];
for (const [what, host, status, code] of pages) {
  check(`${what} gets a page (${status} ${code})`, async ({ surroundings }) => {
    if (surroundings.direct && ['origin_dns', 'loop'].includes(code)) return SKIPPED;
    const html = await ask(surroundings, { host, headers: { Accept: 'text/html,*/*;q=0.8' } });
    assert.equal(html.status, status);
    assert.match(html.headers['content-type'], /^text\/html/);
    assert.equal(html.headers['cache-control'], 'no-store');
    assert.match(text(html), new RegExp(`<!doctype html>[^]*${html.headers['cf-ray']}`));
    if (!/^\d/.test(host)) assert.ok(text(html).includes(host));

    const json = await ask(surroundings, { host, headers: { Accept: 'application/json' } });
    assert.equal(json.status, status);
    const { error } = JSON.parse(text(json));
    assert.equal(error.code, code);
    assert.equal(error.request_id, json.headers['cf-ray']);

    const head = await ask(surroundings, { host, method: 'HEAD' });
    assert.equal(head.status, status);
    assert.equal(head.body.length, 0);
  });
}

check("a pending hostname's page says what is missing, escaped", async ({ surroundings, records }) => {
  const host = 'pending.routing.test';
  const page = await ask(surroundings, { host });
  assert.equal(page.headers['retry-after'], '60');
  assert.ok(String(page.body).includes('&lt;b&gt;www CNAME edge.saas.test&lt;/b&gt; &amp; wait.'));
  const json = await ask(surroundings, { host, headers: { Accept: 'application/json' } });
  assert.deepEqual(JSON.parse(json.body).error.missing, records.hosts.pending.stage.missing);
});

check('an origin that breaks off gets a page', async ({ surroundings }) => {
  const answer = await ask(surroundings, { host: 'active.routing.test', target: '/break-off' });
  assert.equal(answer.status, 502);
});

check('a request that was here before is a loop', async ({ surroundings }) => {
  const headers = { 'CDN-Loop': 'other; v="a, b", Lintel; hops=3' };
  const answer = await ask(surroundings, { host: 'active.routing.test', headers });
  assert.equal(answer.status, 508);
});

check('a hostname appears and disappears with its record', async ({ surroundings, records }) => {
  const status = async () => (await ask(surroundings, { host: 'late.routing.test' })).status;
  const disappears = async () => {
    await remove(surroundings, records.hosts.late);
    await until('it is unknown again', async () => (await status()) === 404);
  };
  const publish = async number => {
    if (number > 0) await disappears();
    assert.equal(await status(), 404);
    await put(surroundings, records.hosts.late);
  };
  await withinASecond(publish, () => until('it is served', async () => (await status()) === 200));
  await disappears();
});
