//! What a logger wraps around a message: JSON, colours, stack frames. Opened so that the patterns see what was meant.
//!
//! Never believes a field because of its place: a forged entry inside a message is text like any other.

use serde_json::{Map, Value};
use std::borrow::Cow;

use super::told::{as_status, bounded};
use crate::core::time::Duration;

/// Longer lines are read at both ends only: a cause stands at the start of a message or at the end of a traceback.
const HEAD_BYTES: usize = 6 * 1024;
const TAIL_BYTES: usize = 2 * 1024;
/// Larger texts are not parsed as JSON.
const JSON_BYTES: usize = 64 * 1024;
/// Loggers nest little; what is deeper or more than this is data, not a message.
const JSON_DEPTH: usize = 6;
const JSON_TEXTS: usize = 64;

/// Keys whose text speaks of what happened. Others (URLs, agents, hosts, queries) hold words of somebody else.
const SPEAKING: &[&str] = &[
    "msg",
    "message",
    "error",
    "err",
    "errormessage",
    "error_message",
    "errormsg",
    "errors",
    "exception",
    "cause",
    "reason",
    "detail",
    "details",
    "description",
    "error_description",
    "stack",
    "stack_trace",
    "stacktrace",
    "log",
    "event",
    "text",
    "body",
    "response",
    "type",
    "code",
    "error_code",
    "errorcode",
    "errortype",
    "error_type",
    "name",
    "status",
    "title",
    "@message",
    "response_flags",
    "upstream_transport_failure_reason",
    "response_code_details",
    "data",
    "fields",
    "outcome",
    "output",
    "__type",
];
/// Below these, every text is about the error.
const ERROR_OBJECTS: &[&str] = &["error", "err", "errors", "exception", "cause", "response"];
const STATUS_KEYS: &[&str] = &[
    "status",
    "statuscode",
    "status_code",
    "httpstatus",
    "http_status",
    "http_status_code",
    "response_code",
    "responsecode",
    "http.status_code",
    "http.response.status_code",
    "response_status",
    "upstream_status",
    "code",
    "error_code",
    "errorcode",
];
const WAIT_KEYS: &[&str] =
    &["retry_after", "retry-after", "retryafter", "retry_after_seconds", "retryafterseconds"];
const LEVEL_KEYS: &[&str] = &["level", "severity", "lvl", "loglevel", "log.level"];

/// Between the texts of two fields: no pattern reaches across.
const SEAM: &str = "\n\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\n";

/// A line as the patterns should see it.
pub(super) struct Opened<'t> {
    pub(super) text: Cow<'t, str>,
    /// Of a field made for it.
    pub(super) status: Option<u16>,
    pub(super) wait: Option<Duration>,
    /// The logger itself calls it ordinary, and a status says that the call succeeded.
    pub(super) ordinary: bool,
}

pub(super) fn open(raw: &str) -> Opened<'_> {
    if let Some(opened) = open_json(raw) {
        return opened;
    }
    Opened {
        text: without_frames(bounded_text(plain(raw))),
        status: None,
        wait: None,
        ordinary: false,
    }
}

fn open_json(raw: &str) -> Option<Opened<'static>> {
    let start = raw.trim_start();
    if !start.starts_with('{') || raw.len() > JSON_BYTES {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(start).ok()?;
    let mut found = Found::default();
    found.object(&object, false, 0);
    let texts: Vec<_> = found.texts.iter().map(|text| plain(text)).collect();
    let text = bounded_text(Cow::Owned(texts.join(SEAM))).into_owned();
    let succeeded = found.status.is_some_and(|status| status < 400);
    Some(Opened {
        text: Cow::Owned(without_frames(Cow::Owned(text)).into_owned()),
        status: found.status,
        wait: found.wait,
        ordinary: succeeded && found.is_quiet,
    })
}

#[derive(Default)]
struct Found {
    texts: Vec<String>,
    status: Option<u16>,
    wait: Option<Duration>,
    is_quiet: bool,
}

impl Found {
    fn object(&mut self, object: &Map<String, Value>, in_error: bool, depth: usize) {
        for (key, value) in object {
            let key = key.to_ascii_lowercase();
            if depth == 0 && LEVEL_KEYS.contains(&key.as_str()) {
                self.is_quiet |= is_quiet(value);
                continue;
            }
            if STATUS_KEYS.contains(&key.as_str()) {
                // `code` is a status only where it can be one of a failure.
                let least = if key.contains("code")
                    && !key.contains("status")
                    && !key.starts_with("resp")
                {
                    400
                } else {
                    200
                };
                if let Some(status) =
                    as_number(value).and_then(as_status).filter(|status| *status >= least)
                {
                    self.status = Some(self.status.map_or(status, |known| known.max(status)));
                    continue;
                }
            }
            if WAIT_KEYS.contains(&key.as_str()) {
                self.wait = self.wait.or_else(|| as_number(value).and_then(bounded));
            }
            if in_error || SPEAKING.contains(&key.as_str()) {
                self.value(value, in_error || ERROR_OBJECTS.contains(&key.as_str()), depth);
            }
        }
    }

    fn value(&mut self, value: &Value, in_error: bool, depth: usize) {
        if depth >= JSON_DEPTH || self.texts.len() >= JSON_TEXTS {
            return;
        }
        match value {
            Value::String(text) => self.text(text, in_error, depth),
            Value::Array(items) => {
                for item in items {
                    self.value(item, in_error, depth + 1);
                }
            }
            Value::Object(object) => self.object(object, in_error, depth + 1),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A message may be JSON again: Docker's log driver wraps whatever a service prints.
    fn text(&mut self, text: &str, in_error: bool, depth: usize) {
        let nested = text
            .trim_start()
            .starts_with('{')
            .then(|| serde_json::from_str::<Map<String, Value>>(text).ok());
        match nested.flatten() {
            Some(object) => self.object(&object, in_error, depth + 1),
            None => self.texts.push(text.to_owned()),
        }
    }
}

fn is_quiet(level: &Value) -> bool {
    match level {
        Value::String(word) => {
            ["trace", "debug", "info", "notice"].contains(&word.to_ascii_lowercase().as_str())
        }
        // bunyan and pino: 10 trace, 20 debug, 30 info
        Value::Number(number) => number.as_u64().is_some_and(|level| level <= 30),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Both ends of a text that is too long.
fn bounded_text(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        return text;
    }
    let head = text.get(..text.floor_char_boundary(HEAD_BYTES)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - TAIL_BYTES)..).unwrap_or_default();
    Cow::Owned(format!("{head}\n{tail}"))
}

/// Frames name classes and files, not causes: `at Timeout.onConnectTimeout` proves nothing.
fn without_frames(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('\n') {
        return text;
    }
    let is_frame = |line: &&str| {
        let indented = line.starts_with([' ', '\t']);
        let line = line.trim_start();
        indented && (line.starts_with("at ") || line.starts_with("... "))
            || line.starts_with("File \"")
    };
    Cow::Owned(text.lines().filter(|line| !is_frame(line)).collect::<Vec<_>>().join("\n"))
}

/// Without escape sequences and control characters (a line feed stays), so that colours neither hide nor forge anything.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_escape(&mut chars),
            // The eight-bit introducer of a control sequence.
            '\u{9b}' => skip_sequence(&mut chars),
            '\t' | '\r' => clean.push(' '),
            char if is_unsafe(char) => {}
            char => clean.push(char),
        }
    }
    Cow::Owned(clean)
}

/// Control characters, and those that turn the direction of text or take no room in it.
fn is_unsafe(char: char) -> bool {
    char.is_control() && char != '\n'
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => skip_sequence(chars),
        // Operating system commands (titles, OSC-8 links) end with BEL or ESC \.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(char) = chars.next() {
                if char == '\u{7}' || char == '\u{9c}' {
                    break;
                }
                if char == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some(_) | None => {}
    }
}

/// Parameters, then one final byte.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while chars.next_if(|char| ('\u{20}'..='\u{3f}').contains(char)).is_some() {}
    chars.next_if(|char| ('\u{40}'..='\u{7e}').contains(char));
}
