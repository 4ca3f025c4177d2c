// From a token to SAML: Lintel's worker, a JavaScript worker with samlify or with xml-crypto, and the bare RSA signatures, measured in one workerd,
// side by side, round by round. Everything real: the records, the session and its token come from a Lintel that `lintel-dev` started and a person who
// signed in there, and @node-saml/node-saml accepts the last response of everybody. What counts is the processor time of workerd, so that a busy
// machine disturbs little; workerd uses one core.
//
//   make bench-saml        LINTEL_BENCH_ROUNDS=9 make bench-saml

import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { SAML } from '@node-saml/node-saml';
import workerd from 'workerd';
import { startKv } from '../../routing/kv.mjs';
import { accessKey, records, signIn } from './world.mjs';

const ROUNDS = Number(process.env.LINTEL_BENCH_ROUNDS ?? 5);
// Processor time is told in hundredths of a second: fewer would be a measure of those.
const PEERS = 500;
const root = path.resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(path.join(tmpdir(), 'lintel-bench-saml.'));
const children = [];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

function start(program, args, options) {
  const child = spawn(program, args, options);
  children.push(child);
  return child;
}

async function startLintel() {
  const state = path.join(folder, 'state');
  const env = { ...process.env, LINTEL_DEV_STATE: state, LINTEL_WORKER_DIR: path.join(root, 'target/bench/worker') };
  for (const name of ['API', 'API_ADMIN', 'HTTPS', 'HTTP', 'EDGE_ADMIN', 'ORIGIN', 'PROVIDER', 'APPLICATION']) env[`LINTEL_DEV_${name}_PORT`] = String(await freePort());
  const child = start(path.join(process.env.LINTEL_BIN_DIR, 'lintel-dev'), [], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const file = path.join(state, 'dev.json');
  for (const end = Date.now() + 120_000; !existsSync(file); ) {
    if (child.exitCode !== null || Date.now() > end) throw new Error('Lintel did not start');
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return { child, state, ...JSON.parse(readFileSync(file, 'utf8')) };
}

const text = (value) => JSON.stringify(value);
const bindings = (variables) => Object.entries(variables).map(([name, value]) => `(name = "${name}", text = ${text(String(value))})`).join(', ');

/** One workerd with everybody in it. */
async function startWorkerd({ stores, ours, peer }) {
  const embed = (file) => text(path.relative(folder, path.join(root, 'target/bench', file)));
  const worker = (name) => `(name = "lintel-${name}", worker = (
    modules = [(name = "index.js", esModule = embed ${embed('worker/index.js')}), (name = "index_bg.wasm", wasm = embed ${embed('worker/index_bg.wasm')})],
    bindings = [(name = "STATE", kvNamespace = "kv-${name}"), ${bindings(ours)}], compatibilityDate = "2026-10-01"))`;
  const store = ([name, { port }]) => `(name = "kv-${name}", external = (address = "127.0.0.1:${port}", http = (style = host)))`;
  const socket = (name) => `(name = "${name}", address = "127.0.0.1:0", http = (style = host, cfBlobHeader = "CF-Blob"), service = "${name}")`;
  writeFileSync(path.join(folder, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [${Object.keys(stores).map(worker).join(', ')}, ${Object.entries(stores).map(store).join(', ')},
        (name = "peer", worker = (modules = [(name = "peer.js", esModule = embed ${embed('peer/peer.js')})], bindings = [${bindings(peer)}], compatibilityDate = "2026-10-01"))],
      sockets = [${[...Object.keys(stores).map((name) => `lintel-${name}`), 'peer'].map(socket).join(', ')}]);`);
  const child = start(workerd.default, ['serve', '--control-fd=3', path.join(folder, 'config.capnp')], { stdio: ['ignore', 'inherit', 'pipe', 'pipe'] });
  child.stderr.resume(); // samlify says at every start what it would rather have.
  const ports = {};
  for await (const chunk of child.stdio[3]) {
    for (const line of String(chunk).split('\n').filter(Boolean)) {
      const { event, socket: name, port } = JSON.parse(line);
      if (event === 'listen') ports[name] = port;
    }
    if (Object.keys(ports).length === Object.keys(stores).length + 1) break;
  }
  return { pid: child.pid, ports };
}

/** Processor time of workerd, in seconds (proc(5): utime and stime, in hundredths). */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function ask(url, headers) {
  const response = await fetch(url, { headers });
  const said = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${said.slice(0, 2000)}`);
  return said;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

function contenders(lintel, entered, { ports }, kid) {
  const { url, cookie, app } = entered;
  const ours = (store, bench, times) => () => {
    const { pathname, host } = new URL(url);
    // fetch does not let a Host be set, and the host is what decides: workerd takes it from the request's own URL.
    const headers = { 'x-bench': bench, 'x-bench-times': String(times), 'x-bench-key': `${app} ${kid}`, 'x-forwarded-proto': 'https', 'cf-connecting-ip': '127.0.0.1', cookie };
    return askAs(host, ports[`lintel-${store}`], pathname, headers);
  };
  const peer = (kind, signatures, times) => () => ask(`http://127.0.0.1:${ports.peer}/${kind}?signatures=${signatures}&conversions=${times}`);
  const list = [];
  for (const [signatures, store] of [[2, 'both'], [1, 'one']]) {
    list.push({ name: 'rsa', signatures, times: 2000 / signatures, run: ours(store, 'signatures', 2000) });
    list.push({ name: 'lintel', signatures, times: 2000 / signatures, run: ours(store, 'conversions', 2000 / signatures), form: true });
    list.push({ name: 'beside', signatures, times: 2000, run: ours(store, 'arithmetic', 2000) });
    list.push({ name: 'samlify', signatures, times: PEERS, run: peer('samlify', signatures, PEERS), response: true });
    list.push({ name: 'xml-crypto', signatures, times: PEERS, run: peer('xml-crypto', signatures, PEERS), response: true });
  }
  return list;
}

/** One request with a Host of our choice. */
async function askAs(host, port, target, headers) {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: target, headers: { ...headers, host } }, (response) => {
      let said = '';
      response.setEncoding('utf8').on('data', (chunk) => { said += chunk; }).on('end', () => {
        if (response.statusCode === 200) resolve(said);
        else reject(new Error(`${target}: ${response.statusCode} ${said.slice(0, 2000)}`));
      });
    });
    asked.on('error', reject).end();
  });
}

const responseOf = (form) => /name="SAMLResponse" value="([^"]+)"/.exec(form)[1];

/** What a strict service provider reads in a response. Throws if it does not take it. */
async function accepted(SAMLResponse, signatures, { certificate, url, issuer, pem }) {
  const saml = new SAML({
    issuer: `${url}/metadata`, audience: `${url}/metadata`, callbackUrl: `${url}/acs`, idpCert: certificate, idpIssuer: issuer,
    privateKey: pem, decryptionPvk: pem, wantAssertionsSigned: true, wantAuthnResponseSigned: signatures === 2,
  });
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse });
  return profile;
}

async function main() {
  const lintel = await startLintel();
  const entered = await signIn(lintel, folder);
  const all = await records(lintel, path.join(lintel.state, 'edge.token'));
  lintel.child.kill('SIGTERM'); // Its share of the machine is wanted.
  await once(lintel.child, 'exit');

  const stores = { both: await startKv(), one: await startKv() };
  for (const [name, { port }] of Object.entries(stores)) {
    for (const { key, value } of all) {
      const record = JSON.parse(value);
      if (record.saml && name === 'one') record.saml.signed = 'assertion';
      await fetch(`http://127.0.0.1:${port}/${encodeURIComponent(key)}`, { method: 'PUT', body: JSON.stringify(record) });
    }
  }
  const pem = readFileSync(path.join(lintel.state, 'application.pem'), 'utf8');
  const [privateKey, certificate] = ['PRIVATE KEY', 'CERTIFICATE'].map((label) => new RegExp(`-----BEGIN ${label}-----[^]+?-----END ${label}-----\n`).exec(pem)[0]);
  const keyRecord = JSON.parse(all.find(({ key }) => key === `saml_keys:${entered.app}`).value);
  const signing = keyRecord.keys.find((key) => key.use === 'signing' && key.private_key);
  const issuer = JSON.parse(all.find(({ key }) => key === `app:${entered.app}`).value).saml.entity_id;
  const url = new URL(lintel.saml_app).origin;
  const ourSide = { certificate: new X509Certificate(Buffer.from(signing.certificate, 'base64')).toString(), url, issuer, pem: privateKey };
  const profile = await accepted(responseOf(entered.form), 2, ourSide);
  const attributes = Object.fromEntries(Object.entries(profile.attributes).map(([name, values]) => [name, [values].flat()]));
  const peer = {
    TOKEN: entered.token, JWKS: entered.jwks, CLAIMS: JSON.stringify(attributes), PRIVATE_KEY: privateKey, CERTIFICATE: certificate,
    AUDIENCE: `${url}/metadata`, ACS: `${url}/acs`, ISSUER: issuer,
  };
  const ours = { LINTEL_POP: 'BENCH', LINTEL_HTTPS_PORT: new URL(lintel.edge_https).port, LINTEL_ACCESS_KEY: accessKey(path.join(lintel.state, 'edge.key')) };
  const running = await startWorkerd({ stores, ours, peer });

  const list = contenders(lintel, entered, running, signing.kid);
  for (const one of list) {
    const said = await one.run(); // Warm, and looked at.
    if (one.form) await accepted(responseOf(said), one.signatures, ourSide);
    if (one.response) await accepted(said, one.signatures, { ...ourSide, certificate });
    one.rates = [];
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of list) {
      const before = processorTime(running.pid);
      await one.run();
      one.rates.push(one.times / (processorTime(running.pid) - before));
    }
  }
  report(list, attributes);
  for (const store of Object.values(stores)) store.stop();
}

function report(list, attributes) {
  const of = (name, signatures) => list.find((one) => one.name === name && one.signatures === signatures).rates;
  const ratio = (ours, theirs) => median(ours.map((rate, round) => rate / theirs[round]));
  const [{ model }] = cpus();
  console.log(`\nJWT to SAML in workerd, conversions per second of processor time: medians of ${ROUNDS} rounds side by side`);
  console.log(`${model}, ${availableParallelism()} cores; RSA-2048, ${Object.values(attributes).flat().length} attribute values\n`);
  const row = (what, show) => console.log(`  ${what.padEnd(52)}${[2, 1].map((signatures) => show(signatures).padStart(16)).join('')}`);
  row('', (signatures) => `${signatures} signature${signatures === 1 ? '' : 's'}`);
  row('bare RSA signatures, in the same worker', (n) => median(of('rsa', n)).toFixed(0));
  row('Lintel: token, policies, statement, response', (n) => median(of('lintel', n)).toFixed(0));
  row('JavaScript worker, samlify', (n) => median(of('samlify', n)).toFixed(0));
  row('JavaScript worker, xml-crypto', (n) => median(of('xml-crypto', n)).toFixed(0));
  row('Lintel beside RSA, per conversion', (n) => `${(1e6 / median(of('beside', n))).toFixed(0)} µs`);
  row('Lintel / bare RSA', (n) => ratio(of('lintel', n), of('rsa', n)).toFixed(2));
  row('Lintel / samlify', (n) => ratio(of('lintel', n), of('samlify', n)).toFixed(1));
  row('Lintel / xml-crypto', (n) => ratio(of('lintel', n), of('xml-crypto', n)).toFixed(1));
}

try {
  await main();
} finally {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
