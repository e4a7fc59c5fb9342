//! Reports to render.

use proptest::prelude::*;
use reclose::core::cause::{Cause, Class, Clue, Lasting, Verdict};
use reclose::core::guard::{Answer, Guard, GuardVerdict};
use reclose::core::incident::{Breaker, IncidentId};
use reclose::core::report::{Mark, NextStep, Page, Report, Status, Step};
use reclose::core::rule::{BreakerState, Contact, Mode};
use reclose::core::time::Timestamp;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// A breaker opened by 429, waiting for the moment that the upstream named.
pub fn waiting(number: u64) -> Report {
    let clues = vec![
        clue(Cause::RateLimited, "statuses", 118.0, "429"),
        clue(Cause::RateLimited, "errors", 41.0, "HTTP 429 Too Many Requests, Retry-After: 900"),
        clue(Cause::Timeout, "errors", 2.0, "context deadline exceeded"),
        clue(Cause::Network, "errors", 1.0, "connection reset by peer"),
    ];
    Report {
        incident: IncidentId(number),
        revision: 7,
        at: at(95),
        breaker: Breaker { rule: "capi".into(), target: "capi_eu".into() },
        summary: "Calls to the conversion API".into(),
        status: Status::Waiting,
        headline: "Rate limited by the upstream: waiting until it takes calls again.".into(),
        state: BreakerState::Open,
        opened_at: at(0),
        closed_at: None,
        owner: Some("payments".into()),
        env: Some("prod".into()),
        mode: Mode::Auto,
        runbook: Some("https://runbooks.example.org/capi".into()),
        channel: None,
        rule_revision: "3f2a9c0d11".into(),
        verdict: Some(Verdict {
            class: Class::RateLimited,
            confidence: 0.86,
            because: clues.clone(),
            runner_up: Some(Cause::Timeout),
            lasting: Lasting::Yes,
            retry_at: Some(at(900)),
            quota: false,
            told_wait: None,
            reach: reclose::core::cause::Reach::default(),
            against: Vec::new(),
            missing: Vec::new(),
        }),
        advice: None,
        acknowledged: None,
        clues,
        plan: vec![
            step("wait until the upstream takes calls again", Mark::Now),
            step("reset the breaker once the upstream is healthy", Mark::Ahead),
            step("call payments", Mark::Ahead),
        ],
        guards: [Guard::Pause, Guard::Mode, Guard::Cooldown].map(allow).into(),
        next: Some(NextStep { text: "half-open check".into(), at: Some(at(900)) }),
        thread: vec![],
    }
}

/// A breaker opened by 401: refused, a person is called.
pub fn refused(number: u64) -> Report {
    let refuse = |guard, why: &str, until| GuardVerdict {
        guard,
        answer: Answer::Refuse { why: why.into(), until },
    };
    Report {
        status: Status::NeedsPerson,
        headline: "The upstream refuses our credentials: a reset would not help.".into(),
        runbook: None,
        guards: vec![
            allow(Guard::Pause),
            refuse(Guard::Cause, "auth is not fixed by a reset", None),
            refuse(Guard::Cooldown, "the last attempt was 40 s ago", Some(at(300))),
            GuardVerdict {
                guard: Guard::Mode,
                answer: Answer::NeedsApproval { whom: "payments".into() },
            },
        ],
        next: None,
        ..waiting(number)
    }
}

pub fn recovered(number: u64) -> Report {
    Report {
        status: Status::Recovered,
        state: BreakerState::Closed,
        headline: "Closed, and held for five minutes.".into(),
        closed_at: Some(at(1_300)),
        guards: vec![],
        next: None,
        plan: vec![step("wait until the upstream takes calls again", Mark::Done)],
        ..waiting(number)
    }
}

pub fn page(number: u64) -> Page {
    Page {
        incident: IncidentId(number),
        at: at(100),
        number: 1,
        to: vec![
            Contact::Slack("U0123456789".into()),
            Contact::Slack("S0123456789".into()),
            Contact::Slack("@devops-oncall".into()),
        ],
        reason: "The upstream refuses our credentials".into(),
        advice: None,
        channel: None,
    }
}

fn clue(cause: Cause, question: &str, count: f64, sample: &str) -> Clue {
    Clue::of(cause, question, count, sample)
}

fn step(text: &str, mark: Mark) -> Step {
    Step { text: text.into(), mark }
}

fn allow(guard: Guard) -> GuardVerdict {
    GuardVerdict { guard, answer: Answer::Allow }
}

/// What a hostile label, log line or annotation may hold.
pub fn hostile() -> impl Strategy<Value = String> {
    let bait = prop::sample::select(vec![
        "<!channel>",
        "<!here|x>",
        "<@U123456789>",
        "<#C123>",
        "<https://evil.example|login>",
        "<!subteam^S123>",
        "<!date^1^{date}^https://evil.example|x>",
        "*",
        "_",
        "~",
        "`",
        "```",
        "&lt;!here&gt;",
        "&amp;",
        "&",
        "<",
        ">",
        "|",
        "\u{202e}",
        "\u{200b}",
        "\u{0}",
        "\u{1b}[31m",
        "\n",
        "\r",
        "@here",
        "@channel",
        "#general",
        "http://evil.example",
        ":fire:",
        "\u{e0041}",
        "mailto:a@b.example",
        "👩‍👩‍👧",
        "\u{feff}",
        "]]>",
        "'",
        "\"",
    ]);
    let long = (0..1_200_usize).prop_map(|n| "<&é".repeat(n));
    let piece = prop_oneof![8 => bait.prop_map(str::to_owned), 4 => "\\PC{0,20}", 2 => any::<String>(), 1 => long];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    /// A report whose every text is hostile, with lists as long as a fleet.
    pub fn hostile_report()(
        texts in prop::collection::vec(hostile(), 12),
        lists in (0..80_usize, 0..80_usize, 0..80_usize),
        confidence in any::<f64>(),
        status in 0..6_usize,
    ) -> Report {
        let text = |index: usize| texts[index % texts.len()].clone();
        let mut report = refused(u64::MAX);
        report.breaker = Breaker { rule: text(0), target: text(1) };
        report.summary = text(2);
        report.headline = text(3);
        report.owner = Some(text(4));
        report.env = Some(text(5));
        report.runbook = Some(text(6));
        report.rule_revision = text(7);
        report.status = [
            Status::Investigating, Status::Waiting, Status::Acting, Status::Verifying,
            Status::NeedsPerson, Status::Recovered,
        ][status];
        report.verdict.as_mut().unwrap().confidence = confidence;
        report.clues = (0..lists.0).map(|n| clue(Cause::Auth, &text(n), confidence, &text(n + 1))).collect();
        report.plan = (0..lists.1).map(|n| step(&text(n), Mark::Ahead)).collect();
        report.guards = (0..lists.2)
            .map(|n| GuardVerdict {
                guard: Guard::Cause,
                answer: Answer::Refuse { why: text(n), until: Some(at(0)) },
            })
            .collect();
        report.next = Some(NextStep { text: text(8), at: Some(at(0)) });
        report
    }
}
