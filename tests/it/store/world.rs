//! A store with rules, and short words for what happens to it.

use std::collections::BTreeMap;
use std::time::Duration;

use reclose::core::action::{Action, How, Intent, IntentKey, intent_key};
use reclose::core::alert::{Alert, AlertKey, AlertStatus, Labels, Notification, Source};
use reclose::core::audit::AuditEntry;
use reclose::core::cause::{Class, Lasting, Verdict};
use reclose::core::decide::Decision;
use reclose::core::effect::Effect;
use reclose::core::evidence::{Ask, HttpAsk};
use reclose::core::incident::{Attempt, Incident, IncidentId, News, Phase};
use reclose::core::planted::Bugs;
use reclose::core::report::{Page, Report, Status};
use reclose::core::rule::{
    AlertMatch, BreakerKind, BreakerState, Mode, Recovery, Rule, RuleSet, StateRule, Target,
    VerifyRule, VerifySignal,
};
use reclose::core::time::Timestamp;
use reclose::store::{Begun, Claim, Lease, Store, Which};

pub const EPOCH: &str = "e0";
pub const TARGETS: [(&str, &str); 4] =
    [("pms", "hotel"), ("ledger", "money"), ("invoice", "money"), ("mail", "")];

pub struct World {
    pub store: Store,
    pub rules: RuleSet,
    pub dir: Option<tempfile::TempDir>,
}

/// So many seconds after the beginning of the test's time.
pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + secs).unwrap()
}

pub fn lease() -> Lease {
    Lease { owner: "test".into(), length: Duration::from_secs(30) }
}

impl World {
    pub fn memory() -> Self {
        Self::memory_with(Bugs::default())
    }

    pub fn memory_with(bugs: Bugs) -> Self {
        Self { store: Store::memory(EPOCH, bugs), rules: rules(), dir: None }
    }

    pub async fn sqlite() -> Self {
        Self::sqlite_with(Bugs::default()).await
    }

    pub async fn sqlite_with(bugs: Bugs) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data"), bugs).await.unwrap();
        Self { store, rules: rules(), dir: Some(dir) }
    }

    /// The next process: a disk is opened again, memory goes on.
    pub async fn restart(&mut self) {
        if let Some(dir) = &self.dir {
            self.store.close().await;
            self.store = Store::open(&dir.path().join("data"), Bugs::default()).await.unwrap();
        }
    }

    pub async fn hear(&self, target: &str, status: AlertStatus, now: Timestamp) {
        self.store.ingest(vec![(now, notification(vec![alert(target, status)]))]).await.unwrap();
        self.store.correlate(now, 100, &self.rules).await.unwrap();
    }

    /// The breaker of `target` opens: its incident.
    pub async fn opens(&self, target: &str, now: Timestamp) -> IncidentId {
        self.hear(target, AlertStatus::Firing, now).await;
        let open = self.store.incidents(Which::Open).await.unwrap();
        open.iter().find(|incident| incident.breaker.target == target).unwrap().id
    }

    pub async fn incident(&self, id: IncidentId) -> Incident {
        self.store.incident(id).await.unwrap().unwrap()
    }

    pub async fn claim(&self, now: Timestamp) -> Claim {
        self.store.claim_due(now, &lease()).await.unwrap().unwrap()
    }

    /// Claims exactly this incident, and gives the others back.
    pub async fn claim_of(&self, id: IncidentId, now: Timestamp) -> Claim {
        let mut others = Vec::new();
        loop {
            let claim = self.claim(now).await;
            if claim.incident.id == id {
                for other in &others {
                    self.store.release(other).await.unwrap();
                }
                return claim;
            }
            others.push(claim);
        }
    }

    /// Commits a change of an incident that is due.
    pub async fn moves(
        &self,
        id: IncidentId,
        now: Timestamp,
        change: impl FnOnce(&mut Decision),
    ) -> Incident {
        let claim = self.claim_of(id, now).await;
        let mut decision = same(&claim.incident);
        change(&mut decision);
        self.store.commit(&claim, decision, now).await.unwrap();
        self.incident(id).await
    }

    /// Decides to act on an incident that is due.
    pub async fn decides(&self, id: IncidentId, now: Timestamp) -> Intent {
        let number = self.incident(id).await.attempts.len() + 1;
        let target = self.incident(id).await.breaker.target;
        let epoch =
            self.store.fleet(&self.incident(id).await, &self.rules, now).await.unwrap().epoch;
        let intent = intent(&epoch, id, &target, u32::try_from(number).unwrap(), now);
        self.moves(id, now, |decision| acts(decision, &intent)).await;
        intent
    }

    /// The state is read again, and the action begins.
    pub async fn begins(&self, intent: &Intent, now: Timestamp) -> Begun {
        let open = News::Reread { state: BreakerState::Open };
        self.store.note(intent.incident, &open, now).await.unwrap();
        self.store.begin(intent, &self.rules, now).await.unwrap()
    }

    /// The whole way to a begun action.
    pub async fn acting(&self, target: &str, now: Timestamp) -> Intent {
        let id = self.opens(target, now).await;
        let intent = self.decides(id, now).await;
        assert_eq!(self.begins(&intent, now).await, Begun::Started);
        intent
    }

    pub async fn entries(&self) -> Vec<AuditEntry> {
        let links = self.store.audit_links(0, u32::MAX).await.unwrap();
        links.iter().map(|link| serde_json::from_str(&link.text).unwrap()).collect()
    }
}

/// The next revision of an incident, nothing else changed.
pub fn same(incident: &Incident) -> Decision {
    let incident = Incident { revision: incident.revision + 1, ..incident.clone() };
    Decision {
        rule: incident.rule_revision.clone(),
        incident,
        effects: vec![],
        wake: None,
        because: vec![],
        audit: vec![],
    }
}

/// What `decide` writes when it acts on a proven, open breaker.
pub fn acts(decision: &mut Decision, intent: &Intent) {
    let incident = &mut decision.incident;
    incident.phase = Phase::Acting { intent: Box::new(intent.clone()) };
    incident.state = BreakerState::Open;
    incident.verdict = Some(Verdict {
        class: Class::Upstream5xx,
        confidence: 0.1 + 0.2,
        because: vec![],
        runner_up: None,
        lasting: Lasting::No,
        retry_at: None,
        quota: false,
        told_wait: None,
        reach: reclose::core::cause::Reach::default(),
        against: Vec::new(),
        missing: Vec::new(),
    });
    incident.attempts.push(Attempt {
        key: intent.key.clone(),
        action: "reset".into(),
        decided_at: intent.decided_at,
        started_at: None,
        outcome: None,
        finished_at: None,
        helped: None,
    });
    decision.effects.push(Effect::Do(Box::new(intent.clone())));
}

pub fn intent(epoch: &str, id: IncidentId, target: &str, attempt: u32, now: Timestamp) -> Intent {
    Intent {
        key: intent_key(epoch, id, attempt),
        incident: id,
        rule: "breaker".into(),
        target: target.into(),
        group: group_of(target).into(),
        action: action(),
        gone: true,
        checklist: vec![],
        decided_at: now,
        expires_at: now + Duration::from_secs(120),
        reason: "the upstream answers again and has held".into(),
    }
}

pub fn key(name: &str) -> IntentKey {
    IntentKey(name.into())
}

pub fn report(id: IncidentId, now: Timestamp, thread: &[&str]) -> Report {
    use reclose::core::incident::{Breaker, Entry};
    Report {
        incident: id,
        revision: 1,
        at: now,
        breaker: Breaker { rule: "breaker".into(), target: "pms".into() },
        summary: "s".into(),
        status: Status::Investigating,
        headline: "h".into(),
        state: BreakerState::Open,
        opened_at: now,
        closed_at: None,
        owner: None,
        env: None,
        mode: Mode::Auto,
        runbook: None,
        channel: Some("#ops".into()),
        rule_revision: "r1".into(),
        verdict: None,
        advice: None,
        acknowledged: None,
        clues: vec![],
        plan: vec![],
        guards: vec![],
        next: None,
        thread: thread.iter().map(|text| Entry { at: now, text: (*text).into() }).collect(),
    }
}

pub fn page(id: IncidentId, number: u32, now: Timestamp) -> Page {
    Page {
        incident: id,
        at: now,
        number,
        to: vec![],
        reason: "look".into(),
        advice: None,
        channel: None,
    }
}

pub fn notification(alerts: Vec<Alert>) -> Notification {
    Notification { source: Source::Alertmanager, group_key: "g".into(), truncated: 0, alerts }
}

pub fn alert(target: &str, status: AlertStatus) -> Alert {
    let labels: Labels = [("alertname", "BreakerOpen"), ("service", target)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: format!("fp-{target}") },
        status,
        labels,
        annotations: Labels::new(),
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: vec![],
    }
}

fn group_of(target: &str) -> &str {
    TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .map_or(target, |(name, group)| if group.is_empty() { name } else { group })
}

fn action() -> Action {
    let request = HttpAsk {
        method: "POST".into(),
        url: "http://127.0.0.1/reset".into(),
        headers: BTreeMap::new(),
        json: None,
        secrets: BTreeMap::new(),
        said: BTreeMap::new(),
        pointer: None,
        expect: None,
        timeout: Duration::from_secs(5),
    };
    let how = How::HttpReset { request, observe: None };
    Action { name: "reset".into(), how, cooldown: Duration::from_secs(300), at_most: None }
}

/// One rule over every target, allowed to act on all of them.
pub fn rules() -> RuleSet {
    let names = || TARGETS.iter().map(|(name, _)| (*name).to_owned());
    let labels = [("alertname".to_owned(), "BreakerOpen".to_owned())].into();
    let matcher = AlertMatch::exactly(Source::Alertmanager, labels);
    let rule = Rule {
        name: "breaker".into(),
        revision: "r1".into(),
        summary: "a breaker".into(),
        runbook: None,
        channel: None,
        mode: Mode::Auto,
        targets: names().collect(),
        ceilings: names().map(|name| (name, Mode::Auto)).collect(),
        target_from: Some("service".into()),
        matchers: vec![matcher],
        act_after: Duration::ZERO,
        state: StateRule {
            ask: Ask::Probe { probe: "state".into() },
            max_age: Duration::from_secs(60),
            means: BTreeMap::new(),
        },
        kind: BreakerKind::Manual,
        recovery: Recovery::default(),
        evidence: vec![],
        cause_patterns: vec![],
        lines: reclose::core::classify::Lines::default(),
        cause_statuses: BTreeMap::new(),
        advice: BTreeMap::new(),
        ladder: BTreeMap::new(),
        otherwise: vec![],
        actions: [("reset".to_owned(), action())].into(),
        verify: VerifyRule {
            hold: Duration::from_secs(60),
            within: Duration::from_secs(600),
            every: Duration::from_secs(15),
            all: vec![VerifySignal::State(vec![BreakerState::Closed]), VerifySignal::AlertResolved],
        },
        escalate: vec![],
        probes: vec![],
        alerts: vec![],
        updates_every: Duration::from_secs(600),
    };
    let target = |(name, group): &(&str, &str)| Target {
        name: (*name).into(),
        ceiling: Mode::Auto,
        group: (*group).into(),
        ..Target::default()
    };
    RuleSet {
        rules: [(rule.name.clone(), rule)].into(),
        targets: TARGETS.iter().map(|pair| (pair.0.to_owned(), target(pair))).collect(),
        brake_percent: 40,
        revision: "set-1".into(),
        ..RuleSet::default()
    }
}
