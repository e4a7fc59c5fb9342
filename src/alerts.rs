//! Alerting rules for Prometheus: of every breaker whose state is read there, of the rules' own, and of reclose itself.
//! Never asks a Prometheus, and never alerts anybody: Prometheus and Alertmanager do.

mod breakers;
mod own;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::core::rule::RuleSet;
use crate::core::time::Duration;

/// A rule file as Prometheus reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleFile {
    pub groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    pub name: String,
    pub rules: Vec<AlertingRule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertingRule {
    pub alert: String,
    pub expr: String,
    /// As Prometheus writes it; `None`: at once.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

/// A rule without an alert of its own, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub rule: String,
    pub why: String,
}

/// All alerts of a rule set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    pub file: RuleFile,
    pub left_out: Vec<LeftOut>,
}

/// What the file says of itself.
const HEAD: &str = "\
# Written by `reclose alerts`: change the rules it was made of, not this file.
# Alerts with the label reclose=\"true\" are for reclose, by the route in alertmanager.yml; the others are for people.
";

/// A path that Prometheus offers to people beside an alert.
const RUNBOOK: &str = "runbook";
const SUMMARY: &str = "summary";
const SEVERITY: &str = "severity";

/// Every alert that follows from the rules, and those of reclose itself.
pub fn generate(set: &RuleSet) -> Alerts {
    let (breakers, left_out) = breakers::all(set);
    let groups = [("circuit-breakers", breakers), ("reclose", own::all())];
    let groups = groups.into_iter().filter(|(_, rules)| !rules.is_empty());
    let groups = groups.map(|(name, rules)| Group { name: name.to_owned(), rules });
    Alerts { file: RuleFile { groups: groups.collect() }, left_out }
}

/// The file's text.
pub fn yaml(file: &RuleFile) -> anyhow::Result<String> {
    Ok(format!("{HEAD}{}", serde_saphyr::to_string(file)?))
}

/// A length of time as Prometheus writes it; nothing: at once.
fn span(span: Duration) -> Option<String> {
    let millis = span.as_millis();
    if millis == 0 {
        return None;
    }
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut left = millis;
    let mut text = String::new();
    for (name, unit) in units {
        if left >= unit {
            // Writing to a String cannot fail.
            write!(text, "{}{name}", left / unit).unwrap_or_default();
            left %= unit;
        }
    }
    Some(text)
}

/// Text that Prometheus shall show as it stands: it takes labels and annotations for templates.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

#[cfg(test)]
mod tests {
    use super::{literal, span};
    use crate::core::time::Duration;

    #[test]
    fn spans_are_written_as_prometheus_reads_them() {
        let of = |secs| span(Duration::from_secs(secs));
        assert_eq!(of(0), None);
        assert_eq!(of(30).as_deref(), Some("30s"));
        assert_eq!(of(5_430).as_deref(), Some("1h30m30s"));
        assert_eq!(span(Duration::from_millis(1_500)).as_deref(), Some("1s500ms"));
    }

    #[test]
    fn a_template_of_somebody_else_is_only_text() {
        assert_eq!(literal("a {{ $labels.x }}"), "a {{ \"{{\" }} $labels.x }}");
    }
}
