//! Questions for log lines: Loki and local files. Never reads a line, never lets a value out of its quotes or its folder.

use super::fill::{Filled, Part, parts};
use super::grammar;
use super::read::Reader;
use super::yaml::{Kind, Node};
use crate::core::evidence::Ask;
use crate::core::time::Duration;

/// Lines of one look into a log.
pub(crate) const LINES: u32 = 500;
pub(crate) const LINES_MOST: u32 = crate::systems::files::MAX_LINES;
pub(crate) const LOG_LAST: Duration = Duration::from_mins(10);

impl Reader {
    pub(crate) fn loki(&self, node: &Node) -> Option<Ask> {
        let fields = self.fields(node, &grammar::LOKI)?;
        let query =
            fields.required(self, "query", "the LogQL to ask").and_then(|node| self.logql(node));
        let last = match fields.get("last") {
            Some(node) => self.duration(node),
            None => Some(LOG_LAST),
        };
        let limit = match fields.get("limit") {
            Some(node) => self.integer(node, 1..=LINES_MOST),
            None => Some(LINES),
        };
        Some(Ask::Loki { query: query?, last: last?, limit: limit? })
    }

    /// `LogQL` has no parser here: a placeholder is taken only as the whole of a quoted string, and put in quoted again.
    fn logql(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let pieces = parts(&text);
        let mut filled = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Part::Text(plain) => filled.push_str(plain),
                Part::Placeholder(name) => {
                    let after = index.checked_add(1).and_then(|next| pieces.get(next));
                    let quoted = filled.ends_with('"')
                        && matches!(after, Some(Part::Text(after)) if after.starts_with('"'));
                    let pattern = filled.ends_with("~\"") || filled.ends_with("~ \"");
                    if !quoted || pattern {
                        let hint = format!("write it as a whole quoted value: app=\"{{{name}}}\"");
                        return self.no(
                            node,
                            format!("`{{{name}}}` cannot stand here in LogQL"),
                            &hint,
                        );
                    }
                    match self.fill(name, node.place())? {
                        Filled::Unfilled => return Some(text),
                        Filled::Value(value) => filled.push_str(&escape(&value)),
                    }
                }
            }
        }
        let selects = filled.trim_start().starts_with(['{', '(']) || filled.contains('{');
        if selects {
            Some(filled)
        } else {
            self.no(node, "a LogQL query selects streams", "such as {app=\"pms\"} |= \"error\"")
        }
    }

    pub(crate) fn log_file(&self, node: &Node) -> Option<Ask> {
        let (mut last, mut zone) = (Some(None), Some(None));
        let (path, last_lines) = match &node.kind {
            Kind::Map(_) => {
                let fields = self.fields(node, &grammar::LOG_FILE)?;
                let lines = match fields.get("last_lines") {
                    Some(node) => self.integer(node, 1..=LINES_MOST),
                    None => Some(LINES),
                };
                if let Some(node) = fields.get("last") {
                    last = self.duration(node).map(Some);
                }
                if let Some(node) = fields.get("zone") {
                    zone = self.zone(node).map(Some);
                }
                (fields.required(self, "path", "the file to read")?, lines)
            }
            Kind::Scalar(_) | Kind::List(_) => (node, Some(LINES)),
        };
        let path = self.path(path)?;
        Some(Ask::LogFile { path, last_lines: last_lines?, last: last?, zone: zone? })
    }

    /// The name of a time zone, as `Europe/Berlin`.
    fn zone(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if jiff::tz::TimeZone::get(&text).is_ok() {
            return Some(text);
        }
        let message = format!("no time zone is called `{}`", super::words::short(&text));
        self.no(node, message, "a name of the tz database: UTC, Europe/Berlin, America/New_York")
    }

    /// The path of a file.
    pub(crate) fn path(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let filled = self.fill_with(node, &text, |value, filled| {
            // A variable may be the whole path; in the middle it is one name, and cannot lead elsewhere.
            if !filled.is_empty() && (value.contains('/') || value.is_empty()) {
                return Err("inside a path a variable is one name without `/`");
            }
            filled.push_str(value);
            Ok(())
        })?;
        if filled.split('/').any(|step| step == "..") {
            return self.no(node, "`..` in the path of a file", "write the path as it is");
        }
        Some(filled)
    }
}

/// Escapes as `LogQL` and Go read it between double quotes.
fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}
