//! The outbox on both databases, also beside many writers.

use std::collections::BTreeMap;

use super::*;
use crate::store::Db;
use crate::store::testing::databases;

fn key(name: &str) -> Key {
    Key::Zone(name.to_owned())
}

async fn write(db: &Db, name: &str, value: Option<&str>, now: i64) {
    let mut tx = db.begin().await.unwrap();
    put(&mut tx, &key(name), value, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn read(db: &Db, after: i64) -> Since {
    since(&mut db.read().await.unwrap(), after, 1000).await.unwrap()
}

async fn changes(db: &Db, after: i64) -> Vec<(i64, String, Option<String>)> {
    match read(db, after).await {
        Since::Changes(changes) => {
            changes.into_iter().map(|c| (c.sequence, c.key, c.value)).collect()
        }
        Since::Gone => panic!("gone"),
    }
}

fn change(sequence: i64, name: &str, value: Option<&str>) -> (i64, String, Option<String>) {
    (sequence, key(name).to_string(), value.map(str::to_owned))
}

#[tokio::test]
async fn a_reader_sees_the_newest_state_of_each_key_once_and_in_order() {
    for test in databases().await {
        write(&test.db, "a", Some("1"), 1).await;
        write(&test.db, "b", Some("1"), 1).await;
        write(&test.db, "a", Some("2"), 1).await;
        write(&test.db, "b", None, 1).await;
        let expected = vec![change(3, "a", Some("2")), change(4, "b", None)];
        assert_eq!(changes(&test.db, 0).await, expected, "{}", test.name);
        assert_eq!(changes(&test.db, 3).await, expected[1..], "{}", test.name);
        let page = page(&mut test.db.read().await.unwrap(), "", 10).await.unwrap();
        assert_eq!(page.len(), 1, "tombstones are in no snapshot ({})", test.name);
    }
}

#[tokio::test]
async fn what_is_already_so_is_no_change() {
    for test in databases().await {
        write(&test.db, "a", None, 1).await;
        write(&test.db, "b", Some("1"), 1).await;
        write(&test.db, "b", Some("1"), 2).await;
        write(&test.db, "b", None, 3).await;
        write(&test.db, "b", None, 4).await;
        assert_eq!(changes(&test.db, 0).await, [change(2, "b", None)], "{}", test.name);
    }
}

#[tokio::test]
async fn a_rolled_back_change_was_never_there() {
    for test in databases().await {
        let mut tx = test.db.begin().await.unwrap();
        put(&mut tx, &key("a"), Some("1"), 1).await.unwrap();
        drop(tx);
        write(&test.db, "b", Some("1"), 1).await;
        assert_eq!(changes(&test.db, 0).await, [change(1, "b", Some("1"))], "{}", test.name);
    }
}

#[tokio::test]
async fn forgotten_tombstones_and_the_future_are_gone() {
    for test in databases().await {
        write(&test.db, "a", Some("1"), 1).await;
        write(&test.db, "a", None, 10).await;
        write(&test.db, "b", Some("1"), 10).await;
        let purged = async |before| {
            let mut tx = test.db.begin().await.unwrap();
            let count = purge(&mut tx, before).await.unwrap();
            tx.commit().await.unwrap();
            count
        };
        let advanced = async |from, to, now| {
            let mut tx = test.db.begin().await.unwrap();
            lease_publisher(&mut tx, "slow", "me", (now, now)).await.unwrap().unwrap();
            assert!(advance(&mut tx, "slow", "me", (from, to), now).await.unwrap());
            tx.commit().await.unwrap();
        };
        advanced(0, 1, 11).await;
        assert_eq!(purged(11).await, 0, "a publisher has not passed it on ({})", test.name);
        advanced(1, 3, 11).await;
        assert_eq!(purged(10).await, 0, "not old enough ({})", test.name);
        assert_eq!(purged(11).await, 1, "{}", test.name);
        assert_eq!(read(&test.db, 1).await, Since::Gone, "{}", test.name);
        assert_eq!(read(&test.db, 4).await, Since::Gone, "{}", test.name);
        assert_eq!(changes(&test.db, 2).await, [change(3, "b", Some("1"))], "{}", test.name);
        assert_eq!(changes(&test.db, 3).await, [], "{}", test.name);
    }
}

#[tokio::test]
async fn snapshot_pages_follow_each_other() {
    for test in databases().await {
        for name in ["c", "a", "b"] {
            write(&test.db, name, Some("1"), 1).await;
        }
        let mut tx = test.db.read().await.unwrap();
        assert_eq!(newest(&mut tx).await.unwrap(), 3);
        let first = page(&mut tx, "", 2).await.unwrap();
        let second = page(&mut tx, &first[1].key, 2).await.unwrap();
        let keys: Vec<_> = first.iter().chain(&second).map(|c| c.key.as_str()).collect();
        assert_eq!(keys, ["zone:a", "zone:b", "zone:c"], "{}", test.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_many_writers_a_reader_never_skips_a_sequence() {
    const WRITERS: i64 = 8;
    const WRITES: i64 = 25;
    for test in databases().await {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let db = test.db.clone();
            writers.spawn(async move {
                for n in 0..WRITES {
                    write(&db, &format!("{writer}-{n}"), Some("1"), n).await;
                }
            });
        }
        // Every key is written once, so a sequence that is passed over is never seen again.
        let (mut at, mut seen) = (0, BTreeMap::new());
        while at < WRITERS * WRITES {
            for (sequence, key, _) in changes(&test.db, at).await {
                assert_eq!(sequence, at + 1, "skipped ({})", test.name);
                at = sequence;
                seen.insert(key, sequence);
            }
        }
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        assert_eq!(seen.len(), usize::try_from(WRITERS * WRITES).unwrap(), "{}", test.name);
    }
}

#[tokio::test]
async fn a_publisher_that_is_never_seen_again_does_not_keep_tombstones() {
    for test in databases().await {
        let mut tx = test.db.begin().await.unwrap();
        lease_publisher(&mut tx, "removed", "me", (1, 2)).await.unwrap();
        tx.commit().await.unwrap();
        write(&test.db, "a", Some("1"), 1).await;
        write(&test.db, "a", None, 1).await;
        let mut tx = test.db.begin().await.unwrap();
        assert_eq!(purge(&mut tx, 10).await.unwrap(), 1, "{}", test.name);
    }
}

#[tokio::test]
async fn one_worker_publishes_and_a_late_one_sends_the_cursor_back() {
    for test in databases().await {
        let mut tx = test.db.begin().await.unwrap();
        let mut lease = async |worker, now| {
            lease_publisher(&mut tx, "kv", worker, (now, now + 10)).await.unwrap()
        };
        assert_eq!(lease("one", 0).await, Some(0));
        assert_eq!(lease("two", 5).await, None, "{}", test.name);
        assert_eq!(lease("one", 5).await, Some(0), "renewed");
        assert_eq!(lease("two", 16).await, Some(0), "run out");
        assert!(advance(&mut tx, "kv", "two", (0, 7), 16).await.unwrap());
        assert!(!advance(&mut tx, "kv", "one", (0, 3), 17).await.unwrap());
        let mut lease = async |worker, now| {
            lease_publisher(&mut tx, "kv", worker, (now, now + 10)).await.unwrap()
        };
        assert_eq!(lease("two", 18).await, Some(0), "all is passed on again");
    }
}

#[tokio::test]
async fn points_of_presence_come_are_seen_and_go() {
    for test in databases().await {
        let mut tx = test.db.begin().await.unwrap();
        let point = |port: u16| PointOfPresence {
            https_address: format!("127.0.0.1:{port}"),
            http_address: "127.0.0.1:80".into(),
        };
        register(&mut tx, "fra", &point(443), 1).await.unwrap();
        seen(&mut tx, "fra", 7, 2).await.unwrap();
        seen(&mut tx, "nobody", 7, 2).await.unwrap();
        register(&mut tx, "fra", &point(444), 3).await.unwrap();
        let known = points(&mut tx).await.unwrap();
        assert_eq!(known.len(), 1, "{}", test.name);
        assert_eq!(known[0].https_address, "127.0.0.1:444");
        assert_eq!((known[0].sequence, known[0].last_seen_at, known[0].created_at), (7, 3, 1));
        assert!(remove_point(&mut tx, "fra").await.unwrap());
        assert!(!remove_point(&mut tx, "fra").await.unwrap());
        tx.commit().await.unwrap();
    }
}
