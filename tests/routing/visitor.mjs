// A visitor who says exactly what he is told to say: no URL parser on this side.
import http from 'node:http';
import https from 'node:https';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';

/**
 * Sends one request and resolves with `{status, headers, rawHeaders, body}`, the body as a Buffer.
 * `begin` does the same and leaves both bodies to the caller.
 */
export async function ask(surroundings, request) {
  const { sending, response } = begin(surroundings, request);
  sending.end(request.body);
  const answer = await response;
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  const { statusCode: status, headers, rawHeaders } = answer;
  return { status, headers, rawHeaders, body: Buffer.concat(chunks) };
}

export function begin(surroundings, { host, target = '/', method = 'GET', scheme = 'http', headers = {} }) {
  const door = new URL(surroundings[scheme]);
  const all = { Host: host, ...headers, ...imitated(surroundings, scheme) };
  const options = {
    host: door.hostname, port: door.port, method, path: target, headers: all, agent: false, setHost: false,
    servername: host, ca: surroundings.ca, rejectUnauthorized: !surroundings.untrusted, maxHeaderSize: 65536,
  };
  const sending = (door.protocol === 'https:' ? https : http).request(options);
  const response = new Promise((resolve, reject) => {
    sending.on('response', resolve);
    sending.on('error', reject);
    sending.setTimeout(30_000, () => sending.destroy(new Error('no answer within 30 s')));
  });
  return { sending, response };
}

export function connect(surroundings, { host, target, protocols = [], headers = {} }) {
  const door = new URL(surroundings.http);
  const all = { Host: host, ...headers, ...imitated(surroundings, 'http') };
  return new WebSocket(`ws://${door.host}${target}`, protocols, { headers: all, handshakeTimeout: 30_000 });
}

/** The body of an answer as text. Only an edge that is asked through another edge packs what it makes itself. */
export function text({ headers, body }) {
  switch (headers['content-encoding']) {
    case 'br': return String(brotliDecompressSync(body));
    case 'gzip': return String(gunzipSync(body));
    default: return String(body);
  }
}

/** What edge-tls would add, where no edge-tls is in front. */
function imitated({ imitateEdgeTls }, scheme) {
  if (!imitateEdgeTls) return {};
  return { 'X-Forwarded-Proto': scheme, 'CF-Connecting-IP': '127.0.0.1', 'CF-Ray': '00c0ffee00c0ffee-TST' };
}
