//! What counts as health: for recovery, before an action, after a person's work. Never judges by missing data.

use super::ask::alike;
use super::grammar;
use super::read::Reader;
use super::words;
use super::yaml::{Kind, Node, Scalar};
use crate::core::evidence::{Ask, DockerAsk, QuestionName};
use crate::core::rule::{BreakerState, EvidenceRule, PROBE_AGE, ProbeRule, Schedule, VerifySignal};
use crate::core::time::Duration;

/// A sign of health that is a word of its own.
pub(crate) const ALONE: [(&str, VerifySignal); 1] =
    [("alert_resolved", VerifySignal::AlertResolved)];

/// What a signal may name.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) evidence: &'a [EvidenceRule],
    pub(crate) probes: &'a [ProbeRule],
}

impl<'a> Known<'a> {
    fn ask(self, name: &str) -> Option<&'a Ask> {
        self.evidence.iter().find(|known| known.name == name).map(|known| &known.ask)
    }

    fn evidence_names(self) -> Vec<&'a str> {
        self.evidence.iter().map(|known| known.name.as_str()).collect()
    }

    fn names(self) -> Vec<&'a str> {
        let probes = self.probes.iter().map(|probe| probe.name.as_str());
        self.evidence_names().into_iter().chain(probes).collect()
    }
}

impl Reader {
    /// What counts as recovered: two signals at least, of two different things.
    pub(crate) fn signals(&self, node: &Node, known: Known<'_>) -> Option<Vec<VerifySignal>> {
        let all = self.signal_list(node, known)?;
        let mut things: Vec<String> = all.iter().map(thing).collect();
        things.sort();
        things.dedup();
        if things.len() < 2 {
            let hint = "at least two signals, one of them not the alert: { state: closed }, { healthy: … }";
            return self.no(node, "one signal alone proves nothing", hint);
        }
        Some(all)
    }

    fn signal_list(&self, node: &Node, known: Known<'_>) -> Option<Vec<VerifySignal>> {
        let all: Vec<_> = self.list(node)?.iter().map(|node| self.signal(node, known)).collect();
        let all: Vec<VerifySignal> = all.into_iter().collect::<Option<_>>()?;
        let mut kinds: Vec<String> = all.iter().map(kind).collect();
        kinds.sort();
        kinds.dedup();
        if kinds.len() < all.len() {
            let hint = "two looks at one thing are one signal";
            return self.no(node, "one signal stands here twice", hint);
        }
        Some(all)
    }

    /// What must hold when an action is decided, and again when it begins.
    pub(crate) fn checklist(&self, node: &Node, known: Known<'_>) -> Option<Vec<VerifySignal>> {
        for item in self.list(node)? {
            let hint = match &item.kind {
                Kind::Scalar(_) => {
                    "it tells that the breaker is closed again: leave it to `verify`"
                }
                Kind::Map(entries) if entries.iter().any(|(key, _)| key.text == "state") => {
                    "an action is only begun while the breaker is open: leave it to `verify`"
                }
                Kind::Map(_) | Kind::List(_) => continue,
            };
            return self.no(item, "this cannot hold before the action", hint);
        }
        self.signal_list(node, known)
    }

    fn signal(&self, node: &Node, known: Known<'_>) -> Option<VerifySignal> {
        if let Kind::Scalar(_) = node.kind {
            return self.word(node, &ALONE);
        }
        match self.fields(node, &grammar::SIGNAL)?.choice(self)? {
            ("state", value) => self.wanted_states(value).map(VerifySignal::State),
            ("healthy", value) => self.healthy(value, known).map(VerifySignal::Healthy),
            ("falling", value) => {
                let name = self.name(value)?;
                self.trend(value, &name, known).map(|_| VerifySignal::Falling(name))
            }
            ("not_rising", value) => {
                let name = self.name(value)?;
                self.trend(value, &name, known).map(|_| VerifySignal::NotRising(name))
            }
            ("at_most", value) => {
                self.limit(value, known).map(|(name, limit)| VerifySignal::AtMost { name, limit })
            }
            (_, value) => {
                self.limit(value, known).map(|(name, limit)| VerifySignal::AtLeast { name, limit })
            }
        }
    }

    fn healthy(&self, node: &Node, known: Known<'_>) -> Option<QuestionName> {
        let name = self.name(node)?;
        let fits = match known.ask(&name) {
            Some(Ask::Probe { .. }) => true,
            Some(Ask::Http(http)) => http.pointer.is_none(),
            Some(Ask::Aws { ask, .. }) => ask.reach(),
            Some(_) => false,
            None => self.probe_named(node, &name, known)?,
        };
        let hint = "healthy is a probe, or an `http` question without a pointer";
        if fits { Some(name) } else { self.no(node, format!("`{name}` cannot be healthy"), hint) }
    }

    /// Probes that must have been green for their hold: one, or a list.
    pub(crate) fn held(&self, node: &Node, known: Known<'_>) -> Option<Vec<QuestionName>> {
        let one = |node: &Node| {
            let name = self.name(node)?;
            let fits = match known.ask(&name) {
                Some(ask) => matches!(ask, Ask::Probe { .. }),
                None => self.probe_named(node, &name, known)?,
            };
            let hint =
                "name a probe, or evidence that is one: only a probe is looked at often enough";
            if fits {
                Some(name)
            } else {
                self.no(node, format!("`{name}` cannot be healthy for a time"), hint)
            }
        };
        match &node.kind {
            Kind::List(_) => {
                let all: Vec<_> = self.list(node)?.iter().map(one).collect();
                all.into_iter().collect()
            }
            Kind::Scalar(_) | Kind::Map(_) => one(node).map(|name| vec![name]),
        }
    }

    /// A name that is no evidence must be a probe's.
    fn probe_named(&self, node: &Node, name: &str, known: Known<'_>) -> Option<bool> {
        let names = known.names();
        if !names.contains(&name) {
            let message = format!("no probe and no evidence is called `{name}`");
            return self.no(node, message, &alike(name, &names));
        }
        self.often_enough(node, name, known.probes).map(|()| true)
    }

    /// A probe that is no evidence is asked with the core's own age: a rarer one would always be too old.
    fn often_enough(&self, node: &Node, name: &str, probes: &[ProbeRule]) -> Option<()> {
        let rare =
            probes.iter().filter(|probe| probe.name == name).any(|probe| match &probe.schedule {
                Schedule::Every(every) => *every > PROBE_AGE / 2,
                Schedule::Cron { .. } => true,
            });
        let hint = "make it evidence with a `max_age`, and name that: up: { as: upstream, probe: …, max_age: 1h }";
        if rare {
            self.no(node, "a probe that runs this rarely is too old to show health", hint)
        } else {
            Some(())
        }
    }

    /// Evidence that is a trend: how far it looks back, and its step.
    pub(crate) fn trend(
        &self,
        node: &Node,
        name: &str,
        known: Known<'_>,
    ) -> Option<(Duration, Duration)> {
        match known.ask(name) {
            Some(Ask::PrometheusRange { last, step, .. }) => Some((*last, *step)),
            Some(Ask::Aws { ask, .. }) => {
                let hint = "say how far back: last: 10m";
                ask.trend().or_else(|| self.no(node, format!("`{name}` is no trend"), hint))
            }
            Some(_) => {
                self.no(node, format!("`{name}` is no trend"), "ask it with `prometheus_range`")
            }
            None => self.no_evidence(node, name, known),
        }
    }

    /// `{ name: 0.05 }`: evidence that is one number, and its limit.
    fn limit(&self, node: &Node, known: Known<'_>) -> Option<(QuestionName, f64)> {
        let [(key, value)] = self.map(node)? else {
            return self.no(
                node,
                "one name and its limit belong here",
                "such as { error-rate: 0.05 }",
            );
        };
        let name = self.name_key(key);
        let limit = self.number(value);
        let (name, limit) = (name?, limit?);
        let fits = match known.ask(&name) {
            Some(
                Ask::Prometheus { .. }
                | Ask::Redis { .. }
                | Ask::Sqlite { .. }
                | Ask::Postgres { .. },
            ) => true,
            Some(Ask::Docker(DockerAsk::Container { value, .. })) => !value.is_word(),
            Some(Ask::Scrape { by, .. }) => by.is_none(),
            Some(Ask::Http(http)) => http.pointer.is_some(),
            Some(Ask::Aws { ask, .. }) => ask.number(),
            Some(Ask::Azure(ask)) => ask.number(),
            Some(_) => false,
            None => return self.no_evidence(node, &name, known),
        };
        if fits {
            Some((name, limit))
        } else {
            let hint = "one number comes from `prometheus`, `scrape` without `by`, `http` with a pointer, `redis`, `sqlite`, `postgres` or a number of `docker_container`";
            self.no(node, format!("`{name}` is not one number"), hint)
        }
    }

    /// Digits, perhaps with a sign and a point.
    fn number(&self, node: &Node) -> Option<f64> {
        let text = match &node.kind {
            Kind::Scalar(Scalar { text, plain: true }) => text.as_str(),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => "",
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let written = digits.chars().all(|c| c.is_ascii_digit() || c == '.')
            && digits.starts_with(|c: char| c.is_ascii_digit());
        let number = text.parse().ok().filter(|number: &f64| written && number.is_finite());
        number.or_else(|| {
            let shown = match &node.kind {
                Kind::Scalar(scalar) => words::short(&scalar.text),
                Kind::List(_) | Kind::Map(_) => "this".to_owned(),
            };
            let quoted = matches!(&node.kind, Kind::Scalar(scalar) if !scalar.plain);
            self.no(
                node,
                format!("`{shown}` is not a number that fits here"),
                if quoted { "a number stands without quotes" } else { "such as 0.05, 3 or -1" },
            )
        })
    }

    fn no_evidence<T>(&self, node: &Node, name: &str, known: Known<'_>) -> Option<T> {
        let hint = alike(name, &known.evidence_names());
        self.no(node, format!("no evidence is called `{name}`"), &hint)
    }

    fn wanted_states(&self, node: &Node) -> Option<Vec<BreakerState>> {
        let states = match &node.kind {
            Kind::List(_) => {
                let all: Vec<_> =
                    self.list(node)?.iter().map(|node| self.breaker_state(node)).collect();
                all.into_iter().collect::<Option<Vec<_>>>()?
            }
            Kind::Scalar(_) | Kind::Map(_) => vec![self.breaker_state(node)?],
        };
        let wrong = [BreakerState::Open, BreakerState::Unknown, BreakerState::Held];
        if let Some(state) = states.iter().find(|state| wrong.contains(state)) {
            let message = format!("a breaker that is {} has not recovered", state.name());
            return self.no(node, message, "closed, half_open or quiet");
        }
        Some(states)
    }
}

/// What a signal looks at, and how: no two of one kind.
fn kind(signal: &VerifySignal) -> String {
    match signal {
        VerifySignal::AtMost { name, .. } => format!("at most of {name}"),
        VerifySignal::AtLeast { name, .. } => format!("at least of {name}"),
        VerifySignal::State(_)
        | VerifySignal::AlertResolved
        | VerifySignal::Healthy(_)
        | VerifySignal::Falling(_)
        | VerifySignal::NotRising(_) => thing(signal),
    }
}

/// What a signal looks at.
fn thing(signal: &VerifySignal) -> String {
    match signal {
        VerifySignal::State(_) => "state".to_owned(),
        VerifySignal::AlertResolved => "alert".to_owned(),
        VerifySignal::Healthy(name)
        | VerifySignal::Falling(name)
        | VerifySignal::NotRising(name)
        | VerifySignal::AtMost { name, .. }
        | VerifySignal::AtLeast { name, .. } => format!("of {name}"),
    }
}
