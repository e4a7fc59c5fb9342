//! Remedies of a rule: the ladder of each cause, the actions, and their guards. Never decides which is next.

use std::collections::BTreeMap;
use std::ops::Range;

use super::ask::alike;
use super::grammar;
use super::http::Purpose;
use super::read::{Fields, Reader};
use super::signals::Known;
use super::words;
use super::yaml::{Kind, Node};
use crate::core::action::{Action, ActionName, Budget, How};
use crate::core::cause::Class;
use crate::core::rule::{Rung, VerifySignal, Wait};
use crate::core::time::Duration;

/// How long a rung waits for the proof that the cause is gone.
const GONE_WITHIN: Duration = Duration::from_mins(30);
/// How long a ladder waits for what a person was asked to do.
const ASKED_WITHIN: Duration = Duration::from_hours(24);
/// Nobody waits longer than this because the other side said so, unless the rule does.
const RETRY_AFTER_MOST: Duration = Duration::from_hours(1);
/// No second attempt on a target within this time, unless the rule says otherwise.
const COOLDOWN: Duration = Duration::from_mins(30);
/// `otherwise` and the classes that it stands for unless they have a ladder of their own.
pub(crate) const OTHERWISE: &str = "otherwise";

/// The ladders of a rule, with the places of their rungs.
pub(crate) struct Ladders {
    pub(crate) of: BTreeMap<Class, Vec<Rung>>,
    pub(crate) otherwise: Vec<Rung>,
    pub(crate) places: Vec<Place>,
}

/// Where a rung stands, for what is checked when the whole rule is known.
pub(crate) struct Place {
    /// `None`: under `otherwise`.
    pub(crate) class: Option<Class>,
    pub(crate) rung: Rung,
    pub(crate) at: Range<usize>,
}

/// A rung that is a word of its own.
pub(crate) const ALONE: [(&str, Rung); 1] = [("escalate", Rung::Escalate)];

pub(crate) fn words() -> Vec<&'static str> {
    grammar::words(&classes())
}

fn classes() -> Vec<(&'static str, Option<Class>)> {
    let named = Class::ALL.into_iter().map(|class| (class.name(), Some(class)));
    named.chain([(OTHERWISE, None)]).collect()
}

impl Reader {
    /// Without what signals may name, because that has mistakes of its own, they are not read.
    pub(crate) fn ladders(&self, node: &Node, known: Option<Known<'_>>) -> Option<Ladders> {
        let words = classes();
        let mut ladders =
            Ladders { of: BTreeMap::new(), otherwise: Vec::new(), places: Vec::new() };
        let mut sound = true;
        for (key, value) in self.map(node)? {
            let class = self.word_key(key, &words);
            let rungs = self.rungs(value, known);
            let (Some(class), Some(rungs)) = (class, rungs) else {
                sound = false;
                continue;
            };
            for (rung, at) in &rungs {
                ladders.places.push(Place { class, rung: rung.clone(), at: at.clone() });
            }
            let rungs = rungs.into_iter().map(|(rung, _)| rung).collect();
            match class {
                Some(class) => drop(ladders.of.insert(class, rungs)),
                None => ladders.otherwise = rungs,
            }
        }
        if sound && ladders.otherwise.is_empty() {
            let hint = "say what holds for every other cause: otherwise: [ escalate ]";
            return self.no(node, "`otherwise` is missing", hint);
        }
        sound.then_some(ladders)
    }

    fn rungs(&self, node: &Node, known: Option<Known<'_>>) -> Option<Vec<(Rung, Range<usize>)>> {
        let rungs: Vec<_> = self
            .list(node)?
            .iter()
            .map(|node| self.rung(node, known).map(|rung| (rung, node.at.start..node.at.end)))
            .collect();
        rungs.into_iter().collect()
    }

    fn rung(&self, node: &Node, known: Option<Known<'_>>) -> Option<Rung> {
        if let Kind::Scalar(_) = node.kind {
            return self.word(node, &ALONE);
        }
        let fields = self.fields(node, &grammar::RUNG)?;
        let (how, value) = fields.choice(self)?;
        match how {
            "wait" => self.wait(value, &fields).map(Rung::Wait),
            "do" => self.remedy(value, &fields, known),
            _ => self.question(value, &fields, known),
        }
    }

    fn wait(&self, node: &Node, fields: &Fields<'_>) -> Option<Wait> {
        let text = self.text(node)?;
        let bound = |name: &str, default| match fields.get(name) {
            Some(node) => self.duration(node),
            None => Some(default),
        };
        if text != "retry_after"
            && let Some(node) = fields.get("at_least").or_else(|| fields.get("at_most"))
        {
            return self.no(node, "bounds belong to `wait: retry_after`", "leave them out");
        }
        match text.as_str() {
            "half_open" => Some(Wait::HalfOpen),
            "retry_after" => {
                let at_least = bound("at_least", Duration::ZERO)?;
                let at_most = bound("at_most", RETRY_AFTER_MOST.max(at_least))?;
                if at_least > at_most {
                    return self.no(node, "`at_least` is longer than `at_most`", "swap them");
                }
                Some(Wait::RetryAfter { at_least, at_most })
            }
            other => match words::duration(other) {
                Ok(span) => Some(Wait::For(span)),
                Err(_) => self.no(
                    node,
                    format!("nobody knows how to wait `{}`", words::short(other)),
                    "half_open, retry_after, or a length of time such as 5m",
                ),
            },
        }
    }

    fn remedy(&self, node: &Node, fields: &Fields<'_>, known: Option<Known<'_>>) -> Option<Rung> {
        let action = self.name(node);
        let (gone, all) = match fields.get("when") {
            Some(when) => self.proof(when, known)?,
            None => (false, Vec::new()),
        };
        let within = match fields.get("within") {
            Some(node) if !gone && all.is_empty() => self.no(
                node,
                "there is no proof to wait for",
                "`within` belongs to `when`: when: { gone: true }",
            ),
            Some(node) => self.duration(node),
            None => Some(GONE_WITHIN),
        };
        Some(Rung::Do { action: action?, gone, all, within: within? })
    }

    /// What must hold before an action: the cause is gone, a checklist, or both.
    fn proof(&self, node: &Node, known: Option<Known<'_>>) -> Option<(bool, Vec<VerifySignal>)> {
        let fields = self.fields(node, &grammar::PROOF)?;
        let (gone, all) = (fields.get("gone"), fields.get("all"));
        if gone.is_none() && all.is_none() {
            return self.no(
                node,
                "nothing to wait for",
                "write when: { gone: true }, or a list under `all`",
            );
        }
        let gone = gone.map_or(Some(false), |node| self.boolean(node));
        let all = match (all, known) {
            (Some(node), Some(known)) => self.checklist(node, known),
            (Some(_) | None, _) => Some(Vec::new()),
        };
        Some((gone?, all?))
    }

    /// A person is asked; with `until` the ladder waits for what is then seen.
    fn question(&self, node: &Node, fields: &Fields<'_>, known: Option<Known<'_>>) -> Option<Rung> {
        let text = self.text(node);
        let until = match fields.get("until") {
            Some(node) => {
                let (_, node) = self.fields(node, &grammar::UNTIL)?.choice(self)?;
                known.map_or(Some(Vec::new()), |known| self.held(node, known))
            }
            None => Some(Vec::new()),
        };
        let within = match (fields.get("within"), fields.get("until")) {
            (Some(node), None) => self.no(
                node,
                "there is nothing to wait for",
                "`within` belongs to `until`: until: { healthy: … }",
            ),
            (Some(node), Some(_)) => self.duration(node),
            (None, _) => Some(ASKED_WITHIN),
        };
        Some(Rung::Ask { text: text?, until: until?, within: within? })
    }

    pub(crate) fn actions(&self, node: &Node) -> Option<BTreeMap<ActionName, Action>> {
        let mut actions = BTreeMap::new();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            let name = self.name_key(key);
            let action = self.action(name.clone().unwrap_or_default(), value);
            match (name, action) {
                (Some(name), Some(action)) => drop(actions.insert(name, action)),
                (Some(_) | None, _) => sound = false,
            }
        }
        sound.then_some(actions)
    }

    fn action(&self, name: ActionName, node: &Node) -> Option<Action> {
        let fields = self.fields(node, &grammar::ACTION)?;
        let request = fields
            .required(self, "http", "how it is done: http: { post: … }")
            .and_then(|node| self.http(node, Purpose::Reset));
        let observe = match fields.get("observe") {
            Some(node) => self.observe(node).map(Some),
            None => Some(None),
        };
        let guards = match fields.get("guards") {
            Some(node) => self.guards(node),
            None => Some((COOLDOWN, None)),
        };
        let (cooldown, at_most) = guards?;
        let how = How::HttpReset { request: request?, observe: observe? };
        let action = Action { name, how, cooldown, at_most };
        self.guard_sense(&action, node);
        Some(action)
    }

    fn observe(&self, node: &Node) -> Option<crate::core::evidence::HttpAsk> {
        let ask = self.http(node, Purpose::Question)?;
        if ask.pointer.is_none() {
            let hint = "which value is the key of the last decision: pointer: /last_decision";
            return self.no(node, "`pointer` is missing", hint);
        }
        Some(ask)
    }

    fn guards(&self, node: &Node) -> Option<(Duration, Option<Budget>)> {
        let fields = self.fields(node, &grammar::GUARDS)?;
        let cooldown = match fields.get("cooldown") {
            Some(node) => self.duration(node),
            None => Some(COOLDOWN),
        };
        let at_most = match fields.get("at_most") {
            Some(node) => {
                self.times(node, "per").map(|(times, within)| Some(Budget { times, within }))
            }
            None => Some(None),
        };
        Some((cooldown?, at_most?))
    }

    /// `2 per 6h`.
    pub(crate) fn times(&self, node: &Node, between: &str) -> Option<(u32, Duration)> {
        let text = self.text(node)?;
        words::times(&text, between).or_else(|| {
            let message = format!("`{}` is not how often within how long", words::short(&text));
            self.no(node, message, &format!("write it as `2 {between} 6h`: 1 to 1,000 times"))
        })
    }

    /// Every `do` names an action, and every action is named by a `do`.
    pub(crate) fn ladder_actions(
        &self,
        ladders: &Ladders,
        actions: &BTreeMap<ActionName, Action>,
        node: Option<&Node>,
    ) {
        let known: Vec<&str> = actions.keys().map(String::as_str).collect();
        let mut used = Vec::new();
        for place in &ladders.places {
            if let Rung::Do { action, .. } = &place.rung {
                used.push(action.as_str());
                if !actions.contains_key(action) {
                    let message = format!("no action of this rule is called `{action}`");
                    self.fault(place.at.clone(), message, alike(action, &known));
                }
            }
        }
        for (key, _) in node.and_then(|node| self.map(node)).unwrap_or_default() {
            if !used.contains(&key.text.as_str()) {
                let message = format!("the action `{}` is never used", key.text);
                self.fault(key.at.clone(), message, "name it in a ladder with `do:`, or remove it");
            }
        }
    }
}
