//! `with:` of a rule → what fills the placeholders of its pack. Never text: each value is put in its place as data.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{Pack, Parameter};
use crate::rules::ask::alike;
use crate::rules::fill::{Part, parts};
use crate::rules::mistake::Source;
use crate::rules::read::{Reader, Values};
use crate::rules::yaml::{Key, Node};

/// A pack as one rule uses it.
pub(crate) struct Borrowed {
    pub(crate) source: Arc<Source>,
    /// Places from here on are the pack's: rule and pack lie one behind the other, as files do in a compiler.
    pub(crate) from: usize,
    pub(crate) given: BTreeMap<String, Given>,
    /// Where the rule names the pack.
    pub(crate) used_at: Range<usize>,
}

/// What fills one parameter.
pub(crate) struct Given {
    pub(crate) value: Filling,
    /// Where the rule says it; `None` for a default.
    pub(crate) at: Option<Range<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    Text(String),
    /// It depends on the target, and none is known.
    Later,
    /// An optional parameter that the rule does not name.
    LeftOut,
}

impl Borrowed {
    /// Is this place in the pack's text?
    pub(crate) fn holds(&self, at: &Range<usize>) -> bool {
        at.start >= self.from
    }

    /// The place in the pack's own text.
    pub(crate) fn own(&self, at: &Range<usize>) -> Range<usize> {
        at.start.saturating_sub(self.from)..at.end.saturating_sub(self.from)
    }
}

impl Reader {
    /// What `with` gives to the parameters of a pack; `used` is where the rule names the pack.
    pub(super) fn with(
        &self,
        pack: &Pack,
        used: &Node,
        with: Option<&Node>,
    ) -> Option<BTreeMap<String, Given>> {
        let entries: &[(Key, Node)] = with.map_or(Some(&[][..]), |node| self.map(node))?;
        let known: Vec<&str> = pack.parameters.iter().map(|one| one.name.as_str()).collect();
        let mut sound = true;
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let message = format!("the pack `{}` has no parameter `{}`", pack.name, key.text);
                self.fault(key.at.clone(), message, alike(&key.text, &known));
                sound = false;
            }
        }
        let mut given = BTreeMap::new();
        for parameter in &pack.parameters {
            let said = entries.iter().find(|(key, _)| key.text == parameter.name);
            match self.given(pack, parameter, used, said.map(|(_, node)| node)) {
                Some(one) => drop(given.insert(parameter.name.clone(), one)),
                None => sound = false,
            }
        }
        sound.then_some(given)
    }

    fn given(
        &self,
        pack: &Pack,
        parameter: &Parameter,
        used: &Node,
        said: Option<&Node>,
    ) -> Option<Given> {
        let Parameter { name, about, default, optional } = parameter;
        match (said, default) {
            (Some(node), _) => {
                let text = self.text(node)?;
                let value = self.filling(&text, node)?;
                if value == Filling::Text(String::new()) {
                    return self.no(node, "there is nothing here", "write a value");
                }
                Some(Given { value, at: Some(node.place()) })
            }
            (None, Some(default)) => {
                let value = self.filling(default, used)?;
                Some(Given { value, at: None })
            }
            (None, None) if *optional => Some(Given { value: Filling::LeftOut, at: None }),
            (None, None) => {
                let message = format!("the pack `{}` needs `{name}`", pack.name);
                self.no(used, message, &format!("with: {{ {name}: … }}: {about}"))
            }
        }
    }

    /// A text with the target's own values put in: still a text, and put in its place as one value.
    fn filling(&self, text: &str, node: &Node) -> Option<Filling> {
        let unknown = matches!(self.values, Values::Unfilled)
            && parts(text).iter().any(|part| matches!(part, Part::Placeholder(_)));
        if unknown {
            self.filled.set(true);
            return Some(Filling::Later);
        }
        self.fill_with(node, text, |value, filled| {
            filled.push_str(value);
            Ok(())
        })
        .map(Filling::Text)
    }
}
