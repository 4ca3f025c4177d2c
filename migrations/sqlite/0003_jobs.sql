-- Effects that are due. A job is about one subject; asking for the same kind of job again for the
-- same subject moves its time and never makes a second one.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    -- The certificate or custom hostname that it serves.
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    worker TEXT,
    -- Fencing token: grows with each lease.
    attempt BIGINT NOT NULL,
    -- Failures in a row, for back-off.
    failures BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, subject)
);

CREATE INDEX jobs_by_due_at ON jobs (due_at, id);
CREATE INDEX jobs_by_subject ON jobs (subject);
