//! What only a disk can do: be held, be full, be locked, be damaged, be somebody else's.
#![expect(clippy::disallowed_methods, reason = "figures are measured with the real clock")]

use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use reclose::core::alert::AlertStatus;
use reclose::core::audit::AuditEntry;
use reclose::core::command::{Command, Person};
use reclose::core::planted::Bugs;
use reclose::store::{Body, Store, StoreError, Which};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};

use super::world::{World, alert, at, notification, report};

async fn intruder(world: &World) -> SqliteConnection {
    let file = world.dir.as_ref().unwrap().path().join("data/reclose.db");
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

#[tokio::test]
async fn one_directory_one_server() {
    let world = World::sqlite().await;
    let dir = world.dir.as_ref().unwrap().path().join("data");
    for other in [Store::open(&dir, Bugs::default()).await, Store::open_stopped(&dir).await] {
        let Err(StoreError::Held(name)) = other else { panic!("held by nobody") };
        assert!(name.ends_with("data"));
    }
    world.store.close().await;
    let person = Person { name: "ops".into(), door: "cli".into() };
    let stopped = Store::open_stopped(&dir).await.unwrap();
    stopped.command(&Command::PauseAll { reason: "r".into() }, &person, at(0)).await.unwrap();
    assert!(matches!(Store::open(&dir, Bugs::default()).await, Err(StoreError::Held(_))));
    drop(stopped);
    // Dropped without a word, as a killed process: the kernel has let go. Its threads need a moment to end.
    let mut again = Store::open(&dir, Bugs::default()).await;
    for _ in 0..100 {
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        again = Store::open(&dir, Bugs::default()).await;
    }
    assert_eq!(again.unwrap().switches().await.unwrap().kill_switch_since, Some(at(0)));
}

#[tokio::test]
async fn the_directory_is_its_owners() {
    let world = World::sqlite().await;
    let dir = world.dir.as_ref().unwrap().path().join("data");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("reclose.lock")), 0o600);
    let nowhere = Store::open_stopped(&dir.join("nowhere")).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))));
    assert!(!dir.join("nowhere").exists(), "a command makes no directory");
}

/// Full: refused whole, and accepted again when there is room.
#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let world = World::sqlite().await;
    let id = world.opens("pms", at(0)).await;
    let Store::Sqlite(sqlite) = &world.store else { panic!("not on disk") };
    sqlite.limit_pages(1).await.unwrap();
    let big = || {
        let mut alert = alert("mail", AlertStatus::Firing);
        alert.annotations.insert("text".into(), "x".repeat(100_000));
        vec![(at(1), notification(vec![alert]))]
    };
    let refused = world.store.ingest(big()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let note = AuditEntry::Note { text: "x".repeat(100_000) };
    assert!(matches!(world.store.audit_append(note, at(1)).await, Err(StoreError::Unavailable(_))));
    let done = world.store.correlate(at(2), 10, &world.rules).await.unwrap();
    assert_eq!(done.notifications, 0, "nothing of it was stored");
    assert_eq!(world.incident(id).await.id, id, "reading goes on");
    sqlite.limit_pages(0).await.unwrap();
    world.store.ingest(big()).await.unwrap();
    assert_eq!(world.store.correlate(at(3), 10, &world.rules).await.unwrap().notifications, 1);
}

/// Another program holds the database: 503 in time, not a hang.
#[tokio::test]
async fn a_locked_database_refuses_in_time() {
    let world = World::sqlite().await;
    world.opens("pms", at(0)).await;
    let mut hand = intruder(&world).await;
    hand.execute("BEGIN IMMEDIATE").await.unwrap();
    let began = Instant::now();
    let body = vec![(at(1), notification(vec![alert("mail", AlertStatus::Firing)]))];
    let refused = world.store.ingest(body.clone()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(began.elapsed().as_millis() < 2_000, "{:?}", began.elapsed());
    assert_eq!(world.store.incidents(Which::Open).await.unwrap().len(), 1, "reading goes on");
    hand.execute("ROLLBACK").await.unwrap();
    world.store.ingest(body).await.unwrap();
}

#[tokio::test]
async fn damage_is_named_and_not_guessed_at() {
    let world = World::sqlite().await;
    let id = world.opens("pms", at(0)).await;
    let mut hand = intruder(&world).await;
    hand.execute("UPDATE incidents SET body = '{}'").await.unwrap();
    let Err(StoreError::Corrupt(why)) = world.store.incident(id).await else { panic!("read") };
    assert!(why.contains("Incident"), "{why}");
    assert!(matches!(
        world.store.claim_due(at(1), &super::world::lease()).await,
        Err(StoreError::Corrupt(_))
    ));
}

/// An incident that cannot be read is closed under a word of its own, a person is called once, and the others go on.
#[tokio::test]
async fn an_unreadable_incident_is_set_aside() {
    let world = World::sqlite().await;
    let damaged = world.opens("pms", at(0)).await;
    let sound = world.opens("mail", at(0)).await;
    let mut hand = intruder(&world).await;
    hand.execute("UPDATE incidents SET body = '{}' WHERE target = 'pms'").await.unwrap();
    assert!(matches!(world.store.incidents(Which::Open).await, Err(StoreError::Corrupt(_))));
    for second in 1..3 {
        world.store.set_aside_unreadable(&world.rules, at(second)).await.unwrap();
    }
    assert_eq!(world.claim(at(3)).await.incident.id, sound);
    let listed = world.store.incidents(Which::Newest(9)).await.unwrap();
    assert_eq!(listed.iter().map(|incident| incident.id).collect::<Vec<_>>(), [sound]);
    let due = world.store.deliveries_due(at(1_000), 9).await.unwrap();
    let [call] = &due[..] else { panic!("{due:?}") };
    assert_eq!(call.incident, damaged);
    assert!(matches!(&call.body, Body::Page(page) if page.reason.contains("cannot be read")));
    let again = world.opens("pms", at(4)).await;
    assert_ne!(again, damaged, "the breaker's next alert opens an incident of its own");
}

/// One body that cannot be read does not stop the others.
#[tokio::test]
async fn an_unreadable_body_is_put_aside_and_told() {
    let world = World::sqlite().await;
    let good = notification(vec![alert("pms", AlertStatus::Firing)]);
    world.store.ingest(vec![(at(0), good.clone()), (at(0), good)]).await.unwrap();
    let mut hand = intruder(&world).await;
    hand.execute("UPDATE notifications SET body = '[]' WHERE seq = 1").await.unwrap();
    let done = world.store.correlate(at(1), 10, &world.rules).await.unwrap();
    assert_eq!((done.notifications, done.opened.len()), (2, 1));
    assert!(
        matches!(&world.entries().await[0], AuditEntry::Rejected { reason, .. } if reason.contains("notification 1"))
    );
}

#[tokio::test]
async fn a_newer_database_is_not_touched() {
    let world = World::sqlite().await;
    let dir = world.dir.as_ref().unwrap().path().join("data");
    let mut hand = intruder(&world).await;
    hand.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'future', 1, x'00', 0)",
    )
    .await
    .unwrap();
    hand.close().await.unwrap();
    world.store.close().await;
    let Err(StoreError::Corrupt(why)) = Store::open(&dir, Bugs::default()).await else { panic!() };
    assert!(why.contains("newer version"), "{why}");
}

/// What is open has an index: nothing is searched by reading everything.
#[tokio::test]
async fn no_statement_of_the_loop_scans_a_table() {
    let world = World::sqlite().await;
    let mut hand = intruder(&world).await;
    for (what, statement) in [
        (
            "due",
            "SELECT id, due_at FROM incidents WHERE open = 1 AND lease_until IS NULL AND due_at <= $1 ORDER BY due_at, id LIMIT 1",
        ),
        (
            "leased",
            "SELECT id, due_at FROM incidents WHERE open = 1 AND lease_until <= $1 AND due_at <= $1 ORDER BY due_at, id LIMIT 1",
        ),
        (
            "next",
            "SELECT min(due_at) AS due FROM incidents WHERE open = 1 AND lease_until IS NULL AND due_at IS NOT NULL",
        ),
        (
            "open",
            "SELECT id, target, open_since FROM incidents WHERE open = 1 ORDER BY open_since DESC, id DESC LIMIT $1",
        ),
        (
            "closed",
            "SELECT body FROM incidents WHERE rule = $1 AND target = $2 AND open = 0 AND closed_at >= $3 ORDER BY closed_at DESC, id DESC LIMIT 1",
        ),
        (
            "waiting",
            "SELECT seq FROM notifications WHERE attached_at IS NULL ORDER BY seq LIMIT $1",
        ),
        (
            "starts",
            "SELECT body FROM intents WHERE started_at >= $1 ORDER BY started_at DESC, key DESC LIMIT $2",
        ),
        (
            "flying",
            "SELECT body FROM intents WHERE state IN ('decided', 'started', 'unknown') AND (state = 'started' OR state = 'decided') ORDER BY key",
        ),
        (
            "pending",
            "SELECT * FROM deliveries AS d WHERE sent_revision < body_revision AND state <> 'dead' AND due_at <= $1",
        ),
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
            .fetch_all(&mut hand)
            .await
            .unwrap();
        for step in plan {
            let step: String = sqlx::Row::get(&step, "detail");
            let table = step.starts_with("SCAN") && !step.contains("USING");
            assert!(!table, "{what}: {step}");
        }
    }
}

/// The figure behind "fast with 10,000 open incidents"; the bound is loose, because machines differ.
#[tokio::test]
async fn ten_thousand_open_incidents() {
    let world = World::sqlite().await;
    let mut rules = world.rules.clone();
    let rule = rules.rules.get_mut("breaker").unwrap();
    for n in 0..10_000 {
        let name = format!("target-{n}");
        rule.targets.push(name.clone());
        let known = rules.targets["pms"].clone();
        rules.targets.insert(
            name.clone(),
            reclose::core::rule::Target { name: name.clone(), group: name, ..known },
        );
    }
    let began = Instant::now();
    for chunk in 0..100 {
        let alerts =
            (0..100).map(|n| alert(&format!("target-{}", chunk * 100 + n), AlertStatus::Firing));
        world.store.ingest(vec![(at(0), notification(alerts.collect()))]).await.unwrap();
        world.store.correlate(at(0), 100, &rules).await.unwrap();
    }
    let opening = began.elapsed();
    assert_eq!(world.store.incidents(Which::Open).await.unwrap().len(), 10_000);
    let claim = world.claim(at(1)).await;
    let began = Instant::now();
    for _ in 0..20 {
        let fleet = world.store.fleet(&claim.incident, &rules, at(1)).await.unwrap();
        assert!(fleet.open.iter().any(|open| open.id == claim.incident.id));
        assert!(fleet.open.len() <= reclose::core::fleet::OPEN_SEEN + 1);
    }
    let fleet = began.elapsed() / 20;
    let began = Instant::now();
    let mut decision = super::world::same(&claim.incident);
    decision.effects = vec![reclose::core::effect::Effect::Tell(Box::new(report(
        claim.incident.id,
        at(1),
        &["line"],
    )))];
    world.store.commit(&claim, decision, at(1)).await.unwrap();
    let commit = began.elapsed();
    let began = Instant::now();
    for _ in 0..20 {
        world.claim(at(1)).await;
        world.store.next_due().await.unwrap();
    }
    let claims = began.elapsed() / 20;
    println!(
        "10,000 open: opened in {opening:?}; fleet {fleet:?}, commit {commit:?}, claim and next {claims:?} each (unoptimised)"
    );
    assert!(fleet.as_millis() < 500, "{fleet:?}");
    assert!(claims.as_millis() < 200, "{claims:?}");
}
