-- Accounts, their zones, and the API tokens that may act on them.
CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE zones (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL UNIQUE,
    -- What customers point their CNAME at.
    cname_target TEXT NOT NULL,
    -- JSON: the zone settings that were changed, by setting id.
    settings TEXT NOT NULL,
    -- As sent by the client; NULL: none is set.
    fallback_origin TEXT,
    fallback_origin_created_at BIGINT,
    fallback_origin_updated_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX zones_by_account ON zones (account_id, name);

CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- SHA-256 of the token's value, which has 256 random bits; the value itself is nowhere.
    hash BYTEA NOT NULL UNIQUE,
    -- JSON: as sent by the client.
    policies TEXT NOT NULL,
    -- NULL: the token belongs to the user, not to an account.
    account_id TEXT REFERENCES accounts (id),
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    not_before BIGINT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The first answer to a POST with an Idempotency-Key. `status` is NULL while it is being worked on.
CREATE TABLE idempotency_keys (
    api_token_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT,
    body TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (api_token_id, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
