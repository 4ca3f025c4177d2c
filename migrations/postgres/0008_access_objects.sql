-- Everything of Access that clients write: organizations, applications, policies, groups, ..
CREATE TABLE access_objects (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    -- What it is: `organization`, `group`, `policy`, ..
    kind TEXT NOT NULL,
    -- The object that it belongs to; NULL: to the account.
    parent_id TEXT,
    name TEXT NOT NULL,
    -- What finds it beside its id, such as a team domain: unique within its kind. NULL: nothing.
    handle TEXT,
    -- JSON: what the client set, as it was set (the contract answers exactly that).
    body TEXT NOT NULL,
    -- JSON: what the server owns.
    owned TEXT NOT NULL,
    -- Lists are in this order; of policies it is the precedence.
    position BIGINT NOT NULL,
    -- Grows with every change.
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX access_objects_by_account ON access_objects (account_id, kind, position, id);
CREATE INDEX access_objects_by_parent ON access_objects (parent_id, kind) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX access_objects_by_handle ON access_objects (kind, handle) WHERE handle IS NOT NULL;
CREATE UNIQUE INDEX access_objects_one_organization ON access_objects (account_id) WHERE kind = 'organization';

-- Secrets of these objects, sealed under the master key.
CREATE TABLE access_secrets (
    -- `{object}:{field}`
    id TEXT NOT NULL PRIMARY KEY,
    object_id TEXT NOT NULL REFERENCES access_objects (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX access_secrets_by_object ON access_secrets (object_id);
