//! What people must know of reclose itself: it cannot tell of its own absence. Never an alert that reclose could heal.

use std::collections::BTreeMap;

use super::{AlertingRule, RUNBOOK, SEVERITY, SUMMARY};

/// Where people find what to do.
const OPERATIONS: &str = "docs/operations.md";

struct Own {
    alert: &'static str,
    expr: &'static str,
    lasts: Option<&'static str>,
    severity: &'static str,
    summary: &'static str,
}

/// The order in which people read them: the way here, the process, what it does.
const ALL: [Own; 10] = [
    // Always firing: when it stops arriving, the path from Prometheus to reclose is broken.
    Own {
        alert: "Watchdog",
        expr: "vector(1)",
        lasts: None,
        severity: "none",
        summary: "Prometheus and Alertmanager deliver",
    },
    // With a Watchdog every 5 minutes, silence means that nobody delivers. A process without a single one counts too.
    Own {
        alert: "RecloseHearsNothing",
        expr: "increase(reclose_notifications_total[15m]) == 0",
        lasts: Some("5m"),
        severity: "critical",
        summary: "reclose has received nothing for 15 minutes, not even the Watchdog: breakers may be open unseen",
    },
    Own {
        alert: "RecloseDown",
        expr: "up{job=\"reclose\"} == 0 or absent(up{job=\"reclose\"})",
        lasts: Some("2m"),
        severity: "critical",
        summary: "reclose is not running; breakers are not watched",
    },
    // It answers, but its engine no longer goes round: nothing is decided.
    Own {
        alert: "RecloseStuck",
        expr: "reclose_heartbeat_age_seconds > 30",
        lasts: Some("1m"),
        severity: "critical",
        summary: "reclose has decided nothing for {{ $value | humanizeDuration }}",
    },
    Own {
        alert: "RecloseCannotStore",
        expr: "sum(increase(reclose_rejected_total{reason=~\"busy|store_slow|store_unavailable\"}[5m])) > 0",
        lasts: Some("1m"),
        severity: "critical",
        summary: "reclose turned away {{ $value | humanize }} notifications in 5 minutes because it cannot store them",
    },
    Own {
        alert: "RecloseOutboxStuck",
        expr: "reclose_outbox_oldest_seconds > 300",
        lasts: Some("1m"),
        severity: "critical",
        summary: "people have not been told for {{ $value | humanizeDuration }} what reclose has to say",
    },
    Own {
        alert: "RecloseOutcomeUnknown",
        expr: "sum(increase(reclose_actions_total{outcome=\"unknown\"}[30m])) > 0",
        lasts: None,
        severity: "critical",
        summary: "nobody knows what an action of reclose did: `reclose incidents` says on which target",
    },
    // What the mode forbids is somebody's wish, not a refusal to wonder at.
    Own {
        alert: "RecloseActionsRefused",
        expr: "sum by (guard) (increase(reclose_guard_refusals_total{guard!=\"mode\"}[15m])) > 0",
        lasts: None,
        severity: "warning",
        summary: "reclose wanted to act, and the guard {{ $labels.guard }} said no",
    },
    Own {
        alert: "RecloseRulesWrong",
        expr: "reclose_rules_wrong > 0",
        lasts: Some("5m"),
        severity: "warning",
        summary: "the rules on disk have {{ $value }} mistakes, and the set from before them is active: `reclose check`",
    },
    // `pause --all` has no end of its own: somebody has to remember.
    Own {
        alert: "RecloseSwitchedOff",
        expr: "reclose_kill_switch == 1",
        lasts: Some("1h"),
        severity: "warning",
        summary: "reclose acts on nothing since `pause --all`; `reclose resume --all` ends it",
    },
];

pub(super) fn all() -> Vec<AlertingRule> {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let rule = |own: &Own| AlertingRule {
        alert: own.alert.to_owned(),
        expr: own.expr.to_owned(),
        lasts: own.lasts.map(str::to_owned),
        labels: BTreeMap::from([text(SEVERITY, own.severity)]),
        annotations: BTreeMap::from([text(SUMMARY, own.summary), text(RUNBOOK, OPERATIONS)]),
    };
    ALL.iter().map(rule).collect()
}
