-- Since when a user has the address that they have (Unix milliseconds): who had it first is taken
-- for its owner, where nobody speaks for its domain.
ALTER TABLE access_users ADD COLUMN email_since BIGINT NOT NULL DEFAULT 0;
UPDATE access_users SET email_since = created_at;
