-- Which policies decide about an application, in which order.
CREATE TABLE access_application_policies (
    application_id TEXT NOT NULL REFERENCES access_objects (id) ON DELETE CASCADE,
    policy_id TEXT NOT NULL REFERENCES access_objects (id) ON DELETE CASCADE,
    -- As the client numbered them.
    precedence BIGINT NOT NULL,
    -- Where two have one number: as they stood in the list.
    position BIGINT NOT NULL,
    PRIMARY KEY (application_id, policy_id)
);

CREATE INDEX access_application_policies_by_policy ON access_application_policies (policy_id);

-- What applications guard: a host and path is one application's, in all accounts.
CREATE TABLE access_doors (
    host_pattern TEXT NOT NULL,
    path_pattern TEXT NOT NULL,
    -- The hostname, or the wildcard that a pattern is looked up under.
    gate TEXT NOT NULL,
    application_id TEXT NOT NULL REFERENCES access_objects (id) ON DELETE CASCADE,
    PRIMARY KEY (host_pattern, path_pattern)
);

CREATE INDEX access_doors_by_gate ON access_doors (gate);
CREATE INDEX access_doors_by_application ON access_doors (application_id);

-- Policy tests: what policies would have said about everybody who ever signed in.
CREATE TABLE access_policy_tests (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    -- JSON.
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX access_policy_tests_by_account ON access_policy_tests (account_id, created_at);
