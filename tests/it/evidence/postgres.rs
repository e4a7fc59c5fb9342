//! Questions to a real `PostgreSQL`: one value, read and never written.

use super::{ask, ask_within, reading, systems};
use crate::servers::Postgres;
use reclose::core::evidence::{Absence, Ask, FailureKind, Finding, SecretRef, Secretish, Value};
use reclose::systems::Endpoints;
use std::time::Duration;

fn kind(finding: Finding) -> FailureKind {
    let Finding::Failed(failure) = finding else { panic!("{finding:?}") };
    assert!(!failure.detail.contains("s3cret"), "{}", failure.detail);
    failure.kind
}

async fn server() -> Postgres {
    let server = Postgres::start().await;
    server.run(
        "CREATE TYPE mood AS ENUM ('open', 'closed');
         CREATE TABLE breaker (name text, state mood, load numeric, trips int, note text, raw bytea, at timestamptz, held bool);
         INSERT INTO breaker VALUES ('a', 'open', 0.25, 3, NULL, '\\x00', '2026-08-20T10:00:00Z', true),
                                    ('b', 'closed', 0.5, 0, NULL, '\\x00', now(), false);
         CREATE ROLE reader LOGIN PASSWORD 's3cret'; GRANT SELECT ON breaker TO reader;
         CREATE TABLE hidden (x int);",
    );
    server
}

#[tokio::test]
async fn postgres_answers_with_one_value_and_is_never_written() {
    let server = server().await;
    let systems = systems(Endpoints::default());
    let url = Secretish::Plain(server.url("reader", ""));
    let with = async |query: &str, params: &[&str]| {
        let params = params.iter().map(|&param| param.to_owned()).collect();
        let asked = Ask::Postgres { url: url.clone(), query: query.to_owned(), params };
        ask(&systems, asked).await
    };
    let one = async |query: &str| with(query, &[]).await;
    let word = |word: &str| Value::Word(word.to_owned());
    let by_name = "SELECT state FROM breaker WHERE name = $1 -- who";
    assert_eq!(reading(with(by_name, &["a"]).await).value, word("open"));
    assert_eq!(with(by_name, &["a' OR 1 = 1 --"]).await, Finding::NoData(Absence::Empty));
    let by_number = "SELECT name FROM breaker WHERE trips = $1::int;";
    assert_eq!(reading(with(by_number, &["3"]).await).value, word("a"));
    for (query, value) in [
        ("SELECT trips FROM breaker WHERE name = 'a'", Value::Number(3.0)),
        ("SELECT load FROM breaker WHERE name = 'a'", Value::Number(0.25)),
        ("SELECT max(load)::float8 FROM breaker", Value::Number(0.5)),
        ("SELECT held FROM breaker WHERE name = 'a'", word("true")),
        ("WITH x AS (SELECT 7 AS y) SELECT y FROM x", Value::Number(7.0)),
        ("SELECT '12' AS text", Value::Number(12.0)),
    ] {
        assert_eq!(reading(one(query).await).value, value, "{query}");
    }
    for query in ["SELECT note FROM breaker LIMIT 1", "SELECT state FROM breaker WHERE false"] {
        assert_eq!(one(query).await, Finding::NoData(Absence::Empty), "{query}");
    }
    for (query, expected) in [
        ("SELECT state FROM breaker", FailureKind::Malformed),
        ("SELECT name, state FROM breaker LIMIT 1", FailureKind::Malformed),
        ("SELECT ARRAY[1]", FailureKind::Malformed),
        ("SELECT nothing FROM breaker", FailureKind::BadQuestion),
        ("SELECT x FROM hidden", FailureKind::Unauthorized),
        ("DELETE FROM breaker", FailureKind::BadQuestion),
        ("SELECT 1; DELETE FROM breaker", FailureKind::BadQuestion),
        ("WITH x AS (DELETE FROM breaker RETURNING 1) SELECT * FROM x", FailureKind::BadQuestion),
        ("SELECT pg_sleep(9)", FailureKind::Timeout),
    ] {
        assert_eq!(kind(one(query).await), expected, "{query}");
    }
    // Not even who may write can write by a question.
    let owner = Secretish::Plain(server.url("postgres", ""));
    for write in ["SELECT nextval('s')", "SELECT setval('s', 9)"] {
        server.run("CREATE SEQUENCE IF NOT EXISTS s");
        let asked = Ask::Postgres { url: owner.clone(), query: write.to_owned(), params: vec![] };
        assert!(matches!(ask(&systems, asked).await, Finding::Failed(_)), "{write}");
    }
    assert_eq!(server.run("SELECT count(*) FROM breaker"), "2");
    assert_eq!(server.run("SELECT is_called FROM s"), "f");
}

#[tokio::test]
async fn who_may_not_log_in_and_who_is_not_there_are_told_apart() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, server.url("reader", "s3cret-wrong")).unwrap();
    let guarded = systems(Endpoints::default());
    let secret = |secret: SecretRef| Secretish::Secret { prefix: String::new(), secret };
    let wrong = secret(SecretRef::File(file.to_str().unwrap().to_owned()));
    let missing = secret(SecretRef::Env("MISSING".to_owned()));
    let plain = |text: &str| Secretish::Plain(text.to_owned());
    server.require_passwords();
    for (url, expected) in [
        (wrong, FailureKind::Unauthorized),
        (missing, FailureKind::NotConfigured),
        (plain("postgres://reader@127.0.0.1:1/postgres"), FailureKind::Unreachable),
        (plain("postgres://reader@169.254.169.254/postgres"), FailureKind::BadQuestion),
        (plain("postgres://reader@127.0.0.1/x?host=/tmp"), FailureKind::BadQuestion),
        (plain("mysql://reader@127.0.0.1/x"), FailureKind::BadQuestion),
    ] {
        let asked =
            Ask::Postgres { url: url.clone(), query: "SELECT 1".to_owned(), params: vec![] };
        assert_eq!(kind(ask(&guarded, asked).await), expected, "{url:?}");
    }
    // A peer that takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = plain(&format!("postgres://reader@127.0.0.1:{port}/postgres"));
    let asked = Ask::Postgres { url, query: "SELECT 1".to_owned(), params: vec![] };
    let finding = ask_within(&guarded, asked, Duration::from_secs(5)).await;
    assert_eq!(kind(finding), FailureKind::Timeout);
}
