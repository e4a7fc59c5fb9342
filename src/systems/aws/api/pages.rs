//! Answers in pages, each with the token of the next. Never follows tokens for ever.

use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Sets a key of a request's body.
pub(super) fn set(body: &mut Json, key: &str, text: &str) {
    if let Some(object) = body.as_object_mut() {
        object.insert(key.to_owned(), text.into());
    }
}

/// Whether there is another page to read.
pub(super) enum Next {
    Page(String),
    /// There is no further token: all has been read.
    Done,
    /// Enough was read, or the tokens turn in a circle: something was left out.
    Cut,
}

/// The tokens so far.
pub(super) struct Pages {
    most: usize,
    seen: BTreeSet<String>,
}

impl Pages {
    pub(super) fn at_most(most: usize) -> Self {
        Self { most, seen: BTreeSet::new() }
    }

    pub(super) fn next(&mut self, token: Option<String>) -> Next {
        match token.filter(|token| !token.is_empty()) {
            None => Next::Done,
            Some(token) => {
                let is_new = self.seen.insert(token.clone());
                if is_new && self.seen.len() < self.most { Next::Page(token) } else { Next::Cut }
            }
        }
    }
}
