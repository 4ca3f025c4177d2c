-- Metadata of SAML peers that is fetched from an address of theirs, again and again.
CREATE TABLE access_saml_metadata (
    -- The application or identity provider whose peer it is.
    object_id TEXT NOT NULL PRIMARY KEY REFERENCES access_objects (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL,
    -- What the peer is.
    role TEXT NOT NULL CHECK (role IN ('identity_provider', 'service_provider')),
    url TEXT NOT NULL,
    -- Pinned: a later version speaks of this entity, or is refused.
    entity_id TEXT NOT NULL,
    -- JSON: the keys that later versions must be signed by, and where they are from.
    pins TEXT NOT NULL,
    allow_sha1 BOOLEAN NOT NULL,
    -- The last version that was good.
    document TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    fetched_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    valid_until BIGINT,
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    -- Fencing token: grows with each lease, and with each change by a client.
    attempt BIGINT NOT NULL,
    -- In a row.
    failures BIGINT NOT NULL,
    -- Why the last attempt failed. NULL: it did not.
    error TEXT,
    failed_at BIGINT
);

CREATE INDEX access_saml_metadata_by_due_at ON access_saml_metadata (due_at, object_id);
