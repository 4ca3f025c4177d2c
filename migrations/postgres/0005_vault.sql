-- A known text under each ring of keys, sealed at the first start: a start with a wrong key fails
-- at once, and not at the first certificate.
CREATE TABLE vault_canaries (
    id TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
