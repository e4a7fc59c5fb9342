//! Starts, stops, switches, rule texts, probes: what is true of the whole store.

use reclose::core::audit::AuditEntry;
use reclose::core::command::{Command, Person, Scope};
use reclose::core::evidence::{Reading, Value};
use reclose::core::time::Timestamp;
use reclose::store::{OBSERVE_ONLY_STARTS, ProbeRow, START_WINDOW, StoreError};

use super::contract;
use super::world::{World, at, lease};

contract! {
    the_first_start_is_clean
    a_start_without_a_stop_is_unclean
    too_many_unclean_starts_only_observe
    old_starts_are_forgotten
    open_incidents_must_settle
    a_start_frees_what_the_dead_process_held
    the_latest_moment_is_known
    the_kill_switch_is_durable_and_keeps_its_moment
    pauses_end
    an_acknowledgement_is_news_and_the_first_one_stays
    old_rule_texts_are_kept
    probes_are_kept_by_name
}

async fn by(world: &World, command: Command, now: Timestamp) {
    let person = Person { name: "ops".into(), door: "cli".into() };
    world.store.command(&command, &person, now).await.unwrap();
}

async fn guarded(world: &World, now: Timestamp) -> (Option<Timestamp>, bool) {
    let id = world.opens("pms", now).await;
    let fleet = world.store.fleet(&world.incident(id).await, &world.rules, now).await.unwrap();
    (fleet.settled_at, fleet.observe_only)
}

async fn an_acknowledgement_is_news_and_the_first_one_stays(world: World) {
    let id = world.opens("pms", at(0)).await;
    let claim = world.claim(at(1)).await;
    let has_it = |note: &str| Command::Acknowledge { incident: id, note: Some(note.into()) };
    by(&world, has_it("on it"), at(2)).await;
    by(&world, has_it("me too"), at(3)).await;
    // Whoever had read the record before must read it again.
    let old = world.store.commit(&claim, super::world::same(&claim.incident), at(4)).await;
    assert!(matches!(old, Err(StoreError::Conflict)), "{old:?}");
    world.store.release(&claim).await.unwrap();
    let known = world.claim(at(4)).await.incident;
    let acknowledged = known.acknowledged.clone().unwrap();
    assert_eq!((acknowledged.by.as_str(), acknowledged.at), ("ops", at(2)));
    assert_eq!(acknowledged.note.as_deref(), Some("on it"));
    let lines = known.timeline.iter().filter(|line| line.text.contains("acknowledged"));
    assert_eq!(
        lines.map(|line| line.text.as_str()).collect::<Vec<_>>(),
        ["acknowledged by ops: on it"]
    );
    let logged = world.entries().await.into_iter().filter(|entry| {
        matches!(entry, AuditEntry::Commanded { command: Command::Acknowledge { .. }, .. })
    });
    assert_eq!(logged.count(), 2, "what was typed is in the log, whatever it changed");
}

async fn the_first_start_is_clean(mut world: World) {
    let info = world.store.start(at(0), "1.0", &world.rules).await.unwrap();
    assert!(info.clean && !info.epoch.is_empty());
    assert_eq!((info.unclean_starts, info.open_incidents, info.latest), (1, 0, None));
    world.store.stop(at(5)).await.unwrap();
    world.restart().await;
    let again = world.store.start(at(10), "1.0", &world.rules).await.unwrap();
    assert!(again.clean);
    assert_eq!((again.unclean_starts, &again.epoch), (1, &info.epoch));
    assert_eq!(guarded(&world, at(10)).await, (None, false));
    let entries = world.entries().await;
    assert_eq!(
        entries[..2],
        [
            AuditEntry::ServerStarted { version: "1.0".into(), clean: true, rules: "set-1".into() },
            AuditEntry::ServerStopped,
        ]
    );
}

async fn a_start_without_a_stop_is_unclean(mut world: World) {
    world.store.start(at(0), "1", &world.rules).await.unwrap();
    world.restart().await;
    let info = world.store.start(at(1), "1", &world.rules).await.unwrap();
    assert_eq!((info.clean, info.unclean_starts), (false, 2));
    assert_eq!(guarded(&world, at(1)).await.0, Some(Timestamp::MAX), "not before somebody says so");
    world.store.settle(Some(at(61))).await.unwrap();
    assert_eq!(guarded(&world, at(2)).await.0, Some(at(61)));
    world.store.settle(None).await.unwrap();
    assert_eq!(guarded(&world, at(3)).await.0, None);
}

async fn too_many_unclean_starts_only_observe(world: World) {
    for n in 0..OBSERVE_ONLY_STARTS {
        assert!(!guarded(&world, at(i64::from(n))).await.1);
        world.store.start(at(i64::from(n)), "1", &world.rules).await.unwrap();
    }
    assert!(guarded(&world, at(20)).await.1);
    world.store.stop(at(21)).await.unwrap();
    let info = world.store.start(at(22), "1", &world.rules).await.unwrap();
    assert!(info.clean);
    assert_eq!(info.unclean_starts, OBSERVE_ONLY_STARTS, "one clean stop excuses one start");
}

async fn old_starts_are_forgotten(world: World) {
    for n in 0..OBSERVE_ONLY_STARTS {
        world.store.start(at(i64::from(n)), "1", &world.rules).await.unwrap();
    }
    let later = at(i64::from(OBSERVE_ONLY_STARTS)) + START_WINDOW;
    let info = world.store.start(later, "1", &world.rules).await.unwrap();
    assert_eq!(info.unclean_starts, 1);
    assert!(!guarded(&world, later).await.1);
}

async fn open_incidents_must_settle(world: World) {
    world.store.start(at(0), "1", &world.rules).await.unwrap();
    world.opens("pms", at(1)).await;
    world.store.stop(at(2)).await.unwrap();
    let info = world.store.start(at(3), "1", &world.rules).await.unwrap();
    assert_eq!((info.clean, info.open_incidents), (true, 1));
    assert_eq!(guarded(&world, at(3)).await.0, Some(Timestamp::MAX));
}

async fn a_start_frees_what_the_dead_process_held(mut world: World) {
    let id = world.opens("pms", at(0)).await;
    let held = world.claim(at(0)).await;
    world.restart().await;
    assert!(world.store.claim_due(at(1), &lease()).await.unwrap().is_none());
    world.store.start(at(1), "1", &world.rules).await.unwrap();
    let mine = world.claim(at(1)).await;
    assert_eq!((mine.incident.id, mine.fence), (id, held.fence + 1));
}

async fn the_latest_moment_is_known(mut world: World) {
    world.store.start(at(0), "1", &world.rules).await.unwrap();
    world.opens("pms", at(50)).await;
    world.restart().await;
    let info = world.store.start(at(10), "1", &world.rules).await.unwrap();
    assert_eq!(info.latest, Some(at(50)), "the clock never falls behind it");
}

async fn the_kill_switch_is_durable_and_keeps_its_moment(mut world: World) {
    by(&world, Command::PauseAll { reason: "r".into() }, at(1)).await;
    world.restart().await;
    world.store.start(at(2), "1", &world.rules).await.unwrap();
    by(&world, Command::PauseAll { reason: "again".into() }, at(3)).await;
    assert_eq!(world.store.switches().await.unwrap().kill_switch_since, Some(at(1)));
    // Nothing else ends it.
    by(&world, Command::Resume { what: Scope::Target("pms".into()) }, at(4)).await;
    by(&world, Command::Unlock { target: "pms".into(), reason: "r".into() }, at(4)).await;
    assert_eq!(world.store.switches().await.unwrap().kill_switch_since, Some(at(1)));
    by(&world, Command::ResumeAll, at(5)).await;
    assert_eq!(world.store.switches().await.unwrap().kill_switch_since, None);
    let commands = world.entries().await;
    assert_eq!(
        commands.iter().filter(|entry| matches!(entry, AuditEntry::Commanded { .. })).count(),
        5
    );
}

async fn pauses_end(world: World) {
    let id = world.opens("pms", at(0)).await;
    let pause = |what, until| Command::Pause { what, until, reason: "r".into() };
    by(&world, pause(Scope::Target("pms".into()), at(50)), at(0)).await;
    by(&world, pause(Scope::Incident(id), at(80)), at(0)).await;
    by(&world, pause(Scope::Target("mail".into()), at(999)), at(0)).await;
    let incident = world.incident(id).await;
    let paused = |now| {
        let (world, incident) = (&world, &incident);
        async move { world.store.fleet(incident, &world.rules, now).await.unwrap().paused_until }
    };
    assert_eq!(paused(at(10)).await, Some(at(80)), "the longer one");
    by(&world, Command::Resume { what: Scope::Incident(id) }, at(11)).await;
    assert_eq!(paused(at(11)).await, Some(at(50)));
    assert_eq!(paused(at(50)).await, None);
    by(&world, Command::Resume { what: Scope::Incident(id) }, at(51)).await;
    let left = world.store.switches().await.unwrap().pauses;
    assert_eq!(left, [(Scope::Target("mail".into()), at(999))], "what has ended is swept away");
}

async fn old_rule_texts_are_kept(mut world: World) {
    world.store.start(at(0), "1", &world.rules).await.unwrap();
    let old = world.rules.rules["breaker"].clone();
    let new = world.rules.rules.get_mut("breaker").unwrap();
    (new.revision, new.summary) = ("r2".into(), "another text".into());
    world.store.remember_rules(&world.rules).await.unwrap();
    world.store.remember_rules(&world.rules).await.unwrap();
    let read = world.store.rule_by_revision("r1").await.unwrap().unwrap();
    assert_eq!(*read, old);
    let read = world.store.rule_by_revision("r2").await.unwrap().unwrap();
    assert_eq!(read.summary, "another text");
    assert_eq!(world.store.rule_by_revision("r3").await.unwrap(), None);
}

async fn probes_are_kept_by_name(mut world: World) {
    let row = |rule: &str, probe: &str, next| ProbeRow {
        rule: rule.into(),
        probe: probe.into(),
        next_due: next,
        last: Some(Reading { at: at(0), value: Value::Number(0.1) }),
    };
    for (rule, probe, next) in [("b", "x", 1), ("a", "y", 2), ("a", "x", 3), ("b", "x", 4)] {
        world.store.put_probe(&row(rule, probe, at(next))).await.unwrap();
    }
    world.restart().await;
    let expected = [row("a", "x", at(3)), row("a", "y", at(2)), row("b", "x", at(4))];
    assert_eq!(world.store.probes().await.unwrap(), expected);
}
