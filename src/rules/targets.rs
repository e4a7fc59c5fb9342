//! `targets.yaml`, the owners' file: what may be acted on, and how far. Nothing else can raise a ceiling.

use std::collections::BTreeMap;

use super::fill::{is_name, said};
use super::grammar;
use super::read::Reader;
use super::words;
use super::yaml::Node;
use crate::core::rule::{Mode, Target, TargetName};

/// G2: this share of the inventory may be open before the brake.
const BRAKE: u32 = 20;
const BRAKE_BOUNDS: std::ops::RangeInclusive<u32> = 5..=40;

pub(crate) const MODES: [(&str, Mode); 4] = [
    ("observe", Mode::Observe),
    ("suggest", Mode::Suggest),
    ("approve", Mode::Approve),
    ("auto", Mode::Auto),
];

/// The owners' inventory.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) targets: BTreeMap<TargetName, Target>,
    /// What fills the placeholders of a rule, for each target.
    pub(crate) vars: BTreeMap<TargetName, BTreeMap<String, String>>,
    pub(crate) brake_percent: u32,
}

impl Reader {
    /// Reads as much as is sound, so that rules can be checked against it.
    pub(crate) fn inventory(&self, node: &Node) -> Inventory {
        let mut inventory = Inventory { brake_percent: BRAKE, ..Inventory::default() };
        let Some(fields) = self.fields(node, &grammar::INVENTORY) else { return inventory };
        self.version(&fields);
        if let Some(node) = fields.get("brake") {
            inventory.brake_percent = self.percent(node).unwrap_or(BRAKE);
        }
        let hint = "the inventory of what may be acted on: targets: { name: { ceiling: … } }";
        let targets = fields.required(self, "targets", hint);
        let Some(entries) = targets.and_then(|node| self.map(node)) else { return inventory };
        if entries.is_empty() {
            self.fault(
                node.place(),
                "there are no targets",
                "empty never means all: name at least one",
            );
        }
        for (key, node) in entries {
            let name = self.key(key);
            let name = name.and_then(|name| self.valid(words::target(&name), name, key.at.clone()));
            let Some(name) = name else { continue };
            if let Some((target, vars)) = self.target(&name, node) {
                inventory.targets.insert(name.clone(), target);
                inventory.vars.insert(name, vars);
            }
        }
        inventory
    }

    fn target(&self, name: &str, node: &Node) -> Option<(Target, BTreeMap<String, String>)> {
        let fields = self.fields(node, &grammar::TARGET)?;
        let text = |key: &str| match fields.get(key) {
            Some(node) => self.text(node).map(Some),
            None => Some(None),
        };
        let ceiling = match fields.get("ceiling") {
            Some(node) => self.word(node, &MODES),
            None => Some(Mode::Observe),
        };
        let protect = match fields.get("protect") {
            Some(node) => self.boolean(node),
            None => Some(false),
        };
        let vars = match fields.get("vars") {
            Some(node) => self.vars(node),
            None => Some(BTreeMap::new()),
        };
        let (group, env, owner) = (text("group"), text("env"), text("owner"));
        let (ceiling, protect) = (ceiling?, protect?);
        if protect && ceiling != Mode::Observe {
            let hint = "a protected target is never acted on: leave `ceiling` out";
            return self.no(node, "`protect` and a ceiling contradict each other", hint);
        }
        let target = Target {
            name: name.to_owned(),
            ceiling,
            group: group?.unwrap_or_else(|| name.to_owned()),
            env: env?,
            owner: owner?,
            protect,
        };
        Some((target, vars?))
    }

    fn vars(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        let mut vars = BTreeMap::new();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            if !is_name(&key.text) || key.text == "target" || said(&key.text).is_some() {
                let hint = "lower-case letters, digits and `_`; `target`, `decision` and `reason` have a meaning of their own";
                self.fault(
                    key.at.clone(),
                    format!("`{}` cannot be a variable", words::short(&key.text)),
                    hint,
                );
                sound = false;
                continue;
            }
            match self.text(value) {
                Some(value) => drop(vars.insert(key.text.clone(), value)),
                None => sound = false,
            }
        }
        sound.then_some(vars)
    }

    fn percent(&self, node: &Node) -> Option<u32> {
        let text = self.text(node)?;
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        let fits = percent.filter(|percent| BRAKE_BOUNDS.contains(percent));
        fits.or_else(|| {
            self.no(
                node,
                format!("`{}` is no share that fits", words::short(&text)),
                "from 5% to 40%",
            )
        })
    }
}
