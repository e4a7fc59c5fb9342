//! A test file as read: cases, their steps, and what is expected after each. Data only.

use std::ops::Range;
use std::sync::Arc;

use crate::core::action::ActionName;
use crate::core::alert::{AlertStatus, Labels};
use crate::core::cause::Class;
use crate::core::evidence::{Absence, FailureKind, QuestionName};
use crate::core::guard::Guard;
use crate::core::incident::WaitReason;
use crate::core::rule::{BreakerState, Mode, RuleName, TargetName};
use crate::core::time::{Duration, Timestamp};
use crate::rules::Source;

/// One `*.test.yaml`: the tests of one rule.
pub(crate) struct TestFile {
    pub(crate) source: Arc<Source>,
    pub(crate) rule: RuleName,
    pub(crate) cases: Vec<Case>,
    pub(crate) excuses: Vec<Excuse>,
}

/// `# survives: <change>: <reason>`: this change of the rule need not be noticed.
pub(crate) struct Excuse {
    pub(crate) change: String,
    pub(crate) reason: String,
    pub(crate) at: Range<usize>,
}

/// One life of the breaker, from a quiet moment on.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) target: TargetName,
    /// As if rule and owners allowed so much.
    pub(crate) as_if: Option<Mode>,
    pub(crate) begins: Timestamp,
    pub(crate) steps: Vec<Step>,
}

/// What becomes true, what happens, how much time passes, and what must hold then: in this order.
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) world: Vec<(Asked, Answer)>,
    pub(crate) actions: Vec<(ActionName, Ending)>,
    pub(crate) alert: Option<AlertStep>,
    pub(crate) order: Option<Order>,
    pub(crate) after: Duration,
    pub(crate) expect: Vec<Check>,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    /// A question of the rule, the breaker's state included.
    Question(QuestionName),
    /// A probe, which runs by its own schedule.
    Probe(String),
}

/// What the world answers from now on.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Says { said: Said, age: Duration },
    NoData(Absence),
    Failed(FailureKind),
}

#[derive(Clone, Debug)]
pub(crate) enum Said {
    Number(f64),
    Word(String),
    Series(Vec<(String, f64)>),
    /// Evenly spread over the time that the question looks back, the last one now.
    Trend(Vec<f64>),
    /// Written to the log now, and again and again until something else is said.
    Lines(Vec<String>),
    /// Written to the log once.
    Once(Vec<String>),
    Probe(Seen),
}

/// What each run of a probe sees.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) healthy: bool,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) failure: Option<FailureKind>,
}

/// What comes of an action when it is begun, and what is true in the world after it.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: OutcomeWord,
    /// What the target tells of an unknown outcome when it is looked at: that it was done, or nothing.
    pub(crate) proof: bool,
    pub(crate) then: Vec<(Asked, Answer)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutcomeWord {
    Done,
    NotDone,
    Unknown,
}

pub(crate) struct AlertStep {
    pub(crate) status: AlertStatus,
    pub(crate) labels: Labels,
    /// Other alerts of the group were left out by the source.
    pub(crate) truncated: bool,
}

/// What a person orders.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    PauseAll,
    ResumeAll,
    /// The target.
    Pause(Duration),
    Resume,
    Unlock,
    /// Says that somebody has the incident.
    Ack,
}

/// One thing that must hold, and its place.
pub(crate) struct Check {
    pub(crate) at: Range<usize>,
    pub(crate) wants: Wants,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wants {
    /// Since the step before the last expectation: no news, no page, no action.
    Nothing,
    Incident(IncidentWord),
    State(BreakerState),
    Cause(Class),
    Phase(PhaseWord),
    WaitsFor(WaitReason),
    /// All actions begun in this case so far, in order.
    Did(Vec<ActionName>),
    /// The guards that said no when an action was last wanted.
    Refused(Vec<Guard>),
    /// All pages since the last expectation.
    Pages(Vec<PageWanted>),
    /// Each stands somewhere in what people were told since the last expectation.
    Says(Vec<String>),
    /// None stands there.
    NeverSays(Vec<String>),
    /// Stands in the newest headline.
    Headline(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageWanted {
    pub(crate) to: Vec<String>,
    pub(crate) says: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncidentWord {
    None,
    Open,
    Reopened,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PhaseWord {
    Watching,
    Waiting,
    Acting,
    Looking,
    Verifying,
    Escalated,
    Recovered,
}

impl IncidentWord {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Open, Self::Reopened, Self::Closed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
        }
    }
}

impl PhaseWord {
    pub(crate) const ALL: [Self; 7] = [
        Self::Watching,
        Self::Waiting,
        Self::Acting,
        Self::Looking,
        Self::Verifying,
        Self::Escalated,
        Self::Recovered,
    ];

    /// The same words as the core's own.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Waiting => "waiting",
            Self::Acting => "acting",
            Self::Looking => "looking",
            Self::Verifying => "verifying",
            Self::Escalated => "escalated",
            Self::Recovered => "recovered",
        }
    }
}

/// The word of a test file for what is waited for.
pub(crate) const fn wait_word(why: WaitReason) -> &'static str {
    match why {
        WaitReason::ActAfter => "act_after",
        WaitReason::HalfOpen => "half_open",
        WaitReason::RetryAfter => "retry_after",
        WaitReason::Fixed => "time",
        WaitReason::Gone => "gone",
        WaitReason::Guard => "guard",
        WaitReason::Checklist => "checklist",
        WaitReason::Person => "person",
    }
}

pub(crate) const WAITS: [WaitReason; 8] = [
    WaitReason::ActAfter,
    WaitReason::HalfOpen,
    WaitReason::RetryAfter,
    WaitReason::Fixed,
    WaitReason::Gone,
    WaitReason::Guard,
    WaitReason::Checklist,
    WaitReason::Person,
];
