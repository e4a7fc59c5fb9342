//! The rows of one transaction, over `SQLite`. One statement for each question; no meaning.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;

use super::convert::{
    body, delivery, from_json, get, incident_row, int, intent_row, key, moment, nat, refused,
    slot_columns, small, state_columns, to_json, us,
};
use super::{Db, Statement, sql};
use crate::core::action::{Intent, IntentKey};
use crate::core::alert::Notification;
use crate::core::audit::AuditEntry;
use crate::core::command::Scope;
use crate::core::incident::{Breaker, Incident, IncidentId};
use crate::core::planted::Bugs;
use crate::core::rule::{Rule, TargetName};
use crate::core::time::{Duration, Timestamp};
use crate::store::outbox::{Delivery, PAGE_WAITS, SENDING_LASTS, Slot};
use crate::store::tx::{Answer, Head, IntentRow, OpenRow, Row, Server, Taken, Tx};
use crate::store::{ProbeRow, Stored, TargetLock};

/// Attached bodies are kept so long, for whoever wonders what a source really said.
const KEEP_NOTIFICATIONS: Duration = Duration::from_secs(24 * 3_600);
/// Old bodies are removed in small bites: a transaction stays short.
const FORGET_MOST: i64 = 500;

impl Db {
    pub(super) async fn run(&mut self, statement: Statement<'_>) -> Answer<()> {
        statement.execute(&mut *self.transaction).await.map_err(refused)?;
        Ok(())
    }

    pub(super) async fn one(&mut self, statement: Statement<'_>) -> Answer<SqliteRow> {
        statement.fetch_one(&mut *self.transaction).await.map_err(refused)
    }

    async fn maybe(&mut self, statement: Statement<'_>) -> Answer<Option<SqliteRow>> {
        statement.fetch_optional(&mut *self.transaction).await.map_err(refused)
    }

    pub(super) async fn all(&mut self, statement: Statement<'_>) -> Answer<Vec<SqliteRow>> {
        statement.fetch_all(&mut *self.transaction).await.map_err(refused)
    }
}

impl Tx for Db {
    fn epoch(&self) -> &str {
        &self.store.epoch
    }

    fn bugs(&self) -> Bugs {
        self.store.bugs
    }

    fn audit(&mut self, at: Timestamp, entry: AuditEntry) {
        self.audit.push((at, entry));
    }

    async fn server(&mut self) -> Answer<Server> {
        body(&self.one(sqlx::query(sql::SERVER)).await?)
    }

    async fn put_server(&mut self, server: &Server) -> Answer<()> {
        self.run(sqlx::query(sql::PUT_SERVER).bind(to_json(server)?)).await
    }

    async fn latest(&mut self) -> Answer<Option<Timestamp>> {
        let row = self.one(sqlx::query(sql::LATEST)).await?;
        get::<Option<i64>, _>(&row, 0)?.map(moment).transpose()
    }

    async fn put_rule(&mut self, rule: &Rule) -> Answer<()> {
        self.run(sqlx::query(sql::PUT_RULE).bind(&rule.revision).bind(to_json(rule)?)).await
    }

    async fn rule(&mut self, revision: &str) -> Answer<Option<Arc<Rule>>> {
        let row = self.maybe(sqlx::query(sql::RULE).bind(revision)).await?;
        row.map(|row| body(&row).map(Arc::new)).transpose()
    }

    async fn add_notifications(&mut self, batch: Vec<(Timestamp, Notification)>) -> Answer<()> {
        let rows: Vec<(i64, Notification)> =
            batch.into_iter().map(|(at, notification)| (us(at), notification)).collect();
        self.run(sqlx::query(sql::ADD_NOTIFICATIONS).bind(to_json(&rows)?)).await
    }

    async fn take_notifications(&mut self, now: Timestamp, limit: u32) -> Answer<Taken> {
        let rows = self.all(sqlx::query(sql::WAITING).bind(limit)).await?;
        let mut taken = Taken::default();
        let mut last = 0;
        for row in &rows {
            let number: i64 = get(row, 0)?;
            last = last.max(number);
            let seq = nat(number)?;
            match from_json::<Notification>("a notification", get(row, 2)?) {
                Ok(notification) => {
                    let received_at = moment(get(row, 1)?)?;
                    taken.stored.push(Stored { seq, received_at, notification });
                }
                Err(_) => taken.unreadable.push(seq),
            }
        }
        if !rows.is_empty() {
            self.run(sqlx::query(sql::ATTACH).bind(us(now)).bind(last)).await?;
            let old = now.checked_sub(KEEP_NOTIFICATIONS).unwrap_or(Timestamp::MIN);
            let forget = sqlx::query(sql::FORGET_NOTIFICATIONS).bind(us(old)).bind(FORGET_MOST);
            self.run(forget).await?;
        }
        Ok(taken)
    }

    async fn next_incident(&mut self) -> Answer<IncidentId> {
        let row = self.one(sqlx::query(sql::NEXT_INCIDENT)).await?;
        Ok(IncidentId(nat(get(&row, 0)?)?))
    }

    async fn row(&mut self, id: IncidentId) -> Answer<Option<Row>> {
        let row = self.maybe(sqlx::query(sql::ROW).bind(int(id.0))).await?;
        row.map(|row| incident_row(&row)).transpose()
    }

    async fn head(&mut self, id: IncidentId) -> Answer<Option<Head>> {
        let row = self.maybe(sqlx::query(sql::HEAD).bind(int(id.0))).await?;
        row.map(|row| Ok(Head { revision: nat(get(&row, 0)?)?, fence: nat(get(&row, 1)?)? }))
            .transpose()
    }

    async fn open_of(&mut self, breaker: &Breaker) -> Answer<Option<Row>> {
        let statement = sqlx::query(sql::OPEN_OF).bind(&breaker.rule).bind(&breaker.target);
        self.maybe(statement).await?.map(|row| incident_row(&row)).transpose()
    }

    async fn closed_of(&mut self, breaker: &Breaker, since: Timestamp) -> Answer<Option<Row>> {
        let statement = sqlx::query(sql::CLOSED_OF).bind(&breaker.rule).bind(&breaker.target);
        let row = self.maybe(statement.bind(us(since))).await?;
        row.map(|row| incident_row(&row)).transpose()
    }

    async fn put_row(&mut self, row: Row) -> Answer<()> {
        let incident = &row.incident;
        let statement = sqlx::query(sql::PUT_ROW)
            .bind(int(incident.id.0))
            .bind(&incident.breaker.rule)
            .bind(&incident.breaker.target)
            .bind(incident.phase.name())
            .bind(incident.phase.is_open())
            .bind(us(incident.opened_at))
            .bind(us(incident.open_since()))
            .bind(incident.closed_at.map(us))
            .bind(row.due_at.map(us))
            .bind(int(incident.revision))
            .bind(int(row.fence))
            .bind(row.lease_until.map(us))
            .bind(to_json(incident)?);
        self.run(statement).await
    }

    async fn due(&mut self, now: Timestamp) -> Answer<Option<Row>> {
        let row = self.maybe(sqlx::query(sql::DUE).bind(us(now))).await?;
        row.map(|row| incident_row(&row)).transpose()
    }

    async fn next_due(&mut self) -> Answer<Option<Timestamp>> {
        let row = self.one(sqlx::query(sql::NEXT_DUE)).await?;
        get::<Option<i64>, _>(&row, 0)?.map(moment).transpose()
    }

    async fn set_aside_unreadable(&mut self, now: Timestamp) -> Answer<Vec<(IncidentId, Breaker)>> {
        let mut aside = Vec::new();
        for row in self.all(sqlx::query(sql::OPEN_BODIES)).await? {
            if body::<Incident>(&row).is_ok() {
                continue;
            }
            let id: i64 = get(&row, 1)?;
            let breaker = Breaker { rule: get(&row, 2)?, target: get(&row, 3)? };
            self.run(sqlx::query(sql::SET_ASIDE).bind(id).bind(us(now))).await?;
            aside.push((IncidentId(nat(id)?), breaker));
        }
        Ok(aside)
    }

    async fn set_lease(
        &mut self,
        id: IncidentId,
        fence: u64,
        until: Option<Timestamp>,
    ) -> Answer<()> {
        let statement = sqlx::query(sql::SET_LEASE).bind(int(id.0)).bind(int(fence));
        self.run(statement.bind(until.map(us))).await
    }

    async fn clear_leases(&mut self) -> Answer<()> {
        self.run(sqlx::query(sql::CLEAR_LEASES)).await
    }

    async fn open_count(&mut self) -> Answer<u32> {
        small(get(&self.one(sqlx::query(sql::OPEN_COUNT)).await?, 0)?)
    }

    async fn open_rows(&mut self, limit: usize) -> Answer<Vec<OpenRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.all(sqlx::query(sql::OPEN_ROWS).bind(limit)).await?;
        let open = |row: &SqliteRow| {
            Ok(OpenRow {
                id: IncidentId(nat(get(row, 0)?)?),
                target: get(row, 1)?,
                open_since: moment(get(row, 2)?)?,
            })
        };
        rows.iter().map(open).collect()
    }

    async fn all_open(&mut self) -> Answer<Vec<Incident>> {
        self.all(sqlx::query(sql::ALL_OPEN)).await?.iter().map(body).collect()
    }

    async fn newest(&mut self, limit: u32) -> Answer<Vec<Incident>> {
        self.all(sqlx::query(sql::NEWEST).bind(limit)).await?.iter().map(body).collect()
    }

    async fn intent(&mut self, of: &IntentKey) -> Answer<Option<IntentRow>> {
        let row = self.maybe(sqlx::query(sql::INTENT).bind(key(of))).await?;
        row.map(|row| intent_row(&row)).transpose()
    }

    async fn put_intent(&mut self, row: &IntentRow) -> Answer<()> {
        let statement = sqlx::query(sql::PUT_INTENT)
            .bind(key(&row.intent.key))
            .bind(int(row.intent.incident.0))
            .bind(&row.intent.target)
            .bind(row.state.name())
            .bind(row.started_at.map(us))
            .bind(row.helped)
            .bind(to_json(&row.intent)?);
        self.run(statement).await
    }

    async fn set_helped(&mut self, of: &IntentKey, helped: bool) -> Answer<()> {
        self.run(sqlx::query(sql::SET_HELPED).bind(key(of)).bind(helped)).await
    }

    async fn unfinished(&mut self) -> Answer<Vec<Intent>> {
        self.all(sqlx::query(sql::UNFINISHED)).await?.iter().map(body).collect()
    }

    async fn starts(&mut self, since: Timestamp, limit: usize) -> Answer<Vec<IntentRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.all(sqlx::query(sql::STARTS).bind(us(since)).bind(limit)).await?;
        rows.iter().rev().map(intent_row).collect()
    }

    async fn in_flight(&mut self) -> Answer<Vec<Intent>> {
        self.all(sqlx::query(sql::IN_FLIGHT)).await?.iter().map(body).collect()
    }

    async fn put_lock(&mut self, of: &IntentKey, lock: &TargetLock) -> Answer<()> {
        let statement = sqlx::query(sql::PUT_LOCK)
            .bind(key(of))
            .bind(&lock.target)
            .bind(int(lock.incident.0))
            .bind(us(lock.since));
        self.run(statement).await
    }

    async fn remove_lock(&mut self, of: &IntentKey) -> Answer<()> {
        self.run(sqlx::query(sql::REMOVE_LOCK).bind(key(of))).await
    }

    async fn remove_locks_of(&mut self, target: &TargetName) -> Answer<()> {
        self.run(sqlx::query(sql::REMOVE_LOCKS_OF).bind(target)).await
    }

    async fn locks(&mut self) -> Answer<Vec<TargetLock>> {
        let lock = |row: &SqliteRow| {
            Ok(TargetLock {
                target: get(row, 0)?,
                incident: IncidentId(nat(get(row, 1)?)?),
                since: moment(get(row, 2)?)?,
            })
        };
        self.all(sqlx::query(sql::LOCKS)).await?.iter().map(lock).collect()
    }

    async fn pauses(&mut self) -> Answer<BTreeMap<Scope, Timestamp>> {
        let pause = |row: &SqliteRow| Ok((body::<Scope>(row)?, moment(get(row, 1)?)?));
        self.all(sqlx::query(sql::PAUSES)).await?.iter().map(pause).collect()
    }

    async fn put_pause(&mut self, scope: &Scope, until: Option<Timestamp>) -> Answer<()> {
        let scope = to_json(scope)?;
        match until {
            Some(until) => self.run(sqlx::query(sql::PUT_PAUSE).bind(scope).bind(us(until))).await,
            None => self.run(sqlx::query(sql::REMOVE_PAUSE).bind(scope)).await,
        }
    }

    async fn delivery(&mut self, incident: IncidentId, slot: Slot) -> Answer<Option<Delivery>> {
        let (kind, number) = slot_columns(slot);
        let statement = sqlx::query(sql::DELIVERY).bind(int(incident.0)).bind(kind).bind(number);
        let row = self.maybe(statement).await?;
        row.map(|row| delivery(&self.store.epoch, &row)).transpose()
    }

    async fn put_delivery(&mut self, delivery: &Delivery, now: Timestamp) -> Answer<()> {
        let (kind, number) = slot_columns(delivery.slot);
        let (state, since) = state_columns(delivery.state);
        let posted = delivery.posted.as_ref();
        let statement = sqlx::query(sql::PUT_DELIVERY)
            .bind(int(delivery.incident.0))
            .bind(kind)
            .bind(number)
            .bind(us(now))
            .bind(delivery.channel.as_deref())
            .bind(to_json(&delivery.body)?)
            .bind(int(delivery.body_revision))
            .bind(int(delivery.sent_revision))
            .bind(state)
            .bind(since)
            .bind(delivery.attempts)
            .bind(us(delivery.due_at))
            .bind(posted.map(|posted| posted.channel.as_str()))
            .bind(posted.map(|posted| posted.ts.as_str()));
        self.run(statement).await
    }

    async fn next_line(&mut self, incident: IncidentId) -> Answer<u32> {
        let statement = sqlx::query(sql::NEXT_LINE).bind(int(incident.0));
        small(get(&self.one(statement).await?, 0)?)
    }

    async fn due_deliveries(&mut self, now: Timestamp, limit: u32) -> Answer<Vec<Delivery>> {
        let before = |span: Duration| us(now.checked_sub(span).unwrap_or(Timestamp::MIN));
        let statement = sqlx::query(sql::DUE_DELIVERIES)
            .bind(us(now))
            .bind(before(SENDING_LASTS))
            .bind(before(PAGE_WAITS))
            .bind(limit);
        let rows = self.all(statement).await?;
        rows.iter()
            .map(|row| delivery(&self.store.epoch, row).map(|delivery| delivery.doubted(now)))
            .collect()
    }

    async fn unsaid(&mut self) -> Answer<(u32, Option<Timestamp>)> {
        let row = self.one(sqlx::query(sql::UNSAID)).await?;
        let oldest = get::<Option<i64>, _>(&row, 1)?.map(moment).transpose()?;
        Ok((small(get(&row, 0)?)?, oldest))
    }

    async fn doubt_deliveries(&mut self, now: Timestamp) -> Answer<()> {
        self.run(sqlx::query(sql::DOUBT_DELIVERIES).bind(us(now))).await
    }

    async fn probes(&mut self) -> Answer<Vec<ProbeRow>> {
        self.all(sqlx::query(sql::PROBES)).await?.iter().map(body).collect()
    }

    async fn put_probe(&mut self, row: &ProbeRow) -> Answer<()> {
        let statement = sqlx::query(sql::PUT_PROBE).bind(&row.rule).bind(&row.probe);
        self.run(statement.bind(to_json(row)?)).await
    }
}
