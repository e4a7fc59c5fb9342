//! The checked rule that sets the thresholds of ③–⑧. Built only by `rules`, which refuses what is not sound.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::action::{Action, ActionName};
use super::alert::{Alert, Labels, Source};
use super::cause::{Cause, Class};
use super::evidence::{Ask, Finding, HttpAsk, QuestionName, Value};
use super::incident::{Breaker, Placement, printable};
use super::planted::{Bug, Bugs};
use super::time::{Duration, Timestamp, since};

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

/// Any alert of this source with these labels belongs to the breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMatch {
    pub source: Source,
    pub labels: Labels,
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

/// One remedy of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    Wait(Wait),
    Do {
        action: ActionName,
        /// Only when the cause is proven gone: every `upstream` probe green for its hold. Otherwise
        /// the rule names the action as the fix of this cause, and it is never done above `approve` (G11).
        gone: bool,
        /// How long to wait for that proof before the next rung.
        within: Duration,
    },
    Ask {
        text: String,
    },
    Escalate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Until the breaker tries again by itself (`recovery.half_open_after`).
    HalfOpen,
    /// Until the moment the other side named, at least and at most so long from now.
    RetryAfter {
        at_least: Duration,
        at_most: Duration,
    },
    For(Duration),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRule {
    /// How long health must last before it counts.
    pub hold: Duration,
    /// Not healthy for so long: the next rung, or a person.
    pub within: Duration,
    /// How often to look.
    pub every: Duration,
    /// All of these, at least two, one of them not the alert.
    pub all: Vec<VerifySignal>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifySignal {
    /// The breaker's state is one of these.
    State(Vec<BreakerState>),
    /// Every alert of the incident is resolved.
    AlertResolved,
    /// The named probe or HTTP question is healthy.
    Healthy(QuestionName),
    /// The named trend goes down.
    Falling(QuestionName),
    /// The named trend does not go up.
    NotRising(QuestionName),
}
impl Eq for VerifySignal {}

/// Who is told when, if nothing helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationRule {
    pub when: EscalateWhen,
    pub to: Vec<Contact>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalateWhen {
    /// The breaker has been open for so long.
    OpenFor(Duration),
    /// So many rounds of evidence without a cause.
    UnknownCause { rounds: u32 },
    /// Reopened so often within the span.
    Reopened { times: u32, within: Duration },
    /// The ladder has ended, a person is needed, or an outcome is unknown.
    Always,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// A Slack user, user group or `@name`, mentioned in the incident's thread and channel.
    Slack(String),
}

/// A synthetic check on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRule {
    pub name: QuestionName,
    pub schedule: Schedule,
    pub http: HttpAsk,
    /// It passes the breaker: paused while the breaker needs to idle.
    pub through_breaker: bool,
    /// Green for so long before it proves anything.
    pub hold: Duration,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Every(Duration),
    /// Five or six fields, and an IANA time zone.
    Cron {
        expression: String,
        zone: String,
    },
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

impl AlertMatch {
    pub fn matches(&self, alert: &Alert) -> bool {
        // What reconciliation learned from Alertmanager speaks for the same matchers.
        (self.source == alert.key.source || alert.key.source == Source::Reconcile)
            && self.labels.iter().all(|(name, value)| alert.labels.get(name) == Some(value))
    }
}

impl Rule {
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
