//! The audit log on disk: appended in the transaction that it speaks of. Never changed.

use sqlx::sqlite::SqliteRow;

use super::convert::{get, int, moment, nat, to_json, unreadable};
use super::{Db, Sqlite, sql};
use crate::core::audit::Link;
use crate::store::chain::{self, Chain, Suspect, Walk};
use crate::store::tx::Answer;

/// Links read at once when the log is walked.
const PAGE: i64 = 2_000;

impl Db {
    /// The entries of this transaction, as links.
    pub(super) async fn append_audit(&mut self) -> Answer<()> {
        let entries = std::mem::take(&mut self.audit);
        if entries.is_empty() {
            return Ok(());
        }
        let row = self.one(sqlx::query(sql::AUDIT_HEAD)).await?;
        let mut number = nat(get(&row, 0)?)?;
        let mut head = whole(get(&row, 1)?)?;
        let mut rows = Vec::with_capacity(entries.len());
        for (at, entry) in entries {
            let link = chain::link(number.saturating_add(1), &head, at, &entry)
                .map_err(|error| unreadable("an audit entry", error))?;
            (number, head) = (link.number, link.hash);
            rows.push((link.number, at.as_microsecond(), link.text, hex(&link.hash)));
        }
        self.run(sqlx::query(sql::APPEND_AUDIT).bind(to_json(&rows)?)).await?;
        let put = sqlx::query(sql::PUT_AUDIT_HEAD).bind(int(number)).bind(head.to_vec());
        self.run(put).await
    }
}

impl Sqlite {
    pub(in crate::store) async fn audit_links(&self, after: u64, limit: u32) -> Answer<Vec<Link>> {
        let mut db = self.snapshot().await?;
        let rows = db.all(sqlx::query(sql::LINKS).bind(int(after)).bind(limit)).await?;
        rows.iter().map(|row| link(suspect(row)?)).collect()
    }

    pub(in crate::store) async fn audit_head(&self) -> Answer<Option<Link>> {
        let mut db = self.snapshot().await?;
        let rows = db.all(sqlx::query(sql::LAST_LINK)).await?;
        rows.first().map(|row| link(suspect(row)?)).transpose()
    }

    pub(in crate::store) async fn audit_verify(&self) -> Answer<Chain> {
        let mut db = self.snapshot().await?;
        let mut walk = Walk::new();
        let mut last = i64::MIN;
        loop {
            let rows = db.all(sqlx::query(sql::LINKS).bind(last).bind(PAGE)).await?;
            for row in &rows {
                let row = suspect(row)?;
                last = row.number;
                if let Err(broken) = walk.step(&row) {
                    return Ok(broken);
                }
            }
            if rows.is_empty() {
                break;
            }
        }
        let row = db.one(sqlx::query(sql::AUDIT_HEAD)).await?;
        let head: Vec<u8> = get(&row, 1)?;
        Ok(walk.end(nat(get(&row, 0)?)?, &head))
    }
}

fn suspect(row: &SqliteRow) -> Answer<Suspect> {
    Ok(Suspect {
        number: get(row, 0)?,
        at_us: get(row, 1)?,
        text: get(row, 2)?,
        hash: get(row, 3)?,
    })
}

fn link(row: Suspect) -> Answer<Link> {
    Ok(Link {
        number: nat(row.number)?,
        at: moment(row.at_us)?,
        text: String::from_utf8(row.text).map_err(|error| unreadable("an audit entry", error))?,
        hash: whole(row.hash)?,
    })
}

fn whole(hash: Vec<u8>) -> Answer<[u8; 32]> {
    hash.try_into().map_err(|_| unreadable("a hash of the audit log", "it has not 32 bytes"))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
