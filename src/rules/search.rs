//! Questions whose answers are documents read as log lines: Elasticsearch, and pages of events. Never asks them.

use std::collections::BTreeMap;

use super::fill::{Part, parts, whole};
use super::grammar;
use super::http::Purpose;
use super::logs::{LINES, LINES_MOST, LOG_LAST};
use super::read::{Fields, Reader};
use super::yaml::Node;
use crate::core::evidence::{Ask, EventsAsk, HttpAsk};

/// What one search of Elasticsearch may bring: half of what it allows, a fifth of what a log file gives.
pub(crate) const ES_LINES_MOST: u32 = 1_000;
/// An event has a handful of words worth reading.
const TEXTS_MOST: usize = 8;
const TIME: &str = "@timestamp";
const MESSAGE: &str = "message";

impl Reader {
    pub(crate) fn elasticsearch(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::ELASTICSEARCH)?;
        let index = fields
            .required(self, "index", "which index: index: logs-app-*")
            .and_then(|node| self.index(node));
        let wanted = match fields.get("where") {
            Some(node) => self.wanted_fields(node),
            None => Some(BTreeMap::new()),
        };
        let query = match fields.get("query") {
            Some(node) => self.query_string(node).map(Some),
            None => Some(None),
        };
        let or = |name: &str, default: &str| match fields.get(name) {
            Some(node) => self.text(node),
            None => Some(default.to_owned()),
        };
        let last = match fields.get("last") {
            Some(node) => self.duration(node),
            None => Some(LOG_LAST),
        };
        let (time, message) = (or("time", TIME), or("message", MESSAGE));
        let limit = self.lines_limit(&fields, ES_LINES_MOST);
        Some(Ask::Elasticsearch {
            index: index?,
            wanted: wanted?,
            query: query?,
            time: time?,
            message: message?,
            last: last?,
            limit: limit?,
        })
    }

    /// An index stands in a path: what could lead elsewhere is refused.
    fn index(&self, node: &Node) -> Option<String> {
        let written = self.text(node)?;
        let text = self.text_or_fill(node)?;
        let unfilled = whole(&written).is_some() && text == written;
        let fits = !text.starts_with(['_', '-', '+', '.'])
            && !text.contains("..")
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.*,:".contains(c));
        if fits || unfilled {
            return Some(text);
        }
        let hint = "lower-case letters, digits, `-`, `_`, `.`, and `*` for any: logs-app-*";
        self.no(node, "this is not the name of an index", hint)
    }

    /// Exact values of fields; placeholders stand for whole values.
    fn wanted_fields(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        let mut wanted = BTreeMap::new();
        for (key, value) in self.map(node)? {
            wanted.insert(self.key(key)?, self.text_or_fill(value)?);
        }
        Some(wanted)
    }

    /// Query strings have no safe place for a value from outside.
    fn query_string(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if parts(&text).iter().any(|part| matches!(part, Part::Placeholder(_))) {
            let hint = "put it under `where`, as the exact value of a field";
            return self.no(node, "no placeholder can stand in a query string", hint);
        }
        Some(text)
    }

    pub(crate) fn events(&self, node: &Node) -> Option<EventsAsk> {
        let fields = self.fields(node, &grammar::EVENTS)?;
        let page = self.events_page(&fields);
        let pointer = |name: &str| match fields.get(name) {
            Some(node) => self.pointer(node).map(Some),
            None => Some(None),
        };
        let (items, at) = (pointer("items"), pointer("at"));
        let text = fields
            .required(self, "text", "what of an event to read: text: [ /type, /errorMessage ]")
            .and_then(|node| self.texts(node));
        let limit = self.lines_limit(&fields, LINES_MOST);
        Some(EventsAsk {
            page: page?,
            items: items?.unwrap_or_default(),
            at: at?,
            text: text?,
            limit: limit?,
        })
    }

    fn events_page(&self, fields: &Fields<'_>) -> Option<HttpAsk> {
        let url = fields
            .required(self, "get", "the page to read: get: http://…")
            .and_then(|node| self.url(node));
        let headers = self.headers(fields, Purpose::Question);
        let timeout = self.http_timeout(fields);
        Some(HttpAsk {
            method: "GET".to_owned(),
            url: url?,
            headers: headers?,
            json: None,
            secrets: BTreeMap::new(),
            said: BTreeMap::new(),
            pointer: None,
            expect: None,
            timeout: timeout?,
        })
    }

    fn texts(&self, node: &Node) -> Option<Vec<String>> {
        let items = self.list(node)?;
        if items.len() > TEXTS_MOST {
            return self.no(node, "too many parts of one line", "at most 8");
        }
        let all: Vec<_> = items.iter().map(|node| self.pointer(node)).collect();
        all.into_iter().collect()
    }

    fn lines_limit(&self, fields: &Fields<'_>, most: u32) -> Option<u32> {
        match fields.get("limit") {
            Some(node) => self.integer(node, 1..=most),
            None => Some(LINES),
        }
    }
}
