// Runs the suite against the built worker under plain workerd: node tests/routing/workerd.mjs
//
// For developing the worker without edge-tls: egress.mjs and kv.mjs stand in for it, and the visitor
// sends the headers that edge-tls would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import workerd from 'workerd';
import { startEgress } from './egress.mjs';
import { startKv } from './kv.mjs';
import { run } from './suite.mjs';

const build = path.resolve(import.meta.dirname, '../../edge-worker/build');
const [kv, egress] = [await startKv(), await startEgress()];
const folder = await mkdtemp(path.join(tmpdir(), 'lintel-workerd-'));

await writeFile(path.join(folder, 'config.capnp'), `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "kv", external = (address = "127.0.0.1:${kv.port}", http = (style = host))),
    (name = "egress", external = (address = "127.0.0.1:${egress.port}", http = (style = host))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (style = host, cfBlobHeader = "CF-Blob"), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "${path.relative(folder, path.join(build, 'index.js'))}"),
    (name = "index_bg.wasm", wasm = embed "${path.relative(folder, path.join(build, 'index_bg.wasm'))}"),
  ],
  bindings = [
    (name = "STATE", kvNamespace = "kv"),
    (name = "ORIGIN", service = "egress"),
    (name = "LINTEL_POP", text = "TST"),
  ],
  compatibilityDate = "2026-10-01",
);
`);

const child = spawn(workerd.default, ['serve', '--control-fd=3', path.join(folder, 'config.capnp')], {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
});
const [line] = await once(child.stdio[3], 'data');
const { port } = JSON.parse(String(line).split('\n')[0]);

let passed = false;
try {
  passed = await run({
    name: 'plain workerd',
    http: `http://127.0.0.1:${port}`,
    https: `http://127.0.0.1:${port}`,
    records: [`http://127.0.0.1:${kv.port}`],
    imitateEdgeTls: true,
    transparent: true,
    outage: kv.outage,
  });
} finally {
  child.kill('SIGTERM');
  kv.stop();
  egress.stop();
  await rm(folder, { recursive: true });
}
process.exit(passed ? 0 : 1);
