//! What counts as recovered, who is told when nothing helps, and the synthetic checks. Never judges by missing data.

use croner::parser::{CronParser, Seconds};

use super::ask::alike;
use super::grammar;
use super::http::Purpose;
use super::read::Reader;
use super::words;
use super::yaml::{Kind, Node};
use crate::core::decide::PROBE_AGE;
use crate::core::evidence::Ask;
use crate::core::rule::{
    BreakerState, Contact, EscalateWhen, EscalationRule, EvidenceRule, ProbeRule, Schedule,
    VerifyRule, VerifySignal,
};
use crate::core::time::Duration;

/// Health is watched for this long before the next rung, unless the rule says otherwise.
const WITHIN: Duration = Duration::from_mins(15);
const EVERY: Duration = Duration::from_secs(15);
/// A look more often than this is a load, not a look.
const EVERY_LEAST: Duration = Duration::from_secs(1);
/// Probes come at most this often: they are traffic.
const PROBE_EVERY_LEAST: Duration = Duration::from_secs(1);
/// Green for so long before a probe proves anything.
const PROBE_HOLD: Duration = Duration::from_mins(2);
const ROUNDS_MOST: u32 = 100;
/// Slack names are short.
const CONTACT_MOST: usize = 120;

/// A signal that is a word of its own.
pub(crate) const ALONE: [(&str, VerifySignal); 1] =
    [("alert_resolved", VerifySignal::AlertResolved)];
/// An occasion that is a word of its own.
pub(crate) const ALWAYS: [(&str, EscalateWhen); 1] = [("always", EscalateWhen::Always)];

impl Reader {
    pub(crate) fn verify(
        &self,
        node: &Node,
        evidence: &[EvidenceRule],
        probes: &[ProbeRule],
    ) -> Option<VerifyRule> {
        let fields = self.fields(node, &grammar::VERIFY)?;
        let hold = fields
            .required(self, "hold", "how long health must last before it counts: hold: 5m")
            .and_then(|node| self.duration(node));
        let within = match fields.get("within") {
            Some(node) => self.duration(node),
            None => hold.map(|hold| WITHIN.max(hold * 2)),
        };
        let every = match fields.get("every") {
            Some(node) => self.duration(node),
            None => hold.map(|hold| EVERY.min(hold).max(EVERY_LEAST)),
        };
        let all = fields
            .required(self, "all", "at least two signals: all: [ { state: closed }, … ]")
            .and_then(|node| self.signals(node, evidence, probes));
        let (hold, within, every) = (hold?, within?, every?);
        if within <= hold {
            return self.no(
                node,
                "`within` is over before `hold` can be",
                "make `within` longer than `hold`",
            );
        }
        if every > hold || every < EVERY_LEAST {
            return self.no(node, "`every` does not fit `hold`", "at least 1s, at most `hold`");
        }
        Some(VerifyRule { hold, within, every, all: all? })
    }

    fn signals(
        &self,
        node: &Node,
        evidence: &[EvidenceRule],
        probes: &[ProbeRule],
    ) -> Option<Vec<VerifySignal>> {
        let all: Vec<_> =
            self.list(node)?.iter().map(|node| self.signal(node, evidence, probes)).collect();
        let all: Vec<VerifySignal> = all.into_iter().collect::<Option<_>>()?;
        let mut kinds: Vec<String> = all.iter().map(kind).collect();
        kinds.sort();
        kinds.dedup();
        if kinds.len() < all.len() {
            return self.no(
                node,
                "one signal stands here twice",
                "two looks at one thing are one signal",
            );
        }
        if all.len() < 2 {
            let hint = "at least two signals, one of them not the alert: { state: closed }, { healthy: … }";
            return self.no(node, "one signal alone proves nothing", hint);
        }
        Some(all)
    }

    fn signal(
        &self,
        node: &Node,
        evidence: &[EvidenceRule],
        probes: &[ProbeRule],
    ) -> Option<VerifySignal> {
        if let Kind::Scalar(_) = node.kind {
            return self.word(node, &ALONE);
        }
        let (how, value) = self.fields(node, &grammar::SIGNAL)?.choice(self)?;
        if how == "state" {
            return self.wanted_states(value).map(VerifySignal::State);
        }
        let name = self.name(value)?;
        let ask = evidence.iter().find(|known| known.name == name).map(|known| &known.ask);
        if how == "healthy" && ask.is_none() {
            self.often_enough(value, &name, probes)?;
        }
        if how == "healthy" {
            let fits = match ask {
                Some(Ask::Probe { .. }) => true,
                Some(Ask::Http(http)) => http.pointer.is_none(),
                Some(_) => false,
                None => {
                    let names = evidence.iter().map(|one| one.name.as_str());
                    let names: Vec<&str> =
                        names.chain(probes.iter().map(|probe| probe.name.as_str())).collect();
                    if !names.contains(&name.as_str()) {
                        let message = format!("no probe and no evidence is called `{name}`");
                        return self.no(value, message, &alike(&name, &names));
                    }
                    true
                }
            };
            let hint = "healthy is a probe, or an `http` question without a pointer";
            return if fits {
                Some(VerifySignal::Healthy(name))
            } else {
                self.no(value, format!("`{name}` cannot be healthy"), hint)
            };
        }
        match ask {
            Some(Ask::PrometheusRange { .. }) if how == "falling" => {
                Some(VerifySignal::Falling(name))
            }
            Some(Ask::PrometheusRange { .. }) => Some(VerifySignal::NotRising(name)),
            Some(_) => {
                self.no(value, format!("`{name}` is no trend"), "ask it with `prometheus_range`")
            }
            None => {
                let names: Vec<&str> = evidence.iter().map(|one| one.name.as_str()).collect();
                self.no(value, format!("no evidence is called `{name}`"), &alike(&name, &names))
            }
        }
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

    pub(crate) fn escalation(&self, node: &Node) -> Option<Vec<EscalationRule>> {
        let all: Vec<_> = self.list(node)?.iter().map(|node| self.one_escalation(node)).collect();
        let all: Vec<EscalationRule> = all.into_iter().collect::<Option<_>>()?;
        if !all.iter().any(|rule| rule.when == EscalateWhen::Always) {
            let hint = "add { when: always, to: [ … ] }: whom to call when the ladder ends or an outcome is unknown";
            return self.no(node, "nobody is called when a person is needed", hint);
        }
        Some(all)
    }

    fn one_escalation(&self, node: &Node) -> Option<EscalationRule> {
        let fields = self.fields(node, &grammar::ESCALATION)?;
        let when = fields
            .required(self, "when", "when: always, or { open_for: 1h }")
            .and_then(|node| self.when(node));
        let to = fields
            .required(self, "to", "to: [ { slack: \"@name\" } ]")
            .and_then(|node| self.contacts(node));
        Some(EscalationRule { when: when?, to: to? })
    }

    fn when(&self, node: &Node) -> Option<EscalateWhen> {
        if let Kind::Scalar(_) = node.kind {
            return self.word(node, &ALWAYS);
        }
        match self.fields(node, &grammar::OCCASION)?.choice(self)? {
            ("open_for", node) => self.duration(node).map(EscalateWhen::OpenFor),
            ("reopened", node) => self
                .times(node, "in")
                .map(|(times, within)| EscalateWhen::Reopened { times, within }),
            (_, node) => {
                let text = self.text(node)?;
                let rounds = text
                    .strip_suffix(" rounds")
                    .and_then(|number| number.parse().ok())
                    .filter(|rounds| (1..=ROUNDS_MOST).contains(rounds));
                let message = format!("`{}` is no number of rounds", words::short(&text));
                rounds
                    .or_else(|| {
                        self.no(node, message, "rounds of evidence without a cause: 2 rounds")
                    })
                    .map(|rounds| EscalateWhen::UnknownCause { rounds })
            }
        }
    }

    fn contacts(&self, node: &Node) -> Option<Vec<Contact>> {
        let all: Vec<_> = self.list(node)?.iter().map(|node| self.contact(node)).collect();
        all.into_iter().collect()
    }

    fn contact(&self, node: &Node) -> Option<Contact> {
        let (_, node) = self.fields(node, &grammar::CONTACT)?.choice(self)?;
        let name = self.text_or_fill(node)?;
        let fits = name.len() <= CONTACT_MOST && !name.contains(char::is_whitespace);
        if fits {
            Some(Contact::Slack(name))
        } else {
            let message = format!("`{}` is not one name", words::short(&name));
            self.no(node, message, "a user, a group or `@name`: one in each { slack: … }")
        }
    }

    pub(crate) fn probes(&self, node: &Node) -> Option<Vec<ProbeRule>> {
        let all: Vec<_> = self
            .map(node)?
            .iter()
            .map(|(key, node)| {
                let name = self.name_key(key);
                self.one_probe(name.unwrap_or_default(), node)
            })
            .collect();
        all.into_iter().collect()
    }

    fn one_probe(&self, name: String, node: &Node) -> Option<ProbeRule> {
        let fields = self.fields(node, &grammar::PROBE)?;
        let schedule = match fields.choice(self) {
            Some(("every", node)) => self.duration(node).and_then(|every| {
                let fits = (every >= PROBE_EVERY_LEAST).then_some(Schedule::Every(every));
                fits.or_else(|| {
                    let hint = "a probe is traffic: `every` is at least 1s";
                    self.no(node, "this probe runs more than once a second", hint)
                })
            }),
            Some((_, node)) => self.cron(node, fields.get("zone")),
            None => None,
        };
        let http = fields
            .required(self, "http", "what is asked: http: { get: … }")
            .and_then(|node| self.http(node, Purpose::Probe));
        let hold = match fields.get("hold") {
            Some(node) => self.duration(node),
            None => Some(PROBE_HOLD),
        };
        let through_breaker = match fields.get("through_breaker") {
            Some(node) => self.boolean(node),
            None => Some(false),
        };
        if let (Some(Schedule::Every(every)), Some(http)) = (&schedule, &http)
            && http.timeout > *every
        {
            return self.no(
                node,
                "a run of this probe may last longer than until the next",
                "make `timeout` shorter than `every`",
            );
        }
        Some(ProbeRule {
            name,
            schedule: schedule?,
            http: http?,
            through_breaker: through_breaker?,
            hold: hold?,
        })
    }

    fn cron(&self, node: &Node, zone: Option<&Node>) -> Option<Schedule> {
        let expression = self.text(node)?;
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        if let Err(error) = parser.parse(&expression) {
            return self.no(
                node,
                format!("not a cron expression: {error}"),
                "five or six fields: \"*/5 * * * *\"",
            );
        }
        let zone_text = match zone {
            Some(zone) => self.text(zone)?,
            None => {
                return self.no(
                    node,
                    "a cron expression without `zone`",
                    "name one: zone: UTC, or Europe/Berlin",
                );
            }
        };
        if jiff::tz::TimeZone::get(&zone_text).is_err() {
            let message = format!("no time zone is called `{}`", words::short(&zone_text));
            return self.no(
                zone.unwrap_or(node),
                message,
                "a name of the IANA data base: UTC, Europe/Berlin; in a container tzdata may be missing",
            );
        }
        Some(Schedule::Cron { expression, zone: zone_text })
    }
}

/// What a signal looks at.
fn kind(signal: &VerifySignal) -> String {
    match signal {
        VerifySignal::State(_) => "state".to_owned(),
        VerifySignal::AlertResolved => "alert".to_owned(),
        VerifySignal::Healthy(name)
        | VerifySignal::Falling(name)
        | VerifySignal::NotRising(name) => {
            format!("of {name}")
        }
    }
}
