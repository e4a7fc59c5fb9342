//! What the core does with one cause and one state: an incident made up, and `decide` asked until nothing new comes.
//!
//! Never describes a decision by other means: every step below is read off what `decide` gave.

use crate::core::audit::AuditEntry;
use crate::core::cause::{Class, Lasting, Verdict};
use crate::core::decide::{Decision, Reason, decide};
use crate::core::effect::Effect;
use crate::core::evidence::{
    Absence, Ask, Finding, Findings, ProbeResult, Question, Reading, STATE, Value,
};
use crate::core::fleet::Fleet;
use crate::core::guard::{Answer, Guard};
use crate::core::incident::{Breaker, Incident, IncidentId, News, Phase, Placement, WaitReason};
use crate::core::rule::{BreakerState, Mode, Rule, Rung, Target, VerifySignal};
use crate::core::time::{Duration, Timestamp, after, since};

/// What the made-up other side asks for, where it limits the rate.
pub(super) const RETRY_AFTER: Duration = Duration::from_mins(10);
/// A walk that is not over after so many decisions goes round in circles.
const DECISIONS_MOST: usize = 2_000;
/// The moment at which every walk begins: any will do.
const START_SECOND: i64 = 1_767_225_600;

/// One thing that happens on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// No state or no cause: it looks again, a few times.
    LooksAgain,
    Waits {
        why: WaitReason,
        span: Duration,
    },
    /// Done without asking anybody.
    Acts {
        action: String,
    },
    /// Offered to a person.
    NeedsLeave {
        action: String,
        whom: String,
    },
    /// The mode forbids it: only told.
    Told {
        action: String,
    },
    Asks {
        text: String,
    },
    Calls {
        why: String,
    },
    /// Closed: watched until it has held.
    Verifies,
}

/// One path, with the time from the opening of the incident to each step.
pub(super) type Path = Vec<(Duration, Step)>;

/// The path of an incident whose breaker stays in `state`; `None`: no word of this rule means that state.
pub(super) fn walk(
    rule: &Rule,
    target: &Target,
    (class, state): (Class, BreakerState),
    gone: bool,
) -> Option<Path> {
    let start = Timestamp::from_second(START_SECOND).ok()?;
    let word = rule.state.means.iter().find(|(_, meaning)| **meaning == state);
    let word = word.map(|(word, _)| word.clone());
    if word.is_none() && state != BreakerState::Unknown {
        return None;
    }
    let fleet = fleet(target);
    let mut incident = opened(rule, target, class, start);
    let (mut path, mut now) = (Path::new(), start);
    for _ in 0..DECISIONS_MOST {
        let decision = decide(&incident, rule, &fleet, now);
        note(&mut path, &incident, &decision, since(now, start), now);
        incident = decision.incident.clone();
        if over(&path) {
            return Some(path);
        }
        let asked = decision.effects.iter().find_map(|effect| match effect {
            Effect::Query { round, questions, .. } => Some((*round, questions.clone())),
            Effect::Do(_) | Effect::Look(_) | Effect::Tell(_) | Effect::Page(_) => None,
        });
        match (asked, decision.wake) {
            (Some((round, questions)), _) => {
                let findings = findings(rule, &questions, word.as_deref(), gone, now);
                incident.learn(&News::Findings { round, findings }, now);
            }
            (None, Some(wake)) => now = wake.max(now),
            (None, None) => return Some(path),
        }
    }
    Some(path)
}

fn fleet(target: &Target) -> Fleet {
    // The owners' word, and nothing else open or under way.
    Fleet {
        epoch: "explain".to_owned(),
        target: Some(target.clone()),
        inventory: 1,
        brake_percent: 100,
        open_count: 1,
        ..Fleet::default()
    }
}

/// An incident of this rule whose cause is known already.
fn opened(rule: &Rule, target: &Target, class: Class, now: Timestamp) -> Incident {
    let breaker = Breaker { rule: rule.name.clone(), target: target.name.clone() };
    let placement = Placement { breaker, unknown_target: false };
    let mut incident = Incident::open(IncidentId(1), &placement, &rule.revision, now);
    // A round that names no cause keeps the one that is known: see `take_verdict`.
    if class != Class::Unknown {
        incident.verdict = Some(Verdict {
            class,
            confidence: 1.0,
            because: Vec::new(),
            runner_up: None,
            lasting: Lasting::Unknown,
            retry_at: (class == Class::RateLimited).then(|| after(now, RETRY_AFTER)),
            quota: false,
            told_wait: None,
            reach: crate::core::cause::Reach::default(),
            against: Vec::new(),
            missing: Vec::new(),
        });
    }
    incident
}

/// Answers that say the state, and whether the upstream is well; nothing of the cause.
fn findings(
    rule: &Rule,
    questions: &[Question],
    word: Option<&str>,
    gone: bool,
    now: Timestamp,
) -> Findings {
    let reading = |value| Finding::Value(Reading { at: now, value });
    let answer = |question: &Question| match (&question.ask, word) {
        (_, Some(word)) if question.name == STATE => reading(match word.parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Word(word.to_owned()),
        }),
        (Ask::Probe { probe }, _) => {
            let hold = rule.probe(probe).map_or(Duration::ZERO, |probe| probe.hold);
            reading(Value::Probe(ProbeResult {
                healthy: gone,
                since: before(now, hold.saturating_add(Duration::from_secs(1))),
                status: None,
                retry_after: None,
                detail: String::new(),
                failure: None,
            }))
        }
        _ if gone => within_limits(rule, &question.name, now)
            .map_or(Finding::NoData(Absence::Empty), reading),
        _ => Finding::NoData(Absence::Empty),
    };
    questions.iter().map(|question| (question.name.clone(), answer(question))).collect()
}

/// What a checklist wants to see under this name.
fn within_limits(rule: &Rule, name: &str, now: Timestamp) -> Option<Value> {
    rule.rungs().flat_map(Rung::checklist).find_map(|signal| match signal {
        VerifySignal::AtMost { name: of, limit } | VerifySignal::AtLeast { name: of, limit }
            if of == name =>
        {
            Some(Value::Number(*limit))
        }
        VerifySignal::Falling(of) | VerifySignal::NotRising(of) if of == name => {
            let point = |ago, value| (before(now, Duration::from_secs(ago)), value);
            Some(Value::Trend(vec![point(20, 2.0), point(10, 1.0), point(0, 0.0)]))
        }
        VerifySignal::State(_)
        | VerifySignal::AlertResolved
        | VerifySignal::Healthy(_)
        | VerifySignal::Falling(_)
        | VerifySignal::NotRising(_)
        | VerifySignal::AtMost { .. }
        | VerifySignal::AtLeast { .. } => None,
    })
}

fn before(moment: Timestamp, span: Duration) -> Timestamp {
    let second = moment.as_second().saturating_sub(i64::try_from(span.as_secs()).unwrap_or(0));
    Timestamp::from_second(second).unwrap_or(moment)
}

/// Reads off a decision what it brought.
fn note(path: &mut Path, was: &Incident, decision: &Decision, at: Duration, now: Timestamp) {
    let mut add = |step: Step| {
        if path.last().is_none_or(|(_, last)| !same(last, &step)) {
            path.push((at, step));
        }
    };
    let has = |reason| decision.because.contains(&reason);
    if has(Reason::ModeForbids) {
        for action in decision.audit.iter().filter_map(forbidden) {
            add(Step::Told { action });
        }
    }
    if let Some(action) = decision.effects.iter().find_map(|effect| match effect {
        Effect::Do(intent) => Some(intent.action.name.clone()),
        Effect::Query { .. } | Effect::Look(_) | Effect::Tell(_) | Effect::Page(_) => None,
    }) {
        add(Step::Acts { action });
    }
    let is = &decision.incident;
    match &is.phase {
        Phase::Waiting { why: WaitReason::Person, .. } => {
            add(Step::Asks { text: is.asked.clone().unwrap_or_default() });
        }
        Phase::Waiting { until, why } => add(Step::Waits { why: *why, span: since(*until, now) }),
        Phase::Verifying { .. } => add(Step::Verifies),
        Phase::Watching if is.read_round > was.read_round => add(Step::LooksAgain),
        Phase::Escalated { .. } => {
            let why = is.needs_person.last().cloned().unwrap_or_default();
            let leave = has(Reason::NeedsApproval);
            let leave = decision.audit.iter().filter(|_| leave).find_map(needs_leave);
            add(match leave {
                Some((action, whom)) => Step::NeedsLeave { action, whom },
                None if has(Reason::PersonAsked) => Step::Asks { text: why },
                None => Step::Calls { why },
            });
        }
        Phase::Watching | Phase::Acting { .. } | Phase::Looking { .. } | Phase::Recovered => {}
    }
}

/// One wait that is told again as it shrinks is the same wait.
fn same(last: &Step, next: &Step) -> bool {
    match (last, next) {
        (Step::Waits { why, .. }, Step::Waits { why: next, .. }) => why == next,
        _ => last == next,
    }
}

fn over(path: &Path) -> bool {
    path.last().is_some_and(|(_, step)| match step {
        Step::Acts { .. }
        | Step::NeedsLeave { .. }
        | Step::Asks { .. }
        | Step::Calls { .. }
        | Step::Verifies => true,
        Step::LooksAgain | Step::Waits { .. } | Step::Told { .. } => false,
    })
}

/// The action that the mode forbade.
fn forbidden(entry: &AuditEntry) -> Option<String> {
    refusal(entry, |answer| matches!(answer, Answer::Refuse { .. }).then_some(()))
        .map(|(action, ())| action)
}

/// The action that waits for somebody's word.
fn needs_leave(entry: &AuditEntry) -> Option<(String, String)> {
    refusal(entry, |answer| match answer {
        Answer::NeedsApproval { whom } => Some(whom.clone()),
        Answer::Allow | Answer::Refuse { .. } => None,
    })
}

fn refusal<T>(entry: &AuditEntry, of: impl Fn(&Answer) -> Option<T>) -> Option<(String, T)> {
    let AuditEntry::Refused { action, guards, .. } = entry else { return None };
    let mode = guards.iter().find(|verdict| verdict.guard == Guard::Mode)?;
    Some((action.clone(), of(&mode.answer)?))
}

/// The mode in which the rule acts on this target.
pub(super) fn mode(rule: &Rule, target: &Target) -> Mode {
    crate::core::guard::mode(rule, &fleet(target))
}
