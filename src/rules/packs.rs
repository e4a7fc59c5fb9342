//! Packs: what is the same for every breaker of one library, so that a rule says only what is its own.
//!
//! A pack is a partial rule in the language of rules. It is data of a rule, never a rule: it names no target and no alert.

mod builtin;
mod join;
mod with;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::ask::alike;
use super::files::Parsed;
use super::fill::{Part, is_name, parts};
use super::mistake::{Mistake, Source};
use super::read::{Fields, Reader, Values};
use super::words;
use super::yaml::{self, Node};

pub(crate) use join::joined;
pub(crate) use with::{Borrowed, Filling};

/// What a pack says of itself.
const OWN_KEYS: [&str; 5] = ["version", "pack", "summary", "parameters", "traps"];
/// What a pack may say in a rule's place.
const RULE_KEYS: [&str; 10] = [
    "act_after",
    "state",
    "kind",
    "recovery",
    "evidence",
    "causes",
    "ladder",
    "actions",
    "verify",
    "probes",
];

/// One library's breakers, as `use:` names them.
#[derive(Clone, Debug)]
pub struct Pack {
    pub name: String,
    pub summary: String,
    pub parameters: Vec<Parameter>,
    /// What people get wrong about this library's breakers, each a sentence.
    pub traps: Vec<String>,
    pub source: Arc<Source>,
    pub(crate) root: Node,
}

/// What a rule may or must say with `with:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub about: String,
    /// May hold `{target}`.
    pub default: Option<String>,
    /// Left out, the label that it fills is not asked for.
    pub optional: bool,
}

/// Every pack that a rule may use, by name.
#[derive(Debug, Default)]
pub(crate) struct Packs {
    own: BTreeMap<String, Pack>,
}

static BUILTIN: LazyLock<BTreeMap<String, Pack>> = LazyLock::new(|| {
    // Their soundness is a test's to show: what is wrong with one is never a user's mistake.
    let mut mistakes = Vec::new();
    let read = builtin::TEXTS.iter().filter_map(|(file, text)| {
        let source = Arc::new(Source::new(format!("rules/packs/{file}"), *text));
        let root = yaml::parse(&source, &mut mistakes)?;
        one(&Parsed { source, root }, &mut Vec::new())
    });
    read.map(|pack| (pack.name.clone(), pack)).collect()
});

impl Packs {
    /// The packs of a rules folder, above those that come with the program.
    pub(crate) fn read(files: &[Parsed], mistakes: &mut Vec<Mistake>) -> Self {
        let mut packs = Self::default();
        for parsed in files {
            let Some(pack) = one(parsed, mistakes) else { continue };
            let mut shadow = |message: String, hint: String| {
                mistakes.push(Mistake::error(&pack.source, 0..0, message).warning().hint(hint));
            };
            if BUILTIN.get(&pack.name).is_some_and(|other| other.source.text != pack.source.text) {
                shadow(
                    format!("this pack stands in for the built-in pack `{}`", pack.name),
                    "give it another name, unless that is what you want".to_owned(),
                );
            }
            if let Some(first) = packs.own.get(&pack.name) {
                let message = format!("another pack is called `{}` too", pack.name);
                let hint = format!("it is in {}", first.source.path);
                mistakes.push(Mistake::error(&pack.source, 0..0, message).hint(hint));
            } else {
                packs.own.insert(pack.name.clone(), pack);
            }
        }
        packs
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Pack> {
        self.own.get(name).or_else(|| BUILTIN.get(name))
    }

    /// Those of the folder above those that come with the program, in the order of their names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pack> {
        let both: BTreeMap<&str, &Pack> = BUILTIN
            .values()
            .chain(self.own.values())
            .map(|pack| (pack.name.as_str(), pack))
            .collect();
        both.into_values()
    }

    /// The pack that a rule names with `use:`; `Err` if there is none of that name.
    pub(crate) fn of(&self, reader: &Reader, root: &Node) -> Result<Option<&Pack>, ()> {
        let entries = reader.map(root).ok_or(())?;
        let Some((_, node)) = entries.iter().find(|(key, _)| key.text == "use") else {
            if let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "with") {
                let hint = "name the pack: use: resilience4j; `reclose packs` lists them";
                reader.fault(key.at.clone(), "`with` without `use`", hint);
                return Err(());
            }
            return Ok(None);
        };
        let name = reader.text(node).ok_or(())?;
        self.get(&name).map(Some).ok_or_else(|| {
            let message = format!("no pack is called `{}`", words::short(&name));
            let known: Vec<&str> = self.all().map(|pack| pack.name.as_str()).collect();
            reader.fault(node.place(), message, alike(&name, &known));
        })
    }
}

/// Reads what a pack says of itself, and refuses what only a rule may say.
fn one(parsed: &Parsed, mistakes: &mut Vec<Mistake>) -> Option<Pack> {
    let reader = Reader::new(&parsed.source, Values::Unfilled);
    let pack = reader.pack(parsed);
    mistakes.extend(reader.into_mistakes());
    pack
}

impl Reader {
    fn pack(&self, parsed: &Parsed) -> Option<Pack> {
        let known: Vec<&str> = OWN_KEYS.into_iter().chain(RULE_KEYS).collect();
        let fields = self.keys(&parsed.root, &known)?;
        self.version(&fields);
        let must = |name, hint| fields.required(self, name, hint);
        let name = must("pack", "its name: pack: resilience4j").and_then(|node| self.name(node));
        let summary =
            must("summary", "which breakers it reads, for people").and_then(|node| self.text(node));
        let parameters = fields.get("parameters").map_or(Some(Vec::new()), |node| {
            let all: Vec<_> =
                self.map(node)?.iter().map(|(key, node)| self.parameter(key, node)).collect();
            all.into_iter().collect::<Option<Vec<_>>>()
        });
        let traps = fields.get("traps").map_or(Some(Vec::new()), |node| {
            let all: Vec<_> = self.list(node)?.iter().map(|node| self.text(node)).collect();
            all.into_iter().collect::<Option<Vec<_>>>()
        });
        self.pack_parts(&fields);
        Some(Pack {
            name: name?,
            summary: summary?,
            parameters: parameters?,
            traps: traps?,
            source: Arc::clone(&parsed.source),
            root: parsed.root.clone(),
        })
    }

    /// Reads what stands in a rule's place, so that a pack which no rule uses yet is checked too.
    fn pack_parts(&self, fields: &Fields<'_>) {
        // What is read is thrown away; its mistakes stay.
        drop(fields.get("state").map(|node| self.state(node)));
        drop(fields.get("causes").map(|node| self.causes(node)));
        drop(fields.get("actions").map(|node| self.actions(node)));
        drop(fields.get("probes").map(|node| self.probes(node)));
    }

    fn parameter(&self, key: &yaml::Key, node: &Node) -> Option<Parameter> {
        if !is_name(&key.text) || key.text == "target" {
            let hint = "lower-case letters, digits and `_`; `target` is the target's own name";
            let message = format!("`{}` cannot be a parameter", words::short(&key.text));
            self.fault(key.at.clone(), message, hint);
            return None;
        }
        let fields = self.keys(node, &["about", "default", "optional"])?;
        let about = fields.required(self, "about", "what it is, for people");
        let default = match fields.get("default") {
            Some(node) => self.text(node).map(Some),
            None => Some(None),
        };
        let optional = match fields.get("optional") {
            Some(node) => self.boolean(node),
            None => Some(false),
        };
        let about = about.and_then(|node| self.text(node));
        let (default, optional) = (default?, optional?);
        let knows = |part: &Part<'_>| !matches!(part, Part::Placeholder(name) if *name != "target");
        if !parts(default.as_deref().unwrap_or_default()).iter().all(knows) {
            return self.no(node, "a default knows `{target}` alone", "write it without others");
        }
        if optional && default.is_some() {
            return self.no(node, "a parameter with a default is never left out", "keep one");
        }
        Some(Parameter { name: key.text.clone(), about: about?, default, optional })
    }
}
