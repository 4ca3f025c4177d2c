// The built worker under miniflare, as on Cloudflare: no edge-tls, no egress, records in Workers KV.
//
//     node tests/miniflare/serve.mjs PORT [KV_PORT]
//
// Serves until it is killed. Cloudflare's KV REST API for the worker's namespace is at
// /cdn-cgi/local/explorer/api/storage/kv/namespaces/edge. LINTEL_MINIFLARE may hold more of miniflare's options, as JSON: bindings, a
// certificate. With a certificate that nobody knows, KV_PORT is where the same REST API is to be had without TLS.
import { createServer } from 'node:http';
import { request as ask } from 'node:https';
import path from 'node:path';
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from 'miniflare';

const build = process.env.LINTEL_WORKER_DIR ?? path.resolve(import.meta.dirname, '../../edge-worker/build');
const options = convertV4MiniflareOptions({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  log: new Log(LogLevel.INFO),
  cf: false,
  modulesRoot: build,
  modules: [
    { type: 'ESModule', path: path.join(build, 'index.js') },
    { type: 'CompiledWasm', path: path.join(build, 'index_bg.wasm') },
  ],
  compatibilityDate: '2026-10-01',
  kvNamespaces: { STATE: 'edge' },
  ...JSON.parse(process.env.LINTEL_MINIFLARE ?? '{}'),
});
const miniflare = new Miniflare({ ...options, unsafeLocalExplorer: true });
const { port } = await miniflare.ready;
const [, , , kvPort] = process.argv;
if (kvPort) {
  const relay = createServer((request, response) => {
    const { method, url: path, headers } = request;
    // By a connection of its own: one that was kept may be closed just when it is used again.
    const asked = ask({ agent: false, host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode, answer.headers));
    });
    request.pipe(asked.on('error', () => response.destroy()));
  });
  await new Promise((resolve) => relay.listen(Number(kvPort), '127.0.0.1', resolve));
}
console.log(`listening on ${port}`);
