//! Makes incidents of every kind from labelled real lines: deterministic by its seed. Times, hosts, envelopes, ordinary
//! lines and metrics are made up; the texts of the errors are real.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use reclose::core::classify::Patterns;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

use super::metrics;
use super::wording::{self, DEPENDENCIES, FORMATS, Format, GENERIC, LIBRARIES, SERVICES};

#[derive(Clone, Debug, Deserialize)]
pub struct Labelled {
    pub line: String,
    pub label: String,
    pub note: Option<String>,
    pub retry_after_s: Option<u64>,
    pub http_status: Option<u16>,
}

/// What a line of an incident is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Ordinary,
    Evidence,
    Second,
    Noise,
    Stray,
    Echo,
    Told,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Timestamp,
    pub role: Role,
    pub pod: String,
    pub container: &'static str,
    pub line: String,
}

#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    pub kind: &'static str,
    pub cause: String,
    pub why: String,
    pub retry_after_s: Option<u64>,
    pub breaker: Value,
    pub service: String,
    pub tripped_at: Timestamp,
    pub entries: Vec<Entry>,
    pub metrics: Value,
    /// The classifier reads that line as it is labelled.
    pub is_read: bool,
}

pub const CAUSES: [&str; 9] = [
    "auth",
    "rate_limited",
    "upstream_5xx",
    "timeout",
    "network",
    "tls",
    "database",
    "resource",
    "client_bug",
];
pub const UNKNOWNS: [&str; 5] =
    ["echo_only", "thin_and_split", "after_only", "log_gap", "generic_errors"];

pub fn pool(path: &Path) -> Option<Vec<Labelled>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

impl Made {
    pub fn bundle(&self, logs: bool, metrics: bool) -> String {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                json!({"ts": entry.at.to_string(), "line": entry.line,
                    "stream": {"service": self.service, "pod": entry.pod, "container": entry.container}})
            })
            .collect();
        json!({
            "id": self.id, "breaker": self.breaker, "tripped_at": self.tripped_at.to_string(),
            "window": {"from": (self.tripped_at - SignedDuration::from_mins(60)).to_string(),
                "to": (self.tripped_at + SignedDuration::from_mins(5)).to_string()},
            "logs": if logs { entries } else { vec![] },
            "metrics": if metrics { self.metrics.clone() } else { Value::Null },
        })
        .to_string()
    }
}

/// One incident under way.
struct Maker<'p> {
    rng: Rng,
    pool: &'p [Labelled],
    format: Format,
    dependency: (&'static str, &'static str),
    other: (&'static str, &'static str),
    breaker: String,
    tripped_at: Timestamp,
    pods: Vec<String>,
    entries: Vec<Entry>,
}

pub fn incident(pool: &[Labelled], seed: u64, number: usize) -> Made {
    let mut rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    let dependency = *rng.choice(DEPENDENCIES).unwrap();
    let other = *rng
        .choice(DEPENDENCIES.iter().filter(|one| **one != dependency).collect::<Vec<_>>())
        .unwrap();
    let service = (*rng.choice(SERVICES).unwrap()).to_owned();
    let breaker = match rng.u8(0..3) {
        0 => dependency.0.to_owned(),
        1 => format!("{service}-{}", dependency.0),
        _ => format!("{}-cb", dependency.0),
    };
    let tripped_at =
        Timestamp::from_millisecond(1_770_000_000_000 + rng.i64(0..20_000_000_000)).unwrap();
    let pods = (0..rng.usize(1..4))
        .map(|_| format!("{service}-{:x}-{:x}", rng.u32(..), rng.u16(..)))
        .collect();
    let format = *rng.choice(FORMATS).unwrap();
    let mut maker = Maker {
        rng,
        pool,
        format,
        dependency,
        other,
        breaker,
        tripped_at,
        pods,
        entries: Vec::new(),
    };
    maker.surroundings();
    let library = *maker.rng.choice(LIBRARIES).unwrap();
    let (kind, cause, why, source) = maker.story(number, library.1);
    let told = source.as_ref().and_then(|line| line.retry_after_s);
    let told = maker.told_apart(&cause, told);
    let metrics = metrics::of(
        &mut maker.rng,
        &cause,
        source.as_ref(),
        kind,
        dependency.0,
        other.0,
        tripped_at,
    );
    let Maker { rng: _, mut entries, breaker, pods: _, .. } = maker;
    entries.sort_by_key(|entry| entry.at);
    let alert = json!({"alertname": "CircuitBreakerOpen", "expr": "breaker_open == 1", "labels": {"name": breaker},
        "startsAt": (tripped_at + SignedDuration::from_secs(30)).to_string()});
    Made {
        id: format!("{seed}-{number}"),
        kind,
        cause,
        why,
        retry_after_s: told,
        breaker: json!({"library": library.0, "name": breaker, "service": service, "dependency": dependency.0,
            "dependency_host": dependency.1, "description": "made", "alert": alert}),
        service,
        tripped_at,
        entries,
        metrics,
        is_read: source.as_ref().is_none_or(|line| {
            Patterns::builtin()
                .line(&line.line)
                .cause
                .is_some_and(|cause| cause.name() == line.label)
        }),
    }
}

impl Maker<'_> {
    fn at(&self, minutes: f64) -> Timestamp {
        self.tripped_at + SignedDuration::from_millis((minutes * 60_000.0) as i64)
    }

    fn push(&mut self, minutes: f64, role: Role, container: &'static str, line: String) {
        let pod = self.rng.choice(&self.pods).unwrap().clone();
        let at = self.at(minutes);
        self.entries.push(Entry { at, role, pod, container, line });
    }

    /// A line of the service's own logger for a dependency.
    fn error(&mut self, minutes: f64, role: Role, dependency: &str, text: &str, named: bool) {
        let level = *self.rng.choice(&["ERROR", "ERROR", "WARN", "INFO"]).unwrap();
        let (logger, text) = if named {
            (
                wording::logger(&mut self.rng, dependency),
                wording::prefixed(&mut self.rng, dependency, text),
            )
        } else {
            (
                (*self.rng.choice(&["http.client", "outbound", "client"]).unwrap()).to_owned(),
                text.to_owned(),
            )
        };
        let at = self.at(minutes);
        let line = self.format.wrap(&mut self.rng, at, level, &logger, &text);
        self.push(minutes, role, "app", line);
    }

    fn of_label(&mut self, label: &str) -> Option<Labelled> {
        let all: Vec<&Labelled> = self
            .pool
            .iter()
            .filter(|line| line.label == label && line.note.as_deref() != Some("echo"))
            .collect();
        self.rng.choice(all).cloned()
    }

    /// Ordinary lines, decoys, the other dependency's trouble, stray errors of our own.
    fn surroundings(&mut self) {
        let (dependency, other) = (self.dependency.0, self.other.0);
        for _ in 0..self.rng.usize(18..90) {
            let minutes = -60.0 + 65.0 * self.rng.f64();
            let text = wording::ordinary(&mut self.rng, dependency);
            let at = self.at(minutes);
            if self.rng.u8(0..4) == 0 {
                let line = wording::access(&mut self.rng, at, 200);
                self.push(minutes, Role::Ordinary, "proxy", line);
            } else {
                let line = self.format.wrap(&mut self.rng, at, "INFO", "app.worker", &text);
                self.push(minutes, Role::Ordinary, "app", line);
            }
        }
        for _ in 0..self.rng.usize(0..5) {
            if let Some(decoy) = self.of_label("benign") {
                let minutes = -60.0 + 64.0 * self.rng.f64();
                let at = self.at(minutes);
                let line = self.format.wrap(&mut self.rng, at, "WARN", "app.main", &decoy.line);
                self.push(minutes, Role::Ordinary, "app", line);
            }
        }
        let cause = *self.rng.choice(&CAUSES).unwrap();
        if let Some(noise) = self.of_label(cause) {
            let burst = self.rng.bool().then(|| -20.0 - 25.0 * self.rng.f64());
            for n in 0..self.rng.usize(1..11) {
                let minutes = match burst {
                    Some(start) if n > 2 => start + 3.0 * self.rng.f64(),
                    Some(_) | None => -59.0 + 62.0 * self.rng.f64(),
                };
                self.error(minutes, Role::Noise, other, &noise.line, true);
            }
        }
        for _ in 0..self.rng.usize(0..4) {
            let cause = *self.rng.choice(&CAUSES).unwrap();
            if let Some(stray) = self.of_label(cause) {
                let minutes = -57.0 + 36.0 * self.rng.f64();
                self.error(minutes, Role::Stray, dependency, &stray.line, true);
            }
        }
    }

    fn story(
        &mut self,
        number: usize,
        echoes: &[&str],
    ) -> (&'static str, String, String, Option<Labelled>) {
        let dependency = self.dependency.0;
        for _ in 0..self.rng.usize(2..7) {
            let minutes = 0.02 + 4.0 * self.rng.f64();
            let text = self.rng.choice(echoes).unwrap().replace("{b}", &self.breaker);
            self.error(minutes, Role::Echo, dependency, &text, true);
        }
        if self.rng.u8(0..3) == 0 {
            for _ in 0..self.rng.usize(1..5) {
                let minutes = 0.3 + 4.6 * self.rng.f64();
                let at = self.at(minutes);
                let line = wording::access(&mut self.rng, at, 503);
                self.push(minutes, Role::Echo, "proxy", line);
            }
        }
        if number % 4 == 3 {
            let why = UNKNOWNS[number / 4 % UNKNOWNS.len()];
            self.nothing(why);
            return ("unknown", "unknown".to_owned(), why.to_owned(), None);
        }
        let cause = CAUSES[number % CAUSES.len()];
        let source = self.of_label(cause).expect("a line of every label");
        let rise = 1.5 + 4.0 * self.rng.f64();
        let named = self.rng.u8(0..4) != 0;
        for _ in 0..self.rng.usize(3..13) {
            // Denser towards the opening.
            let minutes = -rise * self.rng.f64().powi(2) - 0.005;
            let named = named && self.rng.u8(0..10) != 0;
            self.error(minutes, Role::Evidence, dependency, &source.line, named);
        }
        for _ in 0..self.rng.usize(0..3) {
            let minutes = 0.05 + 1.5 * self.rng.f64();
            self.error(minutes, Role::Evidence, dependency, &source.line, named);
        }
        if number % 4 != 2 {
            return ("single", cause.to_owned(), String::new(), Some(source));
        }
        let second = *self
            .rng
            .choice(CAUSES.iter().filter(|other| **other != cause).collect::<Vec<_>>())
            .unwrap();
        let line = self.of_label(second).expect("a line of every label");
        let chronic = self.rng.bool();
        for n in 0..self.rng.usize(8..14) {
            let minutes = if chronic {
                -58.0 + 5.5 * n as f64 + 3.0 * self.rng.f64()
            } else {
                0.2 + 4.7 * self.rng.f64()
            };
            if minutes < 4.9 {
                self.error(minutes, Role::Second, dependency, &line.line, true);
            }
        }
        let why = if chronic { "chronic" } else { "consequent" };
        ("two_causes", cause.to_owned(), format!("{why} {second}"), Some(source))
    }

    fn nothing(&mut self, why: &str) {
        let dependency = self.dependency.0;
        match why {
            "thin_and_split" => {
                for _ in 0..3 {
                    let cause = *self.rng.choice(&CAUSES).unwrap();
                    let line = self.of_label(cause).expect("a line of every label");
                    let minutes = -55.0 + 27.0 * self.rng.f64();
                    self.error(minutes, Role::Stray, dependency, &line.line, true);
                }
            }
            "after_only" => {
                for _ in 0..self.rng.usize(2..6) {
                    let cause = *self.rng.choice(&CAUSES).unwrap();
                    let line = self.of_label(cause).expect("a line of every label");
                    let minutes = 2.5 + 2.4 * self.rng.f64();
                    self.error(minutes, Role::Second, dependency, &line.line, true);
                }
            }
            "log_gap" => {
                let gap = self.at(-14.0)..self.at(0.0);
                self.entries.retain(|entry| !gap.contains(&entry.at));
            }
            "generic_errors" => {
                for _ in 0..self.rng.usize(3..9) {
                    let minutes = -4.0 * self.rng.f64() - 0.01;
                    let text = self.rng.choice(GENERIC).unwrap().replace("{d}", dependency);
                    self.error(minutes, Role::Stray, dependency, &text, true);
                }
            }
            _ => {}
        }
    }

    /// Sometimes the wait stands in another line than the error.
    fn told_apart(&mut self, cause: &str, told: Option<u64>) -> Option<u64> {
        if cause != "rate_limited" || told.is_some() || self.rng.bool() {
            return told;
        }
        let wait = *self.rng.choice(&[17_u64, 60, 120, 900]).unwrap();
        for _ in 0..2 {
            let minutes = -self.rng.f64() - 0.02;
            let text = format!("\"Retry-After\": \"{wait}\"");
            self.error(minutes, Role::Told, self.dependency.0, &text, true);
        }
        Some(wait)
    }
}
