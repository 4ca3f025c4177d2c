// Judges the JWT vectors inside workerd, where WebCrypto verifies: node tests/vectors/workerd.mjs
//
// The worker is edge-worker with its feature `vectors` (scripts/vectors.sh builds it). crates/access/tests/vectors.rs runs
// the same file natively: both have to come to the verdicts that stand in it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import workerd from 'workerd';

const root = path.resolve(import.meta.dirname, '../..');
const build = path.join(root, 'target/vectors');
if (!existsSync(path.join(build, 'index_bg.wasm'))) throw new Error(`${build} is missing: run scripts/vectors.sh`);
const vectors = readFileSync(path.join(root, 'crates/access/tests/vectors/jwt.json'), 'utf8');
const folder = await mkdtemp(path.join(tmpdir(), 'lintel-vectors-'));
const embed = name => path.relative(folder, path.join(build, name));
await writeFile(path.join(folder, 'config.capnp'), `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = (
    modules = [(name = "index.js", esModule = embed "${embed('index.js')}"), (name = "index_bg.wasm", wasm = embed "${embed('index_bg.wasm')}")],
    compatibilityDate = "2026-10-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
`);
const child = spawn(workerd.default, ['serve', '--control-fd=3', path.join(folder, 'config.capnp')], {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
});
try {
  const [line] = await once(child.stdio[3], 'data');
  const { port } = JSON.parse(String(line).split('\n')[0]);
  const answer = await fetch(`http://127.0.0.1:${port}/vectors`, { method: 'POST', body: vectors });
  const judged = await answer.json();
  const wrong = judged.filter(([, expected, verdict]) => expected !== verdict);
  for (const [name, expected, verdict] of wrong) console.log(`  ✗ ${name}: ${verdict}, not ${expected}`);
  const whole = judged.length === JSON.parse(vectors).vectors.length && judged.length >= 100;
  const right = judged.filter(([, , verdict]) => verdict === 'right').length;
  console.log(`JWT vectors under workerd: ${judged.length} judged, ${right} of them right, ${wrong.length} verdicts other than natively`);
  process.exitCode = whole && wrong.length === 0 ? 0 : 1;
} finally {
  child.kill('SIGTERM');
  await rm(folder, { recursive: true });
}
