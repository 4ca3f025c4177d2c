// A Workers KV namespace under miniflare with its REST API, and what a worker reads from it:
//   GET /{percent-encoded key} -> the value, or 404. Prints the base URL; ends with standard input.
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from 'miniflare';

const NAMESPACE = 'publisher-test';
const worker = `export default { async fetch(request, env) {
  const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
  const value = await env.STATE.get(key);
  return new Response(value, { status: value === null ? 404 : 200 });
} }`;
const options = convertV4MiniflareOptions({
  host: '127.0.0.1',
  port: 0,
  log: new Log(LogLevel.ERROR),
  cf: false,
  modules: true,
  script: worker,
  compatibilityDate: '2026-10-01',
  kvNamespaces: { STATE: NAMESPACE },
});
const miniflare = new Miniflare({ ...options, unsafeLocalExplorer: true });
const base = String(await miniflare.ready).replace(/\/$/, '');
console.log(`${base} ${base}/cdn-cgi/local/explorer/api/storage/kv/namespaces/${NAMESPACE}`);
process.stdin.resume().on('end', async () => {
  await miniflare.dispose();
  process.exit();
});
