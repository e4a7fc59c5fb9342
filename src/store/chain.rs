//! Is the audit log what was written? Never repairs it.
//!
//! Each link's hash covers the one before it, so an edit, a deletion, an insertion or a swap is found. Whoever can rewrite
//! the whole end of the log and its head can hide its end: compare the head with one that was kept elsewhere.

use crate::core::audit::{AuditEntry, GENESIS, Link, hash};
use crate::core::time::Timestamp;

/// What `audit verify` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every link follows from the one before it: so many, and the last hash (all zero for none).
    Whole { count: u64, head: [u8; 32] },
    /// The first link that does not, and why.
    Broken { number: u64, why: String },
}

/// A row of the log as it stands there, whatever it is.
pub(super) struct Suspect {
    pub number: i64,
    pub at_us: i64,
    pub text: Vec<u8>,
    pub hash: Vec<u8>,
}

/// Walks the log from its first link.
pub(super) struct Walk {
    count: u64,
    head: [u8; 32],
}

impl Walk {
    pub(super) const fn new() -> Self {
        Self { count: 0, head: GENESIS }
    }

    /// The next row in the order of numbers; an error says why it is no link of this chain.
    pub(super) fn step(&mut self, row: &Suspect) -> Result<(), Chain> {
        let number = self.count.saturating_add(1);
        let broken = |why: String| Err(Chain::Broken { number, why });
        if u64::try_from(row.number) != Ok(number) {
            return broken(format!("number {} stands where {number} must", row.number));
        }
        let Ok(at) = Timestamp::from_microsecond(row.at_us) else {
            return broken(format!("its moment is none: {} µs", row.at_us));
        };
        let Ok(text) = std::str::from_utf8(&row.text) else {
            return broken("its text is not UTF-8".to_owned());
        };
        let expected = hash(number, &self.head, at, text);
        if expected.as_slice() != row.hash.as_slice() {
            return broken("its hash does not follow from it and the link before it".to_owned());
        }
        self.count = number;
        self.head = expected;
        Ok(())
    }

    /// At the end of the rows: the head that was written with the last append must be the last link.
    pub(super) fn end(self, number: u64, head: &[u8]) -> Chain {
        if number == self.count && head == self.head.as_slice() {
            return Chain::Whole { count: self.count, head: self.head };
        }
        Chain::Broken {
            number: self.count.saturating_add(1),
            why: format!("the log ends with {}, but {number} were written", self.count),
        }
    }
}

/// The link that follows `previous`, and the JSON that it keeps.
pub(super) fn link(
    number: u64,
    previous: &[u8; 32],
    at: Timestamp,
    entry: &AuditEntry,
) -> Result<Link, serde_json::Error> {
    let text = serde_json::to_string(entry)?;
    let hash = hash(number, previous, at, &text);
    Ok(Link { number, at, text, hash })
}
