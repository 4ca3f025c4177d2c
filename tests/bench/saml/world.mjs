// A person signs in to the demo application as a browser would, and what the edge knows is read.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

/** Cookies by host, as far as this way in needs them. */
class Browser {
  #jars = new Map();
  #ca;

  constructor(ca) {
    this.#ca = ca;
  }

  cookies(host) {
    return [...(this.#jars.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  cookie(host, name) {
    return this.#jars.get(host)?.get(name);
  }

  /** Follows redirects. */
  async open(url, form) {
    for (let hop = 0; hop < 20; hop++) {
      const page = await this.#ask(new URL(url), form);
      if (page.status < 300 || page.status > 399) return { ...page, url };
      [url, form] = [new URL(page.headers.location, url).href, undefined];
    }
    throw new Error(`too many redirects, the last to ${url}`);
  }

  #ask(url, form) {
    const body = form && new URLSearchParams(form).toString();
    const headers = { host: url.host, accept: 'text/html', cookie: this.cookies(url.hostname), 'sec-fetch-mode': 'navigate' };
    if (body) Object.assign(headers, { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body), origin: url.origin });
    const options = { host: '127.0.0.1', servername: url.hostname, port: url.port, path: url.pathname + url.search, method: body ? 'POST' : 'GET', headers, ca: this.#ca };
    return new Promise((resolve, reject) => {
      const asked = (url.protocol === 'https:' ? https : http).request(options, (response) => {
        this.#keep(url.hostname, response.headers['set-cookie'] ?? []);
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      asked.on('error', reject).end(body);
    });
  }

  #keep(host, lines) {
    if (!this.#jars.has(host)) this.#jars.set(host, new Map());
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0/i.test(line) || value === '') this.#jars.get(host).delete(name);
      else this.#jars.get(host).set(name, value);
    }
  }
}

const unescape = (text) => text.replaceAll('&amp;', '&').replaceAll('&#38;', '&').replaceAll('&quot;', '"');

/** Signs the first demo user in, begun here: what `GET {url}` with `cookie` converts, and what became of it. */
export async function signIn(lintel) {
  const { api, token, account_id: account, team_domain: team, demo_users: [person] } = lintel;
  const apps = await fetch(`${api}/accounts/${account}/access/apps`, { headers: { authorization: `Bearer ${token}` } });
  const { result } = await apps.json();
  const app = result.find(({ saas_app: saas }) => saas?.auth_type === 'saml');
  const browser = new Browser(readFileSync(lintel.ca_pem));
  const url = app.saas_app.sso_endpoint;
  const choice = await browser.open(url);
  const way = /<a [^>]*data-idp=[^>]*>/.exec(choice.text)?.[0];
  if (!way) throw new Error(`no way to sign in at ${choice.url}: ${choice.status} ${choice.text}`);
  const door = await browser.open(new URL(unescape(/href="([^"]+)"/.exec(way)[1]), choice.url).href);
  const action = /<form method="post" action="([^"]+)"/.exec(door.text)[1];
  const form = await browser.open(new URL(action, door.url).href, { email: person.email, password: person.password });
  if (!/name="SAMLResponse"/.test(form.text)) throw new Error(`no response at ${form.url}: ${form.status} ${form.text}`);
  const { hostname } = new URL(team);
  const jwks = (await browser.open(`${team}/access/certs`)).text;
  return { app: app.id, url, form: form.text, cookie: browser.cookies(hostname), token: browser.cookie(hostname, 'CF_Authorization'), jwks };
}

/** All records of the edge. */
export async function records(lintel, tokenFile) {
  const headers = { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
  const all = [];
  for (let after = ''; after !== undefined; ) {
    const page = await fetch(`${new URL(lintel.api).origin}/edge/v1/snapshot?after=${encodeURIComponent(after)}`, { headers });
    const { records: some, next } = await page.json();
    all.push(...some);
    after = next;
  }
  return all;
}

/** The worker's key, as edge-tls derives it (`edge_state::seal::derive_ring`). */
export function accessKey(file) {
  const [id, key] = readFileSync(file, 'utf8').trim().split(':');
  return `${id}:${createHmac('sha256', Buffer.from(key, 'base64')).update('lintel access').digest('base64url')}`;
}
