//! From a decided action to its outcome: begun at most once, under the guards as they are then, never redone.

use std::time::Duration;

use reclose::core::action::{Outcome, Why};
use reclose::core::alert::AlertStatus;
use reclose::core::audit::AuditEntry;
use reclose::core::command::{Command, Person, Scope};
use reclose::core::incident::{IncidentId, News, Phase};
use reclose::core::planted::{Bug, Bugs};
use reclose::core::rule::BreakerState;
use reclose::store::{Begun, StoreError};

use super::contract;
use super::world::{World, at, intent, key};

contract! {
    begun_once
    not_begun_under_the_kill_switch_and_not_after_it_either
    not_begun_while_paused
    not_begun_when_expired
    not_begun_when_the_incident_moved_on
    not_begun_without_the_text_of_its_rule
    not_begun_when_never_decided
    not_begun_beside_another_of_its_group
    finished_once
    an_outcome_needs_a_beginning
    an_unknown_outcome_locks_until_it_is_proven
    a_person_clears_a_lock
    unfinished_survives_the_process
    the_fleet_counts_what_any_process_began
    an_attempt_that_did_not_help_has_failed
    in_flight_is_what_may_still_happen
}

fn person() -> Person {
    Person { name: "ops".into(), door: "cli".into() }
}

fn unknown() -> Outcome {
    Outcome::Unknown(Why("the connection broke".into()))
}

fn started(entries: &[AuditEntry]) -> usize {
    entries.iter().filter(|entry| matches!(entry, AuditEntry::Started { .. })).count()
}

/// Why it was refused, as one text.
fn why(begun: Begun) -> String {
    match begun {
        Begun::Started => "started".into(),
        Begun::Refused(why) => why.join("; "),
    }
}

async fn begun_once(world: World) {
    let intent = world.acting("pms", at(0)).await;
    assert_eq!(world.incident(intent.incident).await.attempts[0].started_at, Some(at(0)));
    for _ in 0..2 {
        assert!(why(world.begins(&intent, at(1)).await).contains("is started"));
    }
    let entries = world.entries().await;
    assert_eq!(started(&entries), 1);
    assert!(!entries.iter().any(|entry| matches!(entry, AuditEntry::NotStarted { .. })));
    let told = |entry: &AuditEntry| matches!(entry, AuditEntry::Started { guards, .. } if guards.len() > 10);
    assert!(entries.iter().any(told), "every guard's answer is in the log");
}

async fn not_begun_under_the_kill_switch_and_not_after_it_either(world: World) {
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    world.store.command(&Command::PauseAll { reason: "r".into() }, &person(), at(1)).await.unwrap();
    assert!(why(world.begins(&intent, at(2)).await).contains("all automation is paused"));
    let incident = world.incident(id).await;
    assert!(matches!(incident.attempts[0].outcome, Some(Outcome::NotDone(_))));
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(2)));
    assert!(matches!(world.entries().await.last(), Some(AuditEntry::NotStarted { .. })));

    world.store.command(&Command::ResumeAll, &person(), at(3)).await.unwrap();
    assert!(why(world.begins(&intent, at(3)).await).contains("is refused"));
    assert_eq!(started(&world.entries().await), 0);
    assert!(world.store.unfinished().await.unwrap().is_empty());
}

async fn not_begun_while_paused(world: World) {
    for (target, what) in
        [("pms", Scope::Target("pms".into())), ("mail", Scope::Incident(IncidentId(2)))]
    {
        let id = world.opens(target, at(0)).await;
        let intent = world.decides(id, at(0)).await;
        let pause = Command::Pause { what, until: at(60), reason: "r".into() };
        world.store.command(&pause, &person(), at(0)).await.unwrap();
        assert!(why(world.begins(&intent, at(59)).await).contains("paused"));
    }
    // A pause of something else, or one that has ended, is none.
    world.acting("ledger", at(60)).await;
}

async fn not_begun_when_expired(world: World) {
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    let late = intent.expires_at + Duration::from_micros(1);
    assert!(why(world.begins(&intent, late).await).contains("expired"));
}

async fn not_begun_when_the_incident_moved_on(world: World) {
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    world.hear("pms", AlertStatus::Resolved, at(1)).await;
    world.moves(id, at(1), |d| d.incident.phase = Phase::Escalated { since: at(1) }).await;
    assert!(why(world.begins(&intent, at(2)).await).contains("is escalated by now"));
}

async fn not_begun_without_the_text_of_its_rule(world: World) {
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    world.hear("pms", AlertStatus::Resolved, at(1)).await;
    world.moves(id, at(1), |d| d.incident.rule_revision = "nobody knows".into()).await;
    assert!(why(world.begins(&intent, at(2)).await).contains("is lost"));
}

async fn not_begun_when_never_decided(world: World) {
    let id = world.opens("pms", at(0)).await;
    let strange = intent("x", id, "pms", 7, at(0));
    let before = world.entries().await;
    let begun = world.store.begin(&strange, &world.rules, at(0)).await.unwrap();
    assert!(why(begun).contains("never decided"));
    assert_eq!(world.entries().await, before);
}

async fn not_begun_beside_another_of_its_group(world: World) {
    let first = world.acting("ledger", at(0)).await;
    // Far enough apart that it is no correlated failure, and the group's minute is over.
    let id = world.opens("invoice", at(400)).await;
    let second = world.decides(id, at(400)).await;
    assert!(why(world.begins(&second, at(400)).await).contains("under way on `ledger`"));
    world.store.finish(&first.key, Outcome::Done, at(401)).await.unwrap();
    let third = world.decides(id, at(402)).await;
    assert_eq!(world.begins(&third, at(402)).await, Begun::Started);
}

async fn finished_once(world: World) {
    let intent = world.acting("pms", at(0)).await;
    world.store.finish(&intent.key, Outcome::Done, at(1)).await.unwrap();
    let (entries, incident) = (world.entries().await, world.incident(intent.incident).await);
    assert_eq!(incident.attempts[0].outcome, Some(Outcome::Done));
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(0)));
    for late in [Outcome::Done, Outcome::NotDone(Why("no".into())), unknown()] {
        world.store.finish(&intent.key, late, at(9)).await.unwrap();
    }
    assert_eq!(world.entries().await, entries);
    assert_eq!(world.incident(intent.incident).await, incident);
    assert!(world.store.switches().await.unwrap().locks.is_empty());
    assert!(world.store.unfinished().await.unwrap().is_empty());
}

async fn an_outcome_needs_a_beginning(world: World) {
    let missing = world.store.finish(&key("nobody"), Outcome::Done, at(0)).await;
    assert!(matches!(missing, Err(StoreError::Corrupt(_))));
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    let early = world.store.finish(&intent.key, Outcome::Done, at(0)).await;
    assert!(matches!(early, Err(StoreError::Conflict)));
    assert_eq!(world.begins(&intent, at(1)).await, Begun::Started);
}

async fn an_unknown_outcome_locks_until_it_is_proven(world: World) {
    for (target, proof, from) in
        [("pms", Outcome::Done, 0), ("mail", Outcome::NotDone(Why("seen".into())), 1_000)]
    {
        let intent = world.acting(target, at(from)).await;
        world.store.finish(&intent.key, unknown(), at(from + 1)).await.unwrap();
        let locks = world.store.switches().await.unwrap().locks;
        assert_eq!((locks.len(), locks[0].target.as_str()), (1, target));
        assert_eq!((locks[0].incident, locks[0].since), (intent.incident, at(from + 1)));
        assert!(world.store.unfinished().await.unwrap().is_empty(), "it has an outcome");
        let incident = world.incident(intent.incident).await;
        let fleet = world.store.fleet(&incident, &world.rules, at(from + 2)).await.unwrap();
        assert_eq!(fleet.locked.get(target), Some(&intent.incident));
        assert!(fleet.starts.last().unwrap().failed);
        let entries = world.entries().await.len();
        world.store.finish(&intent.key, unknown(), at(from + 3)).await.unwrap();
        assert_eq!(world.entries().await.len(), entries, "nothing new");

        world.store.finish(&intent.key, proof.clone(), at(from + 4)).await.unwrap();
        assert!(world.store.switches().await.unwrap().locks.is_empty());
        let incident = world.incident(intent.incident).await;
        assert_eq!(incident.attempts[0].outcome.as_ref(), Some(&proof));
    }
}

async fn a_person_clears_a_lock(world: World) {
    let intent = world.acting("pms", at(0)).await;
    world.store.finish(&intent.key, unknown(), at(1)).await.unwrap();
    let other = Command::Unlock { target: "mail".into(), reason: "r".into() };
    world.store.command(&other, &person(), at(2)).await.unwrap();
    assert_eq!(world.store.switches().await.unwrap().locks.len(), 1);
    let mine = Command::Unlock { target: "pms".into(), reason: "r".into() };
    world.store.command(&mine, &person(), at(2)).await.unwrap();
    assert!(world.store.switches().await.unwrap().locks.is_empty());
    assert!(matches!(world.entries().await.last(), Some(AuditEntry::Commanded { .. })));
    let incident = world.incident(intent.incident).await;
    let fleet = world.store.fleet(&incident, &world.rules, at(3)).await.unwrap();
    assert!(fleet.in_flight.is_empty(), "the person has looked");
    // The proof may still come, and no lock returns.
    world.store.finish(&intent.key, Outcome::Done, at(4)).await.unwrap();
    assert!(world.store.switches().await.unwrap().locks.is_empty());
}

async fn unfinished_survives_the_process(mut world: World) {
    let first = world.acting("pms", at(0)).await;
    let second = world.acting("mail", at(600)).await;
    world.restart().await;
    world.store.start(at(601), "0", &world.rules).await.unwrap();
    assert_eq!(world.store.unfinished().await.unwrap(), [first.clone(), second]);
    assert!(why(world.begins(&first, at(602)).await).contains("is started"), "never again");
}

async fn the_fleet_counts_what_any_process_began(mut world: World) {
    let first = world.acting("pms", at(0)).await;
    world.store.finish(&first.key, Outcome::Done, at(1)).await.unwrap();
    world.restart().await;
    world.store.start(at(100), "0", &world.rules).await.unwrap();
    world.store.settle(None).await.unwrap();
    let second = world.acting("mail", at(200)).await;
    let incident = world.incident(second.incident).await;
    let fleet = |now| world.store.fleet(&incident, &world.rules, now);
    let seen = fleet(at(300)).await.unwrap();
    let keys: Vec<_> = seen.starts.iter().map(|start| (start.target.as_str(), start.at)).collect();
    assert_eq!(keys, [("pms", at(0)), ("mail", at(200))], "newest last");
    assert_eq!(seen.starts[0].group, "hotel");
    assert!(!seen.starts[0].failed);
    let longest = Duration::from_secs(31 * 24 * 3_600);
    assert_eq!(fleet(at(0) + longest).await.unwrap().starts.len(), 2);
    assert_eq!(fleet(at(1) + longest).await.unwrap().starts.len(), 1);
}

async fn an_attempt_that_did_not_help_has_failed(world: World) {
    let intent = world.acting("pms", at(0)).await;
    world.store.finish(&intent.key, Outcome::Done, at(1)).await.unwrap();
    let moved =
        world.moves(intent.incident, at(2), |d| d.incident.attempts[0].helped = Some(false)).await;
    let fleet = world.store.fleet(&moved, &world.rules, at(3)).await.unwrap();
    assert!(fleet.starts[0].failed);
}

async fn in_flight_is_what_may_still_happen(world: World) {
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    let flying = |now| {
        let world = &world;
        async move {
            let incident = world.incident(id).await;
            let fleet = world.store.fleet(&incident, &world.rules, now).await.unwrap();
            fleet.in_flight.into_iter().map(|flight| flight.key).collect::<Vec<_>>()
        }
    };
    let mine = [intent.key.0.clone()];
    assert_eq!(flying(at(0)).await, mine, "decided");
    world.begins(&intent, at(1)).await;
    assert_eq!(flying(at(1)).await, mine, "begun");
    world.store.finish(&intent.key, unknown(), at(2)).await.unwrap();
    assert_eq!(flying(at(2)).await, mine, "unknown");
    world.store.finish(&intent.key, Outcome::Done, at(3)).await.unwrap();
    assert!(flying(at(3)).await.is_empty());

    let other = world.decides(id, at(4)).await;
    assert_eq!(flying(at(4)).await, std::slice::from_ref(&other.key.0));
    world.hear("pms", AlertStatus::Resolved, at(5)).await;
    world
        .moves(id, at(5), |d| {
            d.incident.phase = Phase::Recovered;
            d.incident.closed_at = Some(at(5));
        })
        .await;
    assert!(flying(at(5)).await.is_empty(), "decided for what is over");
}

/// The planted bugs do what they say, or the tests that hunt them prove nothing.
#[tokio::test]
async fn planted_bugs_bite() {
    let world = World::memory_with(Bugs::only(Bug::NoGuardAtCommit));
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    world.store.command(&Command::PauseAll { reason: "r".into() }, &person(), at(1)).await.unwrap();
    assert_eq!(world.begins(&intent, at(1)).await, Begun::Started);

    let world = World::memory_with(Bugs::only(Bug::NoLock));
    let intent = world.acting("pms", at(0)).await;
    world.store.finish(&intent.key, unknown(), at(1)).await.unwrap();
    assert!(world.store.switches().await.unwrap().locks.is_empty());

    let world = World::sqlite_with(Bugs::only(Bug::BudgetPerProcess)).await;
    let intent = world.acting("pms", at(0)).await;
    world.store.start(at(10), "0", &world.rules).await.unwrap();
    let incident = world.incident(intent.incident).await;
    let fleet = world.store.fleet(&incident, &world.rules, at(11)).await.unwrap();
    assert!(fleet.starts.is_empty());
}

/// Between the decision and the beginning the state is read again, in the same record.
#[tokio::test]
async fn the_reading_before_the_action_counts() {
    let world = World::memory();
    let id = world.opens("pms", at(0)).await;
    let intent = world.decides(id, at(0)).await;
    let closed = News::Reread { state: BreakerState::Closed };
    world.store.note(id, &closed, at(1)).await.unwrap();
    let begun = world.store.begin(&intent, &world.rules, at(1)).await.unwrap();
    assert!(why(begun).contains("is closed"));
}
