//! The world as a test tells it: what it answers, and what comes of actions. What no test has said is no data.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::file::{Answer, Asked, Ending, OutcomeWord, Said, Seen};
use crate::core::action::{ActionName, Intent, Outcome, Why};
use crate::core::evidence::{
    Absence, Ask, DockerAsk, Finding, Findings, LogLine, ProbeResult, Question, Reading, Value,
};
use crate::core::rule::Rule;
use crate::core::time::{Duration, Timestamp, after, since};
use crate::engine::clock::Clock;
use crate::engine::run::World;
use crate::store::{ProbeRow, Store};
use crate::systems::stored;

/// A service in trouble writes its lines again and again.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// More of what is written again and again is not kept.
const WRITTEN_FOR: Duration = Duration::from_secs(7_200);

/// What the engine asks and acts on in a test.
pub(crate) struct Scripted {
    clock: Clock,
    store: Store,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answers: BTreeMap<Asked, Answer>,
    /// Log lines with their moments, oldest first.
    logs: BTreeMap<Asked, Vec<(Timestamp, String)>>,
    /// Since when lines are written again and again.
    since: BTreeMap<Asked, Timestamp>,
    endings: BTreeMap<ActionName, Ending>,
    begun: Vec<ActionName>,
    /// The last decision that was really carried out.
    carried_out: Option<String>,
}

impl Scripted {
    pub(crate) fn new(clock: Clock, store: Store) -> Self {
        Self { clock, store, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the world answers so.
    pub(crate) fn set(&self, answers: &[(Asked, Answer)]) {
        self.state().set(answers, self.clock.now());
    }

    pub(crate) fn ends(&self, endings: &[(ActionName, Ending)]) {
        self.state().endings.extend(endings.iter().cloned());
    }

    /// Every action that was begun, in order.
    pub(crate) fn begun(&self) -> Vec<ActionName> {
        self.state().begun.clone()
    }

    /// What a run of this probe sees now; `None`: the test has not said, so it does not answer at all.
    pub(crate) fn probe(&self, name: &str) -> Option<ProbeResult> {
        let state = self.state();
        let Some(Answer::Says { said: Said::Probe(seen), .. }) =
            state.answers.get(&Asked::Probe(name.to_owned()))
        else {
            return None;
        };
        Some(result(seen, self.clock.now()))
    }
}

fn result(seen: &Seen, now: Timestamp) -> ProbeResult {
    ProbeResult {
        healthy: seen.healthy,
        since: now,
        status: seen.status,
        retry_after: seen.retry_after,
        detail: String::new(),
        failure: seen.failure,
    }
}

impl State {
    fn set(&mut self, answers: &[(Asked, Answer)], now: Timestamp) {
        for (asked, answer) in answers {
            // What was written until now stays written.
            let until_now = self.going_on(asked, now);
            let log = self.logs.entry(asked.clone()).or_default();
            log.extend(until_now);
            self.since.remove(asked);
            match answer {
                Answer::Says { said: Said::Once(lines), age } => {
                    let at = now.checked_sub(*age).unwrap_or(now);
                    log.extend(lines.iter().map(|line| (at, line.clone())));
                }
                Answer::Says { said: Said::Lines(_), .. } => {
                    self.since.insert(asked.clone(), now);
                }
                Answer::Says { .. } | Answer::NoData(_) | Answer::Failed(_) => {}
            }
            log.sort_by_key(|(at, _)| *at);
            self.answers.insert(asked.clone(), answer.clone());
        }
    }

    /// The lines that are written again and again, from their beginning until now.
    fn going_on(&self, asked: &Asked, now: Timestamp) -> Vec<(Timestamp, String)> {
        let (Some(began), Some(Answer::Says { said: Said::Lines(lines), .. })) =
            (self.since.get(asked), self.answers.get(asked))
        else {
            return Vec::new();
        };
        let mut written = Vec::new();
        // What is older than a log is read for is not written at all.
        let old = since(now, *began).saturating_sub(WRITTEN_FOR);
        let skipped = u32::try_from(old.as_secs() / WRITTEN_EVERY.as_secs()).unwrap_or(u32::MAX);
        let mut at = after(*began, WRITTEN_EVERY.saturating_mul(skipped));
        while at <= now {
            written.extend(lines.iter().map(|line| (at, line.clone())));
            at = after(at, WRITTEN_EVERY);
        }
        written
    }

    fn answer(&self, question: &Question, now: Timestamp) -> Finding {
        let asked = Asked::Question(question.name.clone());
        let (said, age) = match self.answers.get(&asked) {
            None => return Finding::NoData(Absence::Empty),
            Some(Answer::NoData(absence)) => return Finding::NoData(*absence),
            Some(Answer::Failed(kind)) => return Finding::failed(*kind, "as the test says"),
            Some(Answer::Says { said, age }) => (said, *age),
        };
        if let Said::Lines(_) | Said::Once(_) = said {
            return self.lines(&asked, question, now);
        }
        // Whatever is asked: an older sample is none.
        if age > question.max_age {
            return Finding::NoData(Absence::Stale);
        }
        let at = now.checked_sub(age).unwrap_or(now);
        let value = match said {
            Said::Number(number) => Value::Number(*number),
            Said::Word(word) => Value::Word(word.clone()),
            Said::Series(series) => Value::Series(series.iter().cloned().collect()),
            Said::Trend(points) => Value::Trend(spread(points, &question.ask, at)),
            Said::Lines(_) | Said::Once(_) => return Finding::NoData(Absence::Empty),
            Said::Probe(seen) => Value::Probe(result(seen, at)),
        };
        Finding::Value(Reading { at, value })
    }

    /// The lines that lie within the time, and the number, that the question asks for.
    fn lines(&self, asked: &Asked, question: &Question, now: Timestamp) -> Finding {
        let mut log = self.logs.get(asked).cloned().unwrap_or_default();
        log.extend(self.going_on(asked, now));
        log.sort_by_key(|(at, _)| *at);
        let (last, most) = match &question.ask {
            Ask::Loki { last, limit, .. } | Ask::Elasticsearch { last, limit, .. } => {
                (*last, *limit)
            }
            Ask::LogFile { last_lines, last, .. } => (last.unwrap_or(Duration::MAX), *last_lines),
            Ask::Events(events) => (Duration::MAX, events.limit),
            Ask::Aws { ask, .. } => ask.lines().unwrap_or((Duration::MAX, u32::MAX)),
            Ask::Azure(ask) => ask.lines().unwrap_or((Duration::MAX, u32::MAX)),
            Ask::Docker(DockerAsk::Logs { last, limit, .. }) => (*last, *limit),
            Ask::Prometheus { .. }
            | Ask::PrometheusRange { .. }
            | Ask::Scrape { .. }
            | Ask::Http(_)
            | Ask::Redis { .. }
            | Ask::Sqlite { .. }
            | Ask::Postgres { .. }
            | Ask::Docker(_)
            | Ask::Probe { .. } => (Duration::MAX, u32::MAX),
        };
        let within = log.into_iter().filter(|(at, _)| since(now, *at) <= last);
        let lines: Vec<LogLine> = within.map(|(at, text)| LogLine { at: Some(at), text }).collect();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let complete = lines.len() <= most;
        let skip = lines.len().saturating_sub(most);
        let lines: Vec<LogLine> = lines.into_iter().skip(skip).collect();
        if lines.is_empty() {
            return Finding::NoData(Absence::Empty);
        }
        Finding::Value(Reading { at: now, value: Value::Lines { lines, complete } })
    }

    fn carry_out(&mut self, intent: &Intent, then: &[(Asked, Answer)], now: Timestamp) {
        self.carried_out = Some(intent.key.0.clone());
        self.set(then, now);
    }
}

/// The points of a trend, evenly over the time that the question looks back, the last one at `end`.
fn spread(points: &[f64], ask: &Ask, end: Timestamp) -> Vec<(Timestamp, f64)> {
    let last = match ask {
        Ask::PrometheusRange { last, .. } => *last,
        Ask::Aws { ask, .. } => ask.trend().map_or(Duration::ZERO, |(last, _)| last),
        Ask::Prometheus { .. }
        | Ask::Scrape { .. }
        | Ask::Http(_)
        | Ask::Redis { .. }
        | Ask::Sqlite { .. }
        | Ask::Postgres { .. }
        | Ask::Loki { .. }
        | Ask::LogFile { .. }
        | Ask::Elasticsearch { .. }
        | Ask::Events(_)
        | Ask::Azure(_)
        | Ask::Docker(_)
        | Ask::Probe { .. } => Duration::ZERO,
    };
    let gaps = u32::try_from(points.len().saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    let begin = end.checked_sub(last).unwrap_or(end);
    let at = |index: u32| after(begin, last.saturating_mul(index) / gaps);
    (0..).zip(points).map(|(index, value)| (at(index), *value)).collect()
}

impl World for Scripted {
    async fn ask(&self, rule: &Rule, questions: &[Question]) -> Findings {
        let rows = self.store.probes().await.unwrap_or_default();
        let rows: BTreeMap<String, ProbeRow> = rows
            .into_iter()
            .filter(|row| row.rule == rule.name)
            .map(|row| (row.probe.clone(), row))
            .collect();
        let now = self.clock.now();
        let state = self.state();
        let found = |question: &Question| match &question.ask {
            Ask::Probe { probe } => {
                let last = rows.get(probe).and_then(|row| row.last.as_ref());
                stored(last, (now, question.max_age))
            }
            Ask::Prometheus { .. }
            | Ask::PrometheusRange { .. }
            | Ask::Scrape { .. }
            | Ask::Http(_)
            | Ask::Redis { .. }
            | Ask::Sqlite { .. }
            | Ask::Postgres { .. }
            | Ask::Loki { .. }
            | Ask::LogFile { .. }
            | Ask::Elasticsearch { .. }
            | Ask::Events(_)
            | Ask::Aws { .. }
            | Ask::Azure(_)
            | Ask::Docker(_) => state.answer(question, now),
        };
        questions.iter().map(|question| (question.name.clone(), found(question))).collect()
    }

    async fn act(&self, intent: &Intent, _: Duration) -> Outcome {
        let now = self.clock.now();
        let mut state = self.state();
        state.begun.push(intent.action.name.clone());
        let Some(ending) = state.endings.get(&intent.action.name).cloned() else {
            state.carry_out(intent, &[], now);
            return Outcome::Done;
        };
        match ending.outcome {
            OutcomeWord::Done => {
                state.carry_out(intent, &ending.then, now);
                Outcome::Done
            }
            OutcomeWord::NotDone => Outcome::NotDone(Why("refused, as the test says".to_owned())),
            OutcomeWord::Unknown => {
                state.set(&ending.then, now);
                if ending.proof {
                    state.carried_out = Some(intent.key.0.clone());
                }
                Outcome::Unknown(Why("no answer, as the test says".to_owned()))
            }
        }
    }

    async fn look(&self, intent: &Intent) -> Outcome {
        if self.state().carried_out.as_ref() == Some(&intent.key.0) {
            Outcome::Done
        } else {
            Outcome::Unknown(Why("no proof, as the test says".to_owned()))
        }
    }
}
