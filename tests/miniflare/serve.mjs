// The built worker under miniflare, as on Cloudflare: no edge-tls, no egress, records in Workers KV.
//
//     node tests/miniflare/serve.mjs PORT
//
// Serves until it is killed. Cloudflare's KV REST API for the worker's namespace is at
// /cdn-cgi/local/explorer/api/storage/kv/namespaces/edge.
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
});
const miniflare = new Miniflare({ ...options, unsafeLocalExplorer: true });
console.log(`listening on ${await miniflare.ready}`);
