//! What happens when Slack refuses: another channel, plainer words, a new root, and always the page.

use serde_json::Value;

use super::*;
use crate::slack::fake::Answer;

async fn desk() -> (Desk, JoinHandle<()>, IncidentId) {
    let mut desk = Desk::new("ways-out", 1, hurried()).await;
    let hurry = desk.hurry();
    desk.work().await;
    let incident = desk.opens(0).await;
    (desk, hurry, incident)
}

#[tokio::test]
async fn a_refused_channel_gives_way_to_the_default_one() {
    for refused in [fake::ARCHIVED, fake::NOT_A_MEMBER, "#nowhere"] {
        let (desk, hurry, incident) = desk().await;
        let told = Report { channel: Some(refused.into()), ..report(incident, "opened", &["a"]) };
        desk.tells(incident, told, Some(page(incident, 1))).await;
        let messages = desk.until("all three", |messages| messages.len() == 3).await;
        hurry.abort();
        assert!(messages.iter().all(|one| one.channel == fake::CHANNEL), "{messages:?}");
    }
}

#[tokio::test]
async fn a_rules_own_channel_is_used() {
    let (desk, hurry, incident) = desk().await;
    let told = Report { channel: Some("#payments".into()), ..report(incident, "opened", &["a"]) };
    desk.fake.set_faults(lost_answers(3));
    desk.tells(incident, told, None).await;
    let messages = desk.until("both", |messages| messages.len() == 2).await;
    hurry.abort();
    assert!(messages.iter().all(|one| one.channel == fake::SECOND_CHANNEL), "{messages:?}");
}

#[tokio::test]
async fn refused_content_is_said_more_plainly() {
    let (desk, hurry, incident) = desk().await;
    let refuse = |method| (method, Answer::Code("invalid_blocks".into()));
    desk.fake.set_faults(Faults::next([refuse("chat.postMessage")]));
    desk.tells(incident, report(incident, "opened", &[]), None).await;
    let messages = desk.until("the root", |messages| messages.len() == 1).await;
    assert!(messages[0].blocks.as_array().is_some_and(Vec::is_empty));
    assert!(messages[0].text.contains("opened"), "{}", messages[0].text);
    desk.fake.set_faults(Faults::next([refuse("chat.update")]));
    desk.tells(incident, report(incident, "changed", &[]), None).await;
    let messages = desk.until("an edit", |messages| messages[0].edits == 1).await;
    hurry.abort();
    assert!(messages[0].text.contains("changed"), "{}", messages[0].text);
}

#[tokio::test]
async fn a_deleted_root_is_posted_anew_and_the_thread_goes_on_there() {
    let (desk, hurry, incident) = desk().await;
    desk.tells(incident, report(incident, "opened", &["first"]), None).await;
    let messages = desk.until("root and line", |messages| messages.len() == 2).await;
    desk.fake.delete(&messages[0].ts);
    desk.tells(incident, report(incident, "changed", &["second"]), None).await;
    let messages = desk
        .until("the new root and its line", |messages| {
            messages.iter().any(|one| headline(one) == "changed")
                && messages.iter().any(|one| one.text.ends_with("second"))
        })
        .await;
    hurry.abort();
    let root = messages.iter().find(|one| headline(one) == "changed").unwrap();
    assert_ne!(root.ts, messages[0].ts);
    let second = messages.iter().find(|one| one.text.ends_with("second")).unwrap();
    // Either the line came under the new root, or, before the loss was seen, beside it: never nowhere.
    let under = second.thread_ts.as_deref();
    assert!(under == Some(&root.ts) || under.is_none(), "{second:?}");
}

#[tokio::test]
async fn a_page_does_not_wait_for_a_root_that_cannot_be_posted() {
    let (desk, hurry, incident) = desk().await;
    let refuse = || ("chat.postMessage", Answer::Code("service_unavailable".into()));
    desk.fake.set_faults(Faults::next((0..3).map(|_| refuse())));
    desk.tells(incident, report(incident, "opened", &[]), Some(page(incident, 1))).await;
    let is_page = |one: &Message| one.delivery().unwrap().contains("/page-");
    let messages = desk.until("the page", |messages| messages.iter().any(is_page)).await;
    hurry.abort();
    let page = messages.iter().find(|one| is_page(one)).unwrap();
    assert!(page.text.contains("<@U0123456789>"), "{}", page.text);
}

#[tokio::test]
async fn a_wrong_token_is_trouble_and_loses_nothing() {
    let (desk, hurry, incident) = desk().await;
    let refuse = || ("chat.postMessage", Answer::Code("token_revoked".into()));
    desk.fake.set_faults(Faults::next((0..2).map(|_| refuse())));
    desk.tells(incident, report(incident, "opened", &["a"]), None).await;
    let messages = desk.until("both, later", |messages| messages.len() == 2).await;
    hurry.abort();
    assert_eq!(messages.len(), 2);
    assert_eq!(desk.calls("chat.postMessage").len(), 4);
}

#[tokio::test]
async fn every_message_carries_its_delivery_and_revision_as_text() {
    let (desk, hurry, incident) = desk().await;
    desk.tells(incident, report(incident, "opened", &["a"]), Some(page(incident, 1))).await;
    let messages = desk.until("all three", |messages| messages.len() == 3).await;
    hurry.abort();
    for message in messages {
        let payload = message.metadata["event_payload"].as_object().unwrap();
        assert_eq!(message.metadata["event_type"], "reclose_delivery");
        assert_eq!(payload.keys().collect::<Vec<_>>(), ["d", "r"]);
        assert!(payload.values().all(Value::is_string), "{payload:?}");
    }
}

#[tokio::test]
async fn without_the_scope_to_read_posts_go_on_and_a_lost_page_is_sent_again() {
    let (desk, hurry, incident) = desk().await;
    desk.tells(incident, report(incident, "opened", &[]), None).await;
    desk.until("the root", |messages| messages.len() == 1).await;
    let unread = |method| (method, Answer::Code("missing_scope".into()));
    desk.fake.set_faults(Faults::next([
        ("chat.postMessage", Answer::Lost(1)),
        unread("conversations.replies"),
    ]));
    desk.tells(incident, report(incident, "opened", &[]), Some(page(incident, 1))).await;
    desk.until("the page, twice", |messages| messages.len() == 3).await;
    desk.tells(incident, report(incident, "opened", &["goes on"]), None).await;
    let messages = desk.until("a line", |messages| messages.len() == 4).await;
    hurry.abort();
    assert_eq!(messages[1].delivery(), messages[2].delivery());
    assert_eq!(messages[3].text, "goes on");
}
