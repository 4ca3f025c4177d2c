// The routing suite: what a visitor and an origin see of the edge, whatever runtime runs the worker.
//
// `run(surroundings)` from a runner (workerd.mjs, miniflare.mjs), or by itself:
//
//     LINTEL_ROUTING='{"http":"http://127.0.0.1:8080", ...}' node tests/routing/suite.mjs
//
// It starts its own origin on the loopback (so the edge must be allowed to connect to private
// addresses), puts its records, and asks under names below routing.test with a Host header and, over
// HTTPS, that name as SNI. It prints each check and exits with 0 if all passed. The surroundings:
//
//   http            where visitors connect in the clear, for example "http://127.0.0.1:8080"
//   https           the same over TLS; leave it out if there is none, and the checks that need it are left out
//   records         a list of base URLs; `PUT {base}/{key, percent-encoded}` with a record as body makes it known to
//                   the edge, `DELETE` takes it away. Cloudflare's KV REST API has this form (`.../values`)
//   recordsToken    optional: the bearer of those requests
//   ca              optional: PEM of the root that `https` is checked against; certificates must cover
//                   active.routing.test, https.routing.test and pending.routing.test
//   caFile          optional: the same as a path
//   untrusted       optional, true: `https` is not checked at all
//   imitateEdgeTls  optional, true: nothing is in front of the worker, so the visitor sends what edge-tls would
//   transparent     optional, true: what is in front of the worker leaves dot segments and encodings alone
//   direct          optional, true: no egress of ours; the platform's fetch connects, under the origin's own name
//   httpsPort       optional: the port in redirects, where it is not 443
//   outage          optional, from a runner only: {begin, end}, functions that make records unreadable and readable
//   name            optional: for the output
//
// LINTEL_ROUTING_ONLY=text runs the checks whose name contains the text.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import './checks/challenge.mjs';
import './checks/faults.mjs';
import './checks/pages.mjs';
import './checks/proxy.mjs';
import './checks/streaming.mjs';
import './checks/websocket.mjs';
import { runAll, until } from './check.mjs';
import { startOrigin } from './origin.mjs';
import { put, world } from './records.mjs';
import { ask } from './visitor.mjs';

export async function run(surroundings) {
  const { name = surroundings.http, caFile } = surroundings;
  const all = { ...surroundings, ca: caFile ? readFileSync(caFile, 'utf8') : surroundings.ca };
  const origin = await startOrigin();
  const records = world(`http://127.0.0.1:${origin.port}`, surroundings.http);
  try {
    const published = [...Object.values(records.zones), ...Object.values(records.challenges), ...Object.values(records.hosts)];
    const early = published.filter(record => record !== records.hosts.late);
    for (const record of early) await put(all, record);
    await until('the records are at the edge', async () => (await ask(all, { host: 'active.routing.test' })).status === 200);
    // They come in the order in which they were published: with the last one all are there.
    const last = early.at(-1).hostname;
    await until('all of them are', async () => (await ask(all, { host: last })).status !== 404);
    return await runAll(name, { surroundings: all, origin, records });
  } finally {
    origin.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exit(await run(JSON.parse(process.env.LINTEL_ROUTING)) ? 0 : 1);
}
