//! A secret in a log line, an address or an error never leaves the process: canaries in more than 40 encodings, and no
//! part of one in what people read.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use reclose::bundle;
use reclose::core::cause::{Lasting, judge, words};
use reclose::core::evidence::{FailureKind, Finding, Findings, LogLine, Reading, Value};
use reclose::core::incident::Round;
use reclose::systems::slack::blocks;

use crate::classify::judge::rule;
use crate::slack::reports;

type Encoding = (&'static str, fn(&str) -> String);

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The table: how a secret may stand in a line or an error.
const ENCODINGS: [Encoding; 46] = [
    ("key=value", |c| format!("connect failed password={c} refused")),
    ("key: value", |c| format!("login with password: {c}")),
    ("JSON", |c| format!(r#"{{"user":"a","password":"{c}"}}"#)),
    ("JSON with blanks", |c| format!(r#"{{"api_key" : "{c}", "n": 1}}"#)),
    ("JSON within JSON", |c| format!(r#"{{"msg":"{{\"token\":\"{c}\"}}"}}"#)),
    ("JSON twice within JSON", |c| format!(r#"body {{\\\"client_secret\\\":\\\"{c}\\\"}}"#)),
    ("userinfo", |c| format!("dial postgres://app:{c}@db.internal:5432/x failed")),
    ("userinfo without a name", |c| format!("redis://:{c}@redis:6379 timed out")),
    ("userinfo, the name is it", |c| format!("GET https://{c}@api.example.com/v1 401")),
    ("userinfo in a list of hosts", |c| {
        format!("mongodb+srv://u:{c}@a.example.com,b.example.com/x")
    }),
    ("percent-encoded userinfo", |c| format!("next=https%3A%2F%2Fu:{c}%40host")),
    ("escaped address", |c| format!(r#"{{"url":"https:\/\/u:{c}@host\/v1"}}"#)),
    ("query api_key", |c| format!("GET https://api.example.com/v1?api_key={c}&x=1 503")),
    ("query access_token", |c| format!("GET /me?fields=id&access_token={c} HTTP/1.1")),
    ("query sig", |c| format!("PUT https://x.blob.core.windows.net/c?sv=2022&sig={c}%3D&se=1")),
    ("fragment", |c| format!("redirect to https://app.example.com/#access_token={c}&state=9")),
    ("percent-encoded query", |c| format!("redirect=%2Fcb%3Ftoken%3D{c}%26x%3D1")),
    ("presigned", |c| format!("GET /k?X-Amz-Credential={c}&X-Amz-Signature={c}")),
    ("bearer", |c| format!("> Authorization: Bearer {c}")),
    ("bearer alone", |c| format!("sent Bearer {c} to upstream")),
    ("basic", |c| format!("> authorization: Basic {}", b64(&format!("app:{c}")))),
    ("token scheme", |c| format!("Authorization: token {c}")),
    ("X-Api-Key", |c| format!("X-Api-Key: {c}")),
    ("cookie", |c| format!("Cookie: session={c}; theme=dark")),
    ("set-cookie", |c| format!("set-cookie: sid={c}; Path=/")),
    ("x-amz-security-token", |c| format!("x-amz-security-token: {c}")),
    ("base64", |c| format!("payload {} rejected", b64(c))),
    ("base64url", |c| format!("payload {} rejected", URL_SAFE_NO_PAD.encode(c))),
    ("base64 twice", |c| format!("payload {} rejected", b64(&b64(c)))),
    ("hex", |c| format!("digest {} rejected", hex(c))),
    ("HEX", |c| format!("digest {} rejected", hex(c).to_uppercase())),
    ("percent-encoded whole", |c| format!("value {} rejected", percent(c))),
    ("JWT", |c| format!("jwt eyJhbGciOiJIUzI1NiJ9.{}.{c} expired", URL_SAFE_NO_PAD.encode(c))),
    ("YAML", |c| format!("  secret: {c}\n  n: 1")),
    ("environment", |c| format!("DB_PASSWORD={c} ./run")),
    ("flag", |c| format!("exec: app --token={c} --x")),
    ("HTML entity", |c| format!("token&#61;{c}")),
    ("XML", |c| format!("<password>{c}</password>")),
    ("Python", |c| format!("{{'token': '{c}', 'n': 1}}")),
    ("Ruby", |c| format!("{{:token=>\"{c}\"}}")),
    ("unicode escape", |c| format!(r"token\u003d{c}")),
    ("JDBC", |c| format!("jdbc:postgresql://h/db?user=a&password={c}")),
    ("connection string", |c| format!("AccountName=a;AccountKey={};EndpointSuffix=x", b64(c))),
    ("maker's prefix", |c| format!("pushed with ghp_{c} and xoxb-{c} and sk-{c}")),
    ("PEM", |c| {
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", b64(c))
    }),
    ("e-mail", |c| format!("mail to {c}@example.com bounced, {c}%40example.com too")),
];

/// What must not be seen: the canary, and every form that gives it back.
fn needles(canary: &str) -> Vec<String> {
    vec![
        canary.to_owned(),
        b64(canary).trim_end_matches('=').to_owned(),
        b64(&format!("app:{canary}")).trim_end_matches('=').to_owned(),
        b64(&b64(canary)).trim_end_matches('=').to_owned(),
        hex(canary),
        hex(canary).to_uppercase(),
        percent(canary),
    ]
}

fn canary(rng: &mut Rng) -> String {
    let mut text: String = (0..19).map(|_| rng.alphanumeric()).collect();
    // Letters of both cases and digits, as generators of secrets give.
    text.insert_str(rng.usize(1..18), "aQ7");
    text
}

/// So many texts are rendered; an environment variable makes it more or less.
const OUTPUTS: usize = 100_000;

#[test]
fn no_canary_is_ever_seen() {
    let wanted =
        std::env::var("RECLOSE_OUTPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(OUTPUTS);
    let threads = 2;
    let (mut outputs, mut hits) = (0, Vec::new());
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || rendered(part, wanted / threads as usize)))
            .collect();
        for part in parts {
            let (n, seen) = part.join().unwrap();
            outputs += n;
            hits.extend(seen);
        }
    });
    println!("{outputs} outputs of {} encodings, {} hits", ENCODINGS.len(), hits.len());
    for hit in hits.iter().take(20) {
        println!("  {hit}");
    }
    assert!(hits.is_empty() && outputs >= wanted / 2);
}

fn rendered(part: u64, wanted: usize) -> (usize, Vec<String>) {
    let mut rng = Rng::with_seed(41 + part);
    let rule = rule();
    let opened_at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let (mut n, mut hits) = (0, Vec::new());
    for turn in 0.. {
        if n >= wanted {
            break;
        }
        let canary = canary(&mut rng);
        let (name, encode) = ENCODINGS[turn % ENCODINGS.len()];
        let text = encode(&canary);
        let lead = ".".repeat(rng.usize(0..120));
        let line = format!("{lead} ERROR call failed: connection refused: {text}");
        let lines =
            vec![LogLine { at: Some(opened_at - SignedDuration::from_secs(9)), text: line }];
        let value = |value| Finding::Value(Reading { at: opened_at, value });
        let findings = Findings::from([
            ("errors".to_owned(), value(Value::Lines { lines, complete: true })),
            (
                "statuses".to_owned(),
                value(Value::Series([(text.clone(), 9.0), ("503".into(), 4.0)].into())),
            ),
            ("upstream".to_owned(), Finding::failed(FailureKind::Unreachable, text.clone())),
        ]);
        let round = Round {
            number: 1,
            asked_at: opened_at,
            questions: vec![],
            findings: Some(findings),
            answered_at: Some(opened_at),
        };
        let verdict = judge(&rule, &round, opened_at, opened_at);
        let said = [
            words::evidence(&verdict),
            words::against(&verdict),
            vec![words::sentence("pms", &verdict)],
        ];
        let mut report = reports::waiting(7);
        report.clues = verdict.because.clone();
        report.headline = text.clone();
        report.verdict = Some(verdict.clone());
        let outputs = [
            ("words", said.concat().join("\n")),
            ("verdict", serde_json::to_string(&verdict).unwrap()),
            (
                "bundle",
                bundle::write("INC-1", &rule, "pms", &round, (opened_at, Lasting::Unknown))
                    .unwrap(),
            ),
            ("Slack", serde_json::to_string(&blocks::root(&report).blocks).unwrap()),
        ];
        for (place, output) in outputs {
            n += 1;
            if let Some(needle) =
                needles(&canary).iter().find(|needle| output.contains(needle.as_str()))
            {
                hits.push(format!(
                    "{place}, {name}: {needle} in {}",
                    output.chars().take(600).collect::<String>()
                ));
            }
        }
    }
    (n, hits)
}
