//! Rule + pack → one tree: the rule's word above the pack's. Never keeps what the rule does not use.

use std::ops::Range;
use std::sync::Arc;

use super::with::Borrowed;
use super::{OWN_KEYS, Pack};
use crate::rules::read::Reader;
use crate::rules::yaml::{Key, Kind, Node};

/// Keys whose entries are joined one by one; of every other key the rule's value stands alone.
const BY_ENTRY: [&str; 5] = ["evidence", "causes", "ladder", "actions", "probes"];

/// A rule with what its pack brings.
pub(crate) struct Joined {
    pub(crate) root: Node,
    pub(crate) borrowed: Borrowed,
}

/// Joins a rule to its pack, as far as `reader` knows the target. `None` if `with` is wrong; the reader's mistakes say how.
pub(crate) fn joined(reader: &Reader, root: &Node, pack: &Pack) -> Option<Joined> {
    let entries = reader.map(root)?;
    let (_, used) = entries.iter().find(|(key, _)| key.text == "use")?;
    let with = entries.iter().find(|(key, _)| key.text == "with").map(|(_, node)| node);
    let given = reader.with(pack, used, with)?;
    // One byte apart, so that the end of the rule is not the beginning of the pack.
    let from = reader.source.text.len() + 1;
    let used_at = used.place();
    let borrowed = Borrowed { source: Arc::clone(&pack.source), from, given, used_at };
    let mut joined = entries.to_vec();
    for (key, theirs) in map(&pack.root) {
        if OWN_KEYS.contains(&key.text.as_str()) {
            continue;
        }
        let (key, theirs) = (shifted_key(key, from), shifted(theirs, from));
        match joined.iter_mut().find(|(ours, _)| ours.text == key.text) {
            None => joined.push((key, theirs)),
            Some((_, ours)) if BY_ENTRY.contains(&key.text.as_str()) => {
                if let (Kind::Map(ours), Kind::Map(theirs)) = (&mut ours.kind, theirs.kind) {
                    let known: Vec<String> = ours.iter().map(|(key, _)| key.text.clone()).collect();
                    ours.extend(theirs.into_iter().filter(|(key, _)| !known.contains(&key.text)));
                }
            }
            Some(_) => {}
        }
    }
    offered(&mut joined, &borrowed);
    Some(Joined { root: Node { kind: Kind::Map(joined), ..root.clone() }, borrowed })
}

fn map(node: &Node) -> &[(Key, Node)] {
    match &node.kind {
        Kind::Map(entries) => entries,
        Kind::Scalar(_) | Kind::List(_) => &[],
    }
}

/// Actions and probes of a pack are offers: those that nothing names are not there.
fn offered(entries: &mut Vec<(Key, Node)>, borrowed: &Borrowed) {
    for (section, named_by) in [("actions", &["do"][..]), ("probes", &["probe", "healthy"][..])] {
        let mut named = Vec::new();
        for (_, node) in entries.iter().filter(|(key, _)| key.text != section) {
            names(node, named_by, &mut named);
        }
        if let Some((_, Node { kind: Kind::Map(offers), .. })) =
            entries.iter_mut().find(|(key, _)| key.text == section)
        {
            offers.retain(|(key, _)| !borrowed.holds(&key.at) || named.contains(&key.text));
        }
    }
    // A section of which nothing is left was never there.
    entries.retain(|(key, node)| {
        let empty = matches!(&node.kind, Kind::Map(offers) if offers.is_empty());
        !(empty && borrowed.holds(&key.at))
    });
}

/// Every text that stands under one of these keys, however deep.
fn names(node: &Node, under: &[&str], found: &mut Vec<String>) {
    match &node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| names(item, under, found)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                match &value.kind {
                    Kind::Scalar(scalar) if under.contains(&key.text.as_str()) => {
                        found.push(scalar.text.clone());
                    }
                    Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => names(value, under, found),
                }
            }
        }
    }
}

fn shift(at: &Range<usize>, by: usize) -> Range<usize> {
    at.start + by..at.end + by
}

fn shifted_key(key: &Key, by: usize) -> Key {
    Key { at: shift(&key.at, by), ..key.clone() }
}

fn shifted(node: &Node, by: usize) -> Node {
    let kind = match &node.kind {
        Kind::Scalar(scalar) => Kind::Scalar(scalar.clone()),
        Kind::List(items) => Kind::List(items.iter().map(|item| shifted(item, by)).collect()),
        Kind::Map(entries) => Kind::Map(
            entries.iter().map(|(key, value)| (shifted_key(key, by), shifted(value, by))).collect(),
        ),
    };
    let key_at = node.key_at.as_ref().map(|at| shift(at, by));
    Node { at: shift(&node.at, by), key_at, kind }
}
