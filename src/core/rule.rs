//! The checked rule that sets the thresholds of ③–⑧. Built only by `rules`, which refuses what is not sound.

mod escalation;
mod matching;
mod probe;
mod remedy;

pub use escalation::{Contact, EscalateWhen, EscalationRule};
pub use matching::{AlertMatch, OneOf, Wanted};
pub use probe::{ProbeRule, Probing, REACH_WITHIN, Schedule};
pub use remedy::{Rung, VerifyRule, VerifySignal, Wait};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::action::{Action, ActionName};
use super::alert::{Alert, Labels};
use super::cause::{Cause, Class};
use super::classify::{Lines, PatternError, Patterns};
use super::evidence::{Ask, Finding, QuestionName, Value};
use super::incident::{Breaker, Placement, printable};
use super::planted::{Bug, Bugs};
use super::time::{Duration, Timestamp, since};

/// A probe's result older than this says nothing about now.
pub const PROBE_AGE: Duration = Duration::from_secs(600);

pub type RuleName = String;
pub type TargetName = String;

/// How far automation may go: set by the rule, bounded by the target's ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Observe,
    Suggest,
    Approve,
    Auto,
}

/// How a breaker behaves when nobody helps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerKind {
    /// Recovers when time passes.
    #[serde(rename = "self")]
    SelfHealing,
    /// Recovers only when it is called.
    Lazy,
    /// Only a person or an action closes it.
    Manual,
    /// Opens and closes with load: nothing to reset.
    Capacity,
}

/// A breaker's state in the vocabulary of this project; each rule maps its system's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Traffic flows.
    Closed,
    /// Blocked.
    Open,
    /// Testing.
    HalfOpen,
    /// Closed, but limited.
    Quiet,
    /// Opened or switched off by a person: never touched by automation.
    Held,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub name: RuleName,
    /// Hash of rule, pack and targets entry: a running incident keeps the one it started with.
    pub revision: String,
    pub summary: String,
    pub runbook: Option<String>,
    pub channel: Option<String>,
    pub mode: Mode,
    /// From the inventory; never empty.
    pub targets: Vec<TargetName>,
    /// What the owners allowed when this revision was read: raising it later is for new incidents.
    #[serde(default)]
    pub ceilings: BTreeMap<TargetName, Mode>,
    /// Which alert label selects the target; `None`: the only one.
    pub target_from: Option<String>,
    pub matchers: Vec<AlertMatch>,
    /// Open for so long before anything is done.
    pub act_after: Duration,
    pub state: StateRule,
    pub kind: BreakerKind,
    pub recovery: Recovery,
    pub evidence: Vec<EvidenceRule>,
    pub cause_patterns: Vec<CausePattern>,
    /// What HTTP statuses mean at this upstream, before the built-in table.
    #[serde(default)]
    pub cause_statuses: BTreeMap<u16, Cause>,
    /// The patterns for log lines that its rules folder adds to the built-in ones.
    #[serde(default)]
    pub lines: Lines,
    /// What to do about a cause, in a sentence for people.
    #[serde(default)]
    pub advice: BTreeMap<Class, String>,
    pub ladder: BTreeMap<Class, Vec<Rung>>,
    pub otherwise: Vec<Rung>,
    pub actions: BTreeMap<ActionName, Action>,
    pub verify: VerifyRule,
    pub escalate: Vec<EscalationRule>,
    pub probes: Vec<ProbeRule>,
    /// For Prometheus, beside the one that says that the breaker is open: never asked by reclose itself.
    #[serde(default)]
    pub alerts: Vec<AlertRule>,
    /// A status line at least this often while the incident is open.
    pub updates_every: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRule {
    pub ask: Ask,
    pub max_age: Duration,
    /// The system's words (numbers as decimal text: `0`, `0.5`) → ours. A word not listed is Unknown.
    pub means: BTreeMap<String, BreakerState>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub half_open_after: Option<Duration>,
    /// Recovers only while no call is made: probes through the breaker pause.
    pub needs_idle: bool,
}

/// What a piece of evidence says about the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A series by HTTP status (or a single status): each counts for its cause.
    Statuses,
    /// Log lines to classify.
    Errors,
    /// The upstream, asked without passing the breaker.
    Upstream,
    /// A quantity for verification only: no vote on the cause.
    Quantity,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRule {
    pub name: QuestionName,
    pub meaning: Meaning,
    pub ask: Ask,
    pub max_age: Duration,
}

/// What the built-in patterns cannot know: a log line that matches names this cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CausePattern {
    pub cause: Cause,
    /// A regular expression of the `regex` crate, checked when the rule was loaded.
    pub log: String,
}

/// An alert that a rule wants of Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    pub name: String,
    pub expr: String,
    /// True for so long before it fires.
    pub lasts: Duration,
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
}

/// The owners' word on a target: the most that may be done to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub name: TargetName,
    pub ceiling: Mode,
    /// Failure domain: budgets and the correlated-failure brake count by it; default the target's own name.
    pub group: String,
    pub env: Option<String>,
    pub owner: Option<String>,
    /// Never acted on, whatever a rule says (G3, G10).
    pub protect: bool,
}

/// Where a rule has from what it does not say itself, and what people get wrong about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedPack {
    pub name: String,
    pub traps: Vec<String>,
}

/// All rules and the owners' inventory, active whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleSet {
    pub rules: BTreeMap<RuleName, Rule>,
    /// Of rules with placeholders: the rule as each of its targets fills it in. See `rule`.
    #[serde(default)]
    pub filled: BTreeMap<RuleName, BTreeMap<TargetName, Rule>>,
    /// Rules that the set has no more, of incidents that are not over: what their alerts and probes say still reaches
    /// those incidents. Nothing new opens by them.
    #[serde(default)]
    pub retired: Vec<Rule>,
    pub targets: BTreeMap<TargetName, Target>,
    /// The pack that a rule uses, for people.
    #[serde(default)]
    pub packs: BTreeMap<RuleName, UsedPack>,
    /// G2: the share of the inventory (percent, 5–40) that may be open before the brake.
    pub brake_percent: u32,
    /// Hash of everything read.
    pub revision: String,
}

/// Behind the revision of a set whose owners allow less than when it was read.
const LOWERED: &str = "-lowered";

impl Rule {
    /// What reads its log lines and statuses: the built-in patterns, its folder's and its own. Compiled once.
    pub fn patterns(&self) -> Result<Arc<Patterns>, PatternError> {
        self.lines.patterns(&self.cause_patterns, &self.cause_statuses)
    }

    pub fn matches(&self, alert: &Alert) -> bool {
        self.matchers.iter().any(|matcher| matcher.matches(alert))
    }

    /// The ceiling of a target as this revision knows it. One that it does not name may only be observed.
    pub fn ceiling_of(&self, target: &str) -> Mode {
        self.ceilings.get(target).copied().unwrap_or_default()
    }

    pub fn ladder_of(&self, class: Class) -> &[Rung] {
        self.ladder.get(&class).unwrap_or(&self.otherwise)
    }

    pub fn probe(&self, name: &str) -> Option<&ProbeRule> {
        self.probes.iter().find(|probe| probe.name == name)
    }

    pub fn advice_on(&self, class: Class) -> Option<String> {
        self.advice.get(&class).cloned()
    }

    /// The probe behind a name: that of the evidence, or the probe itself; and how old its result may be.
    pub fn probe_behind(&self, name: &str) -> Option<(&ProbeRule, Duration)> {
        let evidence = self.evidence.iter().find(|evidence| evidence.name == name);
        match evidence.map(|evidence| (&evidence.ask, evidence.max_age)) {
            Some((Ask::Probe { probe }, max_age)) => Some((self.probe(probe)?, max_age)),
            Some(_) => None,
            None => Some((self.probe(name)?, PROBE_AGE)),
        }
    }

    /// Every rung of every ladder.
    pub fn rungs(&self) -> impl Iterator<Item = &Rung> {
        self.ladder.values().flatten().chain(&self.otherwise)
    }

    /// Every name that must be healthy somewhere: for recovery, in a checklist, after a person's work.
    pub fn healthy_names(&self) -> impl Iterator<Item = &QuestionName> {
        let signals = self.verify.all.iter().chain(self.rungs().flat_map(Rung::checklist));
        let healthy = signals.filter_map(|signal| match signal {
            VerifySignal::Healthy(name) => Some(name),
            VerifySignal::State(_)
            | VerifySignal::AlertResolved
            | VerifySignal::Falling(_)
            | VerifySignal::NotRising(_)
            | VerifySignal::AtMost { .. }
            | VerifySignal::AtLeast { .. } => None,
        });
        healthy.chain(self.rungs().flat_map(Rung::until))
    }
}

impl Mode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }
}

impl BreakerState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Quiet => "quiet",
            Self::Held => "held",
            Self::Unknown => "unknown",
        }
    }
}

impl RuleSet {
    /// The rule of a breaker, with its target's own values filled in.
    ///
    /// For a target outside the inventory placeholders stay as they are: such questions have no answer.
    pub fn rule(&self, breaker: &Breaker) -> Option<&Rule> {
        let filled = self.filled.get(&breaker.rule).and_then(|of| of.get(&breaker.target));
        filled.or_else(|| self.rules.get(&breaker.rule))
    }

    /// Every rule that an incident may be decided by.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values().chain(self.filled.values().flat_map(BTreeMap::values))
    }

    /// Every rule in the form in which it asks and probes: as its targets fill it in, or as it is.
    pub fn askable(&self) -> impl Iterator<Item = &Rule> {
        let plain = self.rules.iter().filter(|(name, _)| !self.filled.contains_key(*name));
        plain.map(|(_, rule)| rule).chain(self.filled.values().flat_map(BTreeMap::values))
    }

    /// The same set, with as little allowed as `inventory` says, and no more than it allows itself: a target that is not
    /// there any more may only be observed. `None`: nothing is lower.
    pub fn lowered_to(&self, inventory: &BTreeMap<TargetName, Target>) -> Option<Self> {
        let lower = |(name, target): (&TargetName, &Target)| {
            let (ceiling, protect) = inventory
                .get(name)
                .map_or((Mode::Observe, false), |owners| (owners.ceiling, owners.protect));
            let ceiling = target.ceiling.min(ceiling);
            let protect = target.protect || protect;
            (name.clone(), Target { ceiling, protect, ..target.clone() })
        };
        let targets: BTreeMap<TargetName, Target> = self.targets.iter().map(lower).collect();
        if targets == self.targets {
            return None;
        }
        let revision = match self.revision.strip_suffix(LOWERED) {
            Some(_) => self.revision.clone(),
            None => format!("{}{LOWERED}", self.revision),
        };
        Some(Self { targets, revision, ..self.clone() })
    }

    /// The breakers that an alert speaks of: one for each rule that matches it.
    pub fn place(&self, alert: &Alert) -> Vec<Placement> {
        self.rules
            .values()
            .filter(|rule| rule.matches(alert))
            .map(|rule| self.target_of(rule, alert))
            .collect()
    }

    /// The breakers that an alert speaks of by rules that the set has no more.
    pub fn place_retired(&self, alert: &Alert) -> Vec<Placement> {
        let matching = self.retired.iter().filter(|rule| rule.matches(alert));
        matching.map(|rule| self.target_of(rule, alert)).collect()
    }

    fn target_of(&self, rule: &Rule, alert: &Alert) -> Placement {
        let named = match &rule.target_from {
            Some(label) => alert.labels.get(label).cloned(),
            None => rule.targets.first().cloned(),
        };
        let known = named
            .as_ref()
            .is_some_and(|name| rule.targets.contains(name) && self.targets.contains_key(name));
        // An unknown name is shown to people, never used to select anything; absent and empty are one (empty never means all).
        let target = named
            .filter(|name| !name.is_empty())
            .map_or_else(|| "(none)".to_owned(), |name| printable(&name, 120));
        Placement { breaker: Breaker { rule: rule.name.clone(), target }, unknown_target: !known }
    }
}

impl StateRule {
    /// What a reading of the state means. Absent, stale, several at once or a word not listed: Unknown.
    pub fn read(&self, finding: &Finding, now: Timestamp, bugs: Bugs) -> BreakerState {
        let word = match finding {
            Finding::Value(reading) if since(now, reading.at) > self.max_age => {
                return BreakerState::Unknown;
            }
            Finding::Value(reading) => match &reading.value {
                Value::Number(number) => decimal(*number),
                Value::Word(word) => word.clone(),
                Value::Series(_) | Value::Trend(_) | Value::Lines { .. } | Value::Probe(_) => {
                    return BreakerState::Unknown;
                }
            },
            Finding::NoData(_) if bugs.has(Bug::NoDataIsZero) => "0".to_owned(),
            Finding::NoData(_) | Finding::Failed(_) => return BreakerState::Unknown,
        };
        self.means.get(&word).copied().unwrap_or(BreakerState::Unknown)
    }
}

/// A number as rule files write it: `1`, `0.5`.
pub fn decimal(number: f64) -> String {
    format!("{number}")
}
