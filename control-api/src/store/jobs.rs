//! Effects that are due. A job is leased, performed and finished; who was slower than its lease
//! finds that it is not its job any more.

use super::{Sql, Tx, on, sql};

/// A leased job.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
pub struct Job {
    /// The row.
    pub id: String,
    /// The step to perform, as text.
    pub kind: String,
    /// The certificate or custom hostname that it serves.
    pub subject: String,
    /// The custom hostname that the subject belongs to, or is.
    pub custom_hostname_id: String,
    /// Fencing token: grows with each lease.
    pub attempt: i64,
    /// Failures of our own in a row; what the world refuses is counted by the machines.
    pub failures: i64,
}

/// Who takes jobs, and until when they are nobody else's.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    /// For people who look into the table.
    pub worker: &'a str,
    /// Unix milliseconds.
    pub now: i64,
    /// Unix milliseconds.
    pub until: i64,
}

/// What is to be done, and when.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The step.
    pub kind: &'a str,
    /// For which certificate or custom hostname.
    pub subject: &'a str,
    /// The custom hostname that the subject belongs to, or is.
    pub custom_hostname_id: &'a str,
    /// Unix milliseconds.
    pub due_at: i64,
}

/// Leases due jobs, those that wait longest first; no two workers get the same one.
pub async fn lease(tx: &mut Tx, terms: Lease<'_>, limit: i64) -> sqlx::Result<Vec<Job>> {
    on!(tx, conn => sqlx::query_as(LEASE.on(conn)).bind(terms.worker).bind(terms.now)
        .bind(terms.until).bind(limit).fetch_all(&mut **conn).await)
}

/// Makes `plan` the subject's only job: one of the same kind moves, others go. A job that is being
/// performed stays leased.
pub async fn plan(tx: &mut Tx, plan: Plan<'_>, now: i64) -> sqlx::Result<()> {
    let id = uuid::Uuid::new_v4().to_string();
    on!(tx, conn => {
        sqlx::query(FORGET_OTHERS.on(conn)).bind(plan.subject).bind(plan.kind)
            .execute(&mut **conn).await?;
        sqlx::query(PLAN.on(conn)).bind(id).bind(plan.kind).bind(plan.subject)
            .bind(plan.custom_hostname_id).bind(plan.due_at).bind(now)
            .execute(&mut **conn).await.map(drop)
    })
}

/// Takes a performed job off the list. `false`: it is not the caller's any more, because its lease
/// has ended and someone else has it, or because it was called off; then the caller must write
/// nothing of its result.
#[must_use = "a result that came too late must not be written"]
pub async fn finish(tx: &mut Tx, job: &Job) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(FINISH.on(conn)).bind(&job.id).bind(job.attempt)
        .execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Prolongs a lease. `false`: the job is not the caller's any more.
pub async fn prolong(tx: &mut Tx, job: &Job, until: i64) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(PROLONG.on(conn)).bind(&job.id).bind(job.attempt)
        .bind(until).execute(&mut **conn).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Ends every lease: for a process that knows itself to be the only one.
pub async fn end_all_leases(tx: &mut Tx) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(END_ALL_LEASES.on(conn)).execute(&mut **conn).await.map(drop))
}

/// Puts a job that could not be performed for a reason of our own back on the list.
pub async fn put_back(tx: &mut Tx, job: &Job, due_at: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT_BACK.on(conn)).bind(&job.id).bind(job.attempt).bind(due_at)
        .execute(&mut **conn).await.map(drop))
}

/// Puts a job back on the list that has to wait, and nothing is wrong.
pub async fn put_off(tx: &mut Tx, job: &Job, due_at: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(PUT_OFF.on(conn)).bind(&job.id).bind(job.attempt).bind(due_at)
        .execute(&mut **conn).await.map(drop))
}

/// Calls off whatever is planned for a subject.
pub async fn forget(tx: &mut Tx, subject: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(FORGET.on(conn)).bind(subject).execute(&mut **conn).await.map(drop))
}

/// When the first job is due that no one holds (Unix milliseconds); `None`: there is none.
pub async fn next_due(tx: &mut Tx, now: i64) -> sqlx::Result<Option<i64>> {
    let row: Option<(i64,)> = on!(tx, conn => sqlx::query_as(NEXT_DUE.on(conn)).bind(now)
        .fetch_optional(&mut **conn).await?);
    Ok(row.map(|(due_at,)| due_at))
}

/// How many jobs are due that no one holds.
pub async fn count_due(tx: &mut Tx, now: i64) -> sqlx::Result<i64> {
    let (count,): (i64,) = on!(tx, conn => sqlx::query_as(COUNT_DUE.on(conn)).bind(now)
        .fetch_one(&mut **conn).await?);
    Ok(count)
}

/// Makes jobs due that were planned by a clock that has since been set back: their times may lie
/// ahead as far as the clock was wrong. A minute is forgiven, for clocks of several machines differ.
/// Machines bear a step that comes too early.
pub async fn hurry_after_clock_went_back(tx: &mut Tx, now: i64) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(HURRY.on(conn)).bind(now).execute(&mut **conn).await
        .map(|done| done.rows_affected()))
}

const LEASE: Sql = sql!(
    "WITH due AS (SELECT id FROM jobs WHERE due_at <= $2 AND leased_until < $2
                  ORDER BY due_at, id LIMIT $4 ",
    postgres: "FOR UPDATE SKIP LOCKED", // SQLite: the one writer holds the lock already.
    ") UPDATE jobs SET worker = $1, leased_until = $3, attempt = attempt + 1
       WHERE id IN (SELECT id FROM due)
       RETURNING id, kind, subject, payload AS custom_hostname_id, attempt, failures"
);
const FORGET_OTHERS: Sql = sql!("DELETE FROM jobs WHERE subject = $1 AND kind <> $2");
const PLAN: Sql = sql!(
    "INSERT INTO jobs
         (id, kind, subject, payload, due_at, leased_until, attempt, failures, created_at)
     VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6)
     ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at,
         created_at = excluded.created_at"
);
const FINISH: Sql = sql!("DELETE FROM jobs WHERE id = $1 AND attempt = $2");
const PROLONG: Sql = sql!("UPDATE jobs SET leased_until = $3 WHERE id = $1 AND attempt = $2");
const END_ALL_LEASES: Sql = sql!("UPDATE jobs SET leased_until = 0 WHERE leased_until > 0");
const PUT_BACK: Sql = sql!(
    "UPDATE jobs SET due_at = $3, leased_until = 0, worker = NULL, failures = failures + 1
     WHERE id = $1 AND attempt = $2"
);
const PUT_OFF: Sql = sql!(
    "UPDATE jobs SET due_at = $3, leased_until = 0, worker = NULL WHERE id = $1 AND attempt = $2"
);
const FORGET: Sql = sql!("DELETE FROM jobs WHERE subject = $1");
const NEXT_DUE: Sql =
    sql!("SELECT due_at FROM jobs WHERE leased_until < $1 ORDER BY due_at, id LIMIT 1");
const COUNT_DUE: Sql = sql!("SELECT COUNT(*) FROM jobs WHERE due_at <= $1 AND leased_until < $1");
const HURRY: Sql = sql!(
    "UPDATE jobs SET due_at = $1, leased_until = 0, created_at = $1
     WHERE created_at > $1 + 60000 AND (due_at > $1 OR leased_until > $1)"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Db;
    use crate::store::testing::databases;

    async fn add(db: &Db, kind: &str, subject: &str, due_at: i64, now: i64) {
        let mut tx = db.begin().await.unwrap();
        let new = Plan { kind, subject, custom_hostname_id: "h", due_at };
        plan(&mut tx, new, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn take(db: &Db, worker: &str, now: i64, limit: i64) -> Vec<Job> {
        let mut tx = db.begin().await.unwrap();
        let jobs = lease(&mut tx, Lease { worker, now, until: now + 60 }, limit).await.unwrap();
        tx.commit().await.unwrap();
        jobs
    }

    async fn done(db: &Db, job: &Job) -> bool {
        let mut tx = db.begin().await.unwrap();
        let done = finish(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        done
    }

    #[tokio::test]
    async fn what_is_due_is_leased_once() {
        for test in databases().await {
            for (subject, due_at) in [("b", 20), ("a", 10), ("c", 30)] {
                add(&test.db, "probe", subject, due_at, 0).await;
            }
            let jobs = take(&test.db, "one", 20, 10).await;
            let mut subjects: Vec<_> = jobs.iter().map(|job| job.subject.as_str()).collect();
            subjects.sort_unstable();
            assert_eq!(subjects, ["a", "b"], "{}", test.name);
            assert_eq!(take(&test.db, "two", 20, 10).await, [], "{}", test.name);
            let mut tx = test.db.read().await.unwrap();
            assert_eq!(next_due(&mut tx, 20).await.unwrap(), Some(30), "{}", test.name);
        }
    }

    #[tokio::test]
    async fn a_late_workers_result_is_refused() {
        for test in databases().await {
            add(&test.db, "probe", "a", 0, 0).await;
            let stale = take(&test.db, "one", 1, 1).await.remove(0);
            let fresh = take(&test.db, "two", 62, 1).await.remove(0);
            assert_eq!((stale.attempt, fresh.attempt), (1, 2), "{}", test.name);
            assert!(!done(&test.db, &stale).await, "{}", test.name);
            assert!(done(&test.db, &fresh).await, "{}", test.name);
            assert!(!done(&test.db, &fresh).await, "twice ({})", test.name);
        }
    }

    #[tokio::test]
    async fn a_lease_is_prolonged_by_its_holder_alone_and_ends_for_all() {
        for test in databases().await {
            add(&test.db, "probe", "a", 0, 0).await;
            let first = take(&test.db, "one", 1, 1).await.remove(0);
            let mut tx = test.db.begin().await.unwrap();
            assert!(prolong(&mut tx, &first, 100).await.unwrap(), "{}", test.name);
            tx.commit().await.unwrap();
            assert_eq!(take(&test.db, "two", 62, 1).await, [], "{}", test.name);
            let mut tx = test.db.begin().await.unwrap();
            end_all_leases(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            let second = take(&test.db, "two", 62, 1).await.remove(0);
            assert_eq!(second.attempt, 2, "{}", test.name);
            let mut tx = test.db.begin().await.unwrap();
            assert!(!prolong(&mut tx, &first, 200).await.unwrap(), "{}", test.name);
        }
    }

    #[tokio::test]
    async fn a_subject_has_one_job() {
        for test in databases().await {
            add(&test.db, "place_order", "a", 10, 0).await;
            add(&test.db, "place_order", "a", 5, 0).await;
            add(&test.db, "probe", "b", 50, 0).await;
            let job = take(&test.db, "one", 5, 10).await.remove(0);
            // Asked for again while it is being performed: it moves, and stays leased.
            add(&test.db, "place_order", "a", 6, 0).await;
            assert_eq!(take(&test.db, "two", 6, 10).await, [], "{}", test.name);
            // Another step takes its place; the one being performed is called off.
            add(&test.db, "respond", "a", 6, 0).await;
            assert!(!done(&test.db, &job).await, "{}", test.name);
            let next = take(&test.db, "two", 6, 10).await;
            assert_eq!((next.len(), next[0].kind.as_str()), (1, "respond"), "{}", test.name);
        }
    }

    #[tokio::test]
    async fn a_job_that_was_put_back_comes_again_with_its_failures() {
        for test in databases().await {
            add(&test.db, "probe", "a", 0, 0).await;
            let job = take(&test.db, "one", 1, 1).await.remove(0);
            let mut tx = test.db.begin().await.unwrap();
            put_back(&mut tx, &job, 5).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(take(&test.db, "one", 4, 1).await, [], "{}", test.name);
            assert_eq!(take(&test.db, "one", 5, 1).await[0].failures, 1, "{}", test.name);
        }
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_strands_no_job() {
        for test in databases().await {
            let (year, hour) = (31_536_000_000, 3_600_000);
            add(&test.db, "probe", "planned ahead of time", year + hour, year).await;
            add(&test.db, "renew", "rightly later", year, 0).await;
            let mut tx = test.db.begin().await.unwrap();
            assert_eq!(hurry_after_clock_went_back(&mut tx, hour).await.unwrap(), 1);
            tx.commit().await.unwrap();
            let jobs = take(&test.db, "one", hour, 10).await;
            assert_eq!(jobs.len(), 1, "{}", test.name);
            assert_eq!(jobs[0].kind, "probe", "{}", test.name);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_workers_never_hold_the_same_job() {
        for test in databases().await {
            for n in 0..60 {
                add(&test.db, "probe", &n.to_string(), 0, 0).await;
            }
            let mut workers = tokio::task::JoinSet::new();
            for worker in 0..6 {
                let db = test.db.clone();
                workers.spawn(async move {
                    let mut taken = Vec::new();
                    loop {
                        let jobs = take(&db, &worker.to_string(), 1, 3).await;
                        if jobs.is_empty() {
                            return taken;
                        }
                        taken.extend(jobs.into_iter().map(|job| job.id));
                    }
                });
            }
            let mut taken: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
            let held = taken.len();
            taken.sort();
            taken.dedup();
            assert_eq!((held, taken.len()), (60, 60), "{}", test.name);
        }
    }
}
