//! What must fit together across files: rules, inventory, ceilings. Never makes the best of it.

use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::ask::alike;
use super::files::{Parsed, Read};
use super::mistake::{Mistake, Source};
use super::packs::{self, Pack, Packs};
use super::patterns;
use super::read::{Reader, Values};
use super::rule::Draft;
use super::targets::Inventory;
use super::yaml::Node;
use crate::core::evidence::Ask;
use crate::core::rule::{
    Mode, OneOf, Rule, RuleSet, Rung, TargetName, UsedPack, VerifySignal, Wanted,
};

/// Bytes of a hash that a revision shows: enough to tell any two texts apart, short enough to be read out.
const REVISION_BYTES: usize = 8;

/// What a file says, and where.
type Placed<T> = (T, Range<usize>);

/// A rule as read, its text, and the rule of each target where placeholders make them differ.
struct Checked {
    source: Arc<Source>,
    draft: Draft,
    filled: BTreeMap<TargetName, Rule>,
    /// The pack that it uses: its text, and what people should know of it.
    pack: Option<(Arc<Source>, UsedPack)>,
}

/// Builds the set from what was read; as much of it as is sound, so that the caller must look for errors.
pub(crate) fn rule_set(read: &Read, mistakes: &mut Vec<Mistake>) -> RuleSet {
    let inventory =
        read.targets.as_ref().map(|parsed| inventory(parsed, mistakes)).unwrap_or_default();
    let has_targets = read.targets.is_some();
    let packs = Packs::read(&read.packs, mistakes);
    let lines = patterns::lines(&read.patterns, mistakes);
    let checked: Vec<Checked> = read
        .rules
        .iter()
        .filter_map(|parsed| one(parsed, &packs, (&inventory, has_targets), mistakes))
        .collect();
    if read.rules.is_empty() && !mistakes.iter().any(Mistake::is_error) {
        let mistake = Mistake::without_text(&read.dir, "there is no rule here");
        mistakes.push(
            mistake.hint("without a rule nothing is watched: write one, as docs/rules.md shows"),
        );
    }
    unlike_each_other(&checked, mistakes);
    let mut set = RuleSet {
        brake_percent: inventory.brake_percent,
        revision: set_revision(read, &checked),
        ..RuleSet::default()
    };
    for Checked { source, draft, filled, pack } in checked {
        let text = pack.as_ref().map_or("", |(pack, _)| pack.text.as_str());
        let own = read.patterns.iter().map(|parsed| parsed.source.text.as_str());
        let texts: Vec<&str> = [source.text.as_str(), text].into_iter().chain(own).collect();
        let revision = rule_revision(&texts, &draft.rule, &inventory);
        let name = draft.rule.name.clone();
        set.packs.extend(pack.map(|(_, used)| (name.clone(), used)));
        let allowed =
            |target: &TargetName| Some((target.clone(), inventory.targets.get(target)?.ceiling));
        let ceilings: BTreeMap<TargetName, Mode> =
            draft.rule.targets.iter().filter_map(allowed).collect();
        if !filled.is_empty() {
            // Each is a rule of its own: an incident is decided by the one that it started with.
            let revised = |(target, rule): (TargetName, Rule)| {
                let revision = hash([revision.as_str(), &target].into_iter());
                (
                    target,
                    Rule { revision, ceilings: ceilings.clone(), lines: lines.clone(), ..rule },
                )
            };
            set.filled.insert(name.clone(), filled.into_iter().map(revised).collect());
        }
        set.rules.insert(name, Rule { revision, ceilings, lines: lines.clone(), ..draft.rule });
    }
    set.targets = inventory.targets;
    set
}

/// What the owners say.
pub(crate) fn inventory(parsed: &Parsed, mistakes: &mut Vec<Mistake>) -> Inventory {
    let reader = Reader::new(&parsed.source, Values::Unfilled);
    let inventory = reader.inventory(&parsed.root);
    mistakes.extend(reader.into_mistakes());
    inventory
}

/// Reads one rule file: once, or once for each target if it has placeholders.
fn one(
    parsed: &Parsed,
    packs: &Packs,
    (inventory, has_targets): (&Inventory, bool),
    mistakes: &mut Vec<Mistake>,
) -> Option<Checked> {
    let mut reader = Reader::new(&parsed.source, Values::Unfilled);
    let Some(entries) = reader.map(&parsed.root) else {
        mistakes.extend(reader.into_mistakes());
        return None;
    };
    if entries.iter().all(|(key, _)| key.text != "breaker") {
        let hint = "a rule file names its breaker: breaker: pms";
        reader.fault(0..0, "this is no rule: `breaker` is missing", hint);
        mistakes.extend(reader.into_mistakes());
        return None;
    }
    let targets = reader.rule_targets(&parsed.root);
    let pack = packs.of(&reader, &parsed.root);
    let draft = pack.ok().and_then(|pack| {
        let root = with_pack(&mut reader, parsed, pack)?;
        reader.rule(&root, targets.as_deref().unwrap_or_default())
    });
    let placeholders = reader.filled.get();
    mistakes.extend(reader.into_mistakes());
    let (targets, pack) = (targets?, pack.ok()?);
    let mut filled = BTreeMap::new();
    for (name, _) in targets.iter().filter(|_| placeholders) {
        // A target outside the inventory is told once, below, and has no variables to miss.
        let Some(vars) = inventory.vars.get(name) else { continue };
        let values = Values::Of { target: name.clone(), vars: vars.clone() };
        let mut reader = Reader::new(&parsed.source, values);
        let root = with_pack(&mut reader, parsed, pack);
        let rule = root.and_then(|root| reader.rule(&root, &targets)).map(|draft| draft.rule);
        // Mistakes that do not depend on the target are the same again, and are told once.
        mistakes.extend(reader.into_mistakes());
        filled.extend(rule.map(|rule| (name.clone(), probes_apart(rule, name))));
    }
    if has_targets {
        // Said even if the rest of the rule cannot be read: who lowers a mode must not first mend all else.
        let mode = draft.as_ref().map(|draft| (draft.rule.mode, draft.mode_at.clone()));
        let mode =
            mode.or_else(|| Reader::new(&parsed.source, Values::Unfilled).mode(&parsed.root));
        inventory_fits(&parsed.source, (&targets, mode.as_ref()), inventory, mistakes);
    }
    let pack = pack.map(|pack| {
        let used = UsedPack { name: pack.name.clone(), traps: pack.traps.clone() };
        (Arc::clone(&pack.source), used)
    });
    Some(Checked { source: Arc::clone(&parsed.source), draft: draft?, filled, pack })
}

/// The tree of a rule, joined to its pack if it uses one.
fn with_pack<'p>(
    reader: &mut Reader,
    parsed: &'p Parsed,
    pack: Option<&Pack>,
) -> Option<Cow<'p, Node>> {
    let Some(pack) = pack else { return Some(Cow::Borrowed(&parsed.root)) };
    let joined = packs::joined(reader, &parsed.root, pack)?;
    reader.pack = Some(joined.borrowed);
    Some(Cow::Owned(joined.root))
}

/// Probes of the same name ask different things for different targets: each gets a name of its own.
fn probes_apart(mut rule: Rule, target: &str) -> Rule {
    let apart = |name: &str| format!("{name}@{target}");
    for evidence in &mut rule.evidence {
        if let Ask::Probe { probe } = &mut evidence.ask {
            *probe = apart(probe);
        }
    }
    let evidence: Vec<&str> = rule.evidence.iter().map(|evidence| evidence.name.as_str()).collect();
    let rename = |name: &mut String| {
        if !evidence.contains(&name.as_str()) {
            *name = apart(name);
        }
    };
    let rungs = rule.ladder.values_mut().flatten().chain(&mut rule.otherwise);
    let mut checked: Vec<&mut VerifySignal> = rule.verify.all.iter_mut().collect();
    for rung in rungs {
        match rung {
            Rung::Do { all, .. } => checked.extend(all),
            Rung::Ask { until, .. } => until.iter_mut().for_each(rename),
            Rung::Wait(_) | Rung::Escalate => {}
        }
    }
    for signal in checked {
        if let VerifySignal::Healthy(name) = signal {
            rename(name);
        }
    }
    for probe in &mut rule.probes {
        probe.name = apart(&probe.name);
    }
    rule
}

/// Every target is in the inventory, may be acted on, and as far as the rule's mode goes.
fn inventory_fits(
    source: &Arc<Source>,
    (targets, mode): (&[Placed<TargetName>], Option<&Placed<Mode>>),
    inventory: &Inventory,
    mistakes: &mut Vec<Mistake>,
) {
    let mut wrong = |at: &Range<usize>, message: String, hint: String| {
        mistakes.push(Mistake::error(source, at.clone(), message).hint(hint));
    };
    let known: Vec<&str> = inventory.targets.keys().map(String::as_str).collect();
    for (name, at) in targets {
        let Some(target) = inventory.targets.get(name) else {
            wrong(at, format!("the target `{name}` is not in targets.yaml"), alike(name, &known));
            continue;
        };
        if target.protect {
            let hint = "its owner protects it: it is never a target".to_owned();
            wrong(at, format!("`{name}` is protected"), hint);
        } else if let Some((mode, mode_at)) = mode.filter(|(mode, _)| *mode > target.ceiling) {
            let (mode, ceiling) = (mode.name(), target.ceiling.name());
            let hint = match target.ceiling {
                Mode::Observe => format!(
                    "its owner allows `observe`: lower the mode, or ask the owner of `{name}`"
                ),
                Mode::Suggest | Mode::Approve | Mode::Auto => {
                    format!("write mode: {ceiling}, or ask the owner of `{name}` in targets.yaml")
                }
            };
            wrong(
                mode_at,
                format!("mode `{mode}` is above the ceiling `{ceiling}` of `{name}`"),
                hint,
            );
        }
    }
}

/// No two rules are of one name or claim the same alerts: two would act on one breaker.
fn unlike_each_other(checked: &[Checked], mistakes: &mut Vec<Mistake>) {
    for (index, later) in checked.iter().enumerate() {
        for earlier in checked.iter().take(index) {
            if earlier.draft.rule.name == later.draft.rule.name {
                let message = format!("another rule is called `{}` too", later.draft.rule.name);
                let mistake = Mistake::error(&later.source, later.draft.name_at.clone(), message);
                mistakes.push(mistake.hint(format!("it is in {}", earlier.source.path)));
            }
            matchers_apart(earlier, later, mistakes);
        }
    }
}

fn matchers_apart(earlier: &Checked, later: &Checked, mistakes: &mut Vec<Mistake>) {
    for (matcher, at) in later.draft.rule.matchers.iter().zip(&later.draft.matchers_at) {
        for other in &earlier.draft.rule.matchers {
            let within = |inner: &Wanted, outer: &Wanted| {
                inner.iter().all(|(name, wanted)| {
                    let all_in =
                        |other: &OneOf| other.values().iter().all(|value| wanted.has(value));
                    outer.get(name).is_some_and(all_in)
                })
            };
            // The same labels with some values in common: those alerts are claimed twice.
            let common = matcher.labels.len() == other.labels.len()
                && matcher.labels.iter().all(|(name, wanted)| {
                    let shares =
                        |other: &OneOf| other.values().iter().any(|value| wanted.has(value));
                    other.labels.get(name).is_some_and(shares)
                });
            let (path, name) = (&earlier.source.path, &earlier.draft.rule.name);
            if matcher.source != other.source {
                continue;
            }
            let (in_other, in_this) =
                (within(&matcher.labels, &other.labels), within(&other.labels, &matcher.labels));
            if in_other && in_this {
                let message = format!("the rule `{name}` matches these alerts too");
                let mistake = Mistake::error(&later.source, at.clone(), message);
                mistakes.push(
                    mistake
                        .hint(format!("an alert belongs to one breaker; the other is in {path}")),
                );
            } else if in_other || in_this || common {
                let message = format!("some alerts match this and the rule `{name}`");
                let mistake = Mistake::error(&later.source, at.clone(), message).warning();
                mistakes
                    .push(mistake.hint(format!("both open an incident; the other is in {path}")));
            }
        }
    }
}

/// The hash of everything read, and of the packs that come with the program, as far as they are used.
fn set_revision(read: &Read, checked: &[Checked]) -> String {
    let files = read.texts.iter().map(|(path, source)| (path.as_str(), &source.text));
    let packs = checked.iter().filter_map(|one| one.pack.as_ref());
    let packs: BTreeMap<&str, &String> =
        packs.map(|(pack, _)| (pack.path.as_str(), &pack.text)).collect();
    hash(files.chain(packs).flat_map(|(path, text)| [path, text.as_str()]))
}

/// The hash of the rule's text, of its pack's, and of what the owners say about its targets.
fn rule_revision(texts: &[&str], rule: &Rule, inventory: &Inventory) -> String {
    let owners = rule.targets.iter().map(|name| {
        let (target, vars) = (inventory.targets.get(name), inventory.vars.get(name));
        // Their debug form names every field, in a fixed order.
        format!("{target:?} {vars:?}")
    });
    let owners: Vec<String> = owners.collect();
    hash(texts.iter().copied().chain(owners.iter().map(String::as_str)))
}

fn hash<'t>(parts: impl Iterator<Item = &'t str>) -> String {
    let mut sha256 = Sha256::new();
    for part in parts {
        // The length keeps two parts from passing for one.
        sha256.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        sha256.update(part.as_bytes());
    }
    let mut revision = String::new();
    for byte in sha256.finalize().iter().take(REVISION_BYTES) {
        // Writing to a String cannot fail.
        write!(revision, "{byte:02x}").unwrap_or_default();
    }
    revision
}
