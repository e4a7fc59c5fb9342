//! One value of an `SQLite` file, read and never written. Never makes a file, and never lets a query run on unwatched.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _, TypeInfo as _, ValueRef as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt as _;

use super::failed;
use super::http::question;
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, Reading, Value};
use crate::core::time::{Duration, Timestamp};

/// A query that reads one value takes milliseconds.
const WITHIN: Duration = Duration::from_secs(5);
/// The service's own writer holds the file for less.
const BUSY_WAITS: Duration = Duration::from_secs(1);
/// Steps of `SQLite` between two looks whether anybody still waits for the answer.
const STEPS: i32 = 10_000;

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) params: &'a [String],
}

/// A row does not say when it became true: the moment of asking counts.
pub(crate) async fn ask(wanted: Wanted<'_>, now: Timestamp) -> Finding {
    let gone = Arc::new(AtomicBool::new(false));
    let _watch = Watch(Arc::clone(&gone));
    match tokio::time::timeout(WITHIN, read(wanted, gone)).await {
        Err(_) => Finding::failed(FailureKind::Timeout, "the query took longer than 5 s"),
        Ok(Err(failure)) => Finding::Failed(failure),
        Ok(Ok(None)) => Finding::NoData(Absence::Empty),
        Ok(Ok(Some(Value::Number(number)))) if !number.is_finite() => {
            Finding::NoData(Absence::NotFinite)
        }
        Ok(Ok(Some(value))) => Finding::Value(Reading { at: now, value }),
    }
}

/// Ends the query when nobody waits for it any more.
struct Watch(Arc<AtomicBool>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn read(wanted: Wanted<'_>, gone: Arc<AtomicBool>) -> Result<Option<Value>, Failure> {
    let bad = |what: &str| failed(FailureKind::BadQuestion, format!("{}: {what}", wanted.path));
    one_select(wanted.query).map_err(bad)?;
    // Asked before opening: a pipe or a device would be waited for.
    match std::fs::metadata(Path::new(wanted.path)) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(bad("it is no regular file")),
        Err(error) => {
            return Err(failed(FailureKind::Unreachable, format!("{}: {error}", wanted.path)));
        }
    }
    let mut connection = SqliteConnectOptions::new()
        .filename(wanted.path)
        .read_only(true)
        .create_if_missing(false)
        .busy_timeout(BUSY_WAITS)
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF")
        .connect()
        .await
        .map_err(|error| failure(wanted.path, &error))?;
    connection
        .lock_handle()
        .await
        .map_err(|error| failure(wanted.path, &error))?
        .set_progress_handler(STEPS, move || !gone.load(Ordering::Relaxed));
    let row = only_row(&mut connection, wanted).await?;
    row.map_or(Ok(None), |row| only_value(&row, wanted.path))
}

async fn only_row(
    connection: &mut SqliteConnection,
    wanted: Wanted<'_>,
) -> Result<Option<SqliteRow>, Failure> {
    // Checked when the rule was loaded, and again above: one statement that selects.
    let mut query = sqlx::query(sqlx::AssertSqlSafe(wanted.query.to_owned()));
    for param in wanted.params {
        query = query.bind(param.as_str());
    }
    let mut rows = query.fetch(connection);
    let failed_by = |error: sqlx::Error| failure(wanted.path, &error);
    let first = rows.try_next().await.map_err(failed_by)?;
    if first.is_some() && rows.try_next().await.map_err(failed_by)?.is_some() {
        return Err(failed(
            FailureKind::Malformed,
            "more than one row: add LIMIT 1, or a condition",
        ));
    }
    Ok(first)
}

fn only_value(row: &SqliteRow, path: &str) -> Result<Option<Value>, Failure> {
    let malformed = |what: &str| failed(FailureKind::Malformed, what);
    if row.len() != 1 {
        return Err(malformed("more than one column: select one value"));
    }
    let raw = row.try_get_raw(0).map_err(|error| failure(path, &error))?;
    if raw.is_null() {
        return Ok(None);
    }
    let kind = raw.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" | "REAL" => {
            { row.try_get_unchecked::<f64, _>(0).map(|number| Some(Value::Number(number))) }
                .map_err(|error| failure(path, &error))
        }
        "TEXT" => {
            let text: String = row.try_get_unchecked(0).map_err(|error| failure(path, &error))?;
            let word = question::word_or_number(&text);
            word.map(Some).ok_or_else(|| malformed("a text, no word"))
        }
        _ => Err(malformed("neither a number nor a text")),
    }
}

fn failure(path: &str, error: &sqlx::Error) -> Failure {
    let by_database = error.as_database_error().is_some();
    let kind = if by_database { FailureKind::BadQuestion } else { FailureKind::Unreachable };
    failed(kind, format!("{path}: {error}"))
}

/// Whether a text is one statement that selects; or why not.
pub(crate) fn one_select(text: &str) -> Result<(), &'static str> {
    let bare = bare(text).ok_or("a quote or a comment is not closed")?;
    let mut statements = bare.split(';').map(str::trim).filter(|part| !part.is_empty());
    let first = statements.next().ok_or("there is no statement")?;
    if statements.next().is_some() {
        return Err("one statement, without `;` inside");
    }
    let word = first.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let selects = ["select", "with"].iter().any(|known| word.eq_ignore_ascii_case(known));
    if selects { Ok(()) } else { Err("only SELECT is asked: nothing is written") }
}

/// The statement without what stands in quotes and comments; none if one of them is not closed.
fn bare(text: &str) -> Option<String> {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (skip, end) = match next {
            '\'' => (1, "'"),
            '"' => (1, "\""),
            '`' => (1, "`"),
            '[' => (1, "]"),
            '-' if rest.starts_with("--") => (2, "\n"),
            '/' if rest.starts_with("/*") => (2, "*/"),
            other => {
                bare.push(other);
                rest = rest.get(other.len_utf8()..)?;
                continue;
            }
        };
        let inside = rest.get(skip..)?;
        bare.push(' ');
        rest = match inside.find(end) {
            Some(at) => inside.get(at + end.len()..)?,
            // A comment may end with the text.
            None if end == "\n" => "",
            None => return None,
        };
    }
    Some(bare)
}

#[cfg(test)]
mod tests {
    use super::one_select;

    #[test]
    fn only_one_statement_that_selects_is_taken() {
        for fine in [
            "SELECT state FROM breaker",
            "select 1;",
            " -- why\n SELECT ';' /* ; */ FROM \"a;b\"",
            "WITH x AS (SELECT 1) SELECT * FROM x",
        ] {
            assert_eq!(one_select(fine), Ok(()), "{fine}");
        }
        for wrong in [
            "",
            ";",
            "DELETE FROM breaker",
            "SELECT 1; DELETE FROM breaker",
            "SELECT 1 -- x\n; DROP TABLE y",
            "PRAGMA query_only = OFF",
            "ATTACH 'x' AS y",
            "/* SELECT */ UPDATE x SET y = 1",
            "SELECT 'open",
            "selectx",
        ] {
            assert!(one_select(wrong).is_err(), "{wrong} was taken");
        }
    }
}
