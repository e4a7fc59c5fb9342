//! Ten sources that answer slowly, wrongly, partly or never: the verdict comes in time from the rest, names what is
//! missing, and is the less sure for it. A bundle of the same round gives the same verdict.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reclose::bundle;
use reclose::core::cause::{Class, Lasting, judge};
use reclose::core::evidence::{Ask, Question};
use reclose::core::incident::Round;
use reclose::core::rule::{EvidenceRule, Meaning};
use reclose::systems::secrets::Secrets;
use reclose::systems::{Endpoints, Systems};

use crate::classify::judge::{http, rule};

const BUDGET: Duration = Duration::from_secs(2);

/// What the ten answer, in raw bytes; `None`: nothing, for ever. The first is slow.
const ANSWERS: [(&str, Option<&str>); 10] = [
    ("slow", Some("")),
    ("hangs", None),
    ("unauthorized", Some("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")),
    ("forbidden", Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")),
    ("not_found", Some("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")),
    ("fails", Some("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")),
    ("garbage", Some("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnot JSON!")),
    ("part", Some("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"status\": 4")),
    (
        "other",
        Some(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>",
        ),
    ),
    ("closes", Some("HTTP/1.1 ")),
];

fn serve(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = [0; 4_096];
            drop(stream.read(&mut bytes));
            match answer {
                None => std::mem::forget(stream),
                // One byte in a while: a whole answer would take minutes.
                Some("") => {
                    std::thread::spawn(move || {
                        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" {
                            std::thread::sleep(Duration::from_secs(1));
                            if stream.write_all(&[*byte]).is_err() {
                                return;
                            }
                        }
                    });
                }
                Some(answer) => drop(stream.write_all(answer.as_bytes())),
            }
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn the_verdict_comes_from_the_rest_and_is_less_sure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.log");
    let now = Timestamp::now();
    let lines: String = (1..8)
        .map(|n| {
            format!(
                "{} ERROR pms-client: connect: connection refused\n",
                now - SignedDuration::from_secs(9 * n)
            )
        })
        .collect();
    std::fs::write(&path, lines).unwrap();
    let mut rule = rule();
    let log =
        Ask::LogFile { path: path.display().to_string(), last_lines: 100, last: None, zone: None };
    rule.evidence = vec![EvidenceRule {
        name: "errors".into(),
        meaning: Meaning::Errors,
        ask: log,
        max_age: Duration::from_secs(120),
    }];
    let alone = rule.clone();
    for (name, answer) in ANSWERS {
        let page = Ask::Http(reclose::core::evidence::HttpAsk {
            url: serve(answer),
            pointer: Some("/status".into()),
            timeout: Duration::from_secs(60),
            ..http()
        });
        rule.evidence.push(EvidenceRule {
            name: name.into(),
            meaning: Meaning::Statuses,
            ask: page,
            max_age: Duration::from_secs(120),
        });
    }
    let questions: Vec<Question> = rule
        .evidence
        .iter()
        .map(|one| Question { name: one.name.clone(), ask: one.ask.clone(), max_age: one.max_age })
        .collect();
    let systems = Systems::new(Endpoints::default(), Secrets::new(|_| None)).unwrap();
    let begun = Instant::now();
    let findings = systems.ask_all(&questions, &BTreeMap::new(), now, BUDGET).await;
    let took = begun.elapsed();
    let round = Round {
        number: 1,
        asked_at: now,
        questions,
        findings: Some(findings),
        answered_at: Some(now),
    };
    let partly = judge(&rule, &round, now, now);
    let whole = judge(&alone, &round, now, now);
    println!(
        "{took:?}: {} {:.2}, without the ten {:.2}; missing: {:?}",
        partly.class.name(),
        partly.confidence,
        whole.confidence,
        partly.missing
    );
    assert!(took < BUDGET + Duration::from_secs(1), "{took:?}");
    assert_eq!((whole.class, partly.class), (Class::Network, Class::Network));
    assert!(partly.confidence <= whole.confidence - 0.1);
    for (name, _) in ANSWERS {
        assert!(
            partly
                .missing
                .iter()
                .any(|missing| missing.question == name && !missing.why.is_empty()),
            "{name}"
        );
    }
    let saved = bundle::write("INC-1", &rule, "pms", &round, (now, Lasting::Unknown)).unwrap();
    let again = bundle::read(&saved).unwrap().judge();
    assert_eq!((again.class, again.missing.len()), (partly.class, 10));
    assert!((again.confidence - partly.confidence).abs() < 1e-9);
}
