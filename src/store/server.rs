//! Starts, stops, rule texts, switches and locks: what is true of the whole store. Never of one incident.

use super::tx::{Answer, Server, Tx};
use super::{StartInfo, TargetLock, outbox, ruleset};
use crate::core::audit::AuditEntry;
use crate::core::command::{Command, Person, Scope};
use crate::core::escalation;
use crate::core::incident::Breaker;
use crate::core::report::Page;
use crate::core::rule::RuleSet;
use crate::core::time::{Duration, Timestamp, since};

/// G18: so many starts without a clean stop within the window, and reclose only observes.
pub const OBSERVE_ONLY_STARTS: u32 = 5;
/// G18: starts longer ago than this say nothing about this one.
pub const START_WINDOW: Duration = Duration::from_secs(600);

/// No incident has had so many pages: this one has its own number, whatever was said before.
const LAST_PAGE: u32 = u32::MAX;

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
    set_aside_unreadable(tx, rules, now).await?;
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
    // A server starts with right rules only.
    ruleset::right_again(tx, &rules.revision, now).await?;
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

/// An incident that cannot be read can be neither followed nor closed: a person is called, and the others go on.
pub(super) async fn set_aside_unreadable<T: Tx>(
    tx: &mut T,
    rules: &RuleSet,
    now: Timestamp,
) -> Answer<()> {
    for (incident, breaker) in tx.set_aside_unreadable(now).await? {
        let Breaker { rule, target } = &breaker;
        let reason = format!(
            "the record of {incident} ({rule} on {target}) cannot be read and was set aside: nobody follows this incident any \
             more. Look at the breaker; the next alert of it opens a new incident"
        );
        tracing::error!(incident.id = %incident, breaker.rule = rule, breaker.target = target, "an incident cannot be read: set aside");
        tx.audit(now, AuditEntry::Note { text: reason.clone() });
        let rule = rules.rule(&breaker);
        let everybody: Vec<usize> = (0..rule.map_or(0, |rule| rule.escalate.len())).collect();
        let owner = rules.targets.get(&breaker.target).and_then(|target| target.owner.as_deref());
        let to = rule.map(|rule| escalation::contacts(rule, &everybody, owner)).unwrap_or_default();
        let channel = rule.and_then(|rule| rule.channel.clone());
        let page = Page { incident, at: now, number: LAST_PAGE, to, reason, advice: None, channel };
        outbox::page(tx, page, now).await?;
    }
    Ok(())
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
        Command::Acknowledge { incident, note } => {
            if let Some(mut row) = tx.row(*incident).await? {
                row.incident.acknowledge(&by.name, note.as_deref(), now);
                row.changed(now);
                row.due_now(now);
                tx.put_row(row).await?;
            }
        }
    }
    tx.audit(now, AuditEntry::Commanded { command: command.clone(), by: by.clone() });
    Ok(())
}
