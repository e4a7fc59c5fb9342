//! The parts of a rule in words. Never what follows from them: that is `walk`'s.

mod cloud;
mod request;

use super::{Page, span, walk};
use crate::core::action::{Action, How};
use crate::core::cause::Class;
use crate::core::evidence::{Ask, DockerAsk};
use crate::core::rule::{
    BreakerKind, Contact, EscalateWhen, Meaning, Mode, OneOf, ProbeRule, Probing, Rule, Rung,
    Schedule, Target, VerifySignal, Wait,
};
use crate::core::time::Duration;
use request::{request, value_of};

pub(super) const fn kind(kind: BreakerKind) -> &'static str {
    match kind {
        BreakerKind::SelfHealing => "recovers when time passes (kind: self)",
        BreakerKind::Lazy => "recovers only when it is called (kind: lazy)",
        BreakerKind::Manual => "is closed only by a person or an action (kind: manual)",
        BreakerKind::Capacity => {
            "opens and closes with load: there is nothing to reset (kind: capacity)"
        }
    }
}

/// How far automation may go on a target, and why no further.
pub(super) fn leave(rule: &Rule, target: &Target) -> String {
    let owner = target.owner.as_deref().unwrap_or("the target's owner");
    let what = match walk::mode(rule, target) {
        Mode::Observe => "is only observed".to_owned(),
        Mode::Suggest => "is observed; what would help is told".to_owned(),
        Mode::Approve => format!("every action waits for the word of {owner}"),
        Mode::Auto => "is acted on without asking".to_owned(),
    };
    let env = target.env.as_ref().map(|env| format!(", in {env}")).unwrap_or_default();
    let protected = if target.protect { ", protected" } else { "" };
    format!(
        "{what} (the rule's mode is {}, the ceiling {}{protected}; group {}{env}; owner {owner})",
        rule.mode.name(),
        target.ceiling.name(),
        target.group
    )
}

pub(super) fn alerts(page: &mut Page, rule: &Rule) {
    page.section("Alerts");
    for matcher in &rule.matchers {
        let label = |(name, wanted): (&String, &OneOf)| {
            let values: Vec<String> =
                wanted.values().iter().map(|value| format!("\"{value}\"")).collect();
            format!("{name}={}", values.join(" or "))
        };
        let labels: Vec<String> = matcher.labels.iter().map(label).collect();
        page.named(matcher.source.name(), &format!("with {} open an incident", labels.join(", ")));
    }
    if let Some(label) = &rule.target_from {
        page.named(
            "target",
            &format!("named by the label `{label}`; any other name opens an incident that is only observed"),
        );
    }
    let when = if rule.act_after.is_zero() {
        "anything may be done at once".to_owned()
    } else {
        format!("nothing is done before the breaker has been open for {}", span(rule.act_after))
    };
    page.named("then", &when);
    let channel = rule
        .channel
        .as_ref()
        .map_or_else(|| "in the server's channel".to_owned(), |channel| format!("in {channel}"));
    page.named(
        "people read",
        &format!("{channel}; a line at least every {} while it is open", span(rule.updates_every)),
    );
    if let Some(runbook) = &rule.runbook {
        page.named("runbook", runbook);
    }
}

pub(super) fn questions(page: &mut Page, rule: &Rule) {
    page.section("What is asked");
    let means: Vec<String> = rule
        .state
        .means
        .iter()
        .map(|(word, state)| format!("{word} is {}", state.name()))
        .collect();
    page.named(
        "state",
        &format!(
            "{}, not older than {}: {}; anything else is unknown",
            ask(&rule.state.ask),
            span(rule.state.max_age),
            means.join(", ")
        ),
    );
    for evidence in &rule.evidence {
        let meaning = match evidence.meaning {
            Meaning::Statuses | Meaning::Errors => "tells the cause",
            Meaning::Upstream => "tells whether the cause is gone",
            Meaning::Quantity => "for the verification alone",
        };
        let age = span(evidence.max_age);
        page.named(
            &evidence.name,
            &format!("{}, not older than {age}: {meaning}", ask(&evidence.ask)),
        );
    }
    for pattern in &rule.cause_patterns {
        page.named(
            "log lines",
            &format!("that match `{}` mean {}", pattern.log, pattern.cause.name()),
        );
    }
    if let Some(after) = rule.recovery.half_open_after {
        page.named("by itself", &format!("the breaker tries again after {}", span(after)));
    }
    if rule.recovery.needs_idle {
        page.named("idle", "it recovers only while nobody calls it: probes through it pause");
    }
    for one in &rule.probes {
        page.named(&format!("probe {}", one.name), &probe(one));
    }
}

fn probe(probe: &ProbeRule) -> String {
    let schedule = match &probe.schedule {
        Schedule::Every(every) => format!("every {}", span(*every)),
        Schedule::Cron { expression, zone } => format!("at `{expression}` in {zone}"),
    };
    let through = if probe.through_breaker { ", through the breaker" } else { "" };
    format!(
        "{schedule} {}{through}; counts once it has been green for {}",
        probing(&probe.how),
        span(probe.hold)
    )
}

fn probing(how: &Probing) -> String {
    match how {
        Probing::Http(http) => request(http),
        Probing::Tcp(address) => format!("connects to {address}"),
        Probing::Dns(name) => format!("looks up {name}"),
        Probing::Bucket { region, bucket, prefix } => {
            cloud::bucket(bucket, prefix.as_deref(), region.as_deref())
        }
        Probing::Vault { vault, secret } => {
            format!("lists the versions of the secret {secret} of {vault}")
        }
        Probing::Docker(container) => format!("looks whether the container {container} is well"),
    }
}

fn ask(ask: &Ask) -> String {
    match ask {
        Ask::Prometheus { query, age_query } => {
            let age = age_query
                .as_ref()
                .map_or_else(|| "without samples".to_owned(), |age| format!("its age by `{age}`"));
            format!("Prometheus `{query}` ({age})")
        }
        Ask::PrometheusRange { query, last, step } => {
            format!(
                "Prometheus `{query}` over the last {}, a point every {}",
                span(*last),
                span(*step)
            )
        }
        Ask::Scrape { url, metric, labels, by, over } => {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let over = over.map(|over| format!(", its increase over {}", span(over)));
            format!("{metric}{{{}}}{by} of {url}{}", labels.join(","), over.unwrap_or_default())
        }
        Ask::Http(http) => request(http),
        Ask::Loki { query, last, limit } => {
            format!("Loki `{query}` over the last {}, at most {limit} lines", span(*last))
        }
        Ask::LogFile { path, last_lines, last, zone } => {
            let last = last.map(|last| format!(" within {}", span(last))).unwrap_or_default();
            let zone = zone.as_ref().map(|zone| format!(", times of {zone}")).unwrap_or_default();
            format!("the last {last_lines} entries{last} of {path}{zone}")
        }
        Ask::Redis { url, key, pointer } => {
            let at = pointer.as_ref().map(|at| format!(", the value at {at}")).unwrap_or_default();
            format!("the key `{key}` of Redis at {}{at}", value_of(url))
        }
        Ask::Sqlite { path, query, params } => {
            format!("`{query}`{} of the SQLite file {path}", with_params(params))
        }
        Ask::Postgres { url, query, params } => {
            format!("`{query}`{} of PostgreSQL at {}", with_params(params), value_of(url))
        }
        Ask::Elasticsearch { index, wanted, query, last, limit, .. } => {
            let mut parts: Vec<String> =
                wanted.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            parts.extend(query.iter().map(|query| format!("`{query}`")));
            let which =
                if parts.is_empty() { "everything".to_owned() } else { parts.join(" and ") };
            format!(
                "Elasticsearch {index}: {which} of the last {}, at most {limit} lines",
                span(*last)
            )
        }
        Ask::Events(events) => format!(
            "the newest {} events at {} of {}",
            events.limit,
            if events.items.is_empty() { "the top" } else { &events.items },
            request(&events.page)
        ),
        Ask::Aws { region, ask } => cloud::aws(ask, region.as_deref()),
        Ask::Azure(ask) => cloud::azure(ask),
        Ask::Docker(DockerAsk::Logs { container, last, limit }) => format!(
            "the lines of the container {container} over the last {}, at most {limit}",
            span(*last)
        ),
        Ask::Docker(DockerAsk::Container { container, value }) => {
            format!("{} of the container {container}", value.name())
        }
        Ask::Probe { probe } => format!("what the probe {probe} saw last"),
    }
}

fn with_params(params: &[String]) -> String {
    match params {
        [] => String::new(),
        some => format!(" with {}", some.join(", ")),
    }
}

pub(super) fn actions(page: &mut Page, rule: &Rule) {
    if rule.actions.is_empty() {
        return;
    }
    page.section("What can be done");
    for action in rule.actions.values() {
        page.named(&action.name, &action_words(action));
    }
}

fn action_words(action: &Action) -> String {
    let How::HttpReset { request: http, observe } = &action.how;
    let budget = action
        .at_most
        .map(|budget| format!(", at most {} times within {}", budget.times, span(budget.within)));
    let after = match observe {
        Some(observe) => format!("it looks at {}", request(observe)),
        None => "a person must look".to_owned(),
    };
    format!(
        "{}; on one target not again within {}{}; where nobody knows what came of it, {after}",
        request(http),
        span(action.cooldown),
        budget.unwrap_or_default()
    )
}

pub(super) fn ladders(page: &mut Page, rule: &Rule) {
    page.section("Remedies");
    for class in Class::ALL {
        if let Some(rungs) = rule.ladder.get(&class) {
            ladder(page, class.name(), rungs, rule);
        }
    }
    ladder(page, "any other cause", &rule.otherwise, rule);
}

fn ladder(page: &mut Page, name: &str, rungs: &[Rung], rule: &Rule) {
    for (index, rung) in rungs.iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        page.named(name, &format!("{}. {}", index.saturating_add(1), remedy(rung, rule)));
    }
}

fn remedy(rung: &Rung, rule: &Rule) -> String {
    match rung {
        Rung::Wait(Wait::HalfOpen) => match rule.recovery.half_open_after {
            Some(own) => {
                format!("wait until the breaker tries again by itself ({} and a margin)", span(own))
            }
            None => "wait until the breaker tries again by itself".to_owned(),
        },
        Rung::Wait(Wait::RetryAfter { at_least, at_most }) => format!(
            "wait as long as the other side asks, from {} to {}",
            span(*at_least),
            span(*at_most)
        ),
        Rung::Wait(Wait::For(time)) => format!("wait {}", span(*time)),
        Rung::Do { action, gone, all, within } => {
            let items: Vec<String> = all.iter().map(VerifySignal::words).collect();
            let list = match items.as_slice() {
                [] => String::new(),
                some => format!(" and {}", some.join(", ")),
            };
            let late = format!("not so within {}: the next", span(*within));
            match (gone, items.is_empty()) {
                (true, _) => format!("{action}, once the cause is proven gone{list}; {late}"),
                (false, true) => {
                    format!("{action}, named as the fix itself: only if a person allows it")
                }
                (false, false) => format!("{action}, once a person allows it{list}; {late}"),
            }
        }
        Rung::Ask { text, until, .. } if until.is_empty() => format!("ask a person: {text}"),
        Rung::Ask { text, until, within } => format!(
            "ask a person: {text} The next remedy follows once {} has been healthy for its hold; not within {}: a person has it",
            until.join(" and "),
            span(*within)
        ),
        Rung::Escalate => "call a person".to_owned(),
    }
}

pub(super) fn verification(page: &mut Page, rule: &Rule) {
    page.section("Recovered means");
    let signals: Vec<String> = rule.verify.all.iter().map(VerifySignal::words).collect();
    page.named(
        "all of",
        &format!(
            "{}; for {} without a break, looked at every {}",
            signals.join(", "),
            span(rule.verify.hold),
            span(rule.verify.every)
        ),
    );
    page.named(
        "else",
        &format!("not so within {}: the next remedy, or a person", span(rule.verify.within)),
    );
}

fn occasion(when: &EscalateWhen) -> String {
    match when {
        EscalateWhen::OpenFor(time) => format!("open for {}", span(*time)),
        EscalateWhen::Unacknowledged(time) => {
            format!("open for {} and acknowledged by nobody", span(*time))
        }
        EscalateWhen::UnknownCause { rounds } => {
            format!("{rounds} rounds of questions without a cause")
        }
        EscalateWhen::UnknownFor(time) => format!("without a cause for {}", span(*time)),
        EscalateWhen::Reopened { times, within } => {
            format!("opened again {times} times within {}", span(*within))
        }
        EscalateWhen::Rising { name, span: time } => format!("{name} rises for {}", span(*time)),
        EscalateWhen::SeveralOpen { incidents } => {
            format!("{incidents} incidents open in the target's group")
        }
        EscalateWhen::Always => {
            "the remedies are over, a person is needed, or an outcome is unknown".to_owned()
        }
        EscalateWhen::Any(list) => list.iter().map(occasion).collect::<Vec<_>>().join("; or "),
    }
}

pub(super) fn people(page: &mut Page, rule: &Rule) {
    page.section("Who is called");
    for escalation in &rule.escalate {
        let when: Vec<String> = escalation.when.each().iter().map(occasion).collect();
        let when = when.join("; or ");
        let to: Vec<&str> = escalation
            .to
            .iter()
            .map(|contact| match contact {
                Contact::Slack(name) => name.as_str(),
            })
            .collect();
        page.item(&format!("{}: {when}", to.join(", ")));
    }
}

/// A length of time in whole seconds, never less than it is.
pub(super) fn seconds(time: Duration) -> String {
    span(Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
}

/// A moment on a path.
pub(super) fn at(moment: Duration) -> String {
    if moment.is_zero() { "at once".to_owned() } else { format!("after {}", seconds(moment)) }
}
