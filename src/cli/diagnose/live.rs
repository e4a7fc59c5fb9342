//! The questions of one rule, asked now: each answer is told as it comes. Reads only, acts on nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::cli::place::{Place, Reached, unexpected};
use crate::cli::{Exit, Trouble, answer};
use crate::config::{self, FILE, environment};
use crate::core::cause::{Verdict, judge};
use crate::core::decide::{ROUND_BUDGET, questions};
use crate::core::evidence::{Absence, Ask, Finding, Findings, Question, Reading, Value};
use crate::core::incident::{Breaker, Incident, IncidentId, Round};
use crate::core::redact::redact;
use crate::core::rule::Rule;
use crate::core::time::Timestamp;
use crate::engine::clock::Clock;
use crate::rules;
use crate::systems::Systems;
use crate::systems::secrets::Secrets;
use crate::web::socket::words::{Request, Response};

/// What was asked and what it came to.
pub(in crate::cli) struct Asked {
    pub(in crate::cli) rule: Rule,
    pub(in crate::cli) round: Round,
    pub(in crate::cli) verdict: Verdict,
}

/// One incident, of a running server or of what a stopped one left.
pub(in crate::cli) async fn incident(id: IncidentId, place: &Place) -> Result<Incident, Trouble> {
    let none = || {
        Trouble::new(Exit::No, format!("there is no incident {id}"))
            .hint("`reclose incidents --all` lists them")
    };
    match place.ask_or_open(&Request::Incident { id }).await? {
        Reached::Server(Response::Incident(incident)) => Ok(*incident),
        Reached::Server(other) => Err(unexpected(other)),
        Reached::Stopped(store, _) => {
            let found = store.incident(id).await;
            store.close().await;
            found.map_err(|error| Trouble::internal(error.to_string()))?.ok_or_else(none)
        }
    }
}

/// The rule of a breaker, from the rules folder.
pub(in crate::cli) fn rule_of(folder: &Path, breaker: &Breaker) -> Result<Rule, Trouble> {
    let set = rules::load(folder).map_err(|mistakes| {
        answer::say(&rules::render(&mistakes, false));
        Trouble::new(Exit::No, "the rules are wrong")
    })?;
    let rule = set.rule(breaker).cloned();
    rule.filter(|rule| rule.targets.contains(&breaker.target)).ok_or_else(|| {
        let what = format!("no rule `{}` with a target `{}`", breaker.rule, breaker.target);
        Trouble::new(Exit::No, what).hint("name the folder of your rules with `--rules`")
    })
}

/// Asks all questions of a rule side by side, and judges.
pub(in crate::cli) async fn ask(
    rule: Rule,
    config: Option<PathBuf>,
    opened_at: Option<Timestamp>,
) -> Result<Asked, Trouble> {
    let endpoints =
        config::endpoints(config, &environment, Path::new(FILE)).map_err(|mistakes| {
            answer::say(&rules::render(&mistakes, false));
            Trouble::new(Exit::Usage, "the configuration is wrong")
        })?;
    let systems = Systems::new(endpoints, Secrets::new(environment))
        .map_err(|error| Trouble::new(Exit::Usage, format!("{error:#}")))?;
    let clock = Clock::start(None);
    let asked_at = clock.now();
    let questions = questions(&rule);
    let mut answers: FuturesUnordered<_> =
        questions.iter().map(|question| one(&systems, &rule, question, asked_at)).collect();
    let mut findings = Findings::new();
    while let Some((name, finding)) = answers.next().await {
        answer::say(&format!("  {name}: {}\n", told(&finding)));
        findings.insert(name, finding);
    }
    drop(answers);
    let now = clock.now();
    let round =
        Round { number: 1, asked_at, questions, findings: Some(findings), answered_at: Some(now) };
    let verdict = judge(&rule, &round, opened_at.unwrap_or(now), now);
    Ok(Asked { rule, round, verdict })
}

/// A question's answer. What a server keeps of a probe is not here: the probe is run, unless it would pass the breaker.
async fn one(
    systems: &Systems,
    rule: &Rule,
    question: &Question,
    now: Timestamp,
) -> (String, Finding) {
    let mut probes = BTreeMap::new();
    if let Ask::Probe { probe } = &question.ask
        && let Some(known) = rule.probe(probe).filter(|known| !known.through_breaker)
    {
        let run = tokio::time::timeout(ROUND_BUDGET, systems.probe(&known.how, now)).await;
        if let Ok(result) = run {
            probes.insert(probe.clone(), Reading { at: now, value: Value::Probe(result) });
        }
    }
    let asked = std::slice::from_ref(question);
    let mut found = systems.ask_all(asked, &probes, now, ROUND_BUDGET).await;
    let finding = found.remove(&question.name).unwrap_or(Finding::NoData(Absence::Empty));
    (question.name.clone(), finding)
}

fn told(finding: &Finding) -> String {
    match finding {
        Finding::Value(reading) => match &reading.value {
            Value::Number(number) => format!("{number}"),
            Value::Word(word) => redact(word).into_owned(),
            Value::Series(series) => format!("{} values", series.len()),
            Value::Trend(points) => format!("{} points", points.len()),
            Value::Lines { lines, complete: true } => format!("{} lines", lines.len()),
            Value::Lines { lines, complete: false } => format!("{} lines, cut", lines.len()),
            Value::Probe(probe) if probe.healthy => "healthy".to_owned(),
            Value::Probe(probe) => format!("fails: {}", redact(&probe.detail)),
        },
        Finding::NoData(Absence::Empty) => "no data".to_owned(),
        Finding::NoData(Absence::Stale) => "too old".to_owned(),
        Finding::NoData(Absence::NotFinite) => "no number".to_owned(),
        Finding::NoData(Absence::Partial) => "only a part".to_owned(),
        Finding::Failed(failure) => format!("no answer: {}", redact(&failure.detail)),
    }
}
