//! The words that made incidents are put together from: loggers, envelopes, ordinary lines, breakers' own lines.

use fastrand::Rng;
use jiff::Timestamp;

pub const DEPENDENCIES: &[(&str, &str)] = &[
    ("payments", "payments.internal"),
    ("fx-rates", "fx.example.net"),
    ("search-index", "es-data-0:9200"),
    ("github-api", "api.github.com"),
    ("ledger-db", "db-primary.internal:5432"),
    ("kafka-events", "kafka-0.kafka:9092"),
    ("crm", "crm.example.com"),
    ("geo", "geo.example.org"),
    ("mail-relay", "smtp.example.net:587"),
    ("object-store", "s3.eu-central-1.amazonaws.com"),
    ("price-feed", "feed.example.com"),
    ("identity", "login.example.org"),
    ("redis-cache", "redis-master:6379"),
    ("warehouse", "warehouse.prod.svc.cluster.local"),
];
pub const SERVICES: &[&str] = &[
    "checkout",
    "orders",
    "booking-api",
    "reports",
    "notifier",
    "ingest",
    "catalog-bff",
    "odds-feed",
];
pub const LIBRARIES: &[(&str, &[&str])] = &[
    (
        "resilience4j",
        &[
            "CircuitBreaker '{b}' is OPEN and does not permit further calls",
            "CircuitBreaker '{b}' changed state from CLOSED to OPEN",
        ],
    ),
    ("hystrix-go", &["hystrix: circuit open", "hystrix-go: opening circuit {b}"]),
    ("opossum", &["Error: Breaker is open", "{ code: 'EOPENBREAKER' } {b}"]),
    ("gobreaker", &["circuit breaker is open", "too many requests"]),
    ("polly", &["The circuit is now open and is not allowing calls."]),
    ("pybreaker", &["Timeout not elapsed yet, circuit breaker still open"]),
    ("s3-sentinel", &["Circuit breaker '{b}': CLOSED → OPEN (failures: 5, calls: 12)"]),
    ("dapr", &["circuit breaker \"{b}\" changed state from closed to open"]),
];
pub const GENERIC: &[&str] = &[
    "request failed",
    "{d} request failed after 3 attempts",
    "fallback used for {d}",
    "error in loop",
    "{d} call did not succeed, giving up",
    "retry in 1 s",
];
const ORDINARY: &[&str] = &[
    "GET /api/rooms -> 200 in {n} ms",
    "page {n} of 8392 rendered for u63109",
    "flush of {n} metrics took 429 ms",
    "transaction {n} committed in 117 ms",
    "0 errors, 0 timeouts, 0 retries in the last minute",
    "worker {n} recycled after 503 requests",
    "heap 67% used, 6 threads, {n} open files of 65536",
    "evicted {n} entries from geo-lookup, 499 left",
    "payment BN-{n} captured: 81.86 EUR",
    "{d} answered 200 ({n} bytes) for KN-268225",
    "time-out for calls to {d} is 1500 ms",
    "{d} credentials refreshed, valid for 3599 s",
    "u{n} changed the password",
    "body of u{n} rejected: field \"email\" is not valid, answered 422 to the client",
    "rolling update: replica 32 ready, version 4.16.{n}",
    "self test {n} of 5030 passed",
    "retention: deleted {n} objects older than 37 days, freed 401 MB",
    "health check ok (35 checks, {n} ms)",
];

pub fn ordinary(rng: &mut Rng, dependency: &str) -> String {
    let text = rng.choice(ORDINARY).unwrap();
    text.replace("{n}", &rng.u32(1..9_000).to_string()).replace("{d}", dependency)
}

/// How one service logs.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    Zap,
    JsonLogger,
    Spring,
    Logback,
    Python,
    Ruby,
    Go,
    Cri,
    Rust,
    Serilog,
    Syslog,
    Logfmt,
    Compose,
}

pub const FORMATS: &[Format] = &[
    Format::Zap,
    Format::JsonLogger,
    Format::Spring,
    Format::Logback,
    Format::Python,
    Format::Ruby,
    Format::Go,
    Format::Cri,
    Format::Rust,
    Format::Serilog,
    Format::Syslog,
    Format::Logfmt,
    Format::Compose,
];

impl Format {
    pub fn wrap(
        self,
        rng: &mut Rng,
        at: Timestamp,
        level: &str,
        logger: &str,
        text: &str,
    ) -> String {
        let iso = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let space = at.strftime("%Y-%m-%d %H:%M:%S");
        let ms = at.subsec_millisecond();
        let n = rng.u32(1..40);
        match self {
            Self::Zap => {
                let caller = format!("{}/client.go:{n}", logger.replace(['.', ':'], "/"));
                serde_json::json!({"level": level.to_lowercase(), "ts": at.as_millisecond(), "caller": caller, "msg": text})
                    .to_string()
            }
            Self::JsonLogger => serde_json::json!({
                "timestamp": iso.to_string(), "level": level, "logger": logger, "message": text})
            .to_string(),
            Self::Spring => format!(
                "{space}.{ms:03} {level:>5} 1 --- [app] [nio-8080-exec-{n}] {logger:<38} : {text}"
            ),
            Self::Logback => {
                format!("{space},{ms:03} {level:<5} [http-nio-8080-exec-{n}] {logger} - {text}")
            }
            Self::Python => format!("{space},{ms:03} {logger} {level} {text}"),
            Self::Ruby => {
                format!(
                    "{}, [{}{ms:03} #{n}] {level:>5} -- {logger}: {text}",
                    &level[..1],
                    at.strftime("%Y-%m-%dT%H:%M:%S.")
                )
            }
            Self::Go => format!("{} [{level}] {logger}: {text}", at.strftime("%Y/%m/%d %H:%M:%S")),
            Self::Cri => format!("{iso} stderr F {level} {logger}: {text}"),
            Self::Rust => format!("{iso} {level:>5} {}: {text}", logger.replace('.', "::")),
            Self::Serilog => {
                format!("[{} {}] {logger}: {text}", at.strftime("%H:%M:%S"), &level[..3])
            }
            Self::Syslog => {
                format!("{} node-{n} {logger}[{}]: {text}", at.strftime("%b %d %H:%M:%S"), n + 400)
            }
            Self::Logfmt => {
                format!(
                    "time={iso} level={} logger={logger} msg={}",
                    level.to_lowercase(),
                    serde_json::json!(text)
                )
            }
            Self::Compose => format!("app_1  | {iso} {level} {logger} {text}"),
        }
    }
}

/// A logger that names the dependency, in one of the ways that code does.
pub fn logger(rng: &mut Rng, dependency: &str) -> String {
    let snake = dependency.replace('-', "_");
    let pascal: String =
        dependency.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    match rng.u8(0..4) {
        0 => format!("clients.{snake}"),
        1 => format!("{dependency}-client"),
        2 => format!("com.acme.app.client.{pascal}Client"),
        _ => format!("client.{pascal}Client"),
    }
}

/// A message that names the dependency, or not.
pub fn prefixed(rng: &mut Rng, dependency: &str, text: &str) -> String {
    match rng.u8(0..6) {
        0 => format!("{dependency}: {text}"),
        1 => format!("[{dependency}] {text}"),
        2 => format!("call to {dependency} failed: {text}"),
        3 => format!("dependency={dependency} {text}"),
        _ => text.to_owned(),
    }
}

/// A line of our own proxy.
pub fn access(rng: &mut Rng, at: Timestamp, status: u16) -> String {
    let path = rng
        .choice(["/v1/orders", "/cart/BX-400", "/api/rooms", "/reports/401k-summary", "/healthz"])
        .unwrap();
    let port = rng.u16(30_000..60_000);
    if rng.bool() {
        format!("INFO:     203.0.113.{}:{port} - \"GET {path} HTTP/1.1\" {status}", rng.u8(1..250))
    } else {
        let when = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        format!(
            "192.0.2.{} - - [{when}] \"GET {path} HTTP/1.1\" {status} {} \"-\" \"curl/8\"",
            rng.u8(1..250),
            rng.u16(90..600)
        )
    }
}
