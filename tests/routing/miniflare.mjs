// Runs the suite against the built worker under miniflare: node tests/routing/miniflare.mjs
//
// Twice: with an egress behind the ORIGIN binding, and without, as on Cloudflare, where the
// platform's own fetch connects. Records arrive through Cloudflare's KV REST API, as control-api
// publishes them.
//
//   LINTEL_EGRESS=host:port   optional: edge-tls's LINTEL_EGRESS_LISTEN in place of egress.mjs
import path from 'node:path';
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from 'miniflare';
import { startEgress } from './egress.mjs';
import { run } from './suite.mjs';

const build = path.resolve(import.meta.dirname, '../../edge-worker/build');
const NAMESPACE = 'routing-suite';

async function withMiniflare(more, use) {
  const options = convertV4MiniflareOptions({
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.WARN),
    cf: false,
    modulesRoot: build,
    modules: [
      { type: 'ESModule', path: path.join(build, 'index.js') },
      { type: 'CompiledWasm', path: path.join(build, 'index_bg.wasm') },
    ],
    compatibilityDate: '2026-10-01',
    kvNamespaces: { STATE: NAMESPACE },
    ...more,
  });
  const miniflare = new Miniflare({ ...options, unsafeLocalExplorer: true });
  try {
    const edge = String(await miniflare.ready).replace(/\/$/, '');
    return await use({
      http: edge,
      https: edge, // Told apart by X-Forwarded-Proto, which miniflare takes for the visitor's scheme.
      imitateEdgeTls: true,
      records: [`${edge}/cdn-cgi/local/explorer/api/storage/kv/namespaces/${NAMESPACE}/values`],
    });
  } finally {
    await miniflare.dispose();
  }
}

async function behindEgress() {
  const own = process.env.LINTEL_EGRESS ? undefined : await startEgress();
  const address = process.env.LINTEL_EGRESS ?? `127.0.0.1:${own.port}`;
  try {
    const serviceBindings = { ORIGIN: { external: { address, http: {} } } };
    return await withMiniflare({ serviceBindings }, edge => run({ name: 'miniflare with an egress', ...edge }));
  } finally {
    own?.stop();
  }
}

const outcomes = [
  await behindEgress(),
  await withMiniflare({}, edge => run({ name: 'miniflare alone', ...edge, direct: true })),
];
process.exit(outcomes.every(passed => passed) ? 0 : 1);
