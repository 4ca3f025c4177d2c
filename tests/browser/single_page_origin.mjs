// A single-page application: a page, a service worker that makes all its calls, and the data that they are for.
//
//     node tests/browser/single_page_origin.mjs PORT

import { createServer } from 'node:http';

const PAGE = `<!doctype html>
<html lang="en">
<title>A single-page application</title>
<link rel="icon" href="data:,">
<textarea id="draft" aria-label="Draft"></textarea>
<script>
  navigator.serviceWorker.register('/sw.js');
  globalThis.call = async (path, options) => {
    const answer = await fetch(path, options);
    return { status: answer.status, body: await answer.text() };
  };
</script>
`;

const WORKER = `
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  if (new URL(event.request.url).pathname.startsWith('/api/')) event.respondWith(fetch(event.request));
});
`;

const FILES = {
  '/app': ['text/html', PAGE],
  '/sw.js': ['text/javascript', WORKER],
  '/api/data': ['text/plain', 'data'],
  '/plain': ['text/plain', 'plain'],
};

const server = createServer((request, response) => {
  const [type, body] = FILES[new URL(request.url, 'http://origin').pathname] ?? [];
  response.writeHead(type ? 200 : 404, { 'content-type': type ?? 'text/plain', 'cache-control': 'no-store' });
  response.end(body ?? 'there is no such page');
});
server.keepAliveTimeout = 0; // Whoever keeps a connection ends it: closed from here, it may be just in use again.
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
process.stdin.resume().on('end', () => process.exit(0));
