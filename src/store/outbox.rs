//! The outbox: what people are told, each message once, in its order. Sends nothing itself.
//!
//! A root is posted once and then edited to its newest body. Lines follow their root, one after another. A call for a
//! person goes before everything else, and does not wait long for its root: a second page beats a missed page. Roots not
//! posted yet come next: what nobody knows of is more urgent than the details of what they know. What the server itself
//! has to say, beside all incidents, is a notice: posted once, to the default channel, on its own.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::tx::{Answer, Tx};
use crate::core::audit::AuditEntry;
use crate::core::incident::IncidentId;
use crate::core::report::{Notice, Page, Report};
use crate::core::time::{Duration, Timestamp, after};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The root message: posted once, then edited to the newest body.
    Root,
    /// The n-th line of the thread.
    Thread(u32),
    /// The n-th call for a person.
    Page(u32),
    /// The n-th notice of the server itself: of `NO_INCIDENT`.
    Notice(u32),
}

/// Incidents are counted from 1; what is said beside all of them stands under 0.
pub const NO_INCIDENT: IncidentId = IncidentId(0);

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Report(Box<Report>),
    Line(String),
    Page(Page),
    Notice(Notice),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Planned,
    /// A request may be on its way since then.
    Sending(Timestamp),
    /// A request was on its way and nobody knows whether it arrived: look it up before sending again.
    Ambiguous(Timestamp),
    Sent,
    /// Given up: the channel refuses this content for good.
    Dead,
}

/// One message to people, from the commit of its decision until it is delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// `<epoch>/INC-<n>/<slot>`, or `<epoch>/server/notice-<n>`: carried in the message's metadata, so that it can be
    /// found again.
    pub id: String,
    pub incident: IncidentId,
    pub slot: Slot,
    /// Where the rule wants it; `None`: the configured default.
    pub channel: Option<String>,
    pub body: Body,
    /// Grows whenever a root's body is replaced.
    pub body_revision: u64,
    /// The newest revision known to be delivered; 0: none.
    pub sent_revision: u64,
    pub state: DeliveryState,
    pub attempts: u32,
    /// Not before this moment.
    pub due_at: Timestamp,
    /// Where it was posted: the channel and its time stamp there. A thread line's root is the delivery `Slot::Root`.
    pub posted: Option<Posted>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub channel: String,
    pub ts: String,
}

/// What came of one attempt to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivered {
    /// The revision that was on its way has arrived there.
    Sent {
        revision: u64,
        posted: Posted,
    },
    /// It was surely not delivered: again at `at`.
    Retry {
        at: Timestamp,
    },
    /// Nobody knows: look it up at `at`.
    Ambiguous {
        at: Timestamp,
    },
    /// The edited message is gone: post anew.
    LostAnchor,
    Dead {
        why: String,
    },
}

/// A page waits so long for its incident's root to be posted, and then goes out without a thread.
pub const PAGE_WAITS: Duration = Duration::from_secs(30);
/// A request that said nothing for so long is as good as lost: look it up. Longer than any request's time-out.
pub const SENDING_LASTS: Duration = Duration::from_secs(60);

impl Slot {
    /// `root`, `thread-3`, `page-1`: the last part of a delivery's name.
    pub fn name(self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::Thread(n) => format!("thread-{n}"),
            Self::Page(n) => format!("page-{n}"),
            Self::Notice(n) => format!("notice-{n}"),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        match name.split_once('-') {
            None if name == "root" => Some(Self::Root),
            Some(("thread", n)) => n.parse().ok().map(Self::Thread),
            Some(("page", n)) => n.parse().ok().map(Self::Page),
            Some(("notice", n)) => n.parse().ok().map(Self::Notice),
            None | Some(_) => None,
        }
    }
}

/// In the names of notices: where others name their incident.
const SERVER: &str = "server";

/// The name of a delivery, for ever.
pub(super) fn delivery_id(epoch: &str, incident: IncidentId, slot: Slot) -> String {
    match slot {
        Slot::Root | Slot::Thread(_) | Slot::Page(_) => {
            format!("{epoch}/{incident}/{}", slot.name())
        }
        Slot::Notice(_) => format!("{epoch}/{SERVER}/{}", slot.name()),
    }
}

fn parse_id(id: &str) -> Option<(IncidentId, Slot)> {
    let (rest, slot) = id.rsplit_once('/')?;
    if rest.ends_with(&format!("/{SERVER}")) {
        return Slot::parse(slot).map(|slot| (NO_INCIDENT, slot));
    }
    let (_, incident) = rest.rsplit_once("/INC-")?;
    Some((IncidentId(incident.parse().ok()?), Slot::parse(slot)?))
}

impl Delivery {
    /// What has not been said yet, in its newest words.
    pub(super) fn pending(&self) -> bool {
        self.sent_revision < self.body_revision && self.state != DeliveryState::Dead
    }

    /// What goes first: calls for a person, then what nobody has been told of at all.
    pub(super) const fn urgency(&self) -> u8 {
        match (self.slot, &self.posted) {
            (Slot::Page(_), _) => 0,
            (Slot::Root | Slot::Notice(_), None) => 1,
            (Slot::Root | Slot::Notice(_), Some(_)) | (Slot::Thread(_), _) => 2,
        }
    }

    /// No answer for too long: whether it arrived is unknown.
    pub(super) fn doubted(mut self, now: Timestamp) -> Self {
        if let DeliveryState::Sending(since) = self.state
            && after(since, SENDING_LASTS) <= now
        {
            self.state = DeliveryState::Ambiguous(since);
        }
        self
    }

    fn planned(
        id: String,
        (incident, slot): (IncidentId, Slot),
        body: Body,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            incident,
            slot,
            channel: None,
            body,
            body_revision: 1,
            sent_revision: 0,
            state: DeliveryState::Planned,
            attempts: 0,
            due_at: now,
            posted: None,
        }
    }
}

/// The root's newest body, and the new lines of the thread.
pub(super) async fn tell<T: Tx>(tx: &mut T, report: Report, now: Timestamp) -> Answer<()> {
    let incident = report.incident;
    let channel = report.channel.clone();
    let first = tx.next_line(incident).await?;
    for (number, entry) in (first..).zip(&report.thread) {
        let slot = Slot::Thread(number);
        let id = delivery_id(tx.epoch(), incident, slot);
        let line = Delivery::planned(id, (incident, slot), Body::Line(entry.text.clone()), now);
        tx.put_delivery(&Delivery { channel: channel.clone(), ..line }, now).await?;
    }
    let body = Body::Report(Box::new(report));
    let root = match tx.delivery(incident, Slot::Root).await? {
        None => {
            let id = delivery_id(tx.epoch(), incident, Slot::Root);
            Delivery::planned(id, (incident, Slot::Root), body, now)
        }
        Some(mut root) => {
            root.body = body;
            root.body_revision = root.body_revision.saturating_add(1);
            // What is on its way, doubted, or told to wait stays so. Other words may please who refused the last ones.
            if matches!(root.state, DeliveryState::Sent | DeliveryState::Dead) {
                root.state = DeliveryState::Planned;
                root.due_at = now;
                root.attempts = 0;
            }
            root
        }
    };
    tx.put_delivery(&Delivery { channel, ..root }, now).await
}

pub(super) async fn page<T: Tx>(tx: &mut T, page: Page, now: Timestamp) -> Answer<()> {
    let (incident, slot) = (page.incident, Slot::Page(page.number));
    if tx.delivery(incident, slot).await?.is_some() {
        return Ok(());
    }
    let id = delivery_id(tx.epoch(), incident, slot);
    let channel = page.channel.clone();
    let planned = Delivery::planned(id, (incident, slot), Body::Page(page), now);
    tx.put_delivery(&Delivery { channel, ..planned }, now).await
}

/// One more notice, for the default channel.
pub(super) async fn notice<T: Tx>(tx: &mut T, notice: Notice, now: Timestamp) -> Answer<()> {
    let mut server = tx.server().await?;
    server.notices = server.notices.saturating_add(1);
    let slot = Slot::Notice(server.notices);
    tx.put_server(&server).await?;
    let id = delivery_id(tx.epoch(), NO_INCIDENT, slot);
    let planned = Delivery::planned(id, (NO_INCIDENT, slot), Body::Notice(notice), now);
    tx.put_delivery(&planned, now).await
}

async fn known<T: Tx>(tx: &mut T, id: &str) -> Answer<Delivery> {
    let Some((incident, slot)) = parse_id(id) else { return Err(StoreError::Conflict) };
    tx.delivery(incident, slot).await?.filter(|known| known.id == id).ok_or(StoreError::Conflict)
}

/// Written before the request: from now on it may have arrived.
pub(super) async fn sending<T: Tx>(
    tx: &mut T,
    id: &str,
    revision: u64,
    now: Timestamp,
) -> Answer<()> {
    let mut delivery = known(tx, id).await?.doubted(now);
    let free = match delivery.state {
        DeliveryState::Planned | DeliveryState::Ambiguous(_) => true,
        DeliveryState::Sending(_) | DeliveryState::Sent | DeliveryState::Dead => false,
    };
    if !free || revision > delivery.body_revision {
        return Err(StoreError::Conflict);
    }
    delivery.state = DeliveryState::Sending(now);
    delivery.attempts = delivery.attempts.saturating_add(1);
    tx.put_delivery(&delivery, now).await
}

pub(super) async fn result<T: Tx>(
    tx: &mut T,
    id: &str,
    result: Delivered,
    now: Timestamp,
) -> Answer<()> {
    let mut delivery = known(tx, id).await?;
    let since = match delivery.state {
        DeliveryState::Sending(since) | DeliveryState::Ambiguous(since) => Some(since),
        DeliveryState::Planned | DeliveryState::Sent | DeliveryState::Dead => None,
    };
    match (result, since) {
        (Delivered::Sent { revision, posted }, _) => {
            delivery.sent_revision = delivery.sent_revision.max(revision);
            delivery.posted = Some(posted);
            delivery.attempts = 0;
            delivery.due_at = now;
            delivery.state = if delivery.sent_revision < delivery.body_revision {
                DeliveryState::Planned
            } else {
                DeliveryState::Sent
            };
        }
        // Nothing is on its way any more: a late word of failure changes nothing.
        (Delivered::Retry { .. } | Delivered::Ambiguous { .. }, None) => return Ok(()),
        (Delivered::Retry { at }, Some(_)) => {
            delivery.state = DeliveryState::Planned;
            delivery.due_at = at;
        }
        (Delivered::Ambiguous { at }, Some(since)) => {
            delivery.state = DeliveryState::Ambiguous(since);
            delivery.due_at = at;
        }
        (Delivered::LostAnchor, _) => {
            delivery.posted = None;
            delivery.sent_revision = 0;
            delivery.state = DeliveryState::Planned;
            delivery.due_at = now;
        }
        (Delivered::Dead { why }, _) => {
            delivery.state = DeliveryState::Dead;
            tx.audit(now, AuditEntry::Note { text: format!("gave up on message {id}: {why}") });
        }
    }
    tx.put_delivery(&delivery, now).await
}
