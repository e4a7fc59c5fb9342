//! The audit log: numbers without gaps, and every change of it is found.

use reclose::core::audit::{AuditEntry, GENESIS, hash};
use reclose::store::{Chain, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _, Row as _};

use super::contract;
use super::world::{World, at};

contract! {
    an_empty_log_is_whole
    links_follow_one_another
    links_are_read_in_pages
}

const ENTRIES: u64 = 40;

async fn filled(world: &World) -> [u8; 32] {
    for n in 0..ENTRIES {
        let text = format!("entry {n} ü");
        let now = at(i64::try_from(n).unwrap());
        world.store.audit_append(AuditEntry::Note { text }, now).await.unwrap();
    }
    match world.store.audit_verify().await.unwrap() {
        Chain::Whole { count: ENTRIES, head } => head,
        other @ (Chain::Whole { .. } | Chain::Broken { .. }) => panic!("{other:?}"),
    }
}

async fn an_empty_log_is_whole(world: World) {
    let whole = Chain::Whole { count: 0, head: GENESIS };
    assert_eq!(world.store.audit_verify().await.unwrap(), whole);
    assert_eq!(world.store.audit_head().await.unwrap(), None);
}

async fn links_follow_one_another(mut world: World) {
    let head = filled(&world).await;
    world.restart().await;
    let links = world.store.audit_links(0, 1_000).await.unwrap();
    let mut previous = GENESIS;
    for (number, link) in (1..).zip(&links) {
        assert_eq!(link.number, number);
        assert_eq!(link.hash, hash(number, &previous, link.at, &link.text));
        previous = link.hash;
    }
    assert_eq!((links.len() as u64, previous), (ENTRIES, head));
    assert_eq!(world.store.audit_head().await.unwrap().as_ref(), links.last());
}

async fn links_are_read_in_pages(world: World) {
    filled(&world).await;
    let page = world.store.audit_links(10, 5).await.unwrap();
    assert_eq!(page.iter().map(|link| link.number).collect::<Vec<_>>(), [11, 12, 13, 14, 15]);
    assert!(world.store.audit_links(ENTRIES, 5).await.unwrap().is_empty());
}

/// Somebody else's hand in the database file.
async fn intruder(world: &World) -> SqliteConnection {
    let file = world.dir.as_ref().unwrap().path().join("data/reclose.db");
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

async fn broken_at(store: &Store) -> Option<u64> {
    match store.audit_verify().await.unwrap() {
        Chain::Whole { .. } => None,
        Chain::Broken { number, .. } => Some(number),
    }
}

/// Makes a change, sees it found at the right link, takes it back.
async fn found_at(world: &World, hand: &mut SqliteConnection, change: &str) -> Option<u64> {
    sqlx::query("BEGIN").execute(&mut *hand).await.unwrap();
    hand.execute(sqlx::AssertSqlSafe("CREATE TABLE kept AS SELECT * FROM audit".to_owned()))
        .await
        .unwrap();
    hand.execute(sqlx::AssertSqlSafe(change.to_owned())).await.unwrap();
    sqlx::query("COMMIT").execute(&mut *hand).await.unwrap();
    let found = broken_at(&world.store).await;
    let back =
        "BEGIN; DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept; COMMIT";
    hand.execute(sqlx::AssertSqlSafe(back.to_owned())).await.unwrap();
    found
}

#[tokio::test]
async fn every_deletion_insertion_swap_and_edit_is_found() {
    let world = World::sqlite().await;
    filled(&world).await;
    let mut hand = intruder(&world).await;
    let mut changes = Vec::new();
    for n in 1..=ENTRIES {
        changes.push((n, format!("DELETE FROM audit WHERE number = {n}")));
        changes.push((n, format!("DELETE FROM audit WHERE number >= {n}")));
        changes.push((n, format!("UPDATE audit SET at = at + 1 WHERE number = {n}")));
        changes.push((n, format!("UPDATE audit SET at = 9223372036854775807 WHERE number = {n}")));
        changes.push((n, format!("UPDATE audit SET text = text || ' ' WHERE number = {n}")));
        changes.push((n, format!("UPDATE audit SET hash = x'00' WHERE number = {n}")));
        // Closing the gap of a deletion.
        changes.push((
            n,
            format!(
                "DELETE FROM audit WHERE number = {n};
            UPDATE audit SET number = -number WHERE number > {n};
            UPDATE audit SET number = -number - 1 WHERE number < 0"
            ),
        ));
        // A copy in between.
        changes.push((
            n + 1,
            format!(
                "UPDATE audit SET number = -number WHERE number > {n};
            UPDATE audit SET number = -number + 1 WHERE number < 0;
            INSERT INTO audit SELECT {n} + 1, at, text, hash FROM audit WHERE number = {n}"
            ),
        ));
        let m = n % ENTRIES + 1;
        changes.push((
            n.min(m),
            format!(
                "UPDATE audit SET number = -1 WHERE number = {n};
            UPDATE audit SET number = {n} WHERE number = {m};
            UPDATE audit SET number = {m} WHERE number = -1"
            ),
        ));
    }
    changes
        .push((1, "INSERT INTO audit SELECT 0, at, text, hash FROM audit WHERE number = 1".into()));
    changes.push((
        1,
        "INSERT INTO audit SELECT -5, at, text, hash FROM audit WHERE number = 1".into(),
    ));
    let end = ENTRIES + 1;
    changes.push((
        end,
        format!("INSERT INTO audit SELECT {end}, at, text, hash FROM audit WHERE number = 1"),
    ));
    for (number, change) in &changes {
        assert_eq!(found_at(&world, &mut hand, change).await, Some(*number), "{change}");
    }
    assert_eq!(broken_at(&world.store).await, None, "all taken back");
    println!("{} changes of a log of {ENTRIES} entries: all found", changes.len());
}

#[tokio::test]
async fn every_flipped_byte_is_found() {
    let world = World::sqlite().await;
    filled(&world).await;
    let mut hand = intruder(&world).await;
    hand.execute("PRAGMA synchronous = OFF").await.unwrap();
    let rows = sqlx::query("SELECT number, CAST(text AS BLOB), hash FROM audit")
        .fetch_all(&mut hand)
        .await
        .unwrap();
    let mut flips = 0;
    for row in rows {
        let number: i64 = row.get(0);
        for (column, bytes) in [("text", row.get::<Vec<u8>, _>(1)), ("hash", row.get(2))] {
            for place in 0..bytes.len() {
                let mut other = bytes.clone();
                other[place] ^= 1 << (place % 8);
                let set = match column {
                    "text" => "UPDATE audit SET text = CAST($1 AS TEXT) WHERE number = $2",
                    _ => "UPDATE audit SET hash = $1 WHERE number = $2",
                };
                for (value, expected) in
                    [(other, Some(number.unsigned_abs())), (bytes.clone(), None)]
                {
                    sqlx::query(set).bind(value).bind(number).execute(&mut hand).await.unwrap();
                    if expected.is_some() || place == 0 {
                        assert_eq!(broken_at(&world.store).await, expected, "{column} {place}");
                    }
                }
                flips += 1;
            }
        }
    }
    assert!(flips > 2_500, "{flips}");
    println!("{flips} flipped bytes: all found");
}

/// Whoever rewrites the end and its head is found by the head that was kept elsewhere.
#[tokio::test]
async fn a_cut_end_is_found_against_a_kept_head() {
    let world = World::sqlite().await;
    let kept = filled(&world).await;
    let mut hand = intruder(&world).await;
    let cut = format!("DELETE FROM audit WHERE number = {ENTRIES};
        UPDATE audit_head SET number = {ENTRIES} - 1, hash = (SELECT hash FROM audit WHERE number = {ENTRIES} - 1)");
    hand.execute(sqlx::AssertSqlSafe(cut)).await.unwrap();
    let Chain::Whole { count, head } = world.store.audit_verify().await.unwrap() else {
        panic!("the chain itself is whole")
    };
    assert_eq!(count, ENTRIES - 1);
    assert_ne!(head, kept);
}
