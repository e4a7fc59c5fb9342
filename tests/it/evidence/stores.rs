//! Redis and `SQLite` as they are: read and never written, and what is missing is no data.

use super::{ask, now, reading, systems};
use crate::servers::Redis;
use reclose::core::evidence::{Absence, Ask, FailureKind, Finding, SecretRef, Secretish, Value};
use reclose::core::time::since;
use reclose::systems::Endpoints;
use sqlx::{ConnectOptions as _, Connection as _};
use std::time::Duration;

fn key(url: &str, key: &str, pointer: Option<&str>) -> Ask {
    Ask::Redis {
        url: Secretish::Plain(url.to_owned()),
        key: key.to_owned(),
        pointer: pointer.map(str::to_owned),
    }
}

fn kind(finding: Finding) -> FailureKind {
    match finding {
        Finding::Failed(failure) => {
            assert!(!failure.detail.contains("s3cret"), "{}", failure.detail);
            failure.kind
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_real_redis_answers_with_the_value_under_a_key() {
    let server = Redis::start(&[]).await;
    let state = r#"{"state":"TRIPPED","tripped_at":null,"limits":{"a/b":0.05}}"#;
    server.say(&["SET", "circuit_breaker:state", state]);
    server.say(&["SET", "plain", "OPEN"]);
    server.say(&["SET", "number", "2.5"]);
    server.say(&["SET", "text", &"x".repeat(500)]);
    server.say(&["SET", "huge", &"x".repeat(70_000)]);
    server.say(&["SET", "empty", ""]);
    server.say(&["RPUSH", "list", "OPEN"]);
    let systems = systems(Endpoints::default());
    let at = async |name: &str, pointer| ask(&systems, key(&server.url, name, pointer)).await;

    let answer = reading(at("circuit_breaker:state", Some("/state")).await);
    assert_eq!(answer.value, Value::Word("TRIPPED".to_owned()));
    assert!(since(now(), answer.at) < Duration::from_secs(60), "as old as the question");
    let limit = reading(at("circuit_breaker:state", Some("/limits/a~1b")).await);
    assert_eq!(limit.value, Value::Number(0.05));
    assert_eq!(reading(at("plain", None).await).value, Value::Word("OPEN".to_owned()));
    assert_eq!(reading(at("number", None).await).value, Value::Number(2.5));

    // What is not there is no data, and never normal.
    assert_eq!(at("missing", None).await, Finding::NoData(Absence::Empty));
    assert_eq!(at("missing", Some("/state")).await, Finding::NoData(Absence::Empty));
    assert_eq!(at("empty", None).await, Finding::NoData(Absence::Empty));
    assert_eq!(at("circuit_breaker:state", Some("/none")).await, Finding::NoData(Absence::Empty));
    assert_eq!(
        at("circuit_breaker:state", Some("/tripped_at")).await,
        Finding::NoData(Absence::Empty)
    );
    let other = format!("{}/2", server.url);
    let elsewhere = ask(&systems, key(&other, "plain", None)).await;
    assert_eq!(elsewhere, Finding::NoData(Absence::Empty), "another database has its own keys");

    assert_eq!(kind(at("plain", Some("/state")).await), FailureKind::Malformed);
    assert_eq!(kind(at("text", None).await), FailureKind::Malformed);
    assert_eq!(kind(at("huge", None).await), FailureKind::Malformed);
    assert_eq!(kind(at("list", None).await), FailureKind::BadQuestion);
    // Nothing of all this has written anything.
    assert!(server.say(&["INFO", "commandstats"]).contains("cmdstat_getrange"));
    assert_eq!(server.say(&["DBSIZE"]).trim(), "7");
}

#[tokio::test]
async fn a_password_is_taken_by_reference_and_a_user_may_have_the_right_to_read_alone() {
    let server = Redis::start(&["--requirepass", "s3cret-token"]).await;
    server.say(&["-a", "s3cret-token", "SET", "state", "OPEN"]);
    let user = ["ACL", "SETUSER", "reader", "on", ">s3cret-token", "~state", "+@read", "+select"];
    server.say(&[["-a", "s3cret-token"].as_slice(), &user].concat());
    let host = server.url.trim_start_matches("redis://").to_owned();
    let found = async |url: String| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, url).unwrap();
        let secret = SecretRef::File(file.to_str().unwrap().to_owned());
        let url = Secretish::Secret { prefix: String::new(), secret };
        let asked = Ask::Redis { url, key: "state".to_owned(), pointer: None };
        ask(&systems(Endpoints::default()), asked).await
    };
    let open = Value::Word("OPEN".to_owned());
    assert_eq!(reading(found(format!("redis://:s3cret-token@{host}")).await).value, open);
    assert_eq!(reading(found(format!("redis://reader:s3cret-token@{host}")).await).value, open);
    assert_eq!(
        kind(found(format!("redis://:s3cret-wrong@{host}")).await),
        FailureKind::Unauthorized
    );
    assert_eq!(kind(found(format!("redis://{host}")).await), FailureKind::Unauthorized);
    assert_eq!(kind(found("https://s3cret@host/".to_owned()).await), FailureKind::BadQuestion);
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_a_failure() {
    let systems = systems(Endpoints::default());
    let nobody = super::raw::nobody().await.replace("http://", "redis://");
    assert_eq!(kind(ask(&systems, key(&nobody, "x", None)).await), FailureKind::Unreachable);
    for refused in ["redis://169.254.169.254:6379", "http://127.0.0.1:6379"] {
        assert_eq!(kind(ask(&systems, key(refused, "x", None)).await), FailureKind::BadQuestion);
    }
    // Something else answers there.
    let web =
        super::raw::Raw::serve("HTTP/1.1 400 Bad Request\r\n\r\n", super::raw::Then::Close).await;
    let finding = ask(&systems, key(&web.url.replace("http://", "redis://"), "x", None)).await;
    assert!(matches!(finding, Finding::Failed(_)), "{finding:?}");
}

/// A file with one table, as a service writes it.
async fn database(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("circuit_breaker.db");
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    for statement in [
        "CREATE TABLE breaker (name TEXT, state TEXT, load REAL, trips INTEGER, note TEXT, raw BLOB)",
        "INSERT INTO breaker VALUES ('a', 'TRIPPED', 0.25, 3, NULL, x'00')",
        "INSERT INTO breaker VALUES ('b', 'CLOSED', 0.5, 0, NULL, x'00')",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_sqlite_file_answers_with_one_value_and_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder).await;
    let before = std::fs::read(&path).unwrap();
    let systems = systems(Endpoints::default());
    let with = async |query: &str, params: &[&str]| {
        let params = params.iter().map(|&param| param.to_owned()).collect();
        let asked = Ask::Sqlite { path: path.clone(), query: query.to_owned(), params };
        ask(&systems, asked).await
    };
    let one = async |query: &str| with(query, &[]).await;
    let by_name = "SELECT state FROM breaker WHERE name = ?";
    assert_eq!(reading(with(by_name, &["a"]).await).value, Value::Word("TRIPPED".to_owned()));
    assert_eq!(with(by_name, &["a' OR 1 = 1 --"]).await, Finding::NoData(Absence::Empty));
    assert_eq!(reading(one("SELECT trips FROM breaker LIMIT 1").await).value, Value::Number(3.0));
    assert_eq!(reading(one("SELECT load FROM breaker LIMIT 1").await).value, Value::Number(0.25));
    assert_eq!(reading(one("SELECT max(load) FROM breaker").await).value, Value::Number(0.5));
    assert_eq!(one("SELECT note FROM breaker LIMIT 1").await, Finding::NoData(Absence::Empty));
    assert_eq!(one("SELECT state FROM breaker WHERE 0").await, Finding::NoData(Absence::Empty));
    assert_eq!(kind(one("SELECT state FROM breaker").await), FailureKind::Malformed);
    assert_eq!(kind(one("SELECT name, state FROM breaker LIMIT 1").await), FailureKind::Malformed);
    assert_eq!(kind(one("SELECT raw FROM breaker LIMIT 1").await), FailureKind::Malformed);
    for wrong in [
        "SELECT nothing FROM breaker",
        "DELETE FROM breaker",
        "SELECT 1; DELETE FROM breaker",
        "WITH x AS (SELECT 1) DELETE FROM breaker",
        "WITH x AS (SELECT 1) INSERT INTO breaker(name) SELECT * FROM x",
    ] {
        assert_eq!(kind(one(wrong).await), FailureKind::BadQuestion, "{wrong}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before, "not a byte was written");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "and no file beside it");
}

#[tokio::test]
async fn a_query_that_does_not_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder).await;
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
    let asked = Ask::Sqlite { path: path.clone(), query: endless.to_owned(), params: vec![] };
    let begun = tokio::time::Instant::now();
    let finding =
        super::ask_within(&systems(Endpoints::default()), asked, Duration::from_millis(300)).await;
    assert_eq!(kind(finding), FailureKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // Nothing goes on with the file: it could not be locked for writing beside a reader in rollback mode.
    let busy = Duration::from_secs(5);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).busy_timeout(busy);
    let mut writer = options.connect().await.unwrap();
    sqlx::query("UPDATE breaker SET trips = 4").execute(&mut writer).await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    std::fs::write(&file, "no database at all, but long enough to have a header of its own")
        .unwrap();
    let systems = systems(Endpoints::default());
    for path in [file.to_str().unwrap(), "/no/such/file.db", "/dev/null"] {
        let asked = Ask::Sqlite {
            path: path.to_owned(),
            query: "SELECT 1 FROM sqlite_master".to_owned(),
            params: vec![],
        };
        assert!(matches!(ask(&systems, asked).await, Finding::Failed(_)), "{path}");
    }
    assert!(!std::path::Path::new("/no/such/file.db").exists());
}
