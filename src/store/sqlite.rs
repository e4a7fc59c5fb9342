//! The store on disk: one `SQLite` database in one directory, held by one server. Never shared between processes.
//!
//! One connection writes, a few read. What a verb has written is on the disk when it returns (WAL, `synchronous=FULL`).

mod convert;
mod hold;
mod log;
mod rows;
mod sql;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Row as _, Transaction};

use super::StoreError;
use super::tx::{Answer, Server};
use crate::core::audit::AuditEntry;
use crate::core::planted::Bugs;
use crate::core::time::{Duration, Timestamp};
use convert::{get, refused, sync_failed, to_json};
use hold::Hold;

const DATABASE: &str = "reclose.db";
/// Together less than the 2 s within which a webhook is stored or answered 503.
const WRITER_WAITS: Duration = Duration::from_millis(1_200);
const BUSY_WAITS: Duration = Duration::from_millis(500);
/// Reading beside the writer: the console, the engine and the outbox at once.
const READERS: u32 = 3;
/// The log of changes is cut back to this size after a rush.
const WAL_BYTES_KEPT: &str = "67108864";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/store/migrations");

type Statement<'q> = sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments>;

/// The database of one data directory. Clones are the same store.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    epoch: String,
    bugs: Bugs,
    writer: SqlitePool,
    readers: SqlitePool,
    hold: Hold,
    /// A sync failed: nobody knows what is on the disk, and trying again would not tell. Nothing more is written.
    lost: AtomicBool,
}

/// One open transaction. Dropped without `commit`, it never was.
pub(super) struct Db {
    store: Arc<Inner>,
    transaction: Transaction<'static, sqlx::Sqlite>,
    audit: Vec<(Timestamp, AuditEntry)>,
}

impl Sqlite {
    pub(super) async fn open(dir: &Path, bugs: Bugs) -> Answer<Self> {
        let hold = Hold::make(dir)?;
        Self::connect(dir, bugs, hold).await
    }

    pub(super) async fn open_stopped(dir: &Path) -> Answer<Self> {
        if !dir.join(DATABASE).is_file() {
            let why =
                format!("there is no {DATABASE} in {}: no server has run there", dir.display());
            return Err(StoreError::Unavailable(why));
        }
        let hold = Hold::take(dir)?;
        Self::connect(dir, Bugs::default(), hold).await
    }

    async fn connect(dir: &Path, bugs: Bugs, hold: Hold) -> Answer<Self> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join(DATABASE))
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_WAITS)
            .pragma("journal_size_limit", WAL_BYTES_KEPT);
        let one = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(between_transactions(connection)))
            .acquire_timeout(WRITER_WAITS);
        let writing = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let writer = one.clone().connect_with(writing).await.map_err(refused)?;
        as_asked(&writer).await?;
        MIGRATIONS.run(&writer).await.map_err(not_migrated)?;
        let fresh = to_json(&Server { clean: true, ..Server::default() })?;
        sqlx::query(sql::MAKE_SERVER).bind(fresh).execute(&writer).await.map_err(refused)?;
        let row = sqlx::query(sql::EPOCH).fetch_one(&writer).await.map_err(refused)?;
        let readers = one.max_connections(READERS).connect_lazy_with(options.read_only(true));
        let lost = AtomicBool::new(false);
        Ok(Self(Arc::new(Inner { epoch: get(&row, 0)?, bugs, writer, readers, hold, lost })))
    }

    /// A transaction that may write: the only one of its kind until it ends.
    pub(super) async fn begin(&self) -> Answer<Db> {
        if self.0.lost.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable(
                "the disk failed to sync: check it, then start reclose again".to_owned(),
            ));
        }
        self.opened(self.0.writer.begin_with("BEGIN IMMEDIATE").await)
    }

    /// A transaction that reads everything as it is at one moment.
    pub(super) async fn snapshot(&self) -> Answer<Db> {
        self.opened(self.0.readers.begin().await)
    }

    fn opened(&self, begun: sqlx::Result<Transaction<'static, sqlx::Sqlite>>) -> Answer<Db> {
        let transaction = begun.map_err(refused)?;
        Ok(Db { store: Arc::clone(&self.0), transaction, audit: Vec::new() })
    }

    pub(super) async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
        self.0.hold.let_go();
    }

    /// For tests: the disk is full at so many pages (of 4 KiB). 0: as large as it likes.
    #[cfg(feature = "test-hooks")]
    pub async fn limit_pages(&self, pages: u32) -> Answer<()> {
        let pages = if pages == 0 { u32::MAX - 1 } else { pages };
        let text = format!("PRAGMA max_page_count = {pages}");
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&self.0.writer).await.map_err(refused)?;
        Ok(())
    }
}

impl Db {
    /// All of it, durable.
    pub(super) async fn commit(mut self) -> Answer<()> {
        self.append_audit().await?;
        match self.transaction.commit().await {
            Ok(()) => Ok(()),
            Err(error) => {
                if sync_failed(&error) {
                    self.store.lost.store(true, Ordering::Release);
                }
                Err(refused(error))
            }
        }
    }
}

/// On a full disk `SQLite` ends a transaction by itself, and sqlx, whose ROLLBACK then fails, believes in it for ever: such
/// a connection begins nothing any more. False: it is closed, and a new one takes its place.
async fn between_transactions(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // A rollback may still be on its way to the connection's thread; this comes after it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// What the promises rest on: read back, because a PRAGMA that fails says nothing.
async fn as_asked(writer: &SqlitePool) -> Answer<()> {
    let wanted =
        [("PRAGMA journal_mode", "wal"), ("PRAGMA synchronous", "2"), ("PRAGMA foreign_keys", "1")];
    for (pragma, value) in wanted {
        let row = sqlx::query(pragma).fetch_one(writer).await.map_err(refused)?;
        let is: String = match row.try_get::<String, _>(0) {
            Ok(text) => text,
            Err(_) => get::<i64, _>(&row, 0)?.to_string(),
        };
        if is != value {
            let why = format!("{pragma} is {is} and not {value}: is the data on a network disk?");
            return Err(StoreError::Unavailable(why));
        }
    }
    Ok(())
}

fn not_migrated(error: sqlx::migrate::MigrateError) -> StoreError {
    if let sqlx::migrate::MigrateError::Execute(error) = error {
        return refused(error);
    }
    StoreError::Corrupt(format!("{error}; was it written by a newer version?"))
}
