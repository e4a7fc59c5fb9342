//! Questions to Redis, `SQLite` and `PostgreSQL`: a key, or one statement that selects. Never one that writes.

use super::fill::{Filled, whole};
use super::grammar;
use super::read::Reader;
use super::words;
use super::yaml::{Kind, Node};
use crate::core::evidence::{Ask, Secretish};
use crate::systems::{database, postgres, redis};

/// More parameters than this are no question for one value.
const PARAMS_MOST: usize = 16;

impl Reader {
    pub(crate) fn redis(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::REDIS)?;
        let hint = "where it is: url: redis://host:6379, or { env: NAME } with a password in it";
        let url = fields.required(self, "url", hint).and_then(|node| self.redis_url(node));
        let key = fields
            .required(self, "key", "which key holds the value: key: \"breaker:state\"")
            .and_then(|node| self.redis_key(node));
        let pointer = match fields.get("pointer") {
            Some(node) => self.pointer(node).map(Some),
            None => Some(None),
        };
        Some(Ask::Redis { url: url?, key: key?, pointer: pointer? })
    }

    /// An address without a password, or the place of one that has it.
    fn redis_url(&self, node: &Node) -> Option<Secretish> {
        self.store_url(node, "Redis", redis::checked)
    }

    /// The address of a store, checked by `check`. Only the place of one that holds a password may stand in a rule.
    fn store_url(
        &self,
        node: &Node,
        what: &str,
        check: fn(&str) -> Result<reqwest::Url, &'static str>,
    ) -> Option<Secretish> {
        if let Kind::Map(_) = node.kind {
            let secret = self.secret_ref(node)?;
            return Some(Secretish::Secret { prefix: String::new(), secret });
        }
        let text = self.text(node)?;
        let address = match whole(&text) {
            Some(name) => match self.fill(name, node.place())? {
                Filled::Value(value) => value,
                Filled::Unfilled => return Some(Secretish::Plain(text)),
            },
            None => text,
        };
        let named = |url: &reqwest::Url| what == "PostgreSQL" || url.username().is_empty();
        match check(&address) {
            Ok(url) if named(&url) && url.password().is_none() => Some(Secretish::Plain(address)),
            Ok(_) => {
                self.hide(node);
                let hint = "secrets only by reference: url: { env: NAME } or { file: /path }";
                self.no(node, "a user or password stands in this address", hint)
            }
            Err(hint) => {
                self.hide(node);
                self.no(node, format!("this is not an address of {what} to use here"), hint)
            }
        }
    }

    /// Placeholders may stand anywhere in a key: it is one argument of one command.
    fn redis_key(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        self.fill_with(node, &text, |value, filled| {
            filled.push_str(value);
            Ok(())
        })
    }

    pub(crate) fn sqlite(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::SQLITE)?;
        let path =
            fields.required(self, "path", "the database's file").and_then(|node| self.path(node));
        let query = fields
            .required(self, "query", "one SELECT of one value: query: SELECT state FROM breaker")
            .and_then(|node| self.select(node));
        let params = match fields.get("params") {
            Some(node) => self.params(node),
            None => Some(Vec::new()),
        };
        Some(Ask::Sqlite { path: path?, query: query?, params: params? })
    }

    pub(crate) fn postgres(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::POSTGRES)?;
        let hint = "where it is: url: postgres://user@host:5432/database, or { env: NAME } with a password in it";
        let url = fields
            .required(self, "url", hint)
            .and_then(|node| self.store_url(node, "PostgreSQL", postgres::checked));
        let query = fields
            .required(self, "query", "one SELECT of one value: query: SELECT state FROM breaker")
            .and_then(|node| self.select(node));
        let params = match fields.get("params") {
            Some(node) => self.params(node),
            None => Some(Vec::new()),
        };
        Some(Ask::Postgres { url: url?, query: query?, params: params? })
    }

    fn select(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if super::fill::parts(&text)
            .iter()
            .any(|part| matches!(part, super::fill::Part::Placeholder(_)))
        {
            let hint = "write ? (PostgreSQL: $1) in the query, and the placeholder under `params`";
            return self.no(node, "no placeholder can stand in SQL", hint);
        }
        match database::one_select(&text) {
            Ok(()) => Some(text),
            Err(hint) => {
                let message = format!("`{}` is not a question for a database", words::short(&text));
                self.no(node, message, hint)
            }
        }
    }

    /// The values for `?`, in their order.
    fn params(&self, node: &Node) -> Option<Vec<String>> {
        let items = self.list(node)?;
        if items.len() > PARAMS_MOST {
            return self.no(node, "too many parameters", "at most 16");
        }
        let all: Vec<_> = items.iter().map(|node| self.text_or_fill(node)).collect();
        all.into_iter().collect()
    }
}
