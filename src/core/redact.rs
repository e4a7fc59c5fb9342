//! Secrets out of text that leaves the process: passwords, tokens, keys, credentials in addresses, e-mail addresses.
//! The one place that knows their shapes. Never keeps a part of one, and never makes a text longer by much.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Stands where a secret stood.
pub const MASK: &str = "***";
/// Runs of this length with letters of both cases and digits are keys, not words.
const RUN_CHARS: usize = 24;

/// Words that follow `token:` or `password:` in ordinary sentences.
const NO_SECRETS: &[&str] = &[
    "expired",
    "invalid",
    "missing",
    "failed",
    "required",
    "null",
    "none",
    "nil",
    "true",
    "false",
    "not",
    "is",
    "has",
    "was",
    "denied",
    "error",
    "the",
    "a",
    "an",
    "no",
    "unauthorized",
    "revoked",
    "unknown",
    "rejected",
    "wrong",
    "bad",
    "empty",
    "unset",
    "ok",
    "valid",
    "cannot",
    "could",
    "unable",
    "access",
    "must",
    "undefined",
    "yes",
    "authentication",
    "permission",
    "forbidden",
    "refused",
    "incorrect",
    "malformed",
    "unauthenticated",
    "bearer",
    "basic",
    "digest",
];

struct Shapes {
    /// Each replaces with a text that may name what was found.
    plain: Vec<(Regex, &'static str)>,
    named: Regex,
    scheme: Regex,
    run: Regex,
}

fn shapes() -> Option<&'static Shapes> {
    static SHAPES: OnceLock<Option<Shapes>> = OnceLock::new();
    SHAPES.get_or_init(|| compile().ok()).as_ref()
}

fn compile() -> Result<Shapes, regex::Error> {
    let plain = [
        // Private keys, whole or cut.
        (
            r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)",
            MASK,
        ),
        // Credentials of an address, plain or percent-encoded.
        (
            r#"(?i)\b([a-z][a-z0-9+.-]*(?:://|:\\/\\/|%3a%2f%2f))[^\s/?\#"'<>]{0,300}(?:@|%40)"#,
            "${1}***@",
        ),
        // JSON Web Tokens.
        (r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,4}", MASK),
        // Keys that tell their maker.
        (r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}", MASK),
        (
            r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|npm_|pypi-|dop_v1_|shpat_|hf_|ya29\.|AIza|EAA|SG\.|whsec_|hvs\.|sk-|sk_|rk_|pk_live_)[A-Za-z0-9_./+-]{6,}",
            MASK,
        ),
        (r"\bhooks\.slack\.com/(?:services|workflows)/\S+", "hooks.slack.com/***"),
        (r"\b\d{8,10}:AA[A-Za-z0-9_-]{20,}", MASK),
        // E-mail addresses.
        (
            r"[A-Za-z0-9._%+-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
            "***@***",
        ),
        (r"(?i)[a-z0-9._+-]+%40[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", "***%40***"),
    ];
    let plain = plain.into_iter().map(|(shape, by)| Ok((Regex::new(shape)?, by)));
    Ok(Shapes {
        plain: plain.collect::<Result<Vec<_>, regex::Error>>()?,
        named: Regex::new(concat!(
            r"(?i)((?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?|account[_-]?key|",
            r"private[_-]?key|shared[_-]?key|credentials?|authorization|auth|signature|sig|session(?:[_-]?id)?|sid|cookie|jwt|",
            r"x-amz-(?:security-token|signature|credential)|client[_-]?secret|connection[_-]?string|otp|pin|code[_-]?verifier|key)",
            r#"(?:[\\"'\]]|&quot;|\\u0022|%22){0,4}\s{0,4}(?:=>|=3D|=|:|%3D|%3A|\\u003[da]|&\#61;|&\#x3d;|&equals;|>)\s{0,4}"#,
            r#"(?:[\\"'\[]|&quot;|\\u0022|%22){0,4}(?:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)\s+)?)"#,
            r#"([^\s"'&;,<>\\\]})]{1,2000})"#,
        ))?,
        scheme: Regex::new(
            r"(?i)\b((?:bearer|basic|digest|negotiate|apikey|ntlm)(?:\s+|%20|\+))([A-Za-z0-9+/=._~%-]{6,})",
        )?,
        run: Regex::new(r"[A-Za-z0-9+/_=%-]{24,}")?,
    })
}

/// `text` without its secrets. Text that holds none is not copied.
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some(shapes) = shapes() else { return Cow::Borrowed(MASK) };
    let mut out = Cow::Borrowed(text);
    for (shape, by) in &shapes.plain {
        out = step(out, |text| shape.replace_all(text, *by));
    }
    out = step(out, |text| shapes.named.replace_all(text, named));
    out = step(out, |text| shapes.scheme.replace_all(text, scheme));
    step(out, |text| shapes.run.replace_all(text, run))
}

fn step(text: Cow<'_, str>, by: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    let changed = match by(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    };
    changed.map_or(text, Cow::Owned)
}

fn group<'t>(captures: &'t Captures<'_>, index: usize) -> &'t str {
    captures.get(index).map_or("", |found| found.as_str())
}

fn named(captures: &Captures<'_>) -> String {
    let (name, value) = (group(captures, 1), group(captures, 2));
    let word = value.trim_end_matches(['.', '!', ':', ')']).to_ascii_lowercase();
    let whole = group(captures, 0);
    // `key: 12` and `code: 503` are counts and ports; a sentence goes on.
    let spoken = word.is_empty() || word.starts_with(MASK) || NO_SECRETS.contains(&word.as_str());
    let short_key = name.to_ascii_lowercase().starts_with("key") && word.len() < 8;
    if spoken || short_key { whole.to_owned() } else { format!("{name}{MASK}") }
}

fn scheme(captures: &Captures<'_>) -> String {
    let value = group(captures, 2);
    let word = value.to_ascii_lowercase();
    let is_word = value.chars().all(|char| char.is_ascii_lowercase()) && word.len() < 16;
    if is_word { group(captures, 0).to_owned() } else { format!("{}{MASK}", group(captures, 1)) }
}

/// Letters of both cases and digits, or a long run of hexadecimal digits: a key, whatever it is called.
fn run(captures: &Captures<'_>) -> String {
    let text = group(captures, 0);
    let has = |test: fn(&char) -> bool| text.chars().any(|char| test(&char));
    let mixed =
        has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    let words = text.contains(['-', '_', '/'])
        && text.split(['-', '_', '/', '=']).all(|part| part.len() < RUN_CHARS / 2);
    let hex = text.len() >= RUN_CHARS
        && text.chars().all(|char| char.is_ascii_hexdigit())
        && has(char::is_ascii_digit);
    let escaped = text.matches('%').count() * 3 + 2 >= text.len();
    if mixed && !words || hex || escaped || !words && is_scrambled(text) {
        MASK.to_owned()
    } else {
        text.to_owned()
    }
}

/// Base64 may happen to hold no digit. Its letters change case more often than those of joined words, stand alone between
/// capitals, or lack vowels.
fn is_scrambled(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(char::is_ascii_alphabetic).collect();
    let large: Vec<bool> = letters.iter().map(char::is_ascii_uppercase).collect();
    let changes = large.iter().zip(large.iter().skip(1)).filter(|(one, next)| one != next).count();
    let alone = large.windows(3).filter(|three| matches!(three, [true, false, true])).count();
    let vowels = letters.iter().filter(|letter| "aeiouAEIOU".contains(**letter)).count();
    let is_mixed = changes * 6 >= letters.len();
    letters.len() >= RUN_CHARS
        && is_mixed
        && (changes * 20 >= letters.len() * 9 || alone >= 2 || vowels * 10 < letters.len() * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "password authentication failed for user \"app\"",
            "ExpiredToken: The security token included in the request is expired",
            "token: expired",
            "dial tcp 10.0.0.1:80: connect: connection refused",
            "GET https://fx.example.net:8443/v1/rates?from=EUR&to=USD 503",
            "io.github.resilience4j.circuitbreaker.CallNotPermittedException: CircuitBreaker 'x' is OPEN",
            "java.net.SocketTimeoutException: Read timed out",
            "com.acme.app.client.VeryLongNameOfSomeInternalClient: refused",
            "org.springframework.web.reactive.function.client.WebClientResponseException$ServiceUnavailable",
            "ProvisionedThroughputExceededException in ShardConsumerShutdownNotification",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn secrets_go_and_their_places_stay() {
        assert_eq!(redact("postgres://app:hunter2@db:5432/x"), "postgres://***@db:5432/x");
        assert_eq!(redact("GET /v1?api_key=abc123&x=1"), "GET /v1?api_key=***&x=1");
        assert_eq!(redact("Authorization: Bearer abc.def.ghi"), "Authorization: Bearer ***");
        assert_eq!(redact(r#"{"password":"hunter2","n":1}"#), r#"{"password":"***","n":1}"#);
        assert_eq!(redact("mail to ann.b@example.com failed"), "mail to ***@*** failed");
    }
}
