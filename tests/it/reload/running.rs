//! Incidents that are open while the set is replaced, in one process over a store on disk: no decision by another rule
//! than the incident's own, alerts and probes that still reach it, and what the owners forbid.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reclose::core::action::{Intent, Outcome};
use reclose::core::alert::{Alert, AlertKey, AlertStatus, Labels, Notification, Source};
use reclose::core::audit::AuditEntry;
use reclose::core::evidence::{FailureKind, Finding, Findings, Question};
use reclose::core::planted::Bugs;
use reclose::core::rule::{Mode, Rule, RuleSet};
use reclose::engine::clock::Clock;
use reclose::engine::probes::plan::due;
use reclose::engine::reload::{Reloaded, Reloader};
use reclose::engine::run::{Engine, World};
use reclose::rules;
use reclose::store::{Store, Which};
use reclose::telemetry::Metrics;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// Rules, and targets of each.
const RULES: usize = 50;
const TARGETS: usize = 40;
const LIVE: usize = RULES * TARGETS;
/// Sets that follow the first, each with another revision of every rule.
const SETS: usize = 6;

/// Nothing can be read, so every incident is asked about again and again.
struct Blind;

impl World for Blind {
    async fn ask(&self, _: &Rule, questions: &[Question]) -> Findings {
        let failed = |question: &Question| {
            (question.name.clone(), Finding::failed(FailureKind::Timeout, "nothing answers here"))
        };
        questions.iter().map(failed).collect()
    }

    async fn act(&self, _: &Intent, _: Duration) -> Outcome {
        panic!("nothing is ever done here");
    }

    async fn look(&self, _: &Intent) -> Outcome {
        panic!("nothing was ever done here");
    }
}

/// A store, a folder of rules, and the engine and reloader between them.
struct Desk {
    folder: tempfile::TempDir,
    store: Store,
    clock: Clock,
    engine: Arc<Engine<Blind>>,
    reloader: Arc<Reloader>,
}

impl Desk {
    async fn new(files: &[(String, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        write(&folder.path().join("rules"), files);
        let dir = folder.path().join("rules");
        let set =
            rules::load(&dir).unwrap_or_else(|wrong| panic!("{}", rules::render(&wrong, false)));
        let store = Store::open(&folder.path().join("data"), Bugs::default()).await.unwrap();
        let clock = Clock::start(None);
        store.start(clock.now(), "test", &set).await.unwrap();
        store.settle(None).await.unwrap();
        let world = Arc::new(Blind);
        let engine = Arc::new(Engine::new(store.clone(), world, Arc::new(set), clock.clone()));
        let reloader = Arc::new(Reloader {
            read: Mutex::new(rules::fingerprint(&dir)),
            dir,
            store: store.clone(),
            active: engine.rules.clone(),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::new("test")),
            tell: Arc::new(Notify::new()),
            wake: Arc::clone(&engine.wake),
            doubts: |_| Vec::new(),
        });
        Self { folder, store, clock, engine, reloader }
    }

    async fn reload(&self, files: &[(String, String)]) -> Arc<RuleSet> {
        write(&self.folder.path().join("rules"), files);
        match self.reloader.reload("test").await.unwrap() {
            Reloaded::New { rules, .. } => rules,
            other => panic!("{other:?}"),
        }
    }

    async fn hears(&self, labels: &[(&str, &str)], status: AlertStatus) {
        self.hears_all(vec![alert(labels, status)]).await;
        while self.engine.correlate().await.unwrap() {}
    }

    async fn hears_all(&self, alerts: Vec<Alert>) {
        let notification = Notification {
            source: Source::Alertmanager,
            group_key: "g".to_owned(),
            truncated: 0,
            alerts,
        };
        self.store.ingest(vec![(self.clock.now(), notification)]).await.unwrap();
    }

    async fn entries(&self) -> Vec<AuditEntry> {
        let links = self.store.audit_links(0, u32::MAX).await.unwrap();
        links.iter().map(|link| serde_json::from_str(&link.text).unwrap()).collect()
    }
}

fn write(dir: &std::path::Path, files: &[(String, String)]) {
    for entry in std::fs::read_dir(dir).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for (name, text) in files {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

fn alert(labels: &[(&str, &str)], status: AlertStatus) -> Alert {
    let labels: Labels =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: format!("{labels:?}") },
        status,
        labels,
        annotations: Labels::new(),
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: Vec::new(),
    }
}

/// One rule over some targets, and what tells its sets apart.
fn rule(name: &str, targets: &[String], summary: &str) -> (String, String) {
    let text = format!(
        r#"version: 1
breaker: {name}
summary: {summary}
mode: approve
targets: [{}]
target_from: {{ label: service }}
match: [ {{ alertmanager: {{ alertname: BreakerOpen, rule: {name} }} }} ]
state: {{ prometheus: max(breaker_state), max_age: 1m, means: {{ 0: closed, 1: open }} }}
kind: self
recovery: {{ half_open_after: 30s }}
evidence: {{ upstream: {{ probe: health }} }}
ladder: {{ otherwise: [ escalate ] }}
verify: {{ hold: 1m, every: 1s, all: [ {{ state: closed }}, {{ healthy: upstream }} ] }}
escalate: [ {{ when: always, to: [ {{ slack: "@oncall" }} ] }} ]
probes: {{ health: {{ every: 30s, http: {{ get: "http://127.0.0.1:9/health" }} }} }}
"#,
        targets.join(", ")
    );
    (format!("{name}.yaml"), text)
}

fn targets(ceilings: &[(String, &str)]) -> (String, String) {
    let lines: String = ceilings
        .iter()
        .map(|(name, ceiling)| format!("  {name}: {{ ceiling: {ceiling}, group: {name} }}\n"))
        .collect();
    ("targets.yaml".to_owned(), format!("version: 1\ntargets:\n{lines}"))
}

/// All rules speak of the same targets: a breaker is a rule and a target.
fn target(number: usize) -> String {
    format!("t{number}")
}

/// The whole fleet, in its n-th set.
fn fleet(set: usize) -> Vec<(String, String)> {
    let names: Vec<String> = (0..TARGETS).map(target).collect();
    let all: Vec<(String, &str)> = names.iter().map(|name| (name.clone(), "approve")).collect();
    let rules = (0..RULES).map(|n| rule(&format!("r{n}"), &names, &format!("set {set}")));
    rules.chain([targets(&all)]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_under_2000_live_incidents_mixes_no_versions() {
    let desk = Desk::new(&fleet(0)).await;
    // In this order every rule has incidents under every set.
    let breakers: Vec<(String, String)> =
        (0..TARGETS).flat_map(|m| (0..RULES).map(move |n| (format!("r{n}"), target(m)))).collect();
    let firing = |(rule, target): &(String, String)| {
        alert(
            &[("alertname", "BreakerOpen"), ("rule", rule), ("service", target)],
            AlertStatus::Firing,
        )
    };
    // Half of them open by the first set; the rest while sets are replaced.
    let (before, during) = breakers.split_at(LIVE / 2);
    desk.hears_all(before.iter().map(firing).collect()).await;
    while desk.store.open_count().await.unwrap() < u32::try_from(LIVE / 2).unwrap() {
        desk.engine.correlate().await.unwrap();
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&desk.engine).run(stop.clone()));
    for (set, chunk) in (1..=SETS).zip(during.chunks(LIVE / 2 / SETS + 1)) {
        desk.hears_all(chunk.iter().map(firing).collect()).await;
        desk.engine.wake.notify_one();
        // Somewhere in the middle of opening and deciding.
        tokio::time::sleep(Duration::from_millis(150)).await;
        desk.reload(&fleet(set)).await;
    }
    for _ in 0..2_400 {
        let open = desk.store.incidents(Which::Open).await.unwrap();
        let decided = open.iter().filter(|incident| incident.round.is_some()).count();
        if decided == LIVE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    running.await.unwrap();

    let incidents: BTreeMap<_, _> = desk
        .store
        .incidents(Which::Newest(10_000))
        .await
        .unwrap()
        .into_iter()
        .map(|incident| (incident.id, incident))
        .collect();
    assert_eq!(incidents.len(), LIVE);
    let (mut decisions, mut active) = (0, None);
    let mut opened_by: BTreeMap<_, String> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for entry in desk.entries().await {
        match entry {
            AuditEntry::ServerStarted { rules, .. } => active = Some(rules),
            AuditEntry::RulesActive { before, revision, .. } => {
                assert_eq!(active, Some(before), "each set follows the one before it");
                active = Some(revision);
            }
            AuditEntry::AlertAttached { incident, opened: true, .. } => {
                opened_by.insert(incident, active.clone().unwrap());
            }
            AuditEntry::Decided { incident, rule, .. } => {
                decisions += 1;
                assert_eq!(
                    rule, incidents[&incident].rule_revision,
                    "{incident} was decided by another rule"
                );
                used.insert(rule);
            }
            _ => {}
        }
    }
    // All that opened under one set run by that set's revision of their rule: as many revisions as sets, for each rule.
    let mut revisions: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for (id, incident) in &incidents {
        let set = opened_by[id].clone();
        let of = revisions.entry((incident.breaker.rule.clone(), set)).or_default();
        of.insert(incident.rule_revision.clone());
    }
    assert!(revisions.values().all(|one| one.len() == 1), "two revisions of one rule in one set");
    let sets: BTreeSet<&String> = revisions.keys().map(|(_, set)| set).collect();
    println!(
        "{LIVE} incidents live, {SETS} reloads: {decisions} decisions by {} revisions of {RULES} rules, opened under {} sets",
        used.len(),
        sets.len()
    );
    assert!(decisions >= LIVE, "{decisions}");
    assert!(
        sets.len() >= 3,
        "the sets changed before or after everything opened: nothing is proven"
    );
}

#[tokio::test]
async fn what_runs_keeps_its_rule_its_alerts_and_its_probes() {
    let names = ["a".to_owned(), "b".to_owned()];
    let all = [(names[0].clone(), "approve"), (names[1].clone(), "approve")];
    let first = [rule("r", &names, "one"), targets(&all)];
    let desk = Desk::new(&first).await;
    let labels = [("alertname", "BreakerOpen"), ("rule", "r"), ("service", "a")];
    desk.hears(&labels, AlertStatus::Firing).await;
    let before = desk.store.incidents(Which::Open).await.unwrap().remove(0);

    // The rule goes, with its probe; another comes.
    let rules = desk.reload(&[rule("other", &names, "two"), targets(&all)]).await;
    assert_eq!(rules.retired.len(), 1);
    desk.hears(&labels, AlertStatus::Resolved).await;
    let after = desk.store.incidents(Which::Open).await.unwrap().remove(0);
    assert_eq!(after.rule_revision, before.rule_revision);
    let alert = after.alerts.values().next().unwrap();
    assert_eq!(alert.status, AlertStatus::Resolved, "its resolve still reaches it");
    let open = BTreeSet::from(["r".to_owned()]);
    let probes = |open| {
        let due = due(&rules, Vec::new(), open, desk.clock.now());
        due.into_iter().map(|due| due.key).collect::<Vec<_>>()
    };
    let key = |rule: &str| (rule.to_owned(), "health".to_owned());
    assert_eq!(probes(&open), [key("other"), key("r")], "its probe still runs");
    assert_eq!(probes(&BTreeSet::new()), [key("other")]);

    // Nothing new opens by a rule that is gone.
    desk.hears(
        &[("alertname", "BreakerOpen"), ("rule", "r"), ("service", "b")],
        AlertStatus::Firing,
    )
    .await;
    assert_eq!(desk.store.open_count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_ceiling_raised_is_for_new_incidents_a_lower_one_for_all() {
    use reclose::core::guard;
    let names = ["a".to_owned(), "b".to_owned()];
    let set = |a: &'static str, b: &'static str| {
        [rule("r", &names, "one"), targets(&[(names[0].clone(), a), (names[1].clone(), b)])]
    };
    let desk = Desk::new(&set("approve", "approve")).await;
    desk.hears(
        &[("alertname", "BreakerOpen"), ("rule", "r"), ("service", "a")],
        AlertStatus::Firing,
    )
    .await;
    let allowed = async || {
        let incident = desk.store.incidents(Which::Open).await.unwrap().remove(0);
        let rule = desk.store.rule_by_revision(&incident.rule_revision).await.unwrap().unwrap();
        let rules = desk.engine.rules.now().await;
        let fleet = desk.store.fleet(&incident, &rules, desk.clock.now()).await.unwrap();
        (guard::ceiling(&rule, &fleet), incident)
    };
    assert_eq!(allowed().await.0, Mode::Approve);
    desk.reload(&set("auto", "approve")).await;
    assert_eq!(allowed().await.0, Mode::Approve, "raised: not for what runs");

    // The rule beside it says `approve`: what stands on disk is wrong, and yet the owner is heard.
    write(&desk.folder.path().join("rules"), &set("observe", "approve"));
    let wrong = desk.reloader.reload("test").await.unwrap();
    assert!(matches!(wrong, Reloaded::Wrong { .. }), "{wrong:?}");
    let (ceiling, incident) = allowed().await;
    assert_eq!(ceiling, Mode::Observe, "lowered: for all, at once");
    let last = &incident.timeline.last().unwrap().text;
    assert!(last.contains("lowered its ceiling from auto to observe"), "{last}");
    let rules = desk.engine.rules.now().await;
    assert_eq!(rules.targets["b"].ceiling, Mode::Approve, "the others stay as they were");

    // A target that is taken out is only observed, and the incident says so.
    let only_b = [rule("r", &names[1..], "one"), targets(&[(names[1].clone(), "approve")])];
    desk.reload(&only_b).await;
    let (ceiling, incident) = allowed().await;
    assert_eq!(ceiling, Mode::Observe);
    let last = &incident.timeline.last().unwrap().text;
    assert!(last.contains("`a` was taken out of rules/targets.yaml"), "{last}");
    let changes = desk
        .entries()
        .await
        .into_iter()
        .filter(|entry| matches!(entry, AuditEntry::RulesActive { .. }));
    assert_eq!(changes.count(), 3, "every change of the active set is in the audit log");
}
