// The origin behind the edge. The suite starts it in its own process, so that a check sees both ends
// of a request and decides when the origin goes on.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

export const GZIPPED = gzipSync('the same bytes, as the origin packed them\n'.repeat(50), { level: 9 });
export const MEGABYTE = Buffer.alloc(1 << 20, 'lintel! ');
export const RANGE = Buffer.from('0123456789'.repeat(100));

/** Starts the origin on a free port of the loopback. */
export async function startOrigin() {
  const origin = { pauses: new Map(), sent: 0, received: 0 };
  const server = http.createServer({ maxHeaderSize: 65536 }, (request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    answer(origin, request, response);
  });
  const sockets = new WebSocketServer({ server, handleProtocols: protocols => [...protocols].at(-1) });
  sockets.on('connection', (socket, request) => {
    const point = origin.pauses.get(new URL(request.url, 'http://origin').searchParams.get('pause'));
    socket.on('close', () => point?.closed());
    socket.on('message', (data, binary) => {
      if (String(data) === 'close') socket.close(4001, 'as asked');
      else if (String(data) === 'headers') socket.send(JSON.stringify(seen(request)));
      else socket.send(data, { binary });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin.port = server.address().port;
  origin.stop = () => {
    server.closeAllConnections();
    server.close();
    sockets.close();
  };
  return origin;
}

/**
 * A point at which the origin waits: `arrived` resolves when it is there, `go` lets it go on, and
 * `left` resolves when the other side went away meanwhile.
 */
export function pause(origin, name) {
  const point = {};
  point.arrived = new Promise(resolve => { point.arrive = resolve; });
  point.going = new Promise(resolve => { point.go = resolve; });
  point.left = new Promise(resolve => { point.closed = resolve; });
  origin.pauses.set(name, point);
  return point;
}

async function answer(origin, request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://origin');
  const point = origin.pauses.get(searchParams.get('pause'));
  switch (pathname) {
    case '/stream-down':
      response.write('first\n');
      await point.going;
      response.end('last\n');
      return;
    case '/stream-up':
      await once(request, 'readable');
      point.arrive(String(request.read()));
      return echo(request, response);
    case '/big':
      response.on('close', () => point?.closed());
      origin.sent = 0;
      for (let megabytes = Number(searchParams.get('megabytes')); megabytes > 0; megabytes--) {
        if (!response.write(MEGABYTE)) await room(response);
        if (response.destroyed) return;
        origin.sent += MEGABYTE.length;
      }
      response.end();
      return;
    case '/sink':
      if (point) await point.going;
      return echo(request, response);
    case '/gzip':
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain', 'content-length': GZIPPED.length });
      response.end(GZIPPED);
      return;
    case '/no-gzip':
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' });
      response.end('this says gzip and is none');
      return;
    case '/odd-encoding':
      response.writeHead(200, { 'content-encoding': 'x-odd', 'content-type': 'text/plain' });
      response.end('not x-odd at all');
      return;
    case '/etag':
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304, { etag: '"v1"' }).end();
      else response.writeHead(200, { etag: '"v1"', 'content-length': 4 }).end('body');
      return;
    case '/range': {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (first === undefined) response.writeHead(200, { 'content-length': RANGE.length }).end(RANGE);
      else {
        const part = RANGE.subarray(Number(first), Number(last) + 1);
        const range = `bytes ${first}-${last}/${RANGE.length}`;
        response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part);
      }
      return;
    }
    case '/headers':
      response.writeHead(200, [
        ['Set-Cookie', 'a=1; Path=/'], ['Set-Cookie', 'b=2, c=3'], ['X-Lintel-Upstream-Error', 'dns'],
        ['CF-Ray', 'the-origins-own'], ['X-Large', 'y'.repeat(7000)], ['Server', 'origin'], ['Alt-Svc', 'h3=":443"'], ['Upgrade', 'h2c'],
      ].flat());
      response.end('ok');
      return;
    case '/status':
      response.writeHead(Number(searchParams.get('code')), { location: 'https://elsewhere.test/x?y' }).end();
      return;
    case '/break-off':
      request.socket.destroy();
      return;
    case '/break-off-later':
      response.writeHead(200, searchParams.has('length') ? { 'content-length': 100 } : {});
      response.write('the beginning', () => request.socket.destroy());
      return;
    default:
      return echo(request, response);
  }
}

/** Until there is room to write on, or nobody left to write to. */
async function room(response) {
  const ended = new AbortController();
  const closed = once(response, 'close', ended);
  closed.catch(() => {});
  await Promise.race([once(response, 'drain', ended), closed]);
  ended.abort();
}

async function echo(request, response) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    length += chunk.length;
  }
  const text = JSON.stringify({ ...seen(request), body: { length, sha256: hash.digest('hex') } });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(request.method === 'HEAD' ? undefined : text);
}

/** A request as the origin saw it; headers by lower-case name, repeated ones joined. */
function seen(request) {
  const headers = {};
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const [name, value] = [request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]];
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { method: request.method, target: request.url, headers };
}
