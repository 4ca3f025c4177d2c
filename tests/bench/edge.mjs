// The edge beside nginx: the same origin, the same client, the same minute. Prints medians of interleaved rounds and
// their ratios. Both proxies share two cores with client and origin, so only ratios of one run mean anything.
//
//   make bench        LINTEL_BENCH_ROUNDS=5 make bench

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROUNDS = Number(process.env.LINTEL_BENCH_ROUNDS ?? 3);
const folder = mkdtempSync(join(tmpdir(), "lintel-bench."));
const children = [];

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function until(what, seconds, condition) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((wake) => setTimeout(wake, 5));
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

function start(name, program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"], ...options });
  child.on("exit", (code) => code && console.error(`${name} ended with ${code}`));
  children.push(child);
  return child;
}

async function startLintel() {
  const names = ["API", "API_ADMIN", "HTTPS", "HTTP", "EDGE_ADMIN", "ORIGIN", "PROVIDER", "APPLICATION"];
  const env = { ...process.env, LINTEL_DEV_STATE: join(folder, "state") };
  for (const name of names) env[`LINTEL_DEV_${name}_PORT`] = String(await freePort());
  start("lintel-dev", join(process.env.LINTEL_BIN_DIR, "lintel-dev"), [], { env });
  const file = join(folder, "state", "dev.json");
  await until("lintel is up", 120, () => existsSync(file));
  return { ...JSON.parse(readFileSync(file, "utf8")), origin: env.LINTEL_DEV_ORIGIN_PORT };
}

// A plain TLS reverse proxy with a P-256 certificate, as many would run in Lintel's place.
async function startNginx(origin) {
  const port = await freePort();
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=shop.localhost", "-keyout", key, "-out", certificate];
  const p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
  execFileSync("openssl", ["req", "-x509", ...p256, ...subject], { stdio: "ignore" });
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; worker_processes 2; pid ${folder}/nginx.pid; error_log stderr error;
     events { worker_connections 4096; }
     http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
       uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; keepalive_requests 1000000;
       upstream origin { server 127.0.0.1:${origin}; keepalive 64; }
       server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_session_tickets on;
         location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } } }`,
  );
  start("nginx", "nginx", ["-c", join(folder, "nginx.conf"), "-e", "stderr"]);
  await until("nginx listens", 10, () => listens(port));
  return port;
}

function listens(port) {
  return new Promise((answer) => {
    const socket = connect(port, "127.0.0.1", () => answer(socket.destroy() && true));
    socket.on("error", () => answer(false));
  });
}

// Requests a second that succeeded; anything but 2xx spoils the run.
function load(port, { requests, clients, http1 }) {
  const url = `https://shop.localhost:${port}/`;
  const args = ["-n", requests, "-c", clients, "-t", 1, `--connect-to=127.0.0.1:${port}`].map(String);
  const text = execFileSync("h2load", [...args, ...(http1 ? ["--h1"] : []), url], { encoding: "utf8" });
  const succeeded = Number(/(\d+) 2xx/.exec(text)[1]);
  if (succeeded !== requests) throw new Error(`${succeeded} of ${requests} requests succeeded\n${text}`);
  return Number(/([\d.]+) req\/s/.exec(text)[1]);
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

function sideBySide(what, ports, options) {
  const results = Object.fromEntries(Object.keys(ports).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, port] of Object.entries(ports)) results[name].push(load(port, options));
  const [lintel, nginx] = [median(results.lintel), median(results.nginx)];
  const row = [what.padEnd(44), lintel.toFixed(0).padStart(8), nginx.toFixed(0).padStart(8)];
  console.log(...row, `  ${(lintel / nginx).toFixed(2)} of nginx`);
}

function statusAtEdge({ edge_http }, host) {
  return new Promise((answer, fail) => {
    const asked = request(`${edge_http}/`, { headers: { host, accept: "application/json" } }, (response) => {
      response.resume().on("end", () => answer(response.statusCode));
    });
    asked.on("error", fail).end();
  });
}

// From the answer of POST, which follows the commit, to the first answer of the edge that knows the hostname.
async function commitToEdge(lintel) {
  const headers = { authorization: `Bearer ${lintel.token}`, "content-type": "application/json" };
  const url = `${lintel.api}/zones/${lintel.zone_id}/custom_hostnames`;
  const millis = [];
  for (let round = 0; round < 20; round++) {
    const hostname = `bench-${round}.localhost`;
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ hostname }) });
    const committed = performance.now();
    const { result } = await answer.json();
    await until(`${hostname} is known at the edge`, 10, async () => (await statusAtEdge(lintel, hostname)) !== 404);
    millis.push(performance.now() - committed);
    await fetch(`${url}/${result.id}`, { method: "DELETE", headers });
  }
  const [middle, worst] = [median(millis), Math.max(...millis)].map((ms) => `${ms.toFixed(0)} ms`);
  console.log(`commit to edge: median ${middle}, worst of ${millis.length} ${worst} (wanted: below 1000 ms)`);
}

try {
  const lintel = await startLintel();
  const ports = { lintel: new URL(lintel.edge_https).port, nginx: await startNginx(lintel.origin) };
  for (const port of Object.values(ports)) load(port, { requests: 2000, clients: 16 }); // warm
  console.log(`${"".padEnd(44)} ${"lintel".padStart(8)} ${"nginx".padStart(8)}   (median of ${ROUNDS} rounds)`);
  sideBySide("requests/s, HTTP/1.1, 32 connections", ports, { requests: 10000, clients: 32, http1: true });
  sideBySide("requests/s, HTTP/2, 32 connections", ports, { requests: 10000, clients: 32 });
  sideBySide("new connections/s, one request each", ports, { requests: 200, clients: 200 });
  await commitToEdge(lintel);
} finally {
  for (const child of children) {
    if (child.exitCode === null && child.kill("SIGTERM")) await once(child, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
}
