//! Whose error a line tells of: this dependency's, another one's, or nobody says. Never guesses another owner:
//! a line that names nobody counts.

use regex::Regex;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Where loggers, tags and prefixes stand; further on it is the message, which may quote anybody.
const HEAD_CHARS: usize = 220;

/// The names of the dependency, and of others that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    ours: Vec<Name>,
    others: Vec<Name>,
    /// Our names are those that the service's own code uses. Else a name that nobody knows proves no other owner.
    sure: bool,
}

/// A name as its words: `fx-rates`, `fx_rates` and `FxRatesClient` have the same two in a row.
type Name = Vec<String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    Nobody,
    Other,
}

/// Words that stand where a dependency's name could, and name none.
const NO_NAMES: &[&str] = &[
    "http",
    "https",
    "rest",
    "api",
    "grpc",
    "rpc",
    "web",
    "client",
    "clients",
    "outbound",
    "inbound",
    "go",
    "py",
    "js",
    "ts",
    "java",
    "rb",
    "rs",
    "cs",
    "default",
    "base",
    "common",
    "generic",
    "async",
    "sync",
    "feign",
    "okhttp",
    "apache",
    "reactor",
    "net",
    "tcp",
    "tls",
    "ssl",
    "oauth",
    "oauth2",
    "sdk",
    "socket",
    "websocket",
    "proxy",
    "app",
    "main",
    "the",
    "a",
    "an",
    "breaker",
    "service",
    "upstream",
    "backend",
    "server",
    "remote",
    "internal",
    "external",
    "request",
    "connection",
    "network",
    "pool",
    "retry",
    "retrying",
    "resilient",
    "null",
    "none",
];

impl Whose {
    /// `ours`: names and hosts of the dependency; `others`: names of further ones.
    pub fn new<'n>(
        ours: impl IntoIterator<Item = &'n str>,
        others: impl IntoIterator<Item = &'n str>,
        sure: bool,
    ) -> Self {
        let names = |texts: &mut dyn Iterator<Item = &'n str>| {
            let mut names: Vec<Name> = texts.map(named).filter(|name| !name.is_empty()).collect();
            names.sort();
            names.dedup();
            names
        };
        let ours = names(&mut ours.into_iter());
        let mut others = names(&mut others.into_iter());
        others.retain(|other| !ours.contains(other));
        Self { ours, others, sure }
    }

    /// The owners of all lines, in their order: some lines name those whom others only mention.
    pub(super) fn of(&self, lines: &[&str]) -> Vec<Owner> {
        let claims: Vec<Vec<Name>> = lines.iter().map(|line| claims(line)).collect();
        let ours_is_claimed = claims.iter().flatten().any(|claim| self.is_ours(claim));
        let mut others: BTreeSet<Name> = self.others.iter().cloned().collect();
        if self.sure || ours_is_claimed {
            others.extend(claims.iter().flatten().filter(|claim| !self.is_ours(claim)).cloned());
        }
        lines.iter().zip(&claims).map(|(line, claims)| self.owner(line, claims, &others)).collect()
    }

    fn owner(&self, line: &str, claims: &[Name], others: &BTreeSet<Name>) -> Owner {
        if claims.iter().any(|claim| self.is_ours(claim)) {
            return Owner::Ours;
        }
        if claims.iter().any(|claim| others.contains(claim)) {
            return Owner::Other;
        }
        let said = words(line);
        if self.ours.iter().any(|name| has(&said, name)) {
            return Owner::Ours;
        }
        let head = words(head(line));
        let named =
            |name: &Name| has(&head, name) && (name.len() > 1 || self.others.contains(name));
        if others.iter().any(named) { Owner::Other } else { Owner::Nobody }
    }

    fn is_ours(&self, claim: &Name) -> bool {
        self.ours.iter().any(|name| name == claim || has(claim, name) && name.len() > 1)
            || self.ours.iter().any(|name| name.len() == 1 && claim.len() == 1 && name == claim)
    }
}

/// The words of a name; a port is none of them.
fn named(text: &str) -> Name {
    let text = text
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .map_or(text, |(host, _)| host);
    words(text)
}

/// In lower case; a word ends where letters change from small to large, and at everything that is no letter or digit.
fn words(text: &str) -> Name {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_small = false;
    for char in text.chars() {
        let ends = !char.is_alphanumeric() || was_small && char.is_uppercase();
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        was_small = char.is_lowercase() || char.is_ascii_digit();
        if char.is_alphanumeric() {
            word.extend(char.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn has(said: &[String], name: &[String]) -> bool {
    !name.is_empty() && said.windows(name.len()).any(|window| window == name)
}

fn head(line: &str) -> &str {
    line.char_indices().nth(HEAD_CHARS).and_then(|(end, _)| line.get(..end)).unwrap_or(line)
}

/// The dependencies that a line's logger or prefix names: `clients.fx_rates`, `fx-rates-client`, `client.FxRatesClient`,
/// `dependency=fx-rates`, `call to fx-rates failed`, `upstream=fx-rates`.
fn claims(line: &str) -> Vec<Name> {
    let Some(shapes) = shapes() else { return Vec::new() };
    let head = head(line);
    let mut found: Vec<(usize, Name)> = Vec::new();
    for shape in shapes {
        let Some(hit) = shape.captures(head).and_then(|captures| captures.name("n")) else {
            continue;
        };
        let mut name = named(hit.as_str());
        if name.last().is_some_and(|word| word == "client") {
            name.pop();
        }
        if name.iter().any(|word| !NO_NAMES.contains(&word.as_str())) {
            found.push((hit.start(), name));
        }
    }
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

fn shapes() -> Option<&'static Vec<Regex>> {
    static SHAPES: OnceLock<Option<Vec<Regex>>> = OnceLock::new();
    let compiled = SHAPES.get_or_init(|| {
        let all = [
            r"\bclients(?:::|[./])(?<n>[a-z0-9]+(?:[_-][a-z0-9]+)*)\b",
            r#"(?:^|[\s"'\[(:=])(?<n>[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*)[_-]client(?:$|[\s"'\]):\[,])"#,
            r"\bclient(?:::|[./])(?<n>[A-Z][A-Za-z0-9]*)Client\b",
            r#"\b(?:dependency|upstream|peer_service|peer\.service|downstream|target_service)"?[=:]\s*"?(?<n>[A-Za-z0-9][A-Za-z0-9._-]*)"#,
            r"\b[Cc]all(?:s|ing)? to (?<n>[A-Za-z0-9][A-Za-z0-9._-]*) failed\b",
        ];
        all.iter().map(|shape| Regex::new(shape)).collect::<Result<Vec<_>, _>>().ok()
    });
    compiled.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(line: &str) -> Owner {
        let whose = Whose::new(["fx-rates", "fx.example.net", "api-fx-rates"], ["ledger-db"], true);
        whose.of(&[line, "clients.crm: down"])[0]
    }

    #[test]
    fn a_name_is_known_in_every_spelling() {
        for line in [
            "E, [2026-05-18T22:08:21 #11] ERROR -- com.acme.reports.client.FxRatesClient: call failed",
            "clients.fx_rates: refused",
            "WARN clients::fx_rates: refused",
            r#"{"caller":"clients/fx_rates/client.go:4","msg":"refused"}"#,
            "fx-rates-client[12]: refused",
            "outbound: dependency=fx-rates refused",
            "http.client: GET https://fx.example.net:8443/v1 refused",
            "[fx-rates] refused",
        ] {
            assert_eq!(owner(line), Owner::Ours, "{line}");
        }
    }

    #[test]
    fn another_owner_is_believed_and_none_is_invented() {
        for line in [
            "clients.crm: refused",
            "crm-client: refused",
            "x upstream=crm 502",
            "ledger-db: refused",
        ] {
            assert_eq!(owner(line), Owner::Other, "{line}");
        }
        for line in [
            "http.client: refused",
            "outbound[388]: refused",
            "org.apache.kafka.clients.NetworkClient refused",
            "INFO:botocore: Starting new HTTPS connection (1): autoscaling.us-east-1.amazonaws.com",
            "crm",
        ] {
            assert_eq!(owner(line), Owner::Nobody, "{line}");
        }
    }

    #[test]
    fn a_name_that_the_service_never_uses_proves_no_other_owner() {
        let whose = Whose::new(["bookmaker-eu"], [], false);
        assert_eq!(whose.of(&["pms-client: refused"]), [Owner::Nobody]);
        assert_eq!(
            whose.of(&["pms-client: refused", "clients.bookmaker_eu: ok"]),
            [Owner::Other, Owner::Ours]
        );
    }
}
