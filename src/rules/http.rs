//! HTTP requests of a rule: questions, probes, resets. Never holds a secret, only where one lies.

use http::{HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::str::FromStr;

use super::fill::{Filled, said, whole};
use super::grammar::{self, Shape};
use super::read::{Fields, Reader};
use super::words;
use super::yaml::{Key, Kind, Node, Scalar};
use crate::core::evidence::{Expect, HttpAsk, Said, SecretRef, Secretish};
use crate::core::time::Duration;

/// Long enough for a slow health page, short enough for the time budget of a round.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The client waits no longer than this, whatever a rule says.
const TIMEOUT_MOST: Duration = Duration::from_secs(10);
/// Headers that the client sets itself, or that would let a rule forge what reclose promises.
const HEADERS_OURS: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "idempotency-key", "upgrade"];
/// What every reset says in its body: which decision it carries out, and why.
const BODY_OURS: [&str; 3] = ["decision", "reason", "incident"];
/// Headers whose value is a secret by their nature.
const HEADERS_SECRET: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"];

/// What a request is for: it decides which keys make sense.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads: GET, and perhaps a pointer to the value.
    Question,
    Probe,
    /// Changes something.
    Reset,
}

impl Purpose {
    fn shape(self) -> &'static Shape {
        match self {
            Self::Question => &grammar::QUESTION_HTTP,
            Self::Probe => &grammar::PROBE_HTTP,
            Self::Reset => &grammar::RESET_HTTP,
        }
    }
}

/// Places in a body that are filled later, by pointer.
#[derive(Default)]
struct Holes {
    secrets: BTreeMap<String, SecretRef>,
    said: BTreeMap<String, Said>,
    /// It is an action's: it may say its decision.
    decides: bool,
}

impl Reader {
    pub(crate) fn http(&self, node: &Node, purpose: Purpose) -> Option<HttpAsk> {
        let fields = self.fields(node, purpose.shape())?;
        let method = fields.choice(self);
        let of = |name: &str| purpose.shape().key(name).and_then(|_| fields.get(name));
        let url = method.and_then(|(_, node)| self.url(node));
        let headers = self.headers(&fields, purpose);
        let mut holes = Holes { decides: purpose == Purpose::Reset, ..Holes::default() };
        let json = match of("json") {
            Some(node) => self.json(node, "", Some(&mut holes)).map(Some),
            None => Some(None),
        };
        let Holes { secrets, said, .. } = holes;
        // A rule that places the decision itself says all of the body.
        let places = said.values().any(|said| *said == Said::Decision);
        if let Some(node) = of("json").filter(|_| purpose == Purpose::Reset && !places) {
            self.reset_body(node)?;
        }
        self.body_type(&fields, of("json"))?;
        let pointer = match of("pointer") {
            Some(node) => self.pointer(node).map(Some),
            None => Some(None),
        };
        let expect = match of("expect") {
            Some(node) => self.expect(node).map(Some),
            None if purpose == Purpose::Probe => {
                Some(Some(Expect { status: 200, json: BTreeMap::new() }))
            }
            None => Some(None),
        };
        let timeout = self.http_timeout(&fields);
        Some(HttpAsk {
            method: method?.0.to_ascii_uppercase(),
            url: url?,
            headers: headers?,
            json: json?,
            secrets,
            said,
            pointer: pointer?,
            expect: expect?,
            timeout: timeout?,
        })
    }

    pub(crate) fn http_timeout(&self, fields: &Fields<'_>) -> Option<Duration> {
        let Some(node) = fields.get("timeout") else { return Some(TIMEOUT) };
        let timeout = self.duration(node)?;
        if timeout <= TIMEOUT_MOST {
            return Some(timeout);
        }
        self.no(node, "nobody waits that long for an answer", "`timeout` is at most 10s")
    }

    /// The body of a reset is an object, to which the decision is added.
    fn reset_body(&self, node: &Node) -> Option<()> {
        for (key, _) in self.map(node)? {
            if BODY_OURS.contains(&key.text.as_str()) {
                let message = format!("`{}` is set by reclose itself", key.text);
                self.fault(key.at.clone(), message, "leave it out");
                return None;
            }
        }
        Some(())
    }

    /// What the body is called must be what it is.
    fn body_type(&self, fields: &Fields<'_>, json: Option<&Node>) -> Option<()> {
        let headers = fields.get("headers").and_then(|node| self.map(node)).unwrap_or_default();
        let named = headers.iter().find(|(key, _)| key.text.eq_ignore_ascii_case("content-type"));
        let Some((key, value)) = named else { return Some(()) };
        if json.is_none() {
            self.fault(
                key.at.clone(),
                "there is no `json` whose type this could be",
                "leave it out",
            );
            return None;
        }
        let is_json = match &value.kind {
            Kind::Scalar(scalar) => {
                let kind = scalar.text.split(';').next().unwrap_or_default().trim();
                let kind = kind.to_ascii_lowercase();
                kind == "application/json"
                    || kind.ends_with("+json")
                    // So the older services of AWS call JSON.
                    || kind.starts_with("application/x-amz-json-")
            }
            Kind::List(_) | Kind::Map(_) => false,
        };
        let hint =
            "application/json, application/merge-patch+json, or another that ends with +json";
        if is_json { Some(()) } else { self.no(value, "the body is JSON", hint) }
    }

    pub(crate) fn headers(
        &self,
        fields: &Fields<'_>,
        purpose: Purpose,
    ) -> Option<BTreeMap<String, Secretish>> {
        let mut headers = BTreeMap::new();
        let mut sound = true;
        if let Some(node) = fields.get("headers") {
            for (key, value) in self.map(node)? {
                match self.header(key, value, purpose) {
                    Some((name, value)) => drop(headers.insert(name, value)),
                    None => sound = false,
                }
            }
        }
        if let Some(node) = fields.get("bearer") {
            let secret = self.secret_ref(node)?;
            let value = Secretish::Secret { prefix: "Bearer ".to_owned(), secret };
            if headers.insert("authorization".to_owned(), value).is_some() {
                return self.no(
                    node,
                    "`bearer` and the header `authorization` say the same",
                    "keep one",
                );
            }
        }
        sound.then_some(headers)
    }

    fn header(&self, key: &Key, node: &Node, purpose: Purpose) -> Option<(String, Secretish)> {
        let Ok(name) = HeaderName::from_str(&key.text) else {
            self.fault(
                key.at.clone(),
                format!("`{}` is no header name", words::short(&key.text)),
                "such as `Accept`",
            );
            return None;
        };
        let name = name.as_str().to_owned();
        if HEADERS_OURS.contains(&name.as_str()) {
            self.fault(
                key.at.clone(),
                format!("`{name}` is set by reclose itself"),
                "leave it out",
            );
            return None;
        }
        if let Kind::Map(_) = node.kind {
            return self.secret_value(node).map(|value| (name, value));
        }
        if HEADERS_SECRET.contains(&name.as_str()) {
            self.hide(node);
            return self.no(
                node,
                format!("`{name}` carries a secret, and secrets do not stand in rules"),
                "write { secret: { env: NAME } }, or `bearer: { env: NAME }`",
            );
        }
        if let Kind::Scalar(scalar) = &node.kind
            && let Some(said) = whole(&scalar.text).and_then(said)
            && purpose == Purpose::Reset
        {
            return Some((name, Secretish::Said(said)));
        }
        let value = self.text_or_fill(node)?;
        match HeaderValue::from_str(&value) {
            Ok(_) => Some((name, Secretish::Plain(value))),
            Err(_) => self.no(
                node,
                "a header's value is one line of visible characters",
                "remove the rest",
            ),
        }
    }

    /// `{ secret: { env: NAME } }`, perhaps with `prefix: "Token "`.
    fn secret_value(&self, node: &Node) -> Option<Secretish> {
        let fields = self.fields(node, &grammar::SECRET_VALUE)?;
        let secret = fields.required(self, "secret", "write { secret: { env: NAME } }");
        let secret = secret.and_then(|node| self.secret_ref(node));
        let prefix = match fields.get("prefix") {
            Some(node) => self.text(node).and_then(|text| {
                let fits = HeaderValue::from_str(&text).is_ok().then_some(text);
                fits.or_else(|| {
                    self.no(
                        node,
                        "a prefix is visible characters on one line",
                        "such as \"Token \"",
                    )
                })
            }),
            None => Some(String::new()),
        };
        Some(Secretish::Secret { prefix: prefix?, secret: secret? })
    }

    /// `{ env: NAME }` or `{ file: PATH }`; a secret written out is refused without being repeated.
    pub(crate) fn secret_ref(&self, node: &Node) -> Option<SecretRef> {
        const HINT: &str = "secrets only by reference: { env: NAME } or { file: /path }";
        let Kind::Map(_) = node.kind else {
            self.hide(node);
            return self.no(node, "a secret stands here, or something in its place", HINT);
        };
        match self.fields(node, &grammar::SECRET)?.choice(self)? {
            ("env", node) => {
                let name = self.text(node)?;
                let fits = !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if fits {
                    Some(SecretRef::Env(name))
                } else {
                    let message = format!("`{}` is no name of a variable", words::short(&name));
                    self.no(node, message, "letters, digits and `_`: env: PMS_ADMIN_TOKEN")
                }
            }
            (_, node) => self.text(node).map(SecretRef::File),
        }
    }

    pub(crate) fn pointer(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let filled = self.fill_with(node, &text, |value, filled| {
            if !filled.ends_with('/') {
                return Err("in a pointer a placeholder is a whole step: /breakers/{name}");
            }
            filled.push_str(&step(value));
            Ok(())
        })?;
        self.valid(pointer_check(&filled), filled, node.place())
    }

    fn expect(&self, node: &Node) -> Option<Expect> {
        let fields = self.fields(node, &grammar::EXPECT)?;
        let status = match fields.get("status") {
            Some(node) => self.integer(node, 100..=599),
            None => Some(200),
        };
        let mut json = BTreeMap::new();
        if let Some(node) = fields.get("json") {
            for (key, value) in self.map(node)? {
                let pointer =
                    self.valid(pointer_check(&key.text), key.text.clone(), key.at.clone());
                let value = self.json(value, "", None);
                json.insert(pointer?, value?);
            }
        }
        Some(Expect { status: u16::try_from(status?).ok()?, json })
    }

    /// A value as JSON. Where `holes` are allowed, what is put in later stands for a whole value and is noted under its pointer.
    fn json(
        &self,
        node: &Node,
        at: &str,
        mut holes: Option<&mut Holes>,
    ) -> Option<serde_json::Value> {
        match &node.kind {
            Kind::Scalar(_) if node.is_null() => Some(serde_json::Value::Null),
            Kind::Scalar(scalar) => {
                if let Some(holes) = holes.filter(|holes| holes.decides)
                    && let Some(said) = whole(&scalar.text).and_then(said)
                {
                    holes.said.insert(at.to_owned(), said);
                    return Some(serde_json::Value::Null);
                }
                self.json_scalar(node, scalar)
            }
            Kind::List(items) => {
                let mut list = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    list.push(self.json(item, &format!("{at}/{index}"), holes.as_deref_mut()));
                }
                list.into_iter().collect::<Option<Vec<_>>>().map(serde_json::Value::Array)
            }
            Kind::Map(entries) => {
                if let (Some(holes), [(key, reference)]) =
                    (holes.as_deref_mut(), entries.as_slice())
                    && key.text == "secret"
                {
                    holes.secrets.insert(at.to_owned(), self.secret_ref(reference)?);
                    return Some(serde_json::Value::Null);
                }
                let mut object = Vec::new();
                for (key, value) in entries {
                    let at = format!("{at}/{}", step(&key.text));
                    let value = self.json(value, &at, holes.as_deref_mut());
                    object.push(value.map(|value| (key.text.clone(), value)));
                }
                object
                    .into_iter()
                    .collect::<Option<serde_json::Map<_, _>>>()
                    .map(serde_json::Value::Object)
            }
        }
    }

    fn json_scalar(&self, node: &Node, scalar: &Scalar) -> Option<serde_json::Value> {
        if scalar.plain {
            match scalar.text.as_str() {
                "true" => return Some(serde_json::Value::Bool(true)),
                "false" => return Some(serde_json::Value::Bool(false)),
                text => {
                    if let Ok(number) = text.parse::<serde_json::Number>() {
                        return Some(serde_json::Value::Number(number));
                    }
                }
            }
            if let Some(other) = words::looks_like(&scalar.text) {
                let message =
                    format!("`{}` could be a text or {other}", words::short(&scalar.text));
                return self.no(
                    node,
                    message,
                    "quote it for a text; write true, false or a plain number",
                );
            }
        }
        match whole(&scalar.text) {
            Some(name) => match self.fill(name, node.place())? {
                Filled::Value(value) => Some(serde_json::Value::String(value)),
                Filled::Unfilled => Some(serde_json::Value::String(scalar.text.clone())),
            },
            None => Some(serde_json::Value::String(scalar.text.clone())),
        }
    }
}

/// One step of a pointer.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// RFC 6901: empty, or steps that begin with `/`, where `~` is followed by 0 or 1.
fn pointer_check(text: &str) -> Result<(), &'static str> {
    let escaped = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    (text.starts_with('/') && escaped)
        .then_some(())
        .ok_or("a JSON pointer begins with `/`: /breaker/state")
}
