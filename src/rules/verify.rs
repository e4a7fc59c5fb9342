//! What counts as recovered: how long, how soon, how often it is looked at. Never judges it.

use super::grammar;
use super::read::Reader;
use super::signals::Known;
use super::yaml::Node;
use crate::core::rule::VerifyRule;
use crate::core::time::Duration;

/// Health is watched for this long before the next rung, unless the rule says otherwise.
const WITHIN: Duration = Duration::from_mins(15);
const EVERY: Duration = Duration::from_secs(15);
/// A look more often than this is a load, not a look.
const EVERY_LEAST: Duration = Duration::from_secs(1);

impl Reader {
    pub(crate) fn verify(&self, node: &Node, known: Known<'_>) -> Option<VerifyRule> {
        let fields = self.fields(node, &grammar::VERIFY)?;
        let hold = fields
            .required(self, "hold", "how long health must last before it counts: hold: 5m")
            .and_then(|node| self.duration(node));
        let within = match fields.get("within") {
            Some(node) => self.duration(node),
            None => hold.map(|hold| WITHIN.max(hold * 2)),
        };
        let every = match fields.get("every") {
            Some(node) => self.duration(node),
            None => hold.map(|hold| EVERY.min(hold).max(EVERY_LEAST)),
        };
        let all = fields
            .required(self, "all", "at least two signals: all: [ { state: closed }, … ]")
            .and_then(|node| self.signals(node, known));
        let (hold, within, every) = (hold?, within?, every?);
        if within <= hold {
            return self.no(
                node,
                "`within` is over before `hold` can be",
                "make `within` longer than `hold`",
            );
        }
        if every > hold || every < EVERY_LEAST {
            return self.no(node, "`every` does not fit `hold`", "at least 1s, at most `hold`");
        }
        Some(VerifyRule { hold, within, every, all: all? })
    }
}
