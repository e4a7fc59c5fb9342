//! The alerts of breakers: one for each whose state stands in Prometheus, and those that a rule names itself.
//!
//! An alert carries what its own rule's `match` wants, so that it comes back to that rule and to the right target.

use std::collections::BTreeMap;

use promql_parser::parser::Expr;

use super::{AlertingRule, LeftOut, RUNBOOK, SEVERITY, SUMMARY, literal, span};
use crate::core::alert::{Labels, Source};
use crate::core::evidence::Ask;
use crate::core::rule::{AlertMatch, BreakerState, Rule, RuleSet, TargetName};
use crate::core::time::Duration;

/// What the route in `deploy/alertmanager.yml` looks for.
const ROUTE: (&str, &str) = ("reclose", "true");
const ALERTNAME: &str = "alertname";
const CRITICAL: &str = "critical";
/// One sample may be wrong; two in a row are a breaker. A rule that waits by itself (`act_after`) is told at once.
const LASTS: Duration = Duration::from_secs(30);

pub(super) fn all(set: &RuleSet) -> (Vec<AlertingRule>, Vec<LeftOut>) {
    let (mut alerts, mut left_out) = (Vec::new(), Vec::new());
    for (rule, target) in set.rules.values().flat_map(|rule| forms(set, rule)) {
        match state(rule, target) {
            Ok(alert) => alerts.push(alert),
            Err(why) => left_out.push(LeftOut { rule: rule.name.clone(), why }),
        }
        alerts.extend(rule.alerts.iter().map(|own| AlertingRule {
            alert: own.name.clone(),
            expr: own.expr.clone(),
            lasts: span(own.lasts),
            labels: named(own.labels.clone(), rule, target),
            annotations: own.annotations.clone(),
        }));
    }
    left_out.dedup();
    (alerts, left_out)
}

/// A rule as its alerts see it: once, or once for each target that fills it in.
fn forms<'s>(set: &'s RuleSet, rule: &'s Rule) -> Vec<(&'s Rule, Option<&'s TargetName>)> {
    if let Some(filled) = set.filled.get(&rule.name) {
        return filled.iter().map(|(target, rule)| (rule, Some(target))).collect();
    }
    vec![(rule, rule.targets.first().filter(|_| rule.targets.len() == 1))]
}

/// The alert that says: this breaker is open.
fn state(rule: &Rule, target: Option<&TargetName>) -> Result<AlertingRule, String> {
    let Ask::Prometheus { query, .. } = &rule.state.ask else {
        return Err("its state is not read from Prometheus".to_owned());
    };
    let Some(own) = rule.matchers.iter().find(|own| own.source == Source::Alertmanager) else {
        return Err("no alert of Alertmanager belongs to it".to_owned());
    };
    if rule.target_from.is_some() && target.is_none() {
        return Err("its state is one query for several targets: nobody could say whose".to_owned());
    }
    let expr = is_open(query, rule).ok_or("no number of its state means open")?;
    let (alert, labels) = identity(own, rule, target);
    let mut annotations = BTreeMap::from([(
        SUMMARY.to_owned(),
        format!("{} is open: {}", literal(&subject(rule, target)), literal(&rule.summary)),
    )]);
    annotations.extend(rule.runbook.iter().map(|runbook| (RUNBOOK.to_owned(), literal(runbook))));
    let lasts = if rule.act_after >= LASTS { Duration::ZERO } else { LASTS };
    Ok(AlertingRule { alert, expr, lasts: span(lasts), labels, annotations })
}

fn subject(rule: &Rule, target: Option<&TargetName>) -> String {
    match target {
        Some(target) if *target != rule.name => format!("{} on {target}", rule.name),
        Some(_) | None => rule.name.clone(),
    }
}

/// Name and labels that the rule's own matcher wants, and what selects the target.
fn identity(
    own: &AlertMatch,
    rule: &Rule,
    target: Option<&TargetName>,
) -> (String, BTreeMap<String, String>) {
    let mut labels: Labels = own
        .labels
        .iter()
        .filter_map(|(name, wanted)| {
            // Any of several belongs to the rule: the first stands for them.
            Some((name.clone(), literal(wanted.values().first()?)))
        })
        .collect();
    let alert = labels.remove(ALERTNAME).unwrap_or_else(|| alert_name(&rule.name));
    labels.entry(SEVERITY.to_owned()).or_insert_with(|| CRITICAL.to_owned());
    labels.entry(ROUTE.0.to_owned()).or_insert_with(|| ROUTE.1.to_owned());
    (alert, named(labels, rule, target))
}

/// The label that names the target, if the rule looks for one.
fn named(
    mut labels: BTreeMap<String, String>,
    rule: &Rule,
    target: Option<&TargetName>,
) -> BTreeMap<String, String> {
    if let (Some(label), Some(target)) = (&rule.target_from, target) {
        labels.entry(label.clone()).or_insert_with(|| target.clone());
    }
    labels
}

/// `meta-capi` → `MetaCapiBreakerOpen`.
fn alert_name(rule: &str) -> String {
    let word = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    };
    rule.split(['-', '_']).map(word).chain(["BreakerOpen".to_owned()]).collect()
}

/// True for the numbers that mean open. `None`: no number does.
fn is_open(query: &str, rule: &Rule) -> Option<String> {
    let query = operand(query);
    let open = rule.state.means.iter().filter(|(_, means)| **means == BreakerState::Open);
    let numbers = open.filter(|(word, _)| word.parse::<f64>().is_ok_and(f64::is_finite));
    let terms: Vec<String> = numbers.map(|(number, _)| format!("{query} == {number}")).collect();
    (!terms.is_empty()).then(|| terms.join(" or "))
}

/// A query as one side of a comparison.
fn operand(query: &str) -> String {
    match promql_parser::parser::parse(query) {
        // A comparison binds less tightly than these.
        Ok(
            expr @ (Expr::Aggregate(_) | Expr::Call(_) | Expr::VectorSelector(_) | Expr::Paren(_)),
        ) => expr.to_string(),
        Ok(expr) => format!("({expr})"),
        // What only a newer Prometheus reads may end in a comment: that must not swallow what follows.
        Err(_) => format!("({}\n)", query.trim_end()),
    }
}
