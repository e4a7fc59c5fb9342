//! From a decided action to its outcome: begun at most once, and only if every guard still allows it. Never does it.

use super::tx::{Answer, IntentRow, IntentState, Row, Tx};
use super::{Begun, StoreError, TargetLock, fleet};
use crate::core::action::{Intent, IntentKey, Outcome};
use crate::core::audit::AuditEntry;
use crate::core::guard::{self, GuardVerdict};
use crate::core::incident::{News, Phase};
use crate::core::planted::Bug;
use crate::core::rule::RuleSet;
use crate::core::time::Timestamp;

pub(super) async fn begin<T: Tx>(
    tx: &mut T,
    intent: &Intent,
    rules: &RuleSet,
    now: Timestamp,
) -> Answer<Begun> {
    let Some(known) = tx.intent(&intent.key).await? else {
        return Ok(Begun::Refused(vec![format!("{} was never decided", intent.key.0)]));
    };
    let begun = matches!(known.state, IntentState::Started | IntentState::Unknown);
    if begun && tx.bugs().has(Bug::RedoUnknown) {
        return Ok(Begun::Started);
    }
    if known.state != IntentState::Decided {
        return Ok(Begun::Refused(vec![format!("{} is {}", intent.key.0, known.state.name())]));
    }
    let mut row = tx.row(known.intent.incident).await?.ok_or_else(|| {
        StoreError::Corrupt(format!("{} of {} without it", intent.key.0, known.intent.incident))
    })?;
    let (why, guards) = asked_again(tx, &known.intent, &row, rules, now).await?;
    let key = intent.key.clone();
    let incident = row.incident.id;
    if why.is_empty() {
        let started_at = Some(now);
        tx.put_intent(&IntentRow { state: IntentState::Started, started_at, ..known }).await?;
        tx.audit(now, AuditEntry::Started { incident, key: key.clone(), guards });
        if row.incident.learn(&News::Started { key }, now) {
            row.changed(now);
        }
        tx.put_row(row).await?;
        return Ok(Begun::Started);
    }
    tx.put_intent(&IntentRow { state: IntentState::Refused, ..known }).await?;
    tx.audit(now, AuditEntry::NotStarted { incident, key: key.clone(), why: why.clone() });
    if row.incident.learn(&News::NotStarted { key, why: why.clone() }, now) {
        row.changed(now);
    }
    row.due_now(now);
    tx.put_row(row).await?;
    Ok(Begun::Refused(why))
}

/// Why the intent may not begin as things stand now, and what the guards said.
async fn asked_again<T: Tx>(
    tx: &mut T,
    intent: &Intent,
    row: &Row,
    rules: &RuleSet,
    now: Timestamp,
) -> Answer<(Vec<String>, Vec<GuardVerdict>)> {
    let mut why = Vec::new();
    match &row.incident.phase {
        Phase::Acting { intent: acting } if acting.key == intent.key => {}
        phase @ (Phase::Watching
        | Phase::Waiting { .. }
        | Phase::Acting { .. }
        | Phase::Looking { .. }
        | Phase::Verifying { .. }
        | Phase::Escalated { .. }
        | Phase::Recovered) => why.push(format!("{} is {} by now", intent.incident, phase.name())),
    }
    if now > intent.expires_at {
        why.push("the decision has expired".to_owned());
    }
    if tx.bugs().has(Bug::NoGuardAtCommit) {
        return Ok((why, Vec::new()));
    }
    let Some(rule) = tx.rule(&row.incident.rule_revision).await? else {
        why.push(format!("the text of rule revision {} is lost", row.incident.rule_revision));
        return Ok((why, Vec::new()));
    };
    let fleet = fleet::fleet(tx, &row.incident, rules, now).await?;
    let guards = guard::evaluate(intent, &row.incident, &rule, &fleet, now);
    why.extend(guard::refusals(&guards));
    Ok((why, guards))
}

pub(super) async fn finish<T: Tx>(
    tx: &mut T,
    key: &IntentKey,
    outcome: Outcome,
    now: Timestamp,
) -> Answer<()> {
    let Some(known) = tx.intent(key).await? else {
        return Err(StoreError::Corrupt(format!("{} was never decided", key.0)));
    };
    let state = match &outcome {
        Outcome::Done => IntentState::Done,
        Outcome::NotDone(_) => IntentState::NotDone,
        Outcome::Unknown(_) => IntentState::Unknown,
    };
    match known.state {
        IntentState::Started => {}
        // Looking may prove what was unknown.
        IntentState::Unknown if state != IntentState::Unknown => {}
        // A proven outcome never changes, and the second message of one outcome says nothing new.
        IntentState::Unknown | IntentState::Done | IntentState::NotDone => return Ok(()),
        // What was never begun has no outcome: the caller is wrong about where it stands.
        IntentState::Decided | IntentState::Refused => return Err(StoreError::Conflict),
    }
    let incident = known.intent.incident;
    let target = known.intent.target.clone();
    if state == IntentState::Unknown {
        if !tx.bugs().has(Bug::NoLock) {
            let lock = TargetLock { target: target.clone(), incident, since: now };
            tx.put_lock(key, &lock).await?;
        }
    } else {
        tx.remove_lock(key).await?;
    }
    tx.put_intent(&IntentRow { state, ..known }).await?;
    let entry =
        AuditEntry::Finished { incident, key: key.clone(), target, outcome: outcome.clone() };
    tx.audit(now, entry);
    let Some(mut row) = tx.row(incident).await? else { return Ok(()) };
    if row.incident.learn(&News::Finished { key: key.clone(), outcome }, now) {
        row.changed(now);
    }
    row.due_now(now);
    tx.put_row(row).await
}
