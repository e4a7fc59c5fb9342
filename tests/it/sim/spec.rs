//! What one simulated life is made of: targets, rules, trips. Drawn from a seed; the oracle judges by it.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use reclose::core::action::{Action, Budget, How};
use reclose::core::alert::{Labels, Source};
use reclose::core::cause::Class;
use reclose::core::evidence::{Ask, Expect, HttpAsk};
use reclose::core::rule::{
    AlertMatch, BreakerKind, BreakerState, Contact, EscalateWhen, EscalationRule, EvidenceRule,
    Meaning, Mode, ProbeRule, Probing, Recovery, Rule, RuleSet, Rung, Schedule, StateRule, Target,
    VerifyRule, VerifySignal, Wait,
};

/// One life: what the world will do, and what the owners allow.
#[derive(Clone, Debug)]
pub struct Spec {
    pub rules: RuleSet,
    pub plants: Vec<Plant>,
    pub settle: Duration,
    /// Chances out of 1,000.
    pub crash: u32,
    pub lose: u32,
    pub blind: u32,
    pub meddle: u32,
}

/// One breaker in the world, before any action.
#[derive(Clone, Debug)]
pub struct Plant {
    pub rule: String,
    pub target: String,
    pub trips: Vec<Trip>,
    /// It closes by itself so long after its cause is over; `None`: only a reset closes it.
    pub heals_after: Option<Duration>,
    /// The target tells which decision it carried out.
    pub observable: bool,
}

#[derive(Clone, Debug)]
pub struct Trip {
    pub at: Duration,
    pub cause: Class,
    pub lasts: Option<Duration>,
}

pub const HOLD: Duration = Duration::from_secs(30);
pub const PROBE_HOLD: Duration = Duration::from_secs(20);
/// Evidence of a checklist, and its limit.
pub const LOAD: &str = "load";
pub const LOAD_MOST: f64 = 0.5;
pub const MAX_AGE: Duration = Duration::from_secs(60);

impl Spec {
    pub fn draw(rng: &mut Rng) -> Self {
        let count = *rng.choice(&[1, 1, 1, 2, 2, 3]).unwrap();
        let groups = rng.usize(1..=3);
        let mut rules = BTreeMap::new();
        let mut targets = BTreeMap::new();
        let mut plants = Vec::new();
        for n in 0..count {
            // Sometimes two rules name one target.
            let target =
                if n > 0 && rng.u32(0..4) == 0 { "t0".to_owned() } else { format!("t{n}") };
            let name = format!("r{n}");
            targets.entry(target.clone()).or_insert_with(|| draw_target(rng, &target, groups));
            rules.insert(name.clone(), draw_rule(rng, &name, &target));
            plants.push(draw_plant(rng, name, target));
        }
        // The inventory holds more than what trips, so that the brake is not always on.
        for n in 0..rng.usize(0..20) {
            let name = format!("spare{n}");
            targets.insert(name.clone(), Target { group: name.clone(), name, ..Target::default() });
        }
        let rare = |rng: &mut Rng, most: u32| if rng.bool() { 0 } else { rng.u32(0..most) };
        Self {
            rules: RuleSet {
                rules,
                targets,
                brake_percent: 20,
                revision: "sim".to_owned(),
                ..RuleSet::default()
            },
            plants,
            settle: Duration::from_secs(60),
            crash: rare(rng, 60),
            lose: rare(rng, 200),
            blind: rare(rng, 300),
            meddle: rare(rng, 40),
        }
    }
}

fn draw_target(rng: &mut Rng, name: &str, groups: usize) -> Target {
    let ceiling = *rng
        .choice(&[
            Mode::Auto,
            Mode::Auto,
            Mode::Auto,
            Mode::Auto,
            Mode::Auto,
            Mode::Auto,
            Mode::Approve,
            Mode::Observe,
        ])
        .unwrap();
    let group =
        if rng.u32(0..3) == 0 { name.to_owned() } else { format!("g{}", rng.usize(0..groups)) };
    Target {
        name: name.to_owned(),
        ceiling,
        group,
        owner: Some("@owner".to_owned()),
        env: None,
        protect: rng.u32(0..30) == 0,
    }
}

fn draw_plant(rng: &mut Rng, rule: String, target: String) -> Plant {
    let mut at = Duration::from_secs(rng.u64(1..60));
    let mut trips = Vec::new();
    for _ in 0..*rng.choice(&[1, 1, 1, 2, 2, 3]).unwrap() {
        let cause = *rng
            .choice(&[
                Class::Upstream5xx,
                Class::Upstream5xx,
                Class::RateLimited,
                Class::Auth,
                Class::Timeout,
            ])
            .unwrap();
        let lasts = (rng.u32(0..5) > 0).then(|| Duration::from_secs(rng.u64(5..200)));
        trips.push(Trip { at, cause, lasts });
        at += Duration::from_secs(if rng.u32(0..4) > 0 {
            rng.u64(100..500)
        } else {
            rng.u64(500..2_400)
        });
    }
    let heals_after = (rng.u32(0..4) == 0).then(|| Duration::from_secs(rng.u64(5..200)));
    Plant { rule, target, trips, heals_after, observable: rng.bool() }
}

fn draw_rule(rng: &mut Rng, name: &str, target: &str) -> Rule {
    let action = Action {
        name: "reset".to_owned(),
        how: How::HttpReset { request: http(), observe: Some(http()) },
        cooldown: Duration::from_secs(rng.u64(10..600)),
        at_most: rng.bool().then(|| Budget {
            times: rng.u32(1..4),
            within: Duration::from_secs(rng.u64(600..7_200)),
        }),
    };
    // Not drawn from the seed, so that the lives of older seeds stay as they were.
    let turn = action.cooldown.as_secs();
    let checked = turn % 4 == 0;
    let ladder = draw_ladder(rng, checked, turn % 3 == 0);
    Rule {
        name: name.to_owned(),
        revision: format!("{name}@sim"),
        summary: "a simulated breaker".to_owned(),
        runbook: None,
        channel: None,
        mode: *rng
            .choice(&[
                Mode::Auto,
                Mode::Auto,
                Mode::Auto,
                Mode::Auto,
                Mode::Auto,
                Mode::Auto,
                Mode::Suggest,
                Mode::Approve,
            ])
            .unwrap(),
        targets: vec![target.to_owned()],
        ceilings: BTreeMap::from([(target.to_owned(), Mode::Auto)]),
        target_from: None,
        matchers: vec![AlertMatch::exactly(Source::Alertmanager, labels(name))],
        act_after: Duration::from_secs(*rng.choice(&[0, 0, 0, 60]).unwrap()),
        state: StateRule {
            ask: Ask::Probe { probe: "state".to_owned() },
            max_age: MAX_AGE,
            means: BTreeMap::from([
                ("0".to_owned(), BreakerState::Closed),
                ("1".to_owned(), BreakerState::Open),
            ]),
        },
        kind: BreakerKind::Lazy,
        recovery: Recovery {
            half_open_after: Some(Duration::from_secs(rng.u64(5..60))),
            needs_idle: false,
        },
        evidence: [
            Some(evidence("statuses", Meaning::Statuses)),
            Some(evidence("upstream", Meaning::Upstream)),
            checked.then(|| evidence(LOAD, Meaning::Quantity)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        cause_patterns: vec![],
        lines: reclose::core::classify::Lines::default(),
        cause_statuses: BTreeMap::new(),
        advice: BTreeMap::new(),
        ladder,
        otherwise: vec![Rung::Escalate],
        actions: BTreeMap::from([("reset".to_owned(), action)]),
        verify: VerifyRule {
            hold: HOLD,
            within: Duration::from_secs(rng.u64(60..240)),
            every: Duration::from_secs(rng.u64(8..30)),
            all: vec![
                VerifySignal::State(vec![BreakerState::Closed]),
                VerifySignal::Healthy("upstream".to_owned()),
            ],
        },
        escalate: vec![
            EscalationRule {
                when: EscalateWhen::OpenFor(Duration::from_secs(1_800)),
                to: vec![Contact::Slack("@oncall".to_owned())],
            },
            EscalationRule {
                when: EscalateWhen::UnknownCause { rounds: rng.u32(2..5) },
                to: vec![],
            },
        ],
        probes: vec![ProbeRule {
            name: "upstream".to_owned(),
            schedule: Schedule::Every(Duration::from_secs(10)),
            how: Probing::Http(Box::new(http())),
            through_breaker: false,
            hold: PROBE_HOLD,
        }],
        alerts: vec![],
        updates_every: Duration::from_secs(900),
    }
}

/// `checked`: every action has a checklist. `waits`: after a person was asked, the ladder goes on.
fn draw_ladder(rng: &mut Rng, checked: bool, waits: bool) -> BTreeMap<Class, Vec<Rung>> {
    let checklist = VerifySignal::AtMost { name: LOAD.to_owned(), limit: LOAD_MOST };
    let act = |rng: &mut Rng| Rung::Do {
        action: "reset".to_owned(),
        gone: rng.u32(0..8) > 0,
        all: if checked { vec![checklist.clone()] } else { vec![] },
        within: Duration::from_secs(rng.u64(60..400)),
    };
    let retry =
        Wait::RetryAfter { at_least: Duration::from_secs(5), at_most: Duration::from_secs(120) };
    let asks = |until: Vec<String>| Rung::Ask {
        text: "rotate the token".to_owned(),
        until,
        within: Duration::from_secs(900),
    };
    let auth = if waits {
        vec![
            asks(vec!["upstream".to_owned()]),
            act_when_asked(checked.then_some(checklist.clone())),
        ]
    } else {
        vec![asks(vec![])]
    };
    BTreeMap::from([
        (
            Class::Upstream5xx,
            vec![Rung::Wait(Wait::HalfOpen), act(rng), act(rng), act(rng), Rung::Escalate],
        ),
        (Class::RateLimited, vec![Rung::Wait(retry), Rung::Wait(Wait::HalfOpen), act(rng)]),
        (Class::Timeout, vec![act(rng), act(rng)]),
        (Class::Auth, auth),
    ])
}

/// What follows once a person has done what was asked.
fn act_when_asked(checklist: Option<VerifySignal>) -> Rung {
    Rung::Do {
        action: "reset".to_owned(),
        gone: true,
        all: checklist.into_iter().collect(),
        within: Duration::from_secs(300),
    }
}

fn evidence(name: &str, meaning: Meaning) -> EvidenceRule {
    EvidenceRule {
        name: name.to_owned(),
        meaning,
        ask: Ask::Probe { probe: name.to_owned() },
        max_age: MAX_AGE,
    }
}

pub fn labels(rule: &str) -> Labels {
    Labels::from([
        ("alertname".to_owned(), "BreakerOpen".to_owned()),
        ("breaker".to_owned(), rule.to_owned()),
    ])
}

fn http() -> HttpAsk {
    HttpAsk {
        method: "POST".to_owned(),
        url: "http://sim.invalid/".to_owned(),
        headers: BTreeMap::new(),
        json: None,
        secrets: BTreeMap::new(),
        said: BTreeMap::new(),
        pointer: None,
        expect: Some(Expect { status: 200, json: BTreeMap::new() }),
        timeout: Duration::from_secs(5),
    }
}
