//! How fast Slack may be called. Never drops a call: it only says when the next may be made.

use std::collections::BTreeMap;

use super::Timing;
use crate::core::time::{Duration, Timestamp, after};
use crate::store::Slot;

/// Messages whose last edit is remembered; older ones have waited long enough.
const EDITED_MAX: usize = 1_000;

/// Slack limits each method by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Post,
    Edit,
    Read,
}

pub(super) struct Pace {
    timing: Timing,
    /// By channel.
    posts: BTreeMap<String, Bucket>,
    /// When a message may be edited again, by its time stamp.
    edited: BTreeMap<String, Timestamp>,
    edits: Bucket,
    reads: Bucket,
    /// Slack said: not before.
    frozen: BTreeMap<Method, Timestamp>,
    /// Channel name → id, as Slack answered: both share a bucket.
    ids: BTreeMap<String, String>,
}

/// A bucket of calls that fills again at an even pace, as the moment at which it is full (GCRA).
#[derive(Clone, Copy)]
struct Bucket {
    full_at: Timestamp,
    every: Duration,
    burst: u32,
}

impl Bucket {
    const fn new(every: Duration, burst: u32) -> Self {
        Self { full_at: Timestamp::MIN, every, burst }
    }

    /// When a call may be made that leaves so many for others.
    fn next(&self, leaving: u32) -> Timestamp {
        let ahead = self.burst.saturating_sub(1).saturating_sub(leaving);
        let slack = self.every.saturating_mul(ahead);
        self.full_at.checked_sub(slack).unwrap_or(Timestamp::MIN)
    }

    fn take(&mut self, now: Timestamp) {
        self.full_at = after(self.full_at.max(now), self.every);
    }
}

impl Pace {
    pub(super) fn new(timing: Timing) -> Self {
        Self {
            timing,
            posts: BTreeMap::new(),
            edited: BTreeMap::new(),
            edits: Bucket::new(timing.edit_every, timing.call_burst),
            reads: Bucket::new(timing.read_every, timing.call_burst),
            frozen: BTreeMap::new(),
            ids: BTreeMap::new(),
        }
    }

    /// The channel's id, if a post has taught it.
    pub(super) fn known_id(&self, channel: String) -> String {
        self.ids.get(&channel).cloned().unwrap_or(channel)
    }

    pub(super) fn learn_id(&mut self, channel: &str, id: &str) {
        if channel != id && !self.ids.contains_key(channel) {
            self.ids.insert(channel.to_owned(), id.to_owned());
            if let Some(bucket) = self.posts.remove(channel) {
                self.posts.entry(id.to_owned()).or_insert(bucket);
            }
        }
    }

    /// When the channel may be posted to. Lines of threads leave the last post of the burst to roots and pages: a new
    /// incident is told at once, however much there is to say of older ones.
    pub(super) fn post_at(&self, channel: &str, slot: Slot) -> Timestamp {
        let leaving = match slot {
            Slot::Thread(_) => 1,
            Slot::Root | Slot::Page(_) | Slot::Notice(_) => 0,
        };
        let bucket = self.posts.get(channel).map_or(Timestamp::MIN, |bucket| bucket.next(leaving));
        bucket.max(self.frozen_until(Method::Post))
    }

    /// When the message may be edited.
    pub(super) fn edit_at(&self, ts: &str) -> Timestamp {
        let edited = self.edited.get(ts).copied().unwrap_or(Timestamp::MIN);
        edited.max(self.edits.next(0)).max(self.frozen_until(Method::Edit))
    }

    pub(super) fn read_at(&self) -> Timestamp {
        self.reads.next(0).max(self.frozen_until(Method::Read))
    }

    pub(super) fn posts(&mut self, channel: &str, now: Timestamp) {
        let Timing { post_every, post_burst, .. } = self.timing;
        self.posts
            .entry(channel.to_owned())
            .or_insert(Bucket::new(post_every, post_burst))
            .take(now);
    }

    pub(super) fn edits(&mut self, ts: &str, now: Timestamp) {
        if self.edited.len() >= EDITED_MAX {
            self.edited.retain(|_, next| *next > now);
        }
        self.edited.insert(ts.to_owned(), after(now, self.timing.edit_apart));
        self.edits.take(now);
    }

    pub(super) fn reads(&mut self, now: Timestamp) {
        self.reads.take(now);
    }

    pub(super) fn freeze(&mut self, method: Method, until: Timestamp) {
        let frozen = self.frozen.entry(method).or_insert(until);
        *frozen = until.max(*frozen);
    }

    pub(super) fn freeze_all(&mut self, until: Timestamp) {
        for method in [Method::Post, Method::Edit, Method::Read] {
            self.freeze(method, until);
        }
    }

    fn frozen_until(&self, method: Method) -> Timestamp {
        self.frozen.get(&method).copied().unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_burst_of_three_then_one_every_1200_ms_for_each_channel() {
        let mut pace = Pace::new(Timing::default());
        for _ in 0..3 {
            assert!(pace.post_at("a", Slot::Root) <= at(0));
            pace.posts("a", at(0));
        }
        assert_eq!(pace.post_at("a", Slot::Root), at(1_200));
        assert!(pace.post_at("b", Slot::Root) <= at(0));
        pace.posts("a", at(1_200));
        assert_eq!(pace.post_at("a", Slot::Root), at(2_400));
        // After a silence the burst is there again, and no more.
        for _ in 0..3 {
            assert!(pace.post_at("a", Slot::Root) <= at(60_000));
            pace.posts("a", at(60_000));
        }
        assert_eq!(pace.post_at("a", Slot::Root), at(61_200));
    }

    #[test]
    fn lines_leave_a_post_to_what_is_more_urgent() {
        let mut pace = Pace::new(Timing::default());
        for _ in 0..2 {
            assert!(pace.post_at("a", Slot::Thread(1)) <= at(0));
            pace.posts("a", at(0));
        }
        assert_eq!(pace.post_at("a", Slot::Thread(1)), at(1_200));
        assert!(
            pace.post_at("a", Slot::Root) <= at(0) && pace.post_at("a", Slot::Page(1)) <= at(0)
        );
    }

    #[test]
    fn a_message_is_edited_every_three_seconds() {
        let mut pace = Pace::new(Timing::default());
        pace.edits("1.1", at(0));
        assert_eq!(pace.edit_at("1.1"), at(3_000));
        assert!(pace.edit_at("1.2") <= at(0));
    }

    #[test]
    fn a_freeze_holds_one_method_and_never_shrinks() {
        let mut pace = Pace::new(Timing::default());
        pace.freeze(Method::Post, at(900_000));
        pace.freeze(Method::Post, at(1_000));
        assert_eq!(pace.post_at("a", Slot::Root), at(900_000));
        assert!(pace.edit_at("1.1") <= at(0) && pace.read_at() <= at(0));
        pace.freeze_all(at(5));
        assert_eq!(pace.read_at(), at(5));
    }
}
