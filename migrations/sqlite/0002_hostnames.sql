-- Custom hostnames and their certificates: the two state machines of crates/lifecycle.
CREATE TABLE custom_hostnames (
    id TEXT NOT NULL PRIMARY KEY,
    zone_id TEXT NOT NULL REFERENCES zones (id),
    hostname TEXT NOT NULL UNIQUE,
    -- JSON: what the client set, as it was set (the contract answers exactly that).
    requested TEXT NOT NULL,
    ownership_token TEXT NOT NULL,
    -- The hostname machine: its name for filters, and the whole of it as JSON.
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'active_redeploying', 'moved', 'blocked')),
    state TEXT NOT NULL,
    -- ssl.status, derived from the certificates in the same commit; NULL: created without ssl.
    ssl_status TEXT,
    -- ssl.id: names the pair of certificates; NULL as above.
    ssl_id TEXT,
    -- Key of the CA that is being used, for filters and for the answer.
    certificate_authority TEXT,
    custom_origin_server TEXT,
    wildcard BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX custom_hostnames_by_name ON custom_hostnames (zone_id, hostname);
CREATE INDEX custom_hostnames_by_age ON custom_hostnames (zone_id, created_at, id);
CREATE INDEX custom_hostnames_by_ssl_status ON custom_hostnames (zone_id, ssl_status, id);

CREATE TABLE certificates (
    id TEXT NOT NULL PRIMARY KEY,
    custom_hostname_id TEXT NOT NULL REFERENCES custom_hostnames (id),
    hostname TEXT NOT NULL,
    key_type TEXT NOT NULL CHECK (key_type IN ('p256', 'rsa2048')),
    -- The certificate machine: its name, and the whole of it as JSON.
    status TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Which CA of the configuration this one is ordered from.
    authority TEXT NOT NULL,
    -- PKCS#8, sealed (edge_state::seal) before the order is finalized; never reused.
    private_key TEXT,
    -- PEM, leaf first.
    chain TEXT,
    serial TEXT,
    issuer TEXT,
    signature TEXT,
    fingerprint_sha256 TEXT,
    not_before BIGINT,
    not_after BIGINT,
    -- When renewal begins; NULL unless active.
    renew_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX certificates_by_hostname ON certificates (custom_hostname_id, key_type, created_at);
CREATE INDEX certificates_by_renewal ON certificates (renew_at) WHERE renew_at IS NOT NULL;

-- The account that control-api holds at each CA. The key is sealed.
CREATE TABLE acme_accounts (
    directory TEXT NOT NULL PRIMARY KEY,
    credentials TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The built-in development CA: its root and key, sealed. One row at most.
CREATE TABLE development_authority (
    id TEXT NOT NULL PRIMARY KEY CHECK (id = 'development'),
    root TEXT NOT NULL,
    private_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
