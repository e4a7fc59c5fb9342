//! The set of rules that is active, and the one on disk that cannot become so: what is remembered and said of both.
//!
//! Never changes which rule an incident is decided by.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::server::remember_rules;
use super::tx::{Answer, Row, Server, Tx};
use super::{StoreError, outbox};
use crate::core::audit::AuditEntry;
use crate::core::incident::Incident;
use crate::core::report::Notice;
use crate::core::rule::{Rule, RuleSet};
use crate::core::time::Timestamp;

/// More mistakes than this nobody reads in a message.
const LINES_MOST: usize = 10;

/// Rules on disk that cannot become active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongRules {
    /// Hash of the files: people are told once of each.
    pub fingerprint: String,
    pub since: Timestamp,
    pub errors: usize,
    /// The mistakes, a line each, the first so many.
    pub lines: Vec<String>,
}

pub(super) async fn activate<T: Tx>(
    tx: &mut T,
    (before, rules): (&RuleSet, &RuleSet),
    by: &str,
    now: Timestamp,
) -> Answer<Vec<Rule>> {
    right_again(tx, &rules.revision, now).await?;
    if before.revision != rules.revision {
        remember_rules(tx, rules).await?;
        replace(tx, (before, rules), by, now).await?;
    }
    retired(tx, rules).await
}

/// Writes that another set is active, and tells the incidents that it touches.
pub(super) async fn replace<T: Tx>(
    tx: &mut T,
    (before, rules): (&RuleSet, &RuleSet),
    by: &str,
    now: Timestamp,
) -> Answer<()> {
    tx.audit(
        now,
        AuditEntry::RulesActive {
            before: before.revision.clone(),
            revision: rules.revision.clone(),
            by: by.to_owned(),
        },
    );
    for incident in tx.all_open().await? {
        if let Some(line) = touched(&incident, before, rules) {
            say(tx, &incident, &line, now).await?;
        }
    }
    Ok(())
}

pub(super) async fn refuse<T: Tx>(
    tx: &mut T,
    wrong: &WrongRules,
    active: &str,
    by: &str,
    now: Timestamp,
) -> Answer<bool> {
    let server = tx.server().await?;
    if server.rules_wrong.as_ref().is_some_and(|known| known.fingerprint == wrong.fingerprint) {
        return Ok(false);
    }
    tx.put_server(&Server { rules_wrong: Some(wrong.clone()), ..server }).await?;
    tx.audit(
        now,
        AuditEntry::RulesRefused {
            active: active.to_owned(),
            by: by.to_owned(),
            errors: u64::try_from(wrong.errors).unwrap_or(u64::MAX),
            first: wrong.lines.first().cloned().unwrap_or_default(),
        },
    );
    let mistakes = match wrong.errors {
        1 => "1 mistake".to_owned(),
        errors => format!("{errors} mistakes"),
    };
    let headline = format!(
        "The rules on disk are wrong ({mistakes}): none of them is active, revision {active} stays"
    );
    let mut lines: Vec<String> = wrong.lines.iter().take(LINES_MOST).cloned().collect();
    if wrong.errors > lines.len() {
        lines.push(format!("… and {} more: `reclose check` shows all", wrong.errors - lines.len()));
    }
    outbox::notice(tx, Notice { at: now, headline, lines }, now).await?;
    Ok(true)
}

/// Whoever was told that the rules are wrong is told that they are right.
pub(super) async fn right_again<T: Tx>(tx: &mut T, revision: &str, now: Timestamp) -> Answer<()> {
    let server = tx.server().await?;
    let Some(wrong) = server.rules_wrong.clone() else { return Ok(()) };
    tx.put_server(&Server { rules_wrong: None, ..server }).await?;
    let since = wrong.since.strftime("%Y-%m-%d %H:%M:%S UTC");
    let headline = format!("The rules on disk are right again: revision {revision} is active");
    let lines = vec![format!("they had been wrong since {since}")];
    outbox::notice(tx, Notice { at: now, headline, lines }, now).await
}

pub(super) async fn retired<T: Tx>(tx: &mut T, rules: &RuleSet) -> Answer<Vec<Rule>> {
    let active: BTreeSet<&str> = rules.all().map(|rule| rule.revision.as_str()).collect();
    let open = tx.all_open().await?;
    let revisions: BTreeSet<String> = open
        .into_iter()
        .map(|incident| incident.rule_revision)
        .filter(|revision| !active.contains(revision.as_str()))
        .collect();
    let mut retired = Vec::new();
    for revision in revisions {
        match tx.rule(&revision).await {
            Ok(rule) => retired.extend(rule.map(|rule| rule.as_ref().clone())),
            // A text that this version cannot read is the engine's to tell; it must not keep rules from being read.
            Err(StoreError::Corrupt(why)) => tracing::warn!(revision, why, "a rule cannot be read"),
            Err(
                error @ (StoreError::Unavailable(_)
                | StoreError::Conflict
                | StoreError::Held(_)
                | StoreError::Crashed),
            ) => return Err(error),
        }
    }
    Ok(retired)
}

/// What the new set changes for a running incident, if anything: the owners' word on its target.
fn touched(incident: &Incident, before: &RuleSet, rules: &RuleSet) -> Option<String> {
    let name = &incident.breaker.target;
    match (before.targets.get(name)?, rules.targets.get(name)) {
        (_, None) => Some(format!(
            "`{name}` was taken out of rules/targets.yaml: from now on it is only observed"
        )),
        (old, Some(new)) if new.protect && !old.protect => {
            Some(format!("the owner of `{name}` protects it now: from now on it is only observed"))
        }
        (old, Some(new)) if new.ceiling < old.ceiling => Some(format!(
            "the owner of `{name}` lowered its ceiling from {} to {}: this holds at once",
            old.ceiling.name(),
            new.ceiling.name()
        )),
        (_, Some(_)) => None,
    }
}

async fn say<T: Tx>(tx: &mut T, incident: &Incident, line: &str, now: Timestamp) -> Answer<()> {
    let Some(mut row): Option<Row> = tx.row(incident.id).await? else { return Ok(()) };
    row.incident.write(now, line);
    row.changed(now);
    row.due_now(now);
    tx.put_row(row).await
}
