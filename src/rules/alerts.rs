//! `alerts:` of a rule: what Prometheus shall warn of beside the open breaker. Written out by `reclose alerts`, never asked.

use std::collections::BTreeMap;

use super::ask::label_check;
use super::grammar;
use super::promql::Age;
use super::read::Reader;
use super::yaml::{Key, Node};
use crate::core::alert::{Alert, AlertKey, AlertStatus, Labels, Source};
use crate::core::rule::{AlertMatch, AlertRule, TargetName};
use crate::core::time::Duration;

/// Alerts with this severity are for people to see, and belong to no breaker.
const SEVERITY: (&str, &str) = ("severity", "info");
const ALERTNAME: &str = "alertname";
/// Annotations that people look for; others are allowed.
const SUMMARY: &str = "summary";

impl Reader {
    /// Each belongs to the rule by its `match`, or says that it is only for people.
    pub(crate) fn alerts(
        &self,
        node: &Node,
        matchers: &[AlertMatch],
        selected: (Option<&str>, &[TargetName]),
    ) -> Option<Vec<AlertRule>> {
        let one = |(key, node): &(Key, Node)| {
            let alert = self.one_alert(key, node)?;
            let info = alert.labels.get(SEVERITY.0).is_some_and(|value| value == SEVERITY.1);
            if !info && !belongs(&alert, matchers, selected) {
                let hint = "add the labels that `match` wants, or `severity: info` if it is for people alone";
                return self.no(
                    node,
                    format!("the alert `{}` would reach no breaker", alert.name),
                    hint,
                );
            }
            Some(alert)
        };
        let all: Vec<_> = self.map(node)?.iter().map(one).collect();
        all.into_iter().collect()
    }

    fn one_alert(&self, key: &Key, node: &Node) -> Option<AlertRule> {
        let name = self.valid(label_check(&key.text), key.text.clone(), key.at.clone());
        let fields = self.fields(node, &grammar::ALERT)?;
        let hint = "the PromQL that is true when it shall fire: expr: failures > 0.3";
        let check = self.promql_check(&fields);
        let expr = fields
            .required(self, "expr", hint)
            .and_then(|node| self.promql(node, Age::NotNeeded, check?));
        let lasts = fields.get("for").map_or(Some(Duration::ZERO), |node| self.duration(node));
        let labels = fields.get("labels").map_or(Some(Labels::new()), |node| self.own_labels(node));
        let hint = "what a person reads: annotations: { summary: … }";
        let annotations =
            fields.required(self, "annotations", hint).and_then(|node| self.annotations(node));
        Some(AlertRule {
            name: name?,
            expr: expr?.text,
            lasts: lasts?,
            labels: labels?,
            annotations: annotations?,
        })
    }

    fn own_labels(&self, node: &Node) -> Option<Labels> {
        let labels = self.alert_labels(node)?;
        if labels.contains_key(ALERTNAME) {
            return self.no(node, "`alertname` is the alert's own key", "remove it here");
        }
        Some(labels)
    }

    fn annotations(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        let annotations = self.alert_labels(node)?;
        if !annotations.contains_key(SUMMARY) {
            return self.no(node, "`summary` is missing", "one line for people: summary: …");
        }
        Some(annotations)
    }
}

/// Would this alert, as it comes back from Alertmanager, belong to its own rule and name a target of it?
fn belongs(
    alert: &AlertRule,
    matchers: &[AlertMatch],
    (target_from, targets): (Option<&str>, &[TargetName]),
) -> bool {
    let mut labels = alert.labels.clone();
    labels.insert(ALERTNAME.to_owned(), alert.name.clone());
    let named = target_from.is_none_or(|label| {
        // One target, or a form of its own for each: then the label is added where it is missing.
        labels.get(label).is_none_or(|value| targets.contains(value))
    });
    let alert = Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: String::new() },
        status: AlertStatus::Firing,
        labels,
        annotations: Labels::new(),
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: Vec::new(),
    };
    named && matchers.iter().any(|matcher| matcher.matches(&alert))
}
