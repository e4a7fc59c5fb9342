//! What the configured Prometheus says to the questions of a rule set. Asks, and changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};

use crate::cli::{Exit, Trouble, answer};
use crate::config::{self, FILE, environment};
use crate::core::decide::ROUND_BUDGET;
use crate::core::evidence::{Absence, Ask, FailureKind, Finding, Question, STATE, Value};
use crate::core::time::{Duration, since};
use crate::engine::clock::Clock;
use crate::rules::{self, Located, Mistake, span};
use crate::systems::secrets::Secrets;
use crate::systems::{Endpoints, Systems};

/// Side by side: more would be a load, not a look.
const AT_ONCE: usize = 8;
/// Older than any sample: staleness is judged here, so that the age can be told.
const ANY_AGE: Duration = Duration::from_hours(24 * 365);

/// What a question came to.
pub(super) enum Said {
    Well(Mistake),
    Wrong(Mistake),
}

/// The systems of the configuration file; a configuration without Prometheus cannot be asked.
pub(super) fn systems(config: Option<PathBuf>) -> Result<Systems, Trouble> {
    let endpoints = config::endpoints(config, &environment, Path::new(FILE));
    let endpoints = endpoints.map_err(|mistakes| {
        answer::say(&rules::render(&mistakes, false));
        Trouble::new(Exit::Usage, "the configuration is wrong")
    })?;
    if endpoints.prometheus.is_none() {
        return Err(Trouble::new(Exit::Usage, "no Prometheus is configured").hint(
            "name it in reclose.yaml, `prometheus: { url: … }`, or the file with `--config`",
        ));
    }
    let endpoints = Endpoints { prometheus: endpoints.prometheus, ..Endpoints::default() };
    Systems::new(endpoints, Secrets::new(environment))
        .map_err(|error| Trouble::new(Exit::Usage, format!("{error:#}")))
}

pub(super) async fn ask(systems: &Systems, questions: Vec<Located>) -> Vec<Said> {
    let clock = Clock::start(None);
    let asked = questions.into_iter().map(|located| {
        let clock = clock.clone();
        async move {
            let now = clock.now();
            let question = Question { max_age: ANY_AGE, ..located.question.clone() };
            let questions = [question];
            let probes = BTreeMap::new();
            let mut found = systems.ask_all(&questions, &probes, now, ROUND_BUDGET).await;
            let finding = found.remove(&located.question.name);
            let age = finding.as_ref().and_then(Finding::reading).map(|found| since(now, found.at));
            said(&located, finding.as_ref(), age)
        }
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

fn said(located: &Located, finding: Option<&Finding>, age: Option<Duration>) -> Said {
    let whom = match &located.target {
        Some(target) => format!("`{}` of {target}", located.question.name),
        None => format!("`{}`", located.question.name),
    };
    let at = |message: String| Mistake::error(&located.source, located.at.clone(), message);
    let most = located.question.max_age;
    match (finding, age) {
        (Some(Finding::Value(_)), Some(age)) if age > most => Said::Wrong(
            at(format!("the samples of {whom} are {} old, more than {}", whole(age), span(most)))
                .hint("they count as none: is the target scraped? else raise `max_age`")
                .warning(),
        ),
        (Some(Finding::Value(reading)), Some(age)) => {
            let timeless = matches!(&located.question.ask, Ask::Prometheus { age_query: None, .. });
            let timed = if timeless {
                "it reads no samples".to_owned()
            } else {
                format!("samples {} old, at most {}", whole(age), span(most))
            };
            Said::Well(at(format!("{whom} answers: {}; {timed}", value(&reading.value))))
        }
        (Some(Finding::NoData(absence)), _) => {
            let why = match absence {
                Absence::Empty => "has no answer now",
                Absence::Stale => "has samples whose age cannot be told",
                Absence::NotFinite => "answers with no number",
                Absence::Partial => "is answered in part",
            };
            let hint = if located.question.name == STATE {
                "the breaker's state is unknown, and unknown never acts"
            } else {
                "no data is never zero: fine for what is counted only from the first failure on"
            };
            Said::Wrong(at(format!("{whom} {why}")).hint(hint).warning())
        }
        (Some(Finding::Failed(failure)), _) => {
            let hint = match failure.kind {
                FailureKind::BadQuestion | FailureKind::Malformed => {
                    "try it on Prometheus' own page"
                }
                FailureKind::Unauthorized => "look at the credentials under `prometheus`",
                FailureKind::Timeout
                | FailureKind::Unreachable
                | FailureKind::ServerError
                | FailureKind::NotConfigured
                | FailureKind::Lost => "look at `prometheus: { url: … }` and whether it is up",
            };
            Said::Wrong(at(format!("{whom} cannot be asked: {}", failure.detail)).hint(hint))
        }
        (Some(Finding::Value(_)) | None, _) => Said::Wrong(at(format!("{whom} was not asked"))),
    }
}

/// Ages are told in whole seconds.
fn whole(age: Duration) -> String {
    span(Duration::from_secs(age.as_secs()))
}

fn value(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{number}"),
        Value::Word(word) => word.clone(),
        Value::Series(series) => format!("{} series", series.len()),
        Value::Trend(points) => format!("{} points", points.len()),
        Value::Lines { lines, .. } => format!("{} lines", lines.len()),
        Value::Probe(_) => "a result".to_owned(),
    }
}
