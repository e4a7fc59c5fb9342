//! Claims, and the commit of a decision with all that follows from it. Never decides.

use super::outbox;
use super::tx::{Answer, IntentRow, IntentState, Row, Tx};
use super::{Claim, Lease, StoreError};
use crate::core::action::Intent;
use crate::core::audit::AuditEntry;
use crate::core::decide::Decision;
use crate::core::effect::Effect;
use crate::core::evidence::Findings;
use crate::core::incident::{Incident, IncidentId, News, Phase};
use crate::core::time::{Timestamp, after};

pub(super) async fn claim_due<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    lease: &Lease,
) -> Answer<Option<Claim>> {
    let Some(row) = tx.due(now).await? else { return Ok(None) };
    let fence = row.fence.saturating_add(1);
    tx.set_lease(row.incident.id, fence, Some(after(now, lease.length))).await?;
    Ok(Some(Claim { incident: row.incident, fence }))
}

pub(super) async fn release<T: Tx>(tx: &mut T, claim: &Claim) -> Answer<()> {
    match tx.head(claim.incident.id).await? {
        Some(head) if head.fence == claim.fence => {
            tx.set_lease(claim.incident.id, claim.fence, None).await
        }
        // Somebody else holds it by now: theirs is not ours to give back.
        Some(_) | None => Ok(()),
    }
}

pub(super) async fn commit<T: Tx>(
    tx: &mut T,
    claim: &Claim,
    decision: Decision,
    now: Timestamp,
) -> Answer<()> {
    let id = claim.incident.id;
    let head = tx.head(id).await?.ok_or(StoreError::Conflict)?;
    let next = &decision.incident;
    if next.id != id || head.fence != claim.fence || next.revision != head.revision.wrapping_add(1)
    {
        return Err(StoreError::Conflict);
    }
    for effect in &decision.effects {
        if let Effect::Do(intent) = effect {
            never_before(tx, intent).await?;
        }
    }
    if moved(&claim.incident, &decision) {
        tx.audit(now, decided(&claim.incident.phase, &decision));
    }
    for entry in decision.audit {
        tx.audit(now, entry);
    }
    for effect in decision.effects {
        write_effect(tx, effect, now).await?;
    }
    for attempt in &decision.incident.attempts {
        if let Some(helped) = attempt.helped {
            tx.set_helped(&attempt.key, helped).await?;
        }
    }
    let due_at = decision.wake.filter(|_| decision.incident.phase.is_open());
    tx.put_row(Row { incident: decision.incident, due_at, fence: claim.fence, lease_until: None })
        .await
}

/// A key names one decision for ever. The same decision may be offered again until it is begun; another may not be.
async fn never_before<T: Tx>(tx: &mut T, intent: &Intent) -> Answer<()> {
    match tx.intent(&intent.key).await? {
        Some(known) if known.intent == *intent => Ok(()),
        Some(_) => Err(StoreError::Corrupt(format!("{} was decided twice", intent.key.0))),
        None => Ok(()),
    }
}

async fn write_effect<T: Tx>(tx: &mut T, effect: Effect, now: Timestamp) -> Answer<()> {
    match effect {
        Effect::Query { .. } | Effect::Look(_) => Ok(()),
        // Offered again: what stands there may have been begun meanwhile, and stays as it is.
        Effect::Do(intent) if tx.intent(&intent.key).await?.is_some() => Ok(()),
        Effect::Do(intent) => {
            let state = IntentState::Decided;
            tx.put_intent(&IntentRow { intent: *intent, state, started_at: None, helped: None })
                .await
        }
        Effect::Tell(report) => outbox::tell(tx, *report, now).await,
        Effect::Page(page) => {
            tx.audit(
                now,
                AuditEntry::Paged {
                    incident: page.incident,
                    number: page.number,
                    reason: page.reason.clone(),
                },
            );
            outbox::page(tx, page, now).await
        }
    }
}

fn decided(from: &Phase, decision: &Decision) -> AuditEntry {
    AuditEntry::Decided {
        incident: decision.incident.id,
        revision: decision.incident.revision,
        rule: decision.rule.clone(),
        from: from.name().to_owned(),
        to: decision.incident.phase.name().to_owned(),
        because: decision.because.clone(),
        effects: decision.effects.iter().map(|effect| effect.name().to_owned()).collect(),
    }
}

/// False when only the moment of the next look changed: that is no line for the log.
fn moved(before: &Incident, decision: &Decision) -> bool {
    if !decision.effects.is_empty() || !decision.audit.is_empty() {
        return true;
    }
    let after = &decision.incident;
    let same = Incident {
        revision: after.revision,
        updated_at: after.updated_at,
        next_look: after.next_look,
        ..before.clone()
    };
    same != *after
}

/// Writes what happened outside into the record. False: it was known, late, or of another round.
pub(super) async fn note<T: Tx>(
    tx: &mut T,
    id: IncidentId,
    news: &News,
    now: Timestamp,
) -> Answer<bool> {
    let Some(mut row) = tx.row(id).await? else { return Ok(false) };
    if !row.incident.learn(news, now) {
        return Ok(false);
    }
    row.changed(now);
    row.due_now(now);
    match news {
        News::Findings { round, findings } => tx.audit(now, found(id, *round, findings)),
        News::Reread { state } => tx.audit(now, AuditEntry::Reread { incident: id, state: *state }),
        // `begin` and `finish` write these themselves, with their entries.
        News::Started { .. } | News::NotStarted { .. } | News::Finished { .. } => {}
    }
    tx.put_row(row).await?;
    Ok(true)
}

fn found(incident: IncidentId, round: u64, findings: &Findings) -> AuditEntry {
    AuditEntry::Found { incident, round, findings: findings.clone() }
}
