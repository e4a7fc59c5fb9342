//! Starts, stops, rule texts, switches and locks: what is true of the whole store. Never of one incident.

use super::tx::{Answer, Server, Tx};
use super::{StartInfo, TargetLock};
use crate::core::audit::AuditEntry;
use crate::core::command::{Command, Person, Scope};
use crate::core::rule::RuleSet;
use crate::core::time::{Duration, Timestamp, since};

/// G18: so many starts without a clean stop within the window, and reclose only observes.
pub const OBSERVE_ONLY_STARTS: u32 = 5;
/// G18: starts longer ago than this say nothing about this one.
pub const START_WINDOW: Duration = Duration::from_secs(600);

/// Every switch, pause and lock that is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    pub kill_switch_since: Option<Timestamp>,
    /// Pauses and when they end; those that have ended may still be listed.
    pub pauses: Vec<(Scope, Timestamp)>,
    pub locks: Vec<TargetLock>,
}

pub(super) async fn start<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    version: &str,
    rules: &RuleSet,
) -> Answer<StartInfo> {
    let mut server = tx.server().await?;
    let latest = tx.latest().await?;
    let open_incidents = tx.open_count().await?;
    let clean = server.clean;
    server.clean = false;
    server.started_at = Some(now);
    server.starts.retain(|start| since(now, *start) < START_WINDOW);
    server.starts.push(now);
    let unclean_starts = u32::try_from(server.starts.len()).unwrap_or(u32::MAX);
    server.observe_only = unclean_starts >= OBSERVE_ONLY_STARTS;
    // Not settled until `settle` says when: a server that ends before that has not acted.
    server.settled_at = (!clean || open_incidents > 0).then_some(Timestamp::MAX);
    tx.put_server(&server).await?;
    remember_rules(tx, rules).await?;
    // The process that held these is dead: nobody else holds this store.
    tx.clear_leases().await?;
    tx.doubt_deliveries(now).await?;
    tx.audit(
        now,
        AuditEntry::ServerStarted {
            version: version.to_owned(),
            clean,
            rules: rules.revision.clone(),
        },
    );
    Ok(StartInfo { epoch: tx.epoch().to_owned(), clean, unclean_starts, open_incidents, latest })
}

pub(super) async fn stop<T: Tx>(tx: &mut T, now: Timestamp) -> Answer<()> {
    let mut server = tx.server().await?;
    server.clean = true;
    server.starts.pop();
    tx.put_server(&server).await?;
    tx.audit(now, AuditEntry::ServerStopped);
    Ok(())
}

pub(super) async fn settle<T: Tx>(tx: &mut T, at: Option<Timestamp>) -> Answer<()> {
    let server = tx.server().await?;
    tx.put_server(&Server { settled_at: at, ..server }).await
}

pub(super) async fn remember_rules<T: Tx>(tx: &mut T, rules: &RuleSet) -> Answer<()> {
    for rule in rules.all() {
        tx.put_rule(rule).await?;
    }
    Ok(())
}

/// Writes what stands there already; the transaction around it is the question.
pub(super) async fn touch<T: Tx>(tx: &mut T) -> Answer<()> {
    let server = tx.server().await?;
    tx.put_server(&server).await
}

pub(super) async fn switches<T: Tx>(tx: &mut T) -> Answer<Switches> {
    Ok(Switches {
        kill_switch_since: tx.server().await?.kill_switch,
        pauses: tx.pauses().await?.into_iter().collect(),
        locks: tx.locks().await?,
    })
}

pub(super) async fn command<T: Tx>(
    tx: &mut T,
    command: &Command,
    by: &Person,
    now: Timestamp,
) -> Answer<()> {
    for (scope, until) in tx.pauses().await? {
        if until <= now {
            tx.put_pause(&scope, None).await?;
        }
    }
    match command {
        Command::PauseAll { .. } => {
            let mut server = tx.server().await?;
            server.kill_switch.get_or_insert(now);
            tx.put_server(&server).await?;
        }
        Command::ResumeAll => {
            let server = tx.server().await?;
            tx.put_server(&Server { kill_switch: None, ..server }).await?;
        }
        Command::Pause { what, until, .. } => tx.put_pause(what, Some(*until)).await?,
        Command::Resume { what } => tx.put_pause(what, None).await?,
        Command::Unlock { target, .. } => tx.remove_locks_of(target).await?,
    }
    tx.audit(now, AuditEntry::Commanded { command: command.clone(), by: by.clone() });
    Ok(())
}
