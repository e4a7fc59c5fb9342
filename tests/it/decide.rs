//! What a rule's words make `decide` do: rules as people write them, answers and a clock by hand.

mod causes;
mod checklist;
mod escalate;
mod person;

use std::collections::BTreeMap;

use reclose::core::action::Intent;
use reclose::core::decide::decide;
use reclose::core::effect::Effect;
use reclose::core::evidence::{Absence, Finding, Findings, ProbeResult, Reading, STATE, Value};
use reclose::core::fleet::{Fleet, OpenIncident};
use reclose::core::incident::{Breaker, Incident, IncidentId, News, Phase, Placement};
use reclose::core::report::{Page, Report};
use reclose::core::rule::{Mode, Rule, Target};
use reclose::core::time::Timestamp;

use crate::rules::folder::Folder;

const RULE: &str = r#"version: 1
breaker: api
summary: The API before the upstream
mode: auto
targets: [api]
match:
  - alertmanager: { alertname: BreakerOpen }
state:
  prometheus: max(breaker_state)
  means: { 0: closed, 1: open }
kind: manual
evidence:
  statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }
  upstream: { probe: health }
  load: { prometheus: max(load), max_age: 1m }
  queue: { prometheus_range: { query: queue_length, last: 10m, step: 30s } }
ladder:
  upstream_5xx: [ { do: reset, when: { gone: true } } ]
  otherwise: [ escalate ]
actions:
  reset:
    http: { post: "http://127.0.0.1:9/reset" }
verify:
  hold: 1m
  all: [ { state: closed }, { healthy: upstream } ]
escalate:
  - { when: always, to: [ { slack: "@oncall" } ] }
probes:
  health:
    every: 30s
    http: { get: "http://127.0.0.1:9/health" }
    hold: 2m
"#;

/// The rule above with places of it changed; each must stand once.
pub fn rule(edits: &[(&str, &str)]) -> Rule {
    let folder = Folder::empty();
    folder.write(
        "targets.yaml",
        "version: 1\ntargets:\n  api: { ceiling: auto, group: shop, owner: \"@owner\" }\n",
    );
    folder.write("api.yaml", RULE);
    for (from, to) in edits {
        folder.edit("api.yaml", from, to);
    }
    folder.load().rules.remove("api").unwrap()
}

pub fn moment(secs: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + secs).unwrap()
}

/// One incident, opened at second 0, decided by hand.
pub struct Case {
    pub rule: Rule,
    pub incident: Incident,
    pub fleet: Fleet,
    pub effects: Vec<Effect>,
}

impl Case {
    pub fn of(edits: &[(&str, &str)]) -> Self {
        let rule = rule(edits);
        let breaker = Breaker { rule: rule.name.clone(), target: "api".to_owned() };
        let placement = Placement { breaker, unknown_target: false };
        let incident = Incident::open(IncidentId(1), &placement, &rule.revision, moment(0));
        let target = Target {
            name: "api".to_owned(),
            ceiling: Mode::Auto,
            group: "shop".to_owned(),
            owner: Some("@owner".to_owned()),
            ..Target::default()
        };
        let fleet = Fleet {
            epoch: "e".to_owned(),
            target: Some(target),
            inventory: 20,
            brake_percent: 20,
            open_count: 1,
            open: vec![open(1, "api", "shop", 0)],
            ..Fleet::default()
        };
        Self { rule, incident, fleet, effects: Vec::new() }
    }

    /// A look at this second, with these answers; what follows is kept in `effects`.
    pub fn look(&mut self, secs: i64, answers: &[(&str, Finding)]) -> &mut Self {
        let now = moment(secs);
        self.effects.clear();
        self.incident.next_look = now;
        self.decide(now);
        let round = self.incident.round.as_ref().unwrap();
        assert!(
            round.findings.is_none(),
            "no round was asked at {secs}: {:?}",
            self.incident.phase
        );
        let findings: Findings =
            answers.iter().map(|(name, finding)| ((*name).to_owned(), finding.clone())).collect();
        let news = News::Findings { round: round.number, findings };
        assert!(self.incident.learn(&news, now));
        self.decide(now);
        self
    }

    /// Only time has passed.
    pub fn wake(&mut self, secs: i64) -> &mut Self {
        self.effects.clear();
        self.incident.next_look = moment(secs + 3_600);
        self.decide(moment(secs));
        self
    }

    fn decide(&mut self, now: Timestamp) {
        let decision = decide(&self.incident, &self.rule, &self.fleet, now);
        self.incident = decision.incident;
        self.effects.extend(decision.effects);
    }

    pub fn phase(&self) -> &'static str {
        self.incident.phase.name()
    }

    pub fn intent(&self) -> Option<Intent> {
        match &self.incident.phase {
            Phase::Acting { intent } => Some((**intent).clone()),
            _ => None,
        }
    }

    pub fn pages(&self) -> Vec<Page> {
        let pages = self.effects.iter().filter_map(|effect| match effect {
            Effect::Page(page) => Some(page.clone()),
            _ => None,
        });
        pages.collect()
    }

    /// The reasons of the pages of the last look.
    pub fn called(&self) -> Vec<String> {
        self.pages().into_iter().map(|page| page.reason).collect()
    }

    /// The newest report of the last look.
    pub fn report(&self) -> Report {
        let told = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Tell(report) => Some((**report).clone()),
            _ => None,
        });
        told.unwrap_or_else(|| panic!("nobody was told anything: {:?}", self.effects))
    }
}

pub fn open(id: u64, target: &str, group: &str, secs: i64) -> OpenIncident {
    OpenIncident {
        id: IncidentId(id),
        target: target.to_owned(),
        group: group.to_owned(),
        opened_at: moment(secs),
    }
}

pub fn number(secs: i64, number: f64) -> Finding {
    Finding::Value(Reading { at: moment(secs), value: Value::Number(number) })
}

pub fn tripped(secs: i64) -> (&'static str, Finding) {
    (STATE, number(secs, 1.0))
}

pub fn closed(secs: i64) -> (&'static str, Finding) {
    (STATE, number(secs, 0.0))
}

pub fn statuses(secs: i64, counts: &[(&str, f64)]) -> (&'static str, Finding) {
    let series: BTreeMap<String, f64> =
        counts.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect();
    ("statuses", Finding::Value(Reading { at: moment(secs), value: Value::Series(series) }))
}

/// The probe of the upstream, as it is since a second.
pub fn upstream(secs: i64, healthy: bool, since: i64) -> (&'static str, Finding) {
    let seen = ProbeResult {
        healthy,
        since: moment(since),
        status: healthy.then_some(200),
        retry_after: None,
        detail: String::new(),
        failure: None,
    };
    ("upstream", Finding::Value(Reading { at: moment(secs), value: Value::Probe(seen) }))
}

pub fn trend(secs: i64, points: &[(i64, f64)]) -> (&'static str, Finding) {
    let points = points.iter().map(|(at, value)| (moment(*at), *value)).collect();
    ("queue", Finding::Value(Reading { at: moment(secs), value: Value::Trend(points) }))
}

pub fn none() -> Finding {
    Finding::NoData(Absence::Empty)
}
