//! Sealed secrets: the canaries, the accounts at CAs, the development CA, and what a change of the
//! master key has to touch.

use std::fmt;

use edge_state::seal::Sealed;

use super::{Sql, Tx, on, sql};

/// Where a secret is kept. It is sealed for this place and opens nowhere else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// `certificates.private_key`.
    Certificate {
        /// Whose certificate it is.
        custom_hostname_id: String,
        /// The row.
        id: String,
    },
    /// `acme_accounts.credentials`.
    AcmeAccount {
        /// The row.
        directory: String,
    },
    /// `development_authority.private_key`.
    DevelopmentAuthority,
    /// `idempotency_keys.body`, kept for a day: not worth moving when keys change.
    IdempotentAnswer {
        /// The row's first half: who asked.
        token_id: String,
        /// The row's second half: under which key.
        key: String,
    },
    /// `access_mails.sealed`, kept for a day at most: not worth moving when keys change.
    Mail {
        /// The row.
        id: String,
    },
    /// `vault_canaries.sealed`.
    Canary,
    /// `access_secrets.sealed`.
    Access {
        /// The row.
        id: String,
    },
}

/// A table that holds secrets under the master key.
#[derive(Clone, Copy, Debug)]
pub enum Held {
    /// `certificates.private_key`.
    Certificates,
    /// `acme_accounts.credentials`.
    AcmeAccounts,
    /// `development_authority.private_key`.
    DevelopmentAuthority,
    /// `access_secrets.sealed`.
    Access,
}

/// One secret in its row.
#[derive(Debug)]
pub struct HeldSecret {
    /// The row's primary key.
    pub id: String,
    /// What it is sealed for.
    pub place: Place,
    /// The secret.
    pub sealed: Sealed,
}

/// The development CA as stored.
#[derive(Debug)]
pub struct DevelopmentRoot {
    /// PEM.
    pub root: String,
    /// PKCS#8 DER, sealed for [`Place::DevelopmentAuthority`].
    pub private_key: Sealed,
}

impl fmt::Display for Place {
    /// The associated data of the seal: never change what is written here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { custom_hostname_id, id } => {
                write!(f, "certificate:{custom_hostname_id}:{id}")
            }
            Self::AcmeAccount { directory } => write!(f, "acme_account:{directory}"),
            Self::DevelopmentAuthority => f.write_str("development_authority"),
            Self::IdempotentAnswer { token_id, key } => {
                write!(f, "idempotent_answer:{token_id}:{key}")
            }
            Self::Mail { id } => write!(f, "mail:{id}"),
            Self::Canary => f.write_str("canary"),
            Self::Access { id } => write!(f, "access:{id}"),
        }
    }
}

impl Held {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Certificates, Self::AcmeAccounts, Self::DevelopmentAuthority, Self::Access];

    /// The next secrets after the row `after` that are sealed under another key than `current`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn not_under(
        self,
        tx: &mut Tx,
        current: &str,
        after: &str,
        limit: i64,
    ) -> sqlx::Result<Vec<HeldSecret>> {
        let prefix = format!("1.{current}.");
        let rows: Vec<(String, String, String)> = on!(tx, conn => {
            sqlx::query_as(self.select().on(conn)).bind(&prefix).bind(after).bind(limit)
                .fetch_all(&mut **conn).await?
        });
        let secret = |(id, owner, sealed): (String, String, String)| HeldSecret {
            place: self.place(&id, owner),
            id,
            sealed: Sealed::from_text(sealed),
        };
        Ok(rows.into_iter().map(secret).collect())
    }

    /// Puts `moved` in the place of a secret, unless the row has changed since; how many rows did.
    ///
    /// # Errors
    /// The database failed.
    pub async fn replace(
        self,
        tx: &mut Tx,
        secret: &HeldSecret,
        moved: &Sealed,
    ) -> sqlx::Result<u64> {
        Ok(on!(tx, conn => sqlx::query(self.update().on(conn)).bind(&secret.id)
            .bind(secret.sealed.as_str()).bind(moved.as_str()).execute(&mut **conn).await?
            .rows_affected()))
    }

    /// How many secrets there are, and how many of them are under another key than `current`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count(self, tx: &mut Tx, current: &str) -> sqlx::Result<(i64, i64)> {
        let prefix = format!("1.{current}.");
        on!(tx, conn => sqlx::query_as(self.tally().on(conn)).bind(&prefix)
            .fetch_one(&mut **conn).await)
    }

    fn place(self, id: &str, owner: String) -> Place {
        let id = id.to_owned();
        match self {
            Self::Certificates => Place::Certificate { custom_hostname_id: owner, id },
            Self::AcmeAccounts => Place::AcmeAccount { directory: id },
            Self::DevelopmentAuthority => Place::DevelopmentAuthority,
            Self::Access => Place::Access { id },
        }
    }

    fn select(self) -> Sql {
        match self {
            Self::Certificates => sql!(
                "SELECT id, custom_hostname_id, private_key FROM certificates
                 WHERE substr(private_key, 1, length($1)) <> $1 AND id > $2 ORDER BY id LIMIT $3"
            ),
            Self::AcmeAccounts => sql!(
                "SELECT directory, '', credentials FROM acme_accounts
                 WHERE substr(credentials, 1, length($1)) <> $1 AND directory > $2
                 ORDER BY directory LIMIT $3"
            ),
            Self::DevelopmentAuthority => sql!(
                "SELECT id, '', private_key FROM development_authority
                 WHERE substr(private_key, 1, length($1)) <> $1 AND id > $2 ORDER BY id LIMIT $3"
            ),
            Self::Access => sql!(
                "SELECT id, '', sealed FROM access_secrets
                 WHERE substr(sealed, 1, length($1)) <> $1 AND id > $2 ORDER BY id LIMIT $3"
            ),
        }
    }

    fn tally(self) -> Sql {
        match self {
            Self::Certificates => sql!(
                "SELECT COUNT(private_key),
                     COUNT(private_key) FILTER (WHERE substr(private_key, 1, length($1)) <> $1)
                 FROM certificates"
            ),
            Self::AcmeAccounts => sql!(
                "SELECT COUNT(*),
                     COUNT(*) FILTER (WHERE substr(credentials, 1, length($1)) <> $1)
                 FROM acme_accounts"
            ),
            Self::DevelopmentAuthority => sql!(
                "SELECT COUNT(*),
                     COUNT(*) FILTER (WHERE substr(private_key, 1, length($1)) <> $1)
                 FROM development_authority"
            ),
            Self::Access => sql!(
                "SELECT COUNT(*),
                     COUNT(*) FILTER (WHERE substr(sealed, 1, length($1)) <> $1)
                 FROM access_secrets"
            ),
        }
    }

    fn update(self) -> Sql {
        match self {
            Self::Certificates => {
                sql!("UPDATE certificates SET private_key = $3 WHERE id = $1 AND private_key = $2")
            }
            Self::AcmeAccounts => sql!(
                "UPDATE acme_accounts SET credentials = $3
                 WHERE directory = $1 AND credentials = $2"
            ),
            Self::DevelopmentAuthority => sql!(
                "UPDATE development_authority SET private_key = $3
                 WHERE id = $1 AND private_key = $2"
            ),
            Self::Access => {
                sql!("UPDATE access_secrets SET sealed = $3 WHERE id = $1 AND sealed = $2")
            }
        }
    }
}

/// The canary of a ring; `fresh` becomes it if there is none yet.
///
/// # Errors
/// The database failed.
pub async fn canary(tx: &mut Tx, ring: &str, fresh: &Sealed, now: i64) -> sqlx::Result<Sealed> {
    on!(tx, conn => sqlx::query(PUT_CANARY.on(conn)).bind(ring).bind(fresh.as_str()).bind(now)
        .execute(&mut **conn).await.map(drop))?;
    Ok(known_canary(tx, ring).await?.unwrap_or_else(|| fresh.clone()))
}

/// The canary of a ring.
///
/// # Errors
/// The database failed.
pub async fn known_canary(tx: &mut Tx, ring: &str) -> sqlx::Result<Option<Sealed>> {
    let row: Option<(String,)> = on!(tx, conn => sqlx::query_as(CANARY.on(conn)).bind(ring)
        .fetch_optional(&mut **conn).await?);
    Ok(row.map(|(sealed,)| Sealed::from_text(sealed)))
}

/// Puts `moved` in the place of a canary, unless it has changed since; how many rows did.
///
/// # Errors
/// The database failed.
pub async fn replace_canary(
    tx: &mut Tx,
    ring: &str,
    known: &Sealed,
    moved: &Sealed,
) -> sqlx::Result<u64> {
    Ok(on!(tx, conn => sqlx::query(REPLACE_CANARY.on(conn)).bind(ring).bind(known.as_str())
        .bind(moved.as_str()).execute(&mut **conn).await?.rows_affected()))
}

/// The sealed account at a CA.
///
/// # Errors
/// The database failed.
pub async fn acme_account(tx: &mut Tx, directory: &str) -> sqlx::Result<Option<Sealed>> {
    let row: Option<(String,)> = on!(tx, conn => sqlx::query_as(ACME_ACCOUNT.on(conn))
        .bind(directory).fetch_optional(&mut **conn).await?);
    Ok(row.map(|(sealed,)| Sealed::from_text(sealed)))
}

/// Stores an account unless there is one already (another instance was faster).
///
/// # Errors
/// The database failed.
pub async fn add_acme_account(
    tx: &mut Tx,
    directory: &str,
    credentials: &Sealed,
    now: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(ADD_ACME_ACCOUNT.on(conn)).bind(directory)
        .bind(credentials.as_str()).bind(now).execute(&mut **conn).await.map(drop))
}

/// Puts new credentials in the place of `known`; whether they were still those.
///
/// # Errors
/// The database failed.
pub async fn replace_acme_account(
    tx: &mut Tx,
    directory: &str,
    known: &Sealed,
    credentials: &Sealed,
) -> sqlx::Result<bool> {
    let changed = on!(tx, conn => sqlx::query(Held::AcmeAccounts.update().on(conn)).bind(directory)
        .bind(known.as_str()).bind(credentials.as_str()).execute(&mut **conn).await?
        .rows_affected());
    Ok(changed > 0)
}

/// The development CA; `fresh` becomes it if there is none yet.
///
/// # Errors
/// The database failed.
pub async fn development_root(
    tx: &mut Tx,
    fresh: &DevelopmentRoot,
    now: i64,
) -> sqlx::Result<DevelopmentRoot> {
    let (root, private_key): (String, String) = on!(tx, conn => {
        sqlx::query(ADD_DEVELOPMENT.on(conn)).bind(&fresh.root).bind(fresh.private_key.as_str())
            .bind(now).execute(&mut **conn).await.map(drop)?;
        sqlx::query_as(DEVELOPMENT.on(conn)).fetch_one(&mut **conn).await?
    });
    Ok(DevelopmentRoot { root, private_key: Sealed::from_text(private_key) })
}

const CANARY: Sql = sql!("SELECT sealed FROM vault_canaries WHERE id = $1");
const PUT_CANARY: Sql = sql!(
    "INSERT INTO vault_canaries (id, sealed, created_at) VALUES ($1, $2, $3)
     ON CONFLICT (id) DO NOTHING"
);
const REPLACE_CANARY: Sql =
    sql!("UPDATE vault_canaries SET sealed = $3 WHERE id = $1 AND sealed = $2");
const ACME_ACCOUNT: Sql = sql!("SELECT credentials FROM acme_accounts WHERE directory = $1");
const ADD_ACME_ACCOUNT: Sql = sql!(
    "INSERT INTO acme_accounts (directory, credentials, created_at) VALUES ($1, $2, $3)
     ON CONFLICT (directory) DO NOTHING"
);
const ADD_DEVELOPMENT: Sql = sql!(
    "INSERT INTO development_authority (id, root, private_key, created_at)
     VALUES ('development', $1, $2, $3) ON CONFLICT (id) DO NOTHING"
);
const DEVELOPMENT: Sql =
    sql!("SELECT root, private_key FROM development_authority WHERE id = 'development'");
