//! A report as Slack shows it. Never longer than Slack takes, never with markup that somebody else wrote.
//!
//! What others wrote stands in `plain_text`, which is shown literally, or in `verbatim` mrkdwn after `text::mrkdwn`.

use slack_morphism::prelude::*;

use super::text;
use crate::core::cause::{Clue, Lasting, Verdict};
use crate::core::guard::{Answer, GuardVerdict};
use crate::core::report::{Mark, NextStep, Notice, Page, Report, Status};
use crate::core::rule::{BreakerState, Contact};
use crate::core::time::Timestamp;

// Slack's limits: 50 blocks, header 150, section 3,000, field 2,000 characters, and an undocumented sum near 13,000.
// Ours keep the sum of a message under 10,000, whatever the report holds; a test tries.
const HEADER_MAX: usize = 150;
const HEADLINE_MAX: usize = 500;
const FIELD_MAX: usize = 300;
const LINE_MAX: usize = 300;
const LIST_MAX: usize = 2_300;
const CONTEXT_MAX: usize = 200;
const URL_MAX: usize = 500;
const FALLBACK_MAX: usize = 500;
const THREAD_LINE_MAX: usize = 2_900;
const PAGE_REASON_MAX: usize = 1_500;
const ADVICE_MAX: usize = 600;
/// More than three clues make nobody wiser at 3 a.m.; the thread has them all.
const CLUES_MAX: usize = 3;
const STEPS_MAX: usize = 12;
/// A page that calls everybody calls nobody; Slack also refuses very many mentions.
const MENTIONS_MAX: usize = 10;

/// A message as it is sent: `text` is what a phone shows before it is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub text: String,
    pub blocks: Vec<SlackBlock>,
    /// Also shown in the channel, if it stands in a thread.
    pub broadcast: bool,
    /// A user group's `@name` in `text` becomes a call.
    pub link_names: bool,
}

/// The root message: the present truth.
pub fn root(report: &Report) -> Message {
    let title = title(report);
    let mut blocks: Vec<SlackBlock> = vec![
        SlackHeaderBlock::new(literal(text::plain(&title, HEADER_MAX)).into()).into(),
        section(text::plain(&report.headline, HEADLINE_MAX)),
        SlackSectionBlock::new().with_fields(fields(report)).into(),
    ];
    blocks.extend(why(report));
    blocks.extend(report.advice.as_deref().map(|advice| section(advice_line(advice))));
    blocks.extend(plan(report));
    blocks.extend(guards(&report.guards));
    blocks.push(context(footer(report)));
    let fallback = format!("{title}: {}", report.headline);
    Message {
        text: text::mrkdwn(&fallback, FALLBACK_MAX),
        blocks,
        broadcast: false,
        link_names: false,
    }
}

/// One line of the thread.
pub fn line(line: &str) -> Message {
    Message {
        text: shown_or_dash(text::mrkdwn(line, FALLBACK_MAX)),
        blocks: vec![section(text::plain_lines(line.trim(), THREAD_LINE_MAX))],
        broadcast: false,
        link_names: false,
    }
}

/// A call for people: in the thread and in the channel, and only text, so that nothing can go wrong with it.
pub fn page(page: &Page) -> Message {
    let advice =
        page.advice.as_ref().map(|advice| format!("\n💡 {}", text::mrkdwn(advice, ADVICE_MAX)));
    let called: Vec<String> = page.to.iter().take(MENTIONS_MAX).map(mention).collect();
    let text = format!(
        "🚨 *{} needs a person* {}\n{}{}",
        page.incident,
        called.join(" "),
        text::mrkdwn(&page.reason, PAGE_REASON_MAX),
        advice.unwrap_or_default()
    );
    Message { link_names: text.contains('@'), text, blocks: vec![], broadcast: true }
}

/// What the server itself has to say, in the channel.
pub fn notice(notice: &Notice) -> Message {
    let lines = notice.lines.join("\n");
    let mut blocks = vec![section(text::plain(&notice.headline, HEADLINE_MAX))];
    if !lines.is_empty() {
        blocks.push(section(text::plain_lines(&lines, THREAD_LINE_MAX)));
    }
    let fallback = shown_or_dash(text::mrkdwn(&notice.headline, FALLBACK_MAX));
    Message { text: fallback, blocks, broadcast: false, link_names: false }
}

/// The same, when Slack refused the content: a short text, nothing else.
pub fn plainer(message: &Message) -> Message {
    // Cut between characters; what looks like markup was written here or is already inert.
    let text = message.text.chars().take(FALLBACK_MAX).collect();
    Message { text, blocks: vec![], ..message.clone() }
}

fn title(report: &Report) -> String {
    let state = match report.state {
        BreakerState::Open => "OPEN",
        BreakerState::HalfOpen => "HALF-OPEN",
        BreakerState::Closed => "CLOSED",
        BreakerState::Quiet => "CLOSED, LIMITED",
        BreakerState::Held => "HELD BY A PERSON",
        BreakerState::Unknown => "in unknown state",
    };
    format!("{} {} · {} breaker {state}", icon(report.status), report.incident, report.breaker.rule)
}

const fn icon(status: Status) -> &'static str {
    match status {
        Status::Investigating => "🔴",
        Status::Waiting | Status::Acting => "🟠",
        Status::Verifying => "🔵",
        Status::NeedsPerson => "🟣",
        Status::Recovered => "✅",
    }
}

/// The word for a status, here and on the terminal.
pub const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Investigating => "investigating",
        Status::Waiting => "waiting",
        Status::Acting => "acting",
        Status::Verifying => "verifying",
        Status::NeedsPerson => "needs a person",
        Status::Recovered => "recovered",
    }
}

fn fields(report: &Report) -> Vec<SlackBlockText> {
    let target = match &report.env {
        Some(env) => format!("{} · {env}", report.breaker.target),
        None => report.breaker.target.clone(),
    };
    let mut fields = vec![
        field("Status", status_word(report.status)),
        field("Target", &text::mrkdwn(&target, FIELD_MAX)),
        field("Open since", &date(report.opened_at)),
        field("Owner", &text::mrkdwn(report.owner.as_deref().unwrap_or("nobody named"), FIELD_MAX)),
        field(
            "Root cause",
            &report.verdict.as_ref().map_or_else(|| "not known yet".into(), root_cause),
        ),
    ];
    if let Some(known) = &report.acknowledged {
        let by = format!("{}, {}", text::mrkdwn(&known.by, FIELD_MAX), date(known.at));
        fields.push(field("Acknowledged", &by));
    }
    match (report.closed_at, &report.next) {
        (Some(at), _) => fields.push(field("Closed", &date(at))),
        (None, Some(next)) => fields.push(field("Next step", &next_step(next))),
        (None, None) => {}
    }
    fields
}

fn root_cause(verdict: &Verdict) -> String {
    let mut shown = format!("{} ({:.2})", verdict.class.name(), verdict.confidence);
    if let Some(other) = verdict.runner_up {
        shown.push_str(" · or ");
        shown.push_str(other.name());
    }
    shown.push_str(match verdict.lasting {
        Lasting::Yes => " · lasting",
        Lasting::No => " · gone",
        Lasting::Unknown => "",
    });
    if verdict.quota {
        shown.push_str(" · quota used up");
    }
    if let Some(at) = verdict.retry_at {
        shown.push_str(" · not before ");
        shown.push_str(&date(at));
    }
    shown
}

fn next_step(next: &NextStep) -> String {
    let shown = text::mrkdwn(&next.text, FIELD_MAX);
    match next.at {
        Some(at) => format!("{shown}, {}", date(at)),
        None => shown,
    }
}

fn why(report: &Report) -> Option<SlackBlock> {
    let clues = match &report.verdict {
        Some(verdict) if report.clues.is_empty() => &verdict.because,
        Some(_) | None => &report.clues,
    };
    list("🔎 Why", clues.iter().map(|one| format!("• {}", clue(one))), CLUES_MAX)
}

/// A clue in one line, here and on the terminal.
pub fn clue(clue: &Clue) -> String {
    let count = if clue.count.fract() == 0.0 {
        format!("{:.0}", clue.count)
    } else {
        format!("{:.2}", clue.count)
    };
    let Clue { cause, question, sample, .. } = clue;
    let name = cause.name();
    if sample.is_empty() {
        format!("{name} ×{count} ({question})")
    } else {
        format!("{name} ×{count} ({question}): {sample}")
    }
}

fn advice_line(advice: &str) -> String {
    format!("💡 {}", text::plain(advice, ADVICE_MAX))
}

fn plan(report: &Report) -> Option<SlackBlock> {
    let asked = report.guards.iter().any(|one| matches!(one.answer, Answer::NeedsApproval { .. }));
    let steps = report.plan.iter().enumerate().map(|(before, step)| {
        let mark = match step.mark {
            Mark::Done => "✅",
            Mark::Now if asked => "⏸",
            Mark::Now => "▶",
            Mark::Ahead => "⬚",
            Mark::Skipped => "⏭",
        };
        format!("{mark} {} {}", before + 1, step.text)
    });
    list("🪜 Plan", steps, STEPS_MAX)
}

fn guards(guards: &[GuardVerdict]) -> Option<SlackBlock> {
    let denied: Vec<String> = guards.iter().filter_map(denial).collect();
    if guards.is_empty() {
        None
    } else if denied.is_empty() {
        let all = guards.len();
        Some(context(format!("{all}/{all} guards pass")))
    } else {
        list("🛡 Guards", denied.into_iter(), usize::MAX)
    }
}

/// What a guard says against an action, in one line; nothing if it allows.
pub fn denial(verdict: &GuardVerdict) -> Option<String> {
    let name = verdict.guard.name();
    match &verdict.answer {
        Answer::Allow => None,
        Answer::NeedsApproval { whom } => Some(format!("⏸ {name}: needs the approval of {whom}")),
        Answer::Refuse { why, until: None } => Some(format!("⛔ {name}: {why}")),
        Answer::Refuse { why, until: Some(until) } => {
            Some(format!("⛔ {name}: {why}, until {}", until.strftime("%H:%M:%S UTC")))
        }
    }
}

fn footer(report: &Report) -> String {
    let revision: String = report.rule_revision.chars().take(8).collect();
    let mut parts = vec![
        text::mrkdwn(&format!("{}, revision {revision}", report.breaker.rule), CONTEXT_MAX),
        format!("mode {}", report.mode.name()),
    ];
    if let Some(runbook) = &report.runbook {
        parts.push(match link_target(runbook) {
            Some(url) => format!("<{}|runbook>", text::plain(url, URL_MAX * 5)),
            None => text::mrkdwn(&format!("runbook {runbook}"), CONTEXT_MAX),
        });
    }
    if !report.summary.is_empty() {
        parts.push(text::mrkdwn(&report.summary, CONTEXT_MAX));
    }
    parts.push(format!("updated {}", date(report.at)));
    parts.join(" · ")
}

/// A URL that may be a link: http(s) to a host with a name. Anything else is shown as text.
fn link_target(url: &str) -> Option<&str> {
    let safe = url.len() <= URL_MAX
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>|\"'`\\".contains(&byte));
    let uri: http::Uri = safe.then(|| url.parse().ok())??;
    let host = uri.host()?;
    let scheme = uri.scheme_str()?;
    let last = host.trim_end_matches('.').rsplit('.').next()?;
    // The last label of a name begins with a letter; addresses in any notation do not, or have colons.
    let named = last.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && host.contains('.')
        && !uri.authority()?.as_str().contains('@');
    (named && matches!(scheme, "http" | "https")).then_some(url)
}

/// A heading and its lines, literally; the rest is counted.
fn list(
    heading: &str,
    lines: impl ExactSizeIterator<Item = String>,
    max: usize,
) -> Option<SlackBlock> {
    let all = lines.len();
    if all == 0 {
        return None;
    }
    let mut shown = heading.to_owned();
    let mut number = 0;
    for line in lines.take(max) {
        let line = text::plain(&line, LINE_MAX);
        if text::length(&shown) + text::length(&line) + 1 > LIST_MAX {
            break;
        }
        shown.push('\n');
        shown.push_str(&line);
        number += 1;
    }
    if number < all {
        shown = format!("{shown}\nand {} more", all - number);
    }
    Some(section(shown))
}

fn mention(contact: &Contact) -> String {
    let Contact::Slack(name) = contact;
    let name = name.trim();
    let is_id = name.len() >= 9
        && name.len() <= 24
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match name.chars().next() {
        Some('U' | 'W') if is_id => format!("<@{name}>"),
        Some('S') if is_id => format!("<!subteam^{name}>"),
        _ => match name.trim_start_matches('@') {
            group @ ("here" | "channel" | "everyone") => format!("<!{group}>"),
            group => format!("@{}", text::mrkdwn(group, FIELD_MAX)),
        },
    }
}

/// Slack shows it in the reader's own zone.
fn date(at: Timestamp) -> String {
    let fallback = at.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("<!date^{}^{{date_short_pretty}} {{time_secs}}|{fallback}>", at.as_second())
}

fn field(name: &str, value: &str) -> SlackBlockText {
    verbatim(format!("*{name}*\n{value}")).into()
}

fn section(shown: String) -> SlackBlock {
    SlackSectionBlock::new().with_text(literal(shown_or_dash(shown)).into()).into()
}

/// Slack refuses an empty text.
fn shown_or_dash(shown: String) -> String {
    if shown.trim().is_empty() { "–".to_owned() } else { shown }
}

fn context(markdown: String) -> SlackBlock {
    SlackContextBlock::new(vec![SlackContextBlockElement::MarkDown(verbatim(markdown))]).into()
}

/// `:fire:` stays a word.
fn literal(shown: String) -> SlackBlockPlainText {
    SlackBlockPlainText::new(shown).with_emoji(false)
}

/// Addresses and `#names` stay words.
fn verbatim(shown: String) -> SlackBlockMarkDownText {
    SlackBlockMarkDownText::new(shown).with_verbatim(true)
}
