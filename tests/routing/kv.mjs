// A KV namespace for plain workerd: GET as workerd's binding asks it, PUT and DELETE for the suite.
import { once } from 'node:events';
import http from 'node:http';

export async function startKv() {
  const records = new Map();
  let failing = false;
  const server = http.createServer(async (request, response) => {
    const key = decodeURIComponent(new URL(request.url, 'http://kv').pathname.slice(1));
    if (request.method === 'GET') {
      if (failing) return response.writeHead(500).end();
      const value = records.get(key);
      response.writeHead(value === undefined ? 404 : 200).end(value);
      return;
    }
    let value = '';
    for await (const chunk of request) value += chunk;
    if (request.method === 'PUT') records.set(key, value);
    else records.delete(key);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => { server.closeAllConnections(); server.close(); };
  const outage = { begin: () => { failing = true; }, end: () => { failing = false; } };
  return { port: server.address().port, outage, stop };
}
