// The records of the suite's small world, and how they get to the edge.
import { randomUUID } from 'node:crypto';

export const ZONES = {
  plain: 'a0000000000000000000000000000001',
  https: 'a0000000000000000000000000000002',
  empty: 'a0000000000000000000000000000003',
};
export const MISSING = 'Add the record <b>www CNAME edge.saas.test</b> & wait.';

const zone = (zone_id, more) => ({
  v: 1, zone_id, name: 'saas.test', cname_target: 'edge.saas.test', ssl: 'flexible', always_use_https: false, ...more,
});
const host = (hostname, more) => ({
  v: 1, hostname, custom_hostname_id: randomUUID(), zone_id: ZONES.plain, stage: { status: 'active' },
  ownership_token: randomUUID(), tls: {}, ...more,
});
const challenge = (token, hostname) => ({ v: 1, token, key_authorization: `${token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`, hostname });

/** All records by key. `origin` is `http://127.0.0.1:{port}`, `edge` the edge's own plain listener. */
export function world(origin, edge) {
  const hsts = { max_age: 31536000, include_subdomains: true, preload: false };
  const hosts = {
    active: host('active.routing.test'),
    custom: host('custom.routing.test', { custom_origin: { server: origin }, zone_id: ZONES.empty }),
    https: host('https.routing.test', { zone_id: ZONES.https }),
    pending: host('pending.routing.test', { zone_id: ZONES.https, stage: { status: 'pending', missing: [MISSING] } }),
    wildcard: host('*.wildcard.routing.test'),
    homeless: host('homeless.routing.test', { zone_id: ZONES.empty }),
    nameless: host('nameless.routing.test', { custom_origin: { server: 'http://does-not-exist.invalid' } }),
    loop: host('loop.routing.test', { custom_origin: { server: edge } }),
    down: host('down.routing.test', { custom_origin: { server: 'http://127.0.0.1:1' } }),
    late: host('late.routing.test'),
  };
  const challenges = {
    active: challenge('known-token-of-active_0123456789', 'active.routing.test'),
    https: challenge('known-token-of-https_0123456789', 'https.routing.test'),
    pending: challenge('known-token-of-pending_0123456789', 'pending.routing.test'),
    unknownHost: challenge('known-token-of-nobody_0123456789', 'nobody.routing.test'),
  };
  const zones = {
    plain: zone(ZONES.plain, { fallback_origin: origin }),
    https: zone(ZONES.https, { fallback_origin: origin, always_use_https: true, hsts }),
    empty: zone(ZONES.empty),
  };
  return { hosts, challenges, zones };
}

export const keyOf = record => {
  if (record.token) return `acme:${record.token}`;
  return record.ownership_token ? `host:${record.hostname}` : `zone:${record.zone_id}`;
};

/** Writes to every store of the edge: `PUT {store}/{key}` with the record as body. */
export const put = (surroundings, record) => send(surroundings, 'PUT', keyOf(record), JSON.stringify(record));
export const remove = (surroundings, record) => send(surroundings, 'DELETE', keyOf(record));

async function send({ records, recordsToken }, method, key, body) {
  for (const store of records) {
    const headers = recordsToken ? { authorization: `Bearer ${recordsToken}` } : {};
    const answer = await fetch(`${store}/${encodeURIComponent(key)}`, { method, body, headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${key} at ${store}: ${answer.status} ${text}`);
  }
}
