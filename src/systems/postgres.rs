//! One value of a `PostgreSQL` database, read and never written. Never keeps a connection, and never shows what is in an
//! address.

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use std::net::IpAddr;
use std::str::FromStr as _;
use tracing::log::LevelFilter;

use super::database::one_select;
use super::failed;
use super::http::{CONNECT, TOTAL, address, question};
use super::secrets::Secrets;
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, Reading, Secretish, Value};
use crate::core::time::Timestamp;

const PORT: u16 = 5432;
/// What a session of ours may do: read, and not for long (a query that reads one value takes milliseconds).
const SESSION: [(&str, &str); 4] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "5000"),
    ("lock_timeout", "1000"),
    ("idle_in_transaction_session_timeout", "5000"),
];
/// A state with its reasons is a few hundred bytes.
const MAX_ANSWER_CHARS: u32 = 65_536;
/// What may be said behind the `?` of an address. All else could lead the session elsewhere, or take a setting back.
const OPTIONS: [&str; 3] = ["sslmode", "sslrootcert", "application_name"];

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a Secretish,
    pub(crate) query: &'a str,
    pub(crate) params: &'a [String],
}

/// A row does not say when it became true: the moment of asking counts.
pub(crate) async fn ask(secrets: &Secrets, wanted: Wanted<'_>, now: Timestamp) -> Finding {
    match tokio::time::timeout(TOTAL, read(secrets, wanted)).await {
        Err(_) => Finding::failed(FailureKind::Timeout, "PostgreSQL did not answer within 10 s"),
        Ok(Err(failure)) => Finding::Failed(failure),
        Ok(Ok(None)) => Finding::NoData(Absence::Empty),
        Ok(Ok(Some(value))) => Finding::Value(Reading { at: now, value }),
    }
}

async fn read(secrets: &Secrets, wanted: Wanted<'_>) -> Result<Option<Value>, Failure> {
    let bad = |what: &str| failed(FailureKind::BadQuestion, what);
    one_select(wanted.query).map_err(bad)?;
    let text = match wanted.url {
        Secretish::Plain(text) => SecretString::from(text.as_str()),
        Secretish::Secret { secret, .. } => secrets.get(secret)?,
        Secretish::Said(_) => return Err(bad("it is no address")),
    };
    let url = checked(text.expose_secret()).map_err(bad)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    address::resolve(host, url.port().unwrap_or(PORT)).await?;
    // Its own words of an address that it cannot read may hold the password.
    let options = PgConnectOptions::from_str(url.as_str())
        .map_err(|_| bad("it is not an address that PostgreSQL's clients read"))?
        .options(SESSION)
        .ssl_mode(ssl_mode(&url))
        .log_statements(LevelFilter::Off);
    let connected = tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await;
    let mut connection = connected
        .map_err(|_| failed(FailureKind::Timeout, "PostgreSQL took no connection within 3 s"))?
        .map_err(|error| failure(&error))?;
    let value = only_value(&mut connection, wanted).await;
    // The answer is there: a farewell that fails takes nothing away.
    drop(connection.close().await);
    value
}

/// As the address says; else TLS, unless the server is on this machine.
fn ssl_mode(url: &Url) -> PgSslMode {
    let said = url.query_pairs().find(|(key, _)| key == "sslmode");
    if let Some(mode) = said.and_then(|(_, mode)| mode.parse().ok()) {
        return mode;
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|at: IpAddr| at.is_loopback());
    if is_here { PgSslMode::Prefer } else { PgSslMode::Require }
}

/// Every type that the database can make JSON of is read alike.
async fn only_value(
    connection: &mut PgConnection,
    wanted: Wanted<'_>,
) -> Result<Option<Value>, Failure> {
    let malformed = |what: &str| failed(FailureKind::Malformed, what);
    let query = wanted.query.trim_end().trim_end_matches(';');
    // The line feed ends a comment.
    let text = format!(
        "SELECT CASE WHEN length(to_jsonb(answer)::text) <= {MAX_ANSWER_CHARS} THEN to_jsonb(answer) END \
         FROM (\n{query}\n) AS answer LIMIT 2"
    );
    // Checked when the rule was loaded, and again above: one statement that selects.
    let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
    for param in wanted.params {
        query = query.bind(param.as_str());
    }
    let rows = query.fetch_all(connection).await.map_err(|error| failure(&error))?;
    let [row] = rows.as_slice() else {
        return match rows.len() {
            0 => Ok(None),
            _ => Err(malformed("more than one row: add LIMIT 1, or a condition")),
        };
    };
    let json: Option<Json> = row.try_get(0).map_err(|error| failure(&error))?;
    let json = json.ok_or_else(|| malformed("a row of more than 64 KiB"))?;
    let columns: Vec<&Json> =
        json.as_object().map(|row| row.values().collect()).unwrap_or_default();
    let [value] = columns.as_slice() else {
        return Err(malformed("more than one column, or two of one name: select one value"));
    };
    match value {
        Json::Null => Ok(None),
        Json::Bool(truth) => Ok(Some(Value::Word(truth.to_string()))),
        Json::Number(number) => number
            .as_f64()
            .filter(|number| number.is_finite())
            .map(|number| Some(Value::Number(number)))
            .ok_or_else(|| malformed("no finite number")),
        Json::String(text) => {
            question::word_or_number(text).map(Some).ok_or_else(|| malformed("a text, no word"))
        }
        Json::Array(_) | Json::Object(_) => Err(malformed("neither a number nor a text")),
    }
}

/// An address of `PostgreSQL` that may be asked; or why not. Names are checked again when they are resolved.
pub(crate) fn checked(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is not a valid address")?;
    if !["postgres", "postgresql"].contains(&url.scheme()) {
        return Err("write postgres://user@host:5432/database");
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the host is missing")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse().is_ok_and(address::forbidden) {
        return Err("link-local, credential and multicast addresses are not asked");
    }
    if url.username().is_empty() {
        return Err("the user is missing: postgres://user@host:5432/database");
    }
    if url.path().trim_start_matches('/').is_empty() {
        return Err("the database is missing: postgres://user@host:5432/database");
    }
    if url.query_pairs().any(|(key, _)| !OPTIONS.contains(&key.as_ref())) {
        return Err("only sslmode, sslrootcert and application_name can stand behind `?`");
    }
    Ok(url)
}

fn failure(error: &sqlx::Error) -> Failure {
    let Some(database) = error.as_database_error() else {
        let kind = if matches!(error, sqlx::Error::Configuration(_)) {
            FailureKind::BadQuestion
        } else if matches!(
            error,
            sqlx::Error::Protocol(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }
        ) {
            FailureKind::Malformed
        } else {
            FailureKind::Unreachable
        };
        return failed(kind, error.to_string());
    };
    let code = database.code().unwrap_or_default().into_owned();
    // What the database says of a value repeats the value; what it says of names and rights does not.
    let what = match code.get(..2) {
        Some("28" | "42" | "3D" | "53" | "57") => database.message(),
        _ => "the database refused the question",
    };
    failed(kind_of(&code), format!("{what} ({code})"))
}

/// By the class of the SQLSTATE.
fn kind_of(code: &str) -> FailureKind {
    match code {
        // Ended by our own limits.
        "57014" | "55P03" => FailureKind::Timeout,
        "42501" => FailureKind::Unauthorized,
        _ => match code.get(..2) {
            Some("28") => FailureKind::Unauthorized,
            // Connections, resources, an operator's hand, the system itself.
            Some("08" | "53" | "57" | "58" | "XX") => FailureKind::ServerError,
            _ => FailureKind::BadQuestion,
        },
    }
}
