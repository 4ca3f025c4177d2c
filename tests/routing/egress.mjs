// The egress of edge-tls in forty lines, for developing the worker alone: it connects where
// X-Lintel-Upstream says and passes bytes on. Plain HTTP only, no checks of addresses.
import { once } from 'node:events';
import http from 'node:http';

const FAULTS = { ENOTFOUND: 'dns', EAI_AGAIN: 'dns', ETIMEDOUT: 'timeout' };

export async function startEgress() {
  const server = http.createServer({ maxHeaderSize: 65536 }, (request, response) => {
    const forwarding = forward(request);
    forwarding.on('response', answer => {
      const headers = answer.rawHeaders.filter((_, i, all) => !reserved(all[i - (i % 2)]));
      response.writeHead(answer.statusCode, answer.statusMessage, headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    forwarding.on('error', error => {
      if (response.headersSent) return response.destroy();
      response.writeHead(502, { 'X-Lintel-Upstream-Error': FAULTS[error.code] ?? 'connect' }).end();
    });
    response.on('close', () => forwarding.destroy());
    request.pipe(forwarding);
    request.on('error', () => forwarding.destroy());
  });
  server.on('upgrade', (request, socket, head) => {
    const forwarding = forward(request);
    forwarding.on('upgrade', (answer, upstream, first) => {
      socket.write(head101(answer));
      socket.write(first);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    forwarding.on('response', answer => { answer.destroy(); socket.end(`HTTP/1.1 ${answer.statusCode} No\r\nContent-Length: 0\r\n\r\n`); });
    forwarding.on('error', error => {
      socket.end(`HTTP/1.1 502 No\r\nContent-Length: 0\r\nX-Lintel-Upstream-Error: ${FAULTS[error.code] ?? 'connect'}\r\n\r\n`);
    });
    forwarding.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => { server.closeAllConnections(); server.close(); };
  return { port: server.address().port, stop };
}

function forward(request) {
  const { origin, target } = JSON.parse(request.headers['x-lintel-upstream']);
  const { hostname, port } = new URL(origin.includes('://') ? origin : `http://${origin}`);
  const headers = request.rawHeaders.filter((_, i, all) => !reserved(all[i - (i % 2)]));
  return http.request({ host: hostname, port: port || 80, method: request.method, path: target, headers, setHost: false, agent: false });
}

function head101({ rawHeaders }) {
  const lines = ['HTTP/1.1 101 Switching Protocols'];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const reserved = name => name.toLowerCase().startsWith('x-lintel-');
