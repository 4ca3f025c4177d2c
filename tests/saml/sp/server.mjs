// What every service provider in Node has in common: pages, a session, and what a test may ask. The library decides alone what it believes.
//
//     PUT  /idp                          configures it: {metadata, sso_endpoint, idp_entity_id, public_key, unsolicited, encrypted}
//     GET  /metadata                     of itself
//     GET  /in?relay&binding&force&passive&unsigned&format    starts sign-in
//     POST /acs                          where responses arrive
//     GET  /out                          starts logout
//     GET|POST /slo                      logout messages
//     GET  /                             who is signed in
//     GET  /seen                         {accepted, refused: [why], ended}
//
// LINTEL_PEER (JSON): {name, port, key, certificate, encryption_key, encryption_certificate}, PEM.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

export const settings = JSON.parse(process.env.LINTEL_PEER);
export const base = `http://127.0.0.1:${settings.port}`;
export const urls = { entity: `${base}/metadata`, acs: `${base}/acs`, slo: `${base}/slo` };

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** A page with a machine-readable part. */
function page(title, id, told) {
  const text = typeof told === 'string' ? told : JSON.stringify(told, null, 1);
  return `<!doctype html><meta charset=utf-8><title>${settings.name}</title><h1>${title}</h1><pre id="${id}">${escaped(text)}</pre>`;
}

/** A form that sends itself. */
export function form(action, fields) {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type=hidden name="${name}" value="${escaped(value)}">`);
  return { html: `<!doctype html><meta charset=utf-8><form method=post action="${escaped(action)}">${inputs.join('')}<button>Go on</button></form>
<script>document.forms[0].submit()</script>` };
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Serves `peer`: {metadata(), configure(idp), ask(options), accept(fields), leave(person, relay), told(message)}. */
export function serve(peer) {
  const sessions = new Map();
  const seen = { accepted: 0, refused: [], ended: 0 };
  const cookie = `sp-${settings.name}`;

  const session = (request) => new RegExp(`${cookie}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1];

  function end(id) {
    if (sessions.delete(id)) seen.ended += 1;
  }

  const send = (response, { location, html }) => {
    if (location) response.writeHead(302, { location }).end();
    else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  };

  async function logout(request, response, message) {
    const { person, answer } = await peer.told(message);
    if (!answer) return send(response, { html: page('Signed out', 'out', message.fields.RelayState ?? '') });
    for (const [id, known] of sessions) {
      const same = known.name_id === person.name_id && (!person.session_index || known.session_index === person.session_index);
      if (same) end(id);
    }
    return send(response, await answer());
  }

  async function route(request, response) {
    const url = new URL(request.url, base);
    const fields = request.method === 'POST' ? Object.fromEntries(new URLSearchParams(await body(request))) : Object.fromEntries(url.searchParams);
    switch (`${request.method} ${url.pathname}`) {
      case 'PUT /idp':
        await peer.configure(JSON.parse(await body(request)));
        return response.end();
      case 'GET /metadata':
        return response.writeHead(200, { 'content-type': 'application/samlmetadata+xml' }).end(peer.metadata());
      case 'GET /in':
        return send(response, await peer.ask(fields));
      case 'POST /acs': {
        const person = { ...(await peer.accept(fields)), relay_state: fields.RelayState ?? null };
        seen.accepted += 1;
        const id = randomUUID();
        sessions.set(id, person);
        response.setHeader('set-cookie', `${cookie}=${id}; Path=/; HttpOnly; SameSite=Lax`);
        return send(response, { html: page('Signed in', 'person', person) });
      }
      case 'GET /out': {
        const id = session(request);
        const person = sessions.get(id);
        if (!person) return send(response, { html: page('Signed out', 'out', '') });
        const leaving = await peer.leave(person, fields.relay ?? '');
        end(id);
        return send(response, leaving);
      }
      case 'GET /slo':
        return logout(request, response, { binding: 'redirect', fields, query: url.search.slice(1) });
      case 'POST /slo':
        return logout(request, response, { binding: 'post', fields });
      case 'GET /': {
        const person = sessions.get(session(request));
        return send(response, { html: page(person ? 'Signed in' : 'Nobody', person ? 'person' : 'nobody', person ?? '') });
      }
      case 'GET /seen':
        return response.end(JSON.stringify(seen));
      default:
        return response.writeHead(404).end();
    }
  }

  const server = createServer((request, response) => {
    route(request, response).catch((error) => {
      const why = String(error?.message ?? error);
      console.error(request.method, request.url.split('?')[0], error?.stack ?? error, error?.xmlStatus ?? '');
      seen.refused.push(why);
      response.writeHead(403, { 'content-type': 'text/html; charset=utf-8' }).end(page('Refused', 'refused', `${why}\n${error?.xmlStatus ?? ''}`));
    });
  });
  server.keepAliveTimeout = 0; // Whoever keeps a connection ends it: closed from here, it may be just in use again.
  server.listen(settings.port, '127.0.0.1', () => console.log(`${settings.name} listens at ${base}`));
}
