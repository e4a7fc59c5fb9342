//! Placeholders: `{target}` and the owners' variables, put where they belong as data. Never as text into a query.
//!
//! An alert's labels never arrive here: what fills a placeholder stands in the owners' inventory.

use std::fmt::Write as _;
use std::ops::Range;

use super::ask::alike;
use super::packs::Filling;
use super::read::{Reader, Values};
use super::yaml::Node;
use crate::core::evidence::Said;

/// A part of a text: as it stands, or the name of what fills it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

/// What stands in a placeholder's place.
pub(crate) enum Filled {
    Value(String),
    /// No target is known: the placeholder stays as it is.
    Unfilled,
}

/// A filled text longer than this is no address and no name.
const FILLED_MOST_BYTES: usize = 64 * 1024;

/// Cuts a text at its placeholders: `{`, a lower-case name, `}`.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut plain = 0;
    // `plain` counts the bytes of `rest` that are known to hold no placeholder.
    while let Some(open) = rest.get(plain..).and_then(|tail| tail.find('{')) {
        let start = plain + open;
        let tail = rest.get(start + 1..).unwrap_or_default();
        let name = tail.split('}').next().filter(|name| tail.len() > name.len() && is_name(name));
        let Some(name) = name else {
            plain = start + 1;
            continue;
        };
        if let Some(before) = rest.get(..start).filter(|before| !before.is_empty()) {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Placeholder(name));
        rest = rest.get(start + name.len() + 2..).unwrap_or_default();
        plain = 0;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The placeholder that a text is, if it is nothing else.
pub(crate) fn whole(text: &str) -> Option<&str> {
    match parts(text).as_slice() {
        [Part::Placeholder(name)] => Some(name),
        _ => None,
    }
}

/// The placeholders that only an action has.
pub(crate) fn said(name: &str) -> Option<Said> {
    match name {
        "decision" => Some(Said::Decision),
        "reason" => Some(Said::Reason),
        _ => None,
    }
}

pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// One segment of a path, or one value of a query: everything but unreserved characters is encoded.
pub(crate) fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

impl Reader {
    /// What fills the placeholder `name`; a fault if nothing does. Missing is never empty.
    pub(crate) fn fill(&self, name: &str, at: Range<usize>) -> Option<Filled> {
        if said(name).is_some() {
            let hint =
                "it is a whole value of an action's `json` or `headers`, and stands nowhere else";
            self.fault(at, format!("`{{{name}}}` is only known when an action begins"), hint);
            return None;
        }
        if let Some(pack) = self.pack.as_ref().filter(|pack| pack.holds(&at) && name != "target") {
            match pack.given.get(name).map(|given| &given.value) {
                Some(Filling::Text(value)) => return Some(Filled::Value(value.clone())),
                Some(Filling::Later) => return Some(Filled::Unfilled),
                Some(Filling::LeftOut) => {
                    let message = format!("what this rule uses of its pack needs `{name}`");
                    let hint = format!("say it: with: {{ {name}: … }}");
                    self.fault(pack.used_at.clone(), message, hint);
                }
                None => {
                    let message = format!("no parameter of this pack is called `{name}`");
                    let known: Vec<&str> = pack.given.keys().map(String::as_str).collect();
                    self.fault(at, message, alike(name, &known));
                }
            }
            return None;
        }
        self.filled.set(true);
        match &self.values {
            Values::Unfilled => Some(Filled::Unfilled),
            Values::Of { target, .. } if name == "target" => Some(Filled::Value(target.clone())),
            Values::Of { target, vars } => {
                let value = vars.get(name).cloned().map(Filled::Value);
                value.or_else(|| {
                    let message = format!("nothing fills `{{{name}}}` for the target `{target}`");
                    let hint = format!("add `vars: {{ {name}: … }}` to `{target}` in targets.yaml");
                    self.fault(at, message, hint);
                    None
                })
            }
        }
    }

    /// Is it a parameter that the rule left out? Then the label that it would fill is not asked for.
    pub(crate) fn left_out(&self, name: &str, at: &Range<usize>) -> bool {
        let pack = self.pack.as_ref().filter(|pack| pack.holds(at));
        pack.and_then(|pack| pack.given.get(name))
            .is_some_and(|given| given.value == Filling::LeftOut)
    }

    /// A fault of what fills a placeholder: where the rule says it, if it is a parameter of a pack.
    pub(crate) fn unfit<T>(
        &self,
        node: &Node,
        name: &str,
        message: String,
        hint: &str,
    ) -> Option<T> {
        let at = node.place();
        let pack = self.pack.as_ref().filter(|pack| pack.holds(&at));
        let said = pack.and_then(|pack| pack.given.get(name)).and_then(|given| given.at.clone());
        self.fault(said.unwrap_or(at), message, hint);
        None
    }

    /// A text that may be one placeholder, such as a header's or a label's value.
    pub(crate) fn text_or_fill(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let Some(name) = whole(&text) else { return Some(text) };
        match self.fill(name, node.place())? {
            Filled::Value(value) => Some(value),
            Filled::Unfilled => Some(text),
        }
    }

    /// A text with placeholders inside, each put in by `put`. `None` if one cannot be filled; the text itself if no target is known.
    pub(crate) fn fill_with(
        &self,
        node: &Node,
        text: &str,
        put: impl Fn(&str, &mut String) -> Result<(), &'static str>,
    ) -> Option<String> {
        let mut filled = String::new();
        for part in parts(text) {
            match part {
                Part::Text(plain) => filled.push_str(plain),
                Part::Placeholder(name) => match self.fill(name, node.place())? {
                    Filled::Unfilled => return Some(text.to_owned()),
                    Filled::Value(value) => {
                        if let Err(hint) = put(&value, &mut filled) {
                            let message = format!("what fills `{{{name}}}` does not fit here");
                            return self.unfit(node, name, message, hint);
                        }
                    }
                },
            }
        }
        if filled.len() > FILLED_MOST_BYTES {
            return self.no(node, "far too long once filled in", "shorten the variables");
        }
        Some(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, encode, parts, whole};

    #[test]
    fn placeholders_are_told_from_braces() {
        assert_eq!(
            parts("{base}/a/{target}?x={1,3}{"),
            [
                Part::Placeholder("base"),
                Part::Text("/a/"),
                Part::Placeholder("target"),
                Part::Text("?x={1,3}{"),
            ]
        );
        assert_eq!(whole("{job}"), Some("job"));
        assert_eq!(whole("x{job}"), None);
        assert_eq!(parts("sum{job=\"x\"}"), [Part::Text("sum{job=\"x\"}")]);
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(encode("@evil.com/..%2f?a=#é"), "%40evil.com%2F..%252f%3Fa%3D%23%C3%A9");
    }
}
