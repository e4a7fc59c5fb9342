//! Between rows and our types, and from the database's errors to ours. Never a default for what cannot be read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::core::action::IntentKey;
use crate::core::incident::IncidentId;
use crate::core::time::Timestamp;
use crate::store::StoreError;
use crate::store::outbox::{Delivery, DeliveryState, Posted, Slot, delivery_id};
use crate::store::tx::{Answer, IntentRow, IntentState, Row};

/// `SQLITE_IOERR_FSYNC` and `SQLITE_IOERR_DIR_FSYNC`: what was written may be gone, and a second sync would not tell.
const SYNC_FAILED: [i32; 2] = [1034, 1290];

/// The database's answer in our words.
pub(super) fn refused(error: sqlx::Error) -> StoreError {
    let text = error.to_string();
    match (code(&error), error) {
        // SQLITE_ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL, NOLFS, AUTH.
        (Some(4 | 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14 | 15 | 22 | 23), _)
        | (
            None,
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_),
        ) => StoreError::Unavailable(text),
        (Some(_) | None, _) => StoreError::Corrupt(text),
    }
}

/// The primary result code of `SQLite`.
fn code(error: &sqlx::Error) -> Option<i32> {
    extended(error).map(|code| code & 0xff)
}

fn extended(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

pub(super) fn sync_failed(error: &sqlx::Error) -> bool {
    extended(error).is_some_and(|code| SYNC_FAILED.contains(&code))
}

pub(super) fn unreadable(what: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what}: {error}"))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| unreadable("cannot be written as JSON", error))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(|error| unreadable(what, error))
}

pub(super) fn us(moment: Timestamp) -> i64 {
    moment.as_microsecond()
}

pub(super) fn moment(micros: i64) -> Answer<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| unreadable("a moment", error))
}

/// Numbers of ours are far below 2^63.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn nat(number: i64) -> Answer<u64> {
    u64::try_from(number).map_err(|error| unreadable("a number", error))
}

pub(super) fn small(number: i64) -> Answer<u32> {
    u32::try_from(number).map_err(|error| unreadable("a number", error))
}

/// One column, by name or place.
pub(super) fn get<'r, T, I>(row: &'r SqliteRow, column: I) -> Answer<T>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    I: sqlx::ColumnIndex<SqliteRow>,
{
    row.try_get(column).map_err(refused)
}

/// The first column, JSON of `T`.
pub(super) fn body<T: DeserializeOwned>(row: &SqliteRow) -> Answer<T> {
    from_json(std::any::type_name::<T>(), get::<&str, _>(row, 0)?)
}

/// `body, due_at, fence, lease_until`.
pub(super) fn incident_row(row: &SqliteRow) -> Answer<Row> {
    Ok(Row {
        incident: body(row)?,
        due_at: get::<Option<i64>, _>(row, 1)?.map(moment).transpose()?,
        fence: nat(get(row, 2)?)?,
        lease_until: get::<Option<i64>, _>(row, 3)?.map(moment).transpose()?,
    })
}

/// `body, state, started_at, helped`.
pub(super) fn intent_row(row: &SqliteRow) -> Answer<IntentRow> {
    let state: &str = get(row, 1)?;
    let state = IntentState::ALL
        .into_iter()
        .find(|known| known.name() == state)
        .ok_or_else(|| unreadable("the state of an intent", state))?;
    Ok(IntentRow {
        intent: body(row)?,
        state,
        started_at: get::<Option<i64>, _>(row, 2)?.map(moment).transpose()?,
        helped: get(row, 3)?,
    })
}

/// A slot as its kind and number.
pub(super) const fn slot_columns(slot: Slot) -> (&'static str, i64) {
    match slot {
        Slot::Root => ("root", 0),
        Slot::Thread(number) => ("thread", number as i64),
        Slot::Page(number) => ("page", number as i64),
        Slot::Notice(number) => ("notice", number as i64),
    }
}

fn slot(row: &SqliteRow) -> Answer<Slot> {
    let number = small(get(row, "number")?)?;
    match get(row, "kind")? {
        "root" => Ok(Slot::Root),
        "thread" => Ok(Slot::Thread(number)),
        "page" => Ok(Slot::Page(number)),
        "notice" => Ok(Slot::Notice(number)),
        other => Err(unreadable("the kind of a delivery", other)),
    }
}

/// A state as its word and moment.
pub(super) fn state_columns(state: DeliveryState) -> (&'static str, Option<i64>) {
    match state {
        DeliveryState::Planned => ("planned", None),
        DeliveryState::Sending(since) => ("sending", Some(us(since))),
        DeliveryState::Ambiguous(since) => ("ambiguous", Some(us(since))),
        DeliveryState::Sent => ("sent", None),
        DeliveryState::Dead => ("dead", None),
    }
}

fn delivery_state(row: &SqliteRow) -> Answer<DeliveryState> {
    let since: Option<i64> = get(row, "state_since")?;
    match (get(row, "state")?, since) {
        ("planned", None) => Ok(DeliveryState::Planned),
        ("sending", Some(since)) => Ok(DeliveryState::Sending(moment(since)?)),
        ("ambiguous", Some(since)) => Ok(DeliveryState::Ambiguous(moment(since)?)),
        ("sent", None) => Ok(DeliveryState::Sent),
        ("dead", None) => Ok(DeliveryState::Dead),
        (other, _) => Err(unreadable("the state of a delivery", other)),
    }
}

pub(super) fn delivery(epoch: &str, row: &SqliteRow) -> Answer<Delivery> {
    let incident = IncidentId(nat(get(row, "incident")?)?);
    let slot = slot(row)?;
    let channel: Option<String> = get(row, "posted_channel")?;
    let ts: Option<String> = get(row, "posted_ts")?;
    Ok(Delivery {
        id: delivery_id(epoch, incident, slot),
        incident,
        slot,
        channel: get(row, "channel")?,
        body: from_json("the body of a delivery", get(row, "body")?)?,
        body_revision: nat(get(row, "body_revision")?)?,
        sent_revision: nat(get(row, "sent_revision")?)?,
        state: delivery_state(row)?,
        attempts: small(get(row, "attempts")?)?,
        due_at: moment(get(row, "due_at")?)?,
        posted: channel.zip(ts).map(|(channel, ts)| Posted { channel, ts }),
    })
}

pub(super) fn key(key: &IntentKey) -> &str {
    &key.0
}
