//! The language's keys: each with what it takes, whether it must be there, and what it is for. Never reads a file.
//!
//! The loader knows no key but these, and the JSON Schema, the tables of docs/rules.md and the tests are made from them.
//! A new key is one line in a table below, and the loader's `fields.get("…")` where it is read.

mod alerts;
mod ask;
mod aws;
mod azure;
mod http;
mod ladder;
mod patterns;
mod rule;
mod targets;
mod verify;
mod workloads;

#[cfg(test)]
mod tests;

pub(crate) use alerts::ALERT;
pub(crate) use ask::{
    ELASTICSEARCH, EVENTS, EVIDENCE, LOG_FILE, LOKI, POSTGRES, RANGE, REDIS, SCRAPE, SQLITE, STATE,
};
pub(crate) use aws::{AWS_SECRET, CLOUDWATCH, CLOUDWATCH_LOGS, ECS, S3, SQS};
pub(crate) use azure::{AZURE_ACTIVITY, AZURE_LOGS, KEY_VAULT, KEY_VAULT_PROBE};
pub(crate) use http::{EXPECT, PROBE_HTTP, QUESTION_HTTP, RESET_HTTP, SECRET, SECRET_VALUE};
pub(crate) use ladder::{ACTION, CAUSE, GUARDS, PROOF, RUNG, UNTIL};
pub(crate) use patterns::{PATTERN_ENTRY, PATTERNS};
pub(crate) use rule::{MATCHER, RECOVERY, RULE, TARGET_FROM, UPDATES};
pub(crate) use targets::{INVENTORY, TARGET};
pub(crate) use verify::{CONTACT, ESCALATION, OCCASION, PROBE, SIGNAL, VERIFY};
pub(crate) use workloads::{DOCKER_CONTAINER, DOCKER_LOGS};

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// How people and the schema call it; no two shapes have one name.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
}

/// One key of a shape.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) need: Need,
    /// What it says: a sentence or two, for the documentation and for editors.
    pub(crate) doc: &'static str,
    /// Only beside one of these keys; empty: beside any.
    pub(crate) with: &'static [&'static str],
}

/// Must a key be there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    /// What holds without it: in words, or in backticks as it would be written.
    Optional(&'static str),
    /// Required, unless this other key brings it.
    Unless(&'static str),
    /// Exactly one of all keys of the shape that say this.
    OneOf,
}

/// What a key takes.
#[derive(Debug)]
pub(crate) enum Takes {
    Text(&'static Form),
    Integer(u32, u32),
    /// Digits, perhaps with a sign and a point.
    Number,
    Boolean,
    /// One of a closed list: the loader's own.
    Words(fn() -> Vec<&'static str>),
    /// Anything that JSON can say.
    Json,
    /// At least one of these.
    List(&'static Takes),
    /// Keys that people choose; some may have to be there.
    Map {
        keys: &'static Takes,
        values: &'static Takes,
        required: &'static [&'static str],
    },
    Shape(&'static Shape),
    /// Any of these ways to write it.
    Either(&'static [Takes]),
}

/// A kind of text.
#[derive(Debug)]
pub(crate) struct Form {
    /// With an article: `a length of time`.
    pub(crate) words: &'static str,
    /// What an editor can check while it is typed; the loader checks more.
    pub(crate) pattern: &'static str,
    pub(crate) example: &'static str,
}

const ANY: &str = r"\S";

pub(crate) static TEXT: Form = Form { words: "a text", pattern: ANY, example: "text" };
pub(crate) static NAME: Form = Form {
    words: "a name: lower-case letters, digits, `-`, `_`",
    pattern: "^[a-z0-9][a-z0-9_-]{0,63}$",
    example: "name",
};
pub(crate) static TARGET_NAME: Form = Form {
    words: "a name from targets.yaml",
    pattern: "^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,127}$",
    example: "target",
};
pub(crate) static VARIABLE: Form = Form {
    words: "the name of a variable",
    pattern: "^(?!target$)[a-z][a-z0-9_]*$",
    example: "variable",
};
pub(crate) static LABEL: Form = Form {
    words: "the name of a label",
    pattern: "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    example: "label",
};
pub(crate) static HEADER: Form = Form {
    words: "the name of a header",
    pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    example: "X-Header",
};
pub(crate) static DURATION: Form = Form {
    words: "a length of time: `500ms`, `30s`, `15m`, `1h30m`, `2d`",
    pattern: "^([0-9]+(ms|s|m|h|d|w))+$",
    example: "5m",
};
pub(crate) static PER: Form = Form {
    words: "how often within how long: `2 per 6h`",
    pattern: r"^\s*[0-9]+\s+per\s+([0-9]+(ms|s|m|h|d|w))+\s*$",
    example: "2 per 6h",
};
pub(crate) static IN: Form = Form {
    words: "how often within how long: `2 in 60m`",
    pattern: r"^\s*[0-9]+\s+in\s+([0-9]+(ms|s|m|h|d|w))+\s*$",
    example: "2 in 60m",
};
pub(crate) static PROMQL: Form = Form { words: "a PromQL query", pattern: ANY, example: "up" };
pub(crate) static URL: Form = Form {
    words: "an address: `http://…`, `https://…`, or `{variable}/…`",
    pattern: r"^(https?://|\{[a-z][a-z0-9_]*\})",
    example: "http://127.0.0.1:9/",
};
pub(crate) static POINTER: Form = Form {
    words: "a JSON pointer: `/breaker/state`",
    pattern: "^(/([^~/]|~[01])*)+$",
    example: "/state",
};
pub(crate) static PATTERN: Form = Form {
    words: "a regular expression in the syntax of the regex crate",
    pattern: ANY,
    example: "revoked",
};

impl Shape {
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// The keys of which exactly one must be there.
    pub(crate) fn choices(&self) -> Vec<&'static str> {
        let choices = self.keys.iter().filter(|key| key.need == Need::OneOf);
        choices.map(|key| key.name).collect()
    }
}

pub(crate) const fn required(name: &'static str, takes: Takes, doc: &'static str) -> Key {
    Key { name, takes, need: Need::Required, doc, with: &[] }
}

/// Required, unless the key `other` brings it.
pub(crate) const fn unless(
    other: &'static str,
    name: &'static str,
    takes: Takes,
    doc: &'static str,
) -> Key {
    Key { name, takes, need: Need::Unless(other), doc, with: &[] }
}

/// `default` in backticks is a value as it would be written; otherwise words.
pub(crate) const fn optional(
    name: &'static str,
    takes: Takes,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, takes, need: Need::Optional(default), doc, with: &[] }
}

pub(crate) const fn one_of(name: &'static str, takes: Takes, doc: &'static str) -> Key {
    Key { name, takes, need: Need::OneOf, doc, with: &[] }
}

/// The same key, allowed only beside one of `others`.
pub(crate) const fn with(key: Key, others: &'static [&'static str]) -> Key {
    Key { with: others, ..key }
}

/// The words of a table that the loader picks from.
pub(crate) fn words<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}

/// The kinds of file, by the word that the command line takes.
pub(crate) static ROOTS: [(&str, &Shape); 3] =
    [("rule", &RULE), ("targets", &INVENTORY), ("patterns", &PATTERNS)];

/// A shape and every shape that it leads to, each before those below it.
pub(crate) fn under(root: &'static Shape) -> Vec<&'static Shape> {
    let mut found = Vec::new();
    collect(&Takes::Shape(root), &mut found);
    found
}

fn collect(takes: &Takes, found: &mut Vec<&'static Shape>) {
    match takes {
        Takes::Text(_)
        | Takes::Integer(..)
        | Takes::Number
        | Takes::Boolean
        | Takes::Words(_)
        | Takes::Json => {}
        Takes::List(item) => collect(item, found),
        Takes::Map { keys, values, .. } => {
            collect(keys, found);
            collect(values, found);
        }
        Takes::Shape(shape) => {
            if !found.iter().any(|known| known.name == shape.name) {
                found.push(shape);
                shape.keys.iter().for_each(|key| collect(&key.takes, found));
            }
        }
        Takes::Either(ways) => ways.iter().for_each(|way| collect(way, found)),
    }
}

/// Tests note which keys the loader reads.
#[cfg(test)]
pub(crate) fn read(shape: &'static Shape, key: &str) {
    tests::note(shape, key);
}
