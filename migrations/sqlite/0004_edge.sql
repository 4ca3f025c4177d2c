-- What the edge must know: each record's newest state with the sequence of its last change.
CREATE TABLE edge_changes (
    key TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL UNIQUE,
    -- NULL: a tombstone.
    value TEXT,
    changed_at BIGINT NOT NULL
);

-- The writer of a change holds this row until its commit, so that sequences become visible in order.
-- Tombstones up to `forgotten` are gone.
CREATE TABLE edge_sequence (
    id TEXT NOT NULL PRIMARY KEY CHECK (id = 'edge'),
    value BIGINT NOT NULL,
    forgotten BIGINT NOT NULL
);

INSERT INTO edge_sequence (id, value, forgotten) VALUES ('edge', 0, 0);

-- How far each push target (Workers KV) has come.
CREATE TABLE publishers (
    name TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE points_of_presence (
    name TEXT NOT NULL PRIMARY KEY,
    https_address TEXT NOT NULL,
    http_address TEXT NOT NULL,
    -- The newest sequence that it asked past, and when.
    sequence BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
