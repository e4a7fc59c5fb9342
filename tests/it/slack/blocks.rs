//! How reports look, and that nothing which anybody writes into a label makes a mention, a link or a refusal.

use proptest::prelude::*;
use reclose::core::report::{Mark, Step};
use reclose::core::rule::Contact;
use reclose::systems::slack::blocks::{self, Message};
use reclose::systems::slack::text;
use serde_json::Value;

use super::reports;

const BLOCKS_MAX: usize = 50;
const TOTAL_MAX: usize = 10_000;

#[test]
fn a_waiting_breaker() {
    insta::assert_json_snapshot!(blocks::root(&reports::waiting(1_042)).blocks);
}

#[test]
fn a_refused_breaker() {
    insta::assert_json_snapshot!(blocks::root(&reports::refused(1_043)).blocks);
}

#[test]
fn a_recovered_breaker() {
    let message = blocks::root(&reports::recovered(1_044));
    insta::assert_json_snapshot!(message.blocks);
    insta::assert_snapshot!(message.text, @"✅ INC-1044 · capi breaker CLOSED: Closed, and held for five minutes.");
}

#[test]
fn a_page_calls_users_groups_and_names() {
    let page = blocks::page(&reports::page(7));
    insta::assert_snapshot!(page.text, @"
    🚨 *INC-7 needs a person* <@U0123456789> <!subteam^S0123456789> @devops-oncall
    The upstream refuses our credentials
    ");
    assert!(page.broadcast && page.link_names && page.blocks.is_empty());
}

#[test]
fn sixty_services_are_counted_not_listed() {
    let mut report = reports::waiting(1);
    report.plan = (0..60)
        .map(|number| Step { text: format!("reset service {number}"), mark: Mark::Ahead })
        .collect();
    let shown = serde_json::to_string(&blocks::root(&report).blocks).unwrap();
    assert!(shown.contains("and 48 more"), "{shown}");
}

#[test]
fn only_an_address_with_a_name_becomes_a_link() {
    let linked = |runbook: &str| {
        let mut report = reports::waiting(1);
        report.runbook = Some(runbook.to_owned());
        serde_json::to_string(&blocks::root(&report).blocks).unwrap().contains("|runbook>")
    };
    assert!(linked("https://runbooks.example.org/capi?a=1&b=2#x"));
    for bad in [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://2852039166/",
        "http://[fe80::1]/",
        "http://0x7f.1/",
        "https://a@evil.example/",
        "https://x.example/|login",
        "https://x.example/>",
        "docs/runbook.md",
        "http://localhost/",
        "",
        "https://x.example/ y",
    ] {
        assert!(!linked(bad), "{bad}");
    }
    assert!(!linked(&format!("https://x.example/{}", "a".repeat(3_000))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_hostile_report_is_bounded_and_inert(report in reports::hostile_report()) {
        check(&blocks::root(&report))?;
    }

    #[test]
    fn a_hostile_line_is_bounded_and_inert(line in reports::hostile()) {
        let message = blocks::line(&line);
        prop_assert!(!message.text.trim().is_empty());
        check(&message)?;
        check(&blocks::plainer(&message))?;
    }

    #[test]
    fn a_hostile_page_calls_only_whom_the_rule_names(reason in reports::hostile(), name in reports::hostile()) {
        let mut page = reports::page(1);
        page.reason = reason;
        page.to = vec![Contact::Slack("U0123456789".into()), Contact::Slack(format!("x{name}"))];
        let text = blocks::page(&page).text;
        let rest = text.replacen("<@U0123456789>", "", 1);
        prop_assert!(!rest.contains('<') && !rest.contains('>'), "{rest}");
        prop_assert_eq!(rest.matches('@').count(), 1, "{}", rest);
        prop_assert!(text::length(&text) <= 3_000);
    }
}

fn check(message: &Message) -> Result<(), TestCaseError> {
    prop_assert!(message.blocks.len() <= BLOCKS_MAX);
    inert_markdown(&message.text)?;
    let mut total = text::length(&message.text);
    for block in &serde_json::to_value(&message.blocks).unwrap().as_array().unwrap().clone() {
        let mut objects = vec![];
        text_objects(block, &mut objects);
        for object in objects {
            let shown = object["text"].as_str().unwrap();
            let length = text::length(shown);
            let max = match block["type"].as_str().unwrap() {
                "header" => 150,
                "section" if block.get("fields").is_some() => 2_000,
                _ => 3_000,
            };
            prop_assert!((1..=max).contains(&length), "{length} of {max}: {shown}");
            total += length;
            if object["type"] == "plain_text" {
                prop_assert!(!shown.contains(['<', '>']), "{}", shown);
                prop_assert_eq!(&object["emoji"], &Value::Bool(false));
                visible(shown)?;
            } else {
                prop_assert_eq!(&object["verbatim"], &Value::Bool(true));
                inert_markdown(shown)?;
            }
        }
    }
    prop_assert!(total <= TOTAL_MAX, "{total}");
    Ok(())
}

fn text_objects<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            if matches!(map.get("type").and_then(Value::as_str), Some("plain_text" | "mrkdwn")) {
                found.push(value);
            } else {
                map.values().for_each(|inner| text_objects(inner, found));
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| text_objects(inner, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Of what Slack obeys, only our own dates, the runbook's link and the bold names of fields may be left.
fn inert_markdown(shown: &str) -> Result<(), TestCaseError> {
    let ours = regex::Regex::new(
        r"<!date\^\d+\^\{date_short_pretty\} \{time_secs\}\|[-0-9: ]+UTC>|<https?://[^<>|]+\|runbook>",
    )
    .unwrap();
    let rest = ours.replace_all(shown, "");
    prop_assert!(!rest.contains(['<', '>', '`', '~', '@']), "{}", rest);
    // `*Name*` at the beginning of a field is ours.
    let bold = rest.matches('*').count();
    prop_assert!(bold == 0 || (bold == 2 && rest.starts_with('*')), "{}", rest);
    let bare = regex::Regex::new(r"&(amp|lt|gt);").unwrap().replace_all(&rest, "").contains('&');
    prop_assert!(!bare, "{}", rest);
    visible(shown)
}

fn visible(shown: &str) -> Result<(), TestCaseError> {
    let hidden = shown.chars().find(|ch| {
        (ch.is_control() && *ch != '\n')
            || matches!(ch, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    });
    prop_assert_eq!(hidden, None);
    Ok(())
}
