//! Questions of a rule: the breaker's state, and evidence for its cause. Never asks them.

use std::collections::BTreeMap;

use super::fill::whole;
use super::grammar;
use super::http::Purpose;
use super::promql::{Age, Check};
use super::read::{Fields, Reader};
use super::words;
use super::yaml::{Kind, Node};
use crate::core::evidence::{Ask, AwsAsk, STATE};
use crate::core::rule::{
    BreakerState, EvidenceRule, Meaning, OneOf, ProbeRule, Schedule, StateRule, Wanted,
};
use crate::core::time::Duration;
use crate::systems::scrape;

/// Older samples than this are none, unless the rule says otherwise: twice the usual scrape interval of 60 s.
const MAX_AGE: Duration = Duration::from_mins(2);
const CLOUDWATCH_LATE: Duration = Duration::from_mins(3);
const STEP: Duration = Duration::from_secs(15);
/// Points of a range: a trend needs no more, and Prometheus refuses beyond 11,000.
const POINTS_MOST: u128 = 1_000;

pub(crate) const STATES: [(&str, BreakerState); 6] = [
    ("closed", BreakerState::Closed),
    ("open", BreakerState::Open),
    ("half_open", BreakerState::HalfOpen),
    ("quiet", BreakerState::Quiet),
    ("held", BreakerState::Held),
    ("unknown", BreakerState::Unknown),
];

pub(crate) const CHECKS: [(&str, Check); 1] = [("unchecked", Check::Unchecked)];

pub(crate) const MEANINGS: [(&str, Meaning); 4] = [
    ("statuses", Meaning::Statuses),
    ("errors", Meaning::Errors),
    ("upstream", Meaning::Upstream),
    ("quantity", Meaning::Quantity),
];

impl Reader {
    pub(crate) fn breaker_state(&self, node: &Node) -> Option<BreakerState> {
        self.word(node, &STATES)
    }

    pub(crate) fn state(&self, node: &Node) -> Option<StateRule> {
        let fields = self.fields(node, &grammar::STATE)?;
        let ask = fields.choice(self).and_then(|(how, node)| self.ask(how, node, &fields));
        let max_age = self.max_age(&fields, ask.as_ref().map_or(MAX_AGE, usual_age));
        let hint = "say what the breaker's own words mean: means: { \"0\": closed, \"1\": open }";
        let means = fields.required(self, "means", hint).and_then(|node| self.means(node));
        if let Some(Ask::Http(http)) = &ask
            && http.pointer.is_none()
        {
            return self.no(
                node,
                "`pointer` is missing",
                "which value of the JSON is the state: pointer: /state",
            );
        }
        if let Some(Ask::Aws { ask, .. }) = &ask
            && !ask.number()
        {
            return self.no(node, "this is not one value", "leave `last` and `by` out");
        }
        Some(StateRule { ask: ask?, max_age: max_age?, means: means? })
    }

    fn means(&self, node: &Node) -> Option<BTreeMap<String, BreakerState>> {
        let mut means = BTreeMap::new();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            // A number is the same number however it is written: 1, 1.0, +1.
            let number =
                key.text.parse::<f64>().ok().filter(|number| key.plain && number.is_finite());
            let word = match number {
                Some(number) => Some(number.to_string()),
                None => self.key(key),
            };
            match (word, self.breaker_state(value)) {
                (Some(word), Some(state)) => {
                    if means.insert(word, state).is_some() {
                        self.fault(
                            key.at.clone(),
                            format!("`{}` stands here a second time", key.text),
                            "keep one: a number is the same word however it is written, 1 or 1.0",
                        );
                        sound = false;
                    }
                }
                (Some(_) | None, _) => sound = false,
            }
        }
        for state in [BreakerState::Open, BreakerState::Closed] {
            if sound && !means.values().any(|meaning| *meaning == state) {
                let hint = "without it the breaker can never be seen to trip and to recover";
                return self.no(node, format!("no word means `{}`", state.name()), hint);
            }
        }
        sound.then_some(means)
    }

    pub(crate) fn evidence(&self, node: &Node, probes: &[ProbeRule]) -> Option<Vec<EvidenceRule>> {
        let entries = self.map(node)?;
        let all: Vec<_> = entries
            .iter()
            .map(|(key, node)| {
                let name = self.name_key(key);
                if name.as_deref() == Some(STATE) {
                    self.fault(
                        key.at.clone(),
                        "`state` is asked by its own key",
                        "give this another name",
                    );
                    return None;
                }
                self.one_evidence(name?, node, probes)
            })
            .collect();
        all.into_iter().collect()
    }

    fn one_evidence(
        &self,
        name: String,
        node: &Node,
        probes: &[ProbeRule],
    ) -> Option<EvidenceRule> {
        let fields = self.fields(node, &grammar::EVIDENCE)?;
        let found = fields.choice(self);
        let ask = found.and_then(|(how, node)| self.ask(how, node, &fields));
        let meaning = match fields.get("as") {
            Some(node) => self.word(node, &MEANINGS),
            None => Some(
                MEANINGS
                    .iter()
                    .find(|(word, _)| *word == name)
                    .map_or(Meaning::Quantity, |(_, meaning)| *meaning),
            ),
        };
        let probe = match &ask {
            Some(Ask::Probe { probe }) => Some(probes.iter().find(|known| known.name == *probe)),
            _ => None,
        };
        let probe = match (probe, found) {
            (Some(None), Some((_, node))) => {
                let known: Vec<&str> = probes.iter().map(|probe| probe.name.as_str()).collect();
                let name = self.text(node)?;
                let message = format!("no probe of this rule is called `{name}`");
                return self.no(node, message, &alike(&name, &known));
            }
            (Some(probe), _) => probe,
            (None, _) => None,
        };
        let max_age = self.evidence_age(&fields, probe, ask.as_ref());
        let (ask, meaning) = (ask?, meaning?);
        self.fits(node, &ask, meaning)?;
        Some(EvidenceRule { name, meaning, ask, max_age: max_age? })
    }

    /// Is this kind of question able to mean that?
    fn fits(&self, node: &Node, ask: &Ask, meaning: Meaning) -> Option<()> {
        let (fits, hint) = match meaning {
            Meaning::Errors => (
                ask.gives_lines(),
                "log lines come from `loki`, `elasticsearch`, `log_file`, `events`, `cloudwatch_logs`, `azure_logs` with `line`, `azure_activity` or `docker_logs`",
            ),
            Meaning::Statuses => (
                matches!(
                    ask,
                    Ask::Prometheus { .. }
                        | Ask::Scrape { .. }
                        | Ask::Http(_)
                        | Ask::Redis { .. }
                        | Ask::Sqlite { .. }
                        | Ask::Postgres { .. }
                ) || matches!(ask, Ask::Aws { ask, .. } if ask.statuses())
                    || matches!(ask, Ask::Azure(ask) if ask.statuses()),
                "statuses come from `prometheus`, `scrape`, `http`, `redis`, `sqlite`, `postgres`, `azure_logs`, or `cloudwatch` with `by`",
            ),
            Meaning::Upstream => (
                matches!(ask, Ask::Probe { .. } | Ask::Http(_))
                    || matches!(ask, Ask::Aws { ask, .. } if ask.reach()),
                "the upstream is asked by `probe`, `http` or `s3`",
            ),
            Meaning::Quantity => (
                !ask.gives_lines(),
                "log lines are classified: add `as: errors`, or name it `errors`",
            ),
        };
        let (word, _) = MEANINGS.iter().find(|(_, known)| *known == meaning)?;
        if fits {
            Some(())
        } else {
            self.no(node, format!("this question cannot give `{word}`"), hint)
        }
    }

    fn max_age(&self, fields: &Fields<'_>, default: Duration) -> Option<Duration> {
        match fields.get("max_age") {
            Some(node) => self.duration(node),
            None => Some(default),
        }
    }

    /// A probe's result may be as old as its schedule makes it, and a run more.
    fn evidence_age(
        &self,
        fields: &Fields<'_>,
        probe: Option<&ProbeRule>,
        ask: Option<&Ask>,
    ) -> Option<Duration> {
        let Some(probe) = probe else {
            return self.max_age(fields, ask.map_or(MAX_AGE, usual_age));
        };
        match (&probe.schedule, fields.get("max_age")) {
            (Schedule::Every(every), None) => Some(MAX_AGE.max(*every * 2 + probe.how.within())),
            (Schedule::Every(every), Some(node)) => {
                let age = self.duration(node)?;
                let hint = "at least the probe's `every`, else its result is always too old";
                if age >= *every {
                    Some(age)
                } else {
                    self.no(node, "`max_age` is shorter than the probe's own interval", hint)
                }
            }
            (Schedule::Cron { .. }, Some(node)) => self.duration(node),
            (Schedule::Cron { .. }, None) => {
                let hint = "say how old a result of a probe on a cron schedule may be";
                fields.required(self, "max_age", hint).and_then(|node| self.duration(node))
            }
        }
    }

    fn ask(&self, how: &str, node: &Node, fields: &Fields<'_>) -> Option<Ask> {
        match how {
            "prometheus" => {
                let age = fields.get("age").map_or(Age::Derived, Age::Given);
                let query = self.promql(node, age, self.promql_check(fields)?)?;
                Some(Ask::Prometheus { query: query.text, age_query: query.age })
            }
            "prometheus_range" => self.range(node, self.promql_check(fields)?),
            "scrape" => self.scrape(node),
            "loki" => self.loki(node),
            "log_file" => self.log_file(node),
            "http" => self.http(node, Purpose::Question).map(Ask::Http),
            "redis" => self.redis(node),
            "sqlite" => self.sqlite(node),
            "postgres" => self.postgres(node),
            "elasticsearch" => self.elasticsearch(node),
            "events" => self.events(node).map(Ask::Events),
            "cloudwatch_logs" | "cloudwatch" | "sqs" | "ecs" | "aws_secret" | "s3" => {
                self.aws(how, node)
            }
            "key_vault" | "azure_logs" | "azure_activity" => self.azure(how, node),
            "docker_logs" => self.docker_logs(node),
            "docker_container" => self.docker_container(node),
            "probe" => self.name(node).map(|probe| Ask::Probe { probe }),
            other => self.no(node, format!("nobody knows how to ask `{other}`"), "leave it out"),
        }
    }

    pub(crate) fn promql_check(&self, fields: &Fields<'_>) -> Option<Check> {
        match fields.get("promql") {
            Some(node) => self.word(node, &CHECKS),
            None => Some(Check::Parsed),
        }
    }

    fn range(&self, node: &Node, check: Check) -> Option<Ask> {
        let fields = self.fields(node, &grammar::RANGE)?;
        let query = fields
            .required(self, "query", "the PromQL to ask")
            .and_then(|node| self.promql(node, Age::NotNeeded, check));
        let last = fields
            .required(self, "last", "how far back: last: 10m")
            .and_then(|node| self.duration(node));
        let step = match fields.get("step") {
            Some(node) => self.duration(node),
            None => Some(STEP),
        };
        let (last, step) = (last?, step?);
        if step > last || last.as_millis() / step.as_millis().max(1) > POINTS_MOST {
            return self.no(
                node,
                "`step` and `last` make too few or too many points",
                "from 1 to 1,000 steps within `last`",
            );
        }
        Some(Ask::PrometheusRange { query: query?.text, last, step })
    }

    fn scrape(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::SCRAPE)?;
        let url = fields
            .required(self, "url", "the page to read: url: http://…/metrics")
            .and_then(|node| self.url(node));
        let metric = fields
            .required(self, "metric", "the name of the metric")
            .and_then(|node| self.text_or_fill(node));
        let labels = match fields.get("labels") {
            Some(node) => self.labels(node),
            None => Some(BTreeMap::new()),
        };
        let by = match fields.get("by") {
            Some(node) => self.text(node).map(Some),
            None => Some(None),
        };
        let over = match fields.get("over") {
            Some(node) => self.over(node).map(Some),
            None => Some(None),
        };
        Some(Ask::Scrape { url: url?, metric: metric?, labels: labels?, by: by?, over: over? })
    }

    fn over(&self, node: &Node) -> Option<Duration> {
        let over = self.duration(node)?;
        if (scrape::SHORTEST_OVER..=scrape::LONGEST_OVER).contains(&over) {
            return Some(over);
        }
        self.no(
            node,
            "`over` is too short or too long",
            "from 1s to 6s: a round must end meanwhile",
        )
    }

    /// Label names and the values they must have; placeholders stand for whole values.
    fn labels(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        self.labels_by(node, |value| self.text_or_fill(value))
    }

    /// Labels of an alert. No placeholder here: alerts choose the target, not the other way round.
    pub(crate) fn alert_labels(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        self.labels_by(node, |value| self.alert_label(value))
    }

    /// Labels that an alert must have, each with its value or one of a list.
    pub(crate) fn wanted_labels(&self, node: &Node) -> Option<Wanted> {
        self.labels_by(node, |value| match &value.kind {
            Kind::List(_) => {
                let all: Vec<_> =
                    self.list(value)?.iter().map(|value| self.alert_label(value)).collect();
                let all: Vec<String> = all.into_iter().collect::<Option<_>>()?;
                for (index, text) in all.iter().enumerate() {
                    if all.iter().take(index).any(|earlier| earlier == text) {
                        return self.no(value, format!("`{text}` stands here twice"), "keep one");
                    }
                }
                Some(OneOf::Any(all))
            }
            Kind::Scalar(_) | Kind::Map(_) => self.alert_label(value).map(OneOf::Value),
        })
    }

    fn alert_label(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        match whole(&text) {
            None => Some(text),
            Some(_) => self.no(
                node,
                "no placeholder can stand here",
                "`target_from` says which label names the target",
            ),
        }
    }

    fn labels_by<T>(
        &self,
        node: &Node,
        read: impl Fn(&Node) -> Option<T>,
    ) -> Option<BTreeMap<String, T>> {
        let mut labels = BTreeMap::new();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            if let Kind::Scalar(scalar) = &value.kind
                && whole(&scalar.text).is_some_and(|name| self.left_out(name, &value.place()))
            {
                continue;
            }
            let name = self.valid(label_check(&key.text), key.text.clone(), key.at.clone());
            match (name, read(value)) {
                (Some(name), Some(value)) => drop(labels.insert(name, value)),
                (Some(_) | None, _) => sound = false,
            }
        }
        sound.then_some(labels)
    }
}

/// Points of `CloudWatch` come some minutes late, and stand at the beginning of their period.
fn usual_age(ask: &Ask) -> Duration {
    if let Ask::Aws { ask: AwsAsk::Metric(metric), .. } = ask {
        CLOUDWATCH_LATE + metric.period * 2
    } else {
        MAX_AGE
    }
}

/// Label names of Prometheus.
pub(crate) fn label_check(text: &str) -> Result<(), &'static str> {
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if text.len() <= 128 && fits { Ok(()) } else { Err("a label name: letters, digits and `_`") }
}

/// Names that are alike, for a hint.
pub(crate) fn alike(text: &str, known: &[&str]) -> String {
    words::did_you_mean(text, known).unwrap_or_else(|| match known {
        [] => "there are none".to_owned(),
        some => format!("there are: {}", some.join(", ")),
    })
}
