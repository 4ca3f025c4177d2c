-- Who signs in. `email` is what people and filters know them by; who is the same person as whom
-- stands in access_identities alone.
CREATE TABLE access_users (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    email TEXT NOT NULL,
    name TEXT,
    enabled BOOLEAN NOT NULL,
    seat_uid TEXT NOT NULL UNIQUE,
    access_seat BOOLEAN NOT NULL,
    gateway_seat BOOLEAN NOT NULL,
    -- NULL: unscored.
    risk_score TEXT CHECK (risk_score IN ('low', 'medium', 'high')),
    last_login_at BIGINT,
    -- JSON, as policies saw it at the last sign-in.
    last_identity TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX access_users_by_email ON access_users (account_id, email);

-- How a person is recognised: by address ('' as provider) where the provider speaks for its domain
-- or the mailbox was proven, else by the provider's own subject.
CREATE TABLE access_identities (
    account_id TEXT NOT NULL,
    identity_provider_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (account_id, identity_provider_id, subject)
);

CREATE INDEX access_identities_by_user ON access_identities (user_id);

-- Global sessions. `record` is what the edge has: the identity in it is sealed.
CREATE TABLE access_sessions (
    nonce TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    auth_domain TEXT NOT NULL,
    user_id TEXT NOT NULL,
    identity_provider_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    record TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- NULL: it goes on until it expires.
    ended_at BIGINT
);

CREATE INDEX access_sessions_by_user ON access_sessions (user_id, expires_at);
CREATE INDEX access_sessions_by_end ON access_sessions (expires_at);

-- Whose tokens do not count that were issued until then.
CREATE TABLE access_revocations (
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'application')),
    -- The user's id, or the application's aud.
    subject TEXT NOT NULL,
    -- Unix seconds, as in tokens.
    not_after BIGINT NOT NULL,
    disabled BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, kind, subject)
);

CREATE INDEX access_revocations_by_age ON access_revocations (not_after);

-- What counts once and has been used.
CREATE TABLE access_spent (
    -- SHA-256 of team domain and token.
    digest BYTEA NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);

CREATE INDEX access_spent_by_age ON access_spent (until);

-- Mailed codes, each for one attempt in one browser.
CREATE TABLE access_pins (
    auth_domain TEXT NOT NULL,
    attempt TEXT NOT NULL,
    browser TEXT NOT NULL,
    email TEXT NOT NULL,
    -- HMAC-SHA-256 of the code and what it is for; the code itself is in the mail alone.
    code BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    used BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (auth_domain, attempt)
);

CREATE INDEX access_pins_by_age ON access_pins (expires_at);

-- How often something was asked for in a window of time.
CREATE TABLE access_counts (
    scope TEXT NOT NULL,
    -- SHA-256 of who or what is counted.
    digest BYTEA NOT NULL,
    began_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (scope, digest, began_at)
);

CREATE INDEX access_counts_by_age ON access_counts (ends_at);

-- Mail that is to go out.
CREATE TABLE access_mails (
    id TEXT NOT NULL PRIMARY KEY,
    -- Whole, as it holds codes.
    sealed TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    -- Fencing token: grows with each lease.
    attempt BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX access_mails_by_due_at ON access_mails (due_at, id);

CREATE TABLE access_approvals (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    auth_domain TEXT NOT NULL,
    application_id TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    email TEXT NOT NULL,
    justification TEXT NOT NULL,
    seconds BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
    -- Unix seconds; only where it is approved.
    until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX access_approvals_by_user ON access_approvals (user_id, application_id, policy_id, created_at);
CREATE INDEX access_approvals_by_age ON access_approvals (updated_at);

CREATE TABLE access_approval_votes (
    approval_id TEXT NOT NULL,
    approver_id TEXT NOT NULL,
    email TEXT NOT NULL,
    approve BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (approval_id, approver_id)
);

-- The login log.
CREATE TABLE access_logins (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    auth_domain TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    action TEXT NOT NULL,
    allowed BOOLEAN NOT NULL,
    app_uid TEXT,
    app_domain TEXT,
    app_type TEXT,
    identity_provider_id TEXT,
    connection TEXT,
    user_email TEXT,
    user_id TEXT,
    non_identity TEXT,
    ip_address TEXT,
    country TEXT,
    ray_id TEXT NOT NULL,
    policy_id TEXT,
    reason TEXT NOT NULL,
    -- As shown to the person who was refused.
    code TEXT,
    justification TEXT,
    -- JSON, as policies saw it.
    identity TEXT
);

CREATE INDEX access_logins_by_age ON access_logins (account_id, created_at, id);
CREATE INDEX access_logins_by_code ON access_logins (account_id, code);
CREATE INDEX access_logins_by_user ON access_logins (account_id, user_id, created_at);
CREATE INDEX access_logins_by_application ON access_logins (account_id, app_uid, created_at);
CREATE INDEX access_logins_by_created_at ON access_logins (created_at);
