//! Requests in words, their secrets only by where they lie. Never what an answer means.

use super::span;
use crate::core::evidence::{HttpAsk, Said, SecretRef, Secretish};

pub(super) fn request(http: &HttpAsk) -> String {
    let mut parts = vec![format!("{} {}", http.method, http.url)];
    for (name, value) in &http.headers {
        parts.push(format!(" with {name}: {}", value_of(value)));
    }
    parts.extend(http.json.as_ref().map(|json| format!(" saying {json}")));
    let secrets = http.secrets.iter();
    parts.extend(secrets.map(|(at, secret)| format!(" with {} at {at}", secret_of(secret))));
    let said = http.said.iter();
    parts.extend(said.map(|(at, said)| format!(" with {} at {at}", said_words(*said))));
    parts.extend(http.pointer.as_ref().map(|pointer| format!(", the value at {pointer}")));
    if let Some(expect) = &http.expect {
        parts.push(format!(", expecting {}", expect.status));
        parts.extend(
            expect.json.iter().map(|(pointer, value)| format!(" and {value} at {pointer}")),
        );
    }
    parts.push(format!(", at most {}", span(http.timeout)));
    parts.concat()
}

pub(super) fn value_of(value: &Secretish) -> String {
    match value {
        Secretish::Plain(value) => value.clone(),
        Secretish::Secret { prefix, secret } => format!("{prefix}{}", secret_of(secret)),
        Secretish::Said(said) => said_words(*said).to_owned(),
    }
}

const fn said_words(said: Said) -> &'static str {
    match said {
        Said::Decision => "<the decision's key>",
        Said::Reason => "<the reason>",
    }
}

fn secret_of(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("<the secret ${name}>"),
        SecretRef::File(path) => format!("<the secret in {path}>"),
    }
}
