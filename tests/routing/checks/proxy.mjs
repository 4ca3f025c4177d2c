// What the origin receives, and what the visitor gets back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { SKIPPED, check } from '../check.mjs';
import { GZIPPED, RANGE } from '../origin.mjs';
import { ask } from '../visitor.mjs';

const host = 'active.routing.test';
const echoed = async (surroundings, request) => JSON.parse((await ask(surroundings, { host, ...request })).body);

check('fallback, custom and wildcard hostnames reach their origin under their own name', async ({ surroundings, origin }) => {
  for (const host of ['active.routing.test', 'custom.routing.test', 'any.wildcard.routing.test']) {
    const seen = await echoed(surroundings, { host });
    assert.equal(seen.headers.host, surroundings.direct ? `127.0.0.1:${origin.port}` : host);
    assert.equal(seen.headers['x-forwarded-host'], host);
  }
});

check('the origin is told of the visitor by the edge', async ({ surroundings }) => {
  const { headers } = await echoed(surroundings, {});
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['cdn-loop'], 'lintel');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-real-ip'], '127.0.0.1');
  assert.ok(headers['cf-ray']);
});

check('what only the edge may say is not taken from the visitor, however it is spelled', async ({ surroundings }) => {
  const said = [
    'X-Forwarded-For', 'X_Forwarded_For', 'X-FORWARDED_PROTO', 'x_forwarded_host', 'X-Forwarded-Uri', 'X_Real_IP', 'Forwarded',
    'True-Client-IP', 'True_Client_IP', 'CF_Connecting_IP', 'Cf-Access-Jwt-Assertion', 'cf_access_jwt_assertion', 'CF_Ray',
    'X-Lintel-Upstream', 'X_Lintel_Upstream', 'X-Lintel-Anything', 'CDN_Loop',
  ];
  const headers = Object.fromEntries(said.map(name => [name, 'spoofed']));
  const seen = await echoed(surroundings, { headers: { ...headers, 'X-Own': 'kept', Cookie: 'a=b' } });
  assert.deepEqual(Object.entries(seen.headers).filter(([, value]) => value.includes('spoofed')), []);
  assert.equal(seen.headers['x-own'], 'kept');
  assert.equal(seen.headers.cookie, 'a=b');
});

check('headers for one hop end at the edge', async ({ surroundings }) => {
  const headers = { Connection: 'close, X-Once, X-Forwarded-For', 'X-Once': '1', 'Keep-Alive': '1', TE: 'trailers', 'Proxy-Authorization': 'x' };
  const seen = await echoed(surroundings, { headers });
  for (const name of ['x-once', 'keep-alive', 'te', 'proxy-authorization']) assert.ok(!(name in seen.headers), name);
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
});

check('path and query arrive byte for byte', async ({ surroundings }) => {
  const targets = ['/', '/?', '/a//b', '//a', '/a;b=c', '/%2f%5C%zz%00', '/a?b?c=%20+d&e=/../f', '/a%3fb', '/~!$&\'()*+,;=:@'];
  for (const target of targets) assert.equal((await echoed(surroundings, { target })).target, target);
});

check('dot segments and odd characters arrive byte for byte, too', async ({ surroundings }) => {
  if (!surroundings.transparent) return SKIPPED;
  for (const target of ['/a/../b', '/%2e%2E/a', '/./a', '/a/..', '/a/./?b', '/a\\b', '/a|b']) {
    assert.equal((await echoed(surroundings, { target })).target, target);
  }
});

check('a target of 8 kB arrives', async ({ surroundings }) => {
  const target = `/${'a-_'.repeat(1000)}?${'b'.repeat(5000)}`;
  assert.equal((await echoed(surroundings, { target })).target, target);
});

check('a request for no path is refused', async ({ surroundings }) => {
  if (!surroundings.transparent) return SKIPPED;
  const answer = await ask(surroundings, { host, target: '*', method: 'OPTIONS' });
  assert.equal(answer.status, 400);
});

check('methods and bodies arrive as they are', async ({ surroundings }) => {
  const body = Buffer.from('a body\0\xff\r\n', 'latin1');
  const sha256 = createHash('sha256').update(body).digest('hex');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
    const seen = await echoed(surroundings, { method, body, headers: { 'Content-Length': body.length } });
    assert.equal(seen.method, method);
    assert.deepEqual(seen.body, { length: body.length, sha256 });
    assert.equal(seen.headers['content-length'], String(body.length));
  }
});

check('a body of unknown length arrives, also where the client waits to be told to go on', async ({ surroundings }) => {
  for (const headers of [{ 'Transfer-Encoding': 'chunked' }, { 'Content-Length': 6, Expect: '100-continue' }]) {
    const seen = await echoed(surroundings, { method: 'POST', body: 'a body', headers });
    assert.equal(seen.body.length, 6);
  }
});

check('a GET with a body is a GET all the same', async ({ surroundings }) => {
  const seen = await echoed(surroundings, { body: 'a body', headers: { 'Content-Length': 6 } });
  assert.equal(seen.method, 'GET');
});

check('header values beyond ASCII arrive byte for byte', async ({ surroundings }) => {
  const value = Buffer.from('grün', 'utf8').toString('latin1');
  const seen = await echoed(surroundings, { headers: { 'X-Text': value } });
  assert.equal(seen.headers['x-text'], value);
});

check('statuses and redirects are passed on, not followed', async ({ surroundings }) => {
  for (const code of [201, 204, 301, 302, 307, 401, 404, 418, 500, 503]) {
    const answer = await ask(surroundings, { host, target: `/status?code=${code}` });
    assert.equal(answer.status, code);
    assert.equal(answer.headers.location, 'https://elsewhere.test/x?y');
  }
});

check('response headers are passed on, but for those of the edge', async ({ surroundings }) => {
  const { headers, rawHeaders } = await ask(surroundings, { host, target: '/headers' });
  assert.deepEqual(headers['set-cookie'], ['a=1; Path=/', 'b=2, c=3']);
  assert.equal(headers['x-large'], 'y'.repeat(7000));
  assert.notEqual(headers['cf-ray'], 'the-origins-own');
  for (const name of ['x-lintel-upstream-error', 'alt-svc', 'upgrade']) assert.ok(!(name in headers), name);
  assert.equal(rawHeaders.filter(name => name.toLowerCase() === 'cf-ray').length, 1);
});

check('large request headers arrive', async ({ surroundings }) => {
  const seen = await echoed(surroundings, { headers: { Cookie: 'c='.padEnd(7000, 'x'), 'X-Many': 'y'.repeat(3000) } });
  assert.equal(seen.headers.cookie.length, 7000);
  assert.equal(seen.headers['x-many'].length, 3000);
});

check('encodings are neither undone nor redone', async ({ surroundings }) => {
  if (!surroundings.transparent) return SKIPPED;
  for (const encodings of ['gzip', 'gzip, br', 'identity', undefined]) {
    const headers = encodings ? { 'Accept-Encoding': encodings } : {};
    const answer = await ask(surroundings, { host, target: '/gzip', headers });
    assert.equal(answer.headers['content-encoding'], 'gzip');
    assert.ok(answer.body.equals(GZIPPED), `other bytes for Accept-Encoding: ${encodings}`);
    assert.match(String(gunzipSync(answer.body)), /^the same bytes/);
    assert.equal(answer.headers['content-length'], String(GZIPPED.length));
  }
  const none = await ask(surroundings, { host, target: '/no-gzip' });
  assert.equal(none.headers['content-encoding'], 'gzip');
  assert.equal(String(none.body), 'this says gzip and is none');
  const odd = await ask(surroundings, { host, target: '/odd-encoding' });
  assert.equal(odd.headers['content-encoding'], 'x-odd');
  assert.equal(String(odd.body), 'not x-odd at all');
});

check('the origin hears which encodings the visitor takes', async ({ surroundings }) => {
  if (!surroundings.transparent) return SKIPPED;
  const seen = await echoed(surroundings, { headers: { 'Accept-Encoding': 'zstd;q=0.9, gzip' } });
  assert.equal(seen.headers['accept-encoding'], 'zstd;q=0.9, gzip');
  assert.ok(!('accept-encoding' in (await echoed(surroundings, {})).headers));
});

check('conditional and range requests work', async ({ surroundings }) => {
  const fresh = await ask(surroundings, { host, target: '/etag', headers: { 'If-None-Match': '"v1"' } });
  assert.equal(fresh.status, 304);
  assert.equal(fresh.headers.etag, '"v1"');
  assert.equal(fresh.body.length, 0);
  const part = await ask(surroundings, { host, target: '/range', headers: { Range: 'bytes=10-19' } });
  assert.equal(part.status, 206);
  assert.equal(part.headers['content-range'], `bytes 10-19/${RANGE.length}`);
  assert.equal(String(part.body), '0123456789');
});

check('HEAD says how long the body would be', async ({ surroundings }) => {
  const answer = await ask(surroundings, { host, target: '/range', method: 'HEAD' });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-length'], String(RANGE.length));
  assert.equal(answer.body.length, 0);
});
