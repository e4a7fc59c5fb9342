//! One step of one delivery in Slack: post, edit, or look. Never a second post before the first is proven absent.

use tracing::{error, warn};

use super::pace::Method;
use super::{Channel, Deliverer};
use crate::core::time::{Duration, Timestamp, after, since};
use crate::store::failpoint::reach;
use crate::store::{Body, Delivered, Delivery, DeliveryState, Posted, Slot, StoreError};
use crate::systems::slack::{Found, Kind, Message, Place, Search, SlackError, Tag, blocks};

/// Token or scopes are wrong: a person has to repair them, and asking more often does not help.
const CREDENTIAL_WAIT: Duration = Duration::from_mins(1);
/// A channel that refuses us, the default one included.
const CHANNEL_WAIT: Duration = Duration::from_mins(1);
/// A page does not wait longer than this for Slack's permission to read.
const PAGE_READ_WAIT: Duration = Duration::from_secs(30);
/// From so many refusals of an unknown kind on, it is no accident.
const UNKNOWN_REFUSALS: u32 = 3;

pub(super) enum Outcome {
    Came(Delivered),
    NotBefore(Timestamp),
}

/// Where a message goes, owned: a fallback replaces it.
struct Target {
    channel: String,
    thread: Option<String>,
}

impl Target {
    fn place(&self) -> Place<'_> {
        Place { channel: &self.channel, thread: self.thread.as_deref() }
    }
}

impl Deliverer {
    pub(super) async fn slack_step(&mut self, delivery: &Delivery) -> Result<Outcome, StoreError> {
        let now = self.clock.now();
        let (root, under_way) = match (delivery.slot, delivery.state, &delivery.posted) {
            // An edit may be repeated as often as one likes: nothing is looked up.
            (Slot::Root, _, Some(posted)) => return self.edit(delivery, posted).await,
            (Slot::Root, state, None) | (Slot::Notice(_), state, _) => (None, under_way(state)),
            (Slot::Thread(_) | Slot::Page(_), state, _) => {
                (self.store.root_posted(delivery.incident).await?, under_way(state))
            }
        };
        let target = self.target(delivery, root);
        let ready = match under_way {
            Some(_) => self.pace.read_at(),
            None => self.pace.post_at(&target.channel, delivery.slot),
        };
        if ready > now {
            return Ok(Outcome::NotBefore(ready));
        }
        match under_way {
            Some(began) => self.look(delivery, target, began).await,
            None => self.post(delivery, target).await,
        }
    }

    fn target(&self, delivery: &Delivery, root: Option<Posted>) -> Target {
        match (root, &self.channel) {
            (Some(Posted { channel, ts }), _) => Target { channel, thread: Some(ts) },
            (None, Channel::Slack { default, .. }) => {
                let channel = delivery.channel.as_ref().unwrap_or(default).clone();
                Target { channel: self.pace.known_id(channel), thread: None }
            }
            (None, Channel::Terminal(_)) => Target { channel: String::new(), thread: None },
        }
    }

    async fn edit(&mut self, delivery: &Delivery, at: &Posted) -> Result<Outcome, StoreError> {
        let ready = self.pace.edit_at(&at.ts);
        if ready > self.clock.now() {
            return Ok(Outcome::NotBefore(ready));
        }
        let revision = delivery.body_revision;
        self.store.delivery_sending(&delivery.id, revision, self.clock.now()).await?;
        let tag = Tag { delivery: &delivery.id, revision };
        let full = message(delivery, true);
        let mut answer = self.update(at, &full, tag).await;
        if answer.as_ref().is_err_and(|error| error.kind == Kind::Content) {
            answer = self.update(at, &blocks::plainer(&full), tag).await;
        }
        reach("slack-after-response");
        let error = match answer {
            Ok(posted) => return Ok(self.arrived(revision, posted)),
            Err(error) => error,
        };
        Ok(Outcome::Came(match error.kind {
            // A channel that takes no edit takes no thread either.
            Kind::LostAnchor | Kind::Channel => {
                warn!(delivery = delivery.id, %error, "the root message is lost: posting a new one");
                Delivered::LostAnchor
            }
            Kind::Ambiguous => Delivered::Retry { at: Self::backoff(delivery, self.clock.now()) },
            Kind::RateLimited(_)
            | Kind::Temporary
            | Kind::Credential
            | Kind::Content
            | Kind::Thread
            | Kind::Unknown => self.failed(delivery, &error, Method::Edit),
        }))
    }

    /// Posts, with the ways out that surely post nothing twice: each follows a refusal.
    async fn post(
        &mut self,
        delivery: &Delivery,
        mut target: Target,
    ) -> Result<Outcome, StoreError> {
        let revision = delivery.body_revision;
        self.store.delivery_sending(&delivery.id, revision, self.clock.now()).await?;
        let tag = Tag { delivery: &delivery.id, revision };
        let mut plain = false;
        let error = loop {
            let full = message(delivery, target.thread.is_some());
            let said = if plain { blocks::plainer(&full) } else { full };
            match self.call(&target, &said, tag).await {
                Ok(posted) => {
                    reach("slack-after-response");
                    self.pace.learn_id(&target.channel, &posted.channel);
                    return Ok(self.arrived(revision, posted));
                }
                Err(error) => match (error.kind, self.elsewhere(&target)) {
                    (Kind::Content, _) if !plain => plain = true,
                    (Kind::Thread, _) if target.thread.is_some() => target.thread = None,
                    (Kind::Channel, Some(fallback)) => {
                        warn!(delivery = delivery.id, channel = target.channel, %error,
                            "posting to the default channel instead");
                        target = fallback;
                    }
                    _ => break error,
                },
            }
        };
        reach("slack-after-response");
        Ok(Outcome::Came(self.failed(delivery, &error, Method::Post)))
    }

    /// Was it posted by a request whose answer is lost?
    async fn look(
        &mut self,
        delivery: &Delivery,
        target: Target,
        began: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let apart = self.timing.looks_apart;
        let found = self.find(delivery, &target, began).await;
        let now = self.clock.now();
        let error = match found {
            Ok(Some(Found { posted, revision })) => {
                self.unseen.remove(&delivery.id);
                self.pace.learn_id(&target.channel, &posted.channel);
                return Ok(self.arrived(revision, posted));
            }
            Ok(None) => match self.unseen.get(&delivery.id) {
                Some(first) if since(now, *first) >= apart => {
                    self.unseen.remove(&delivery.id);
                    return self.post(delivery, target).await;
                }
                first => {
                    let first = first.copied().unwrap_or(now);
                    self.unseen.insert(delivery.id.clone(), first);
                    return Ok(Outcome::Came(Delivered::Ambiguous { at: after(first, apart) }));
                }
            },
            Err(error) => error,
        };
        warn!(delivery = delivery.id, %error, "cannot look whether it was posted");
        self.unseen.remove(&delivery.id);
        let again = match error.kind {
            Kind::RateLimited(wait) => {
                self.pace.freeze(Method::Read, after(now, wait));
                if wait <= PAGE_READ_WAIT {
                    return Ok(Outcome::Came(Delivered::Ambiguous { at: after(now, wait) }));
                }
                after(now, wait)
            }
            // Posts may still be allowed: the scopes are not the same.
            Kind::Credential => {
                self.pace.freeze(Method::Read, after(now, CREDENTIAL_WAIT));
                self.trouble.send_replace(Some(error.to_string()));
                after(now, CREDENTIAL_WAIT)
            }
            Kind::Ambiguous
            | Kind::Temporary
            | Kind::Channel
            | Kind::Content
            | Kind::LostAnchor
            | Kind::Thread
            | Kind::Unknown => Self::backoff(delivery, now),
        };
        match delivery.slot {
            Slot::Page(_) => self.page_again(delivery, target, began).await,
            Slot::Root | Slot::Thread(_) | Slot::Notice(_) => {
                Ok(Outcome::Came(Delivered::Ambiguous { at: again }))
            }
        }
    }

    /// History cannot be read: a page is sent a second time at once, a third time only much later.
    async fn page_again(
        &mut self,
        delivery: &Delivery,
        target: Target,
        began: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let now = self.clock.now();
        let not_before = match delivery.attempts {
            0 | 1 => now,
            _ => after(began, self.timing.page_again),
        };
        let not_before = not_before.max(self.pace.post_at(&target.channel, delivery.slot));
        if not_before > now {
            return Ok(Outcome::Came(Delivered::Ambiguous { at: not_before }));
        }
        self.post(delivery, target).await
    }

    /// In the channel where it belongs; and where a refusal may have sent it instead.
    async fn find(
        &mut self,
        delivery: &Delivery,
        target: &Target,
        began: Timestamp,
    ) -> Result<Option<Found>, SlackError> {
        let drift = jiff::SignedDuration::from_millis(self.clock.drift_ms());
        let since_wall = began.checked_add(drift).unwrap_or(began);
        let elsewhere = self.elsewhere(target);
        let Channel::Slack { slack, .. } = &self.channel else { return Ok(None) };
        for (target, last) in std::iter::once((target, elsewhere.is_none()))
            .chain(elsewhere.as_ref().map(|one| (one, true)))
        {
            self.pace.reads(self.clock.now());
            let search =
                Search { place: target.place(), delivery: &delivery.id, since: began, since_wall };
            match slack.find(search).await {
                Ok(None) => {}
                // It was not posted where we may not be.
                Err(error) if error.kind == Kind::Channel && !last => {}
                answer @ (Ok(Some(_)) | Err(_)) => return answer,
            }
        }
        Ok(None)
    }

    async fn call(
        &mut self,
        target: &Target,
        message: &Message,
        tag: Tag<'_>,
    ) -> Result<Posted, SlackError> {
        self.pace.posts(&target.channel, self.clock.now());
        let Channel::Slack { slack, .. } = &self.channel else { return Err(no_slack()) };
        slack.post(target.place(), message, tag).await
    }

    async fn update(
        &mut self,
        at: &Posted,
        message: &Message,
        tag: Tag<'_>,
    ) -> Result<Posted, SlackError> {
        self.pace.edits(&at.ts, self.clock.now());
        let Channel::Slack { slack, .. } = &self.channel else { return Err(no_slack()) };
        slack.update(at, message, tag).await
    }

    /// The default channel, for what was refused in another.
    fn elsewhere(&self, target: &Target) -> Option<Target> {
        match &self.channel {
            Channel::Slack { default, .. } => {
                let channel = self.pace.known_id(default.clone());
                (channel != target.channel).then_some(Target { channel, thread: None })
            }
            Channel::Terminal(_) => None,
        }
    }

    fn arrived(&mut self, revision: u64, posted: Posted) -> Outcome {
        self.trouble.send_if_modified(|trouble| trouble.take().is_some());
        Outcome::Came(Delivered::Sent { revision, posted })
    }

    /// What follows from an answer that is not a message.
    fn failed(&mut self, delivery: &Delivery, error: &SlackError, method: Method) -> Delivered {
        let now = self.clock.now();
        match (&delivery.body, error.kind) {
            // Whatever Slack does: the log has it.
            (Body::Page(page), _) => {
                error!(delivery = delivery.id, %error, reason = page.reason, "PAGE not delivered yet");
            }
            (Body::Report(_) | Body::Line(_) | Body::Notice(_), Kind::Unknown)
                if delivery.attempts >= UNKNOWN_REFUSALS =>
            {
                error!(delivery = delivery.id, %error, "not delivered again and again");
            }
            (Body::Report(_) | Body::Line(_) | Body::Notice(_), _) => {
                warn!(delivery = delivery.id, %error, "not delivered yet");
            }
        }
        match error.kind {
            Kind::RateLimited(wait) => {
                self.pace.freeze(method, after(now, wait));
                Delivered::Retry { at: after(now, wait) }
            }
            Kind::Ambiguous => Delivered::Ambiguous { at: after(now, self.timing.first_look) },
            Kind::Credential => {
                self.down(error, now);
                Delivered::Retry { at: after(now, CREDENTIAL_WAIT) }
            }
            Kind::Channel => {
                self.trouble.send_replace(Some(error.to_string()));
                Delivered::Retry { at: after(now, CHANNEL_WAIT) }
            }
            Kind::Content => Delivered::Dead { why: error.to_string() },
            Kind::Temporary | Kind::LostAnchor | Kind::Thread | Kind::Unknown => {
                Delivered::Retry { at: Self::backoff(delivery, now) }
            }
        }
    }

    /// Nothing works until somebody repairs it.
    fn down(&mut self, error: &SlackError, now: Timestamp) {
        error!(%error, "Slack is out of reach");
        self.pace.freeze_all(after(now, CREDENTIAL_WAIT));
        self.trouble.send_replace(Some(error.to_string()));
    }
}

/// Since when a request is under way of which nobody knows the end.
const fn under_way(state: DeliveryState) -> Option<Timestamp> {
    match state {
        DeliveryState::Sending(began) | DeliveryState::Ambiguous(began) => Some(began),
        DeliveryState::Planned | DeliveryState::Sent | DeliveryState::Dead => None,
    }
}

fn message(delivery: &Delivery, in_place: bool) -> Message {
    match &delivery.body {
        Body::Report(report) => blocks::root(report),
        Body::Line(line) if in_place => blocks::line(line),
        // Outside of its thread it must say what it belongs to.
        Body::Line(line) => blocks::line(&format!("{}: {line}", delivery.incident)),
        Body::Page(page) => blocks::page(page),
        Body::Notice(notice) => blocks::notice(notice),
    }
}

fn no_slack() -> SlackError {
    SlackError::new(Kind::Temporary, "no Slack is configured")
}
