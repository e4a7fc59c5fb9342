//! Who is called when nothing helps, and on what occasion. Never judges whether it has come.

use super::grammar;
use super::read::Reader;
use super::signals::Known;
use super::words;
use super::yaml::{Kind, Node};
use crate::core::rule::{Contact, EscalateWhen, EscalationRule};

const ROUNDS_MOST: u32 = 100;
/// Slack names are short.
const CONTACT_MOST: usize = 120;
/// Fewer points than this, and one more, are no trend.
const TREND_STEPS: u32 = 4;

/// An occasion that is a word of its own.
pub(crate) const ALWAYS: [(&str, EscalateWhen); 1] = [("always", EscalateWhen::Always)];

impl Reader {
    pub(crate) fn escalation(
        &self,
        node: &Node,
        known: Option<Known<'_>>,
    ) -> Option<Vec<EscalationRule>> {
        let items = self.list(node)?.iter();
        let all: Vec<_> = items.map(|node| self.one_escalation(node, known)).collect();
        let all: Vec<EscalationRule> = all.into_iter().collect::<Option<_>>()?;
        if !all.iter().any(|rule| rule.when.each().contains(&EscalateWhen::Always)) {
            let hint = "add { when: always, to: [ … ] }: whom to call when the ladder ends or an outcome is unknown";
            return self.no(node, "nobody is called when a person is needed", hint);
        }
        Some(all)
    }

    fn one_escalation(&self, node: &Node, known: Option<Known<'_>>) -> Option<EscalationRule> {
        let fields = self.fields(node, &grammar::ESCALATION)?;
        let when = fields
            .required(self, "when", "when: always, or { open_for: 1h }")
            .and_then(|node| self.when(node, known));
        let to = fields
            .required(self, "to", "to: [ { slack: \"@name\" } ]")
            .and_then(|node| self.contacts(node));
        Some(EscalationRule { when: when?, to: to? })
    }

    /// One condition, or a list of which any is enough.
    fn when(&self, node: &Node, known: Option<Known<'_>>) -> Option<EscalateWhen> {
        let Kind::List(_) = node.kind else { return self.condition(node, known) };
        let all: Vec<_> = self.list(node)?.iter().map(|node| self.condition(node, known)).collect();
        all.into_iter().collect::<Option<_>>().map(EscalateWhen::Any)
    }

    fn condition(&self, node: &Node, known: Option<Known<'_>>) -> Option<EscalateWhen> {
        if let Kind::Scalar(_) = node.kind {
            return self.word(node, &ALWAYS);
        }
        let fields = self.fields(node, &grammar::OCCASION)?;
        match fields.choice(self)? {
            ("open_for", node) => self.duration(node).map(EscalateWhen::OpenFor),
            ("unacknowledged", node) => self.duration(node).map(EscalateWhen::Unacknowledged),
            ("reopened", node) => self
                .times(node, "in")
                .map(|(times, within)| EscalateWhen::Reopened { times, within }),
            ("rising", node) => self.rising(node, fields.get("for"), known),
            ("several_open", node) => self
                .integer(node, 2..=1_000)
                .map(|incidents| EscalateWhen::SeveralOpen { incidents }),
            (_, node) => self.unknown_cause(node),
        }
    }

    /// `2 rounds`, or `30m`.
    fn unknown_cause(&self, node: &Node) -> Option<EscalateWhen> {
        let text = self.text(node)?;
        if let Ok(span) = words::duration(&text) {
            return Some(EscalateWhen::UnknownFor(span));
        }
        let rounds = text
            .strip_suffix(" rounds")
            .and_then(|number| number.parse().ok())
            .filter(|rounds| (1..=ROUNDS_MOST).contains(rounds));
        let message = format!("`{}` is no number of rounds", words::short(&text));
        let hint = "rounds of evidence without a cause, or a length of time: 2 rounds, 30m";
        rounds
            .or_else(|| self.no(node, message, hint))
            .map(|rounds| EscalateWhen::UnknownCause { rounds })
    }

    fn rising(
        &self,
        node: &Node,
        span: Option<&Node>,
        known: Option<Known<'_>>,
    ) -> Option<EscalateWhen> {
        let name = self.name(node)?;
        let Some(span_at) = span else {
            return self.no(node, "`for` is missing", "how long it must have risen: for: 5m");
        };
        let span = self.duration(span_at)?;
        let Some(known) = known else { return Some(EscalateWhen::Rising { name, span }) };
        let (last, step) = self.trend(node, &name, known)?;
        if span > last {
            let message = format!("`{name}` looks back for less than that");
            return self.no(span_at, message, "make `last` of the evidence at least as long");
        }
        if step * TREND_STEPS > span {
            let message = format!("`{name}` has too few points in that time");
            return self.no(
                span_at,
                message,
                "make `step` of the evidence shorter, or `for` longer",
            );
        }
        Some(EscalateWhen::Rising { name, span })
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
}
