//! What a person orders: checked in one place for every door (command line, API, Slack, console), then committed.
//!
//! Never acts itself: the switches it sets are what every guard reads.

use crate::core::command::{Command, PAUSE_MOST, Person, Scope};
use crate::core::incident::{Incident, IncidentId};
use crate::core::rule::{RuleSet, TargetName};
use crate::core::time::{Timestamp, after};
use crate::store::{Store, StoreError};

/// A reason is read at three in the morning: longer is not read.
const REASON_MOST_CHARS: usize = 500;

/// Why an order is not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("a reason is needed")]
    NoReason,
    #[error("the reason is longer than {REASON_MOST_CHARS} characters")]
    LongReason,
    #[error("a pause ends later than now and within 24 hours")]
    End,
    #[error("there is no incident {0}")]
    NoIncident(IncidentId),
    #[error("{0} is closed")]
    Closed(IncidentId),
    #[error("there is no target `{0}` in the inventory")]
    NoTarget(TargetName),
    #[error("`{0}` is not locked")]
    NotLocked(TargetName),
    #[error("{0} is not paused")]
    NotPaused(String),
    #[error("automation is not paused")]
    NotPausedAll,
    #[error("{0} was acknowledged by {1} already")]
    Acknowledged(IncidentId, String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries out an order, and says in one sentence what is true from now on. `rules` are those of a running server.
pub async fn order(
    store: &Store,
    rules: Option<&RuleSet>,
    command: Command,
    by: &Person,
    now: Timestamp,
) -> Result<String, Refused> {
    check(store, rules, &command, now).await?;
    store.command(&command, by, now).await?;
    tracing::info!(by = by.name, door = by.door, order = ?command, "an order was carried out");
    Ok(said(&command))
}

async fn check(
    store: &Store,
    rules: Option<&RuleSet>,
    command: &Command,
    now: Timestamp,
) -> Result<(), Refused> {
    match command {
        Command::PauseAll { reason } => check_reason(reason),
        Command::ResumeAll => {
            let paused = store.switches().await?.kill_switch_since.is_some();
            if paused { Ok(()) } else { Err(Refused::NotPausedAll) }
        }
        Command::Pause { what, until, reason } => {
            check_reason(reason)?;
            if *until <= now || *until > after(now, PAUSE_MOST) {
                return Err(Refused::End);
            }
            check_scope(store, rules, what).await
        }
        Command::Resume { what } => {
            let on = store.switches().await?.pauses;
            let paused = on.iter().any(|(scope, until)| scope == what && *until > now);
            if paused { Ok(()) } else { Err(Refused::NotPaused(name(what))) }
        }
        Command::Unlock { target, reason } => {
            check_reason(reason)?;
            let locks = store.switches().await?.locks;
            let locked = locks.iter().any(|lock| lock.target == *target);
            if locked { Ok(()) } else { Err(Refused::NotLocked(target.clone())) }
        }
        Command::Acknowledge { incident, note } => {
            if let Some(note) = note {
                check_reason(note)?;
            }
            match open_incident(store, *incident).await?.acknowledged {
                Some(known) => Err(Refused::Acknowledged(*incident, known.by)),
                None => Ok(()),
            }
        }
    }
}

fn check_reason(reason: &str) -> Result<(), Refused> {
    if reason.trim().is_empty() {
        return Err(Refused::NoReason);
    }
    if reason.chars().count() > REASON_MOST_CHARS {
        return Err(Refused::LongReason);
    }
    Ok(())
}

/// A pause of something that does not exist would look like safety and be none.
async fn check_scope(store: &Store, rules: Option<&RuleSet>, scope: &Scope) -> Result<(), Refused> {
    match scope {
        Scope::Incident(id) => open_incident(store, *id).await.map(drop),
        Scope::Target(target) => {
            let known = rules.is_none_or(|rules| rules.targets.contains_key(target));
            if known { Ok(()) } else { Err(Refused::NoTarget(target.clone())) }
        }
    }
}

async fn open_incident(store: &Store, id: IncidentId) -> Result<Incident, Refused> {
    match store.incident(id).await? {
        None => Err(Refused::NoIncident(id)),
        Some(incident) if !incident.phase.is_open() => Err(Refused::Closed(id)),
        Some(incident) => Ok(incident),
    }
}

fn said(command: &Command) -> String {
    match command {
        Command::PauseAll { .. } => {
            "Automation is off: no action begins until `reclose resume --all`".to_owned()
        }
        Command::ResumeAll => {
            "Automation is on again, as far as rules and targets allow".to_owned()
        }
        Command::Pause { what, until, .. } => {
            format!("Automation of {} is paused until {}", name(what), second(*until))
        }
        Command::Resume { what } => {
            format!("Automation of {} is on again, as far as its rule allows", name(what))
        }
        Command::Unlock { target, .. } => {
            format!("`{target}` is unlocked: it may be acted on again")
        }
        Command::Acknowledge { incident, .. } => {
            format!(
                "{incident} is acknowledged: automation goes on as before, and you are named in its report"
            )
        }
    }
}

fn name(scope: &Scope) -> String {
    match scope {
        Scope::Incident(id) => id.to_string(),
        Scope::Target(target) => format!("`{target}`"),
    }
}

/// Nobody pauses to the microsecond.
fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
