//! What each answer of Slack means to the client; that nothing hangs, nothing panics and no token is shown.

use std::time::{Duration, Instant};

use reclose::core::time::Timestamp;
use reclose::store::Posted;
use reclose::systems::slack::{Found, Kind, Place, Search, Slack, SlackError, Tag, blocks};
use serde_json::json;

use super::fake::{self, Answer, FakeSlack, Faults};
use super::reports;

const POST: &str = "chat.postMessage";

pub fn client(fake: &FakeSlack) -> Slack {
    Slack::new(Some(&fake.api_url), &fake::TOKEN.into()).unwrap()
}

fn place(channel: &str) -> Place<'_> {
    Place { channel, thread: None }
}

async fn post(slack: &Slack, delivery: &str) -> Result<Posted, SlackError> {
    let message = blocks::root(&reports::waiting(1));
    slack.post(place("#incidents"), &message, Tag { delivery, revision: 7 }).await
}

async fn find(slack: &Slack, channel: &str, delivery: &str) -> Result<Option<Found>, SlackError> {
    let since = Timestamp::now();
    slack.find(Search { place: place(channel), delivery, since, since_wall: since }).await
}

#[tokio::test]
async fn a_message_is_posted_edited_and_found_by_its_delivery() {
    let fake = FakeSlack::start("client").await;
    let slack = client(&fake);
    let posted = post(&slack, "e/INC-1/root").await.unwrap();
    assert_eq!(posted.channel, fake::CHANNEL);
    let tag = Tag { delivery: "e/INC-1/root", revision: 8 };
    let edited = slack.update(&posted, &blocks::root(&reports::recovered(1)), tag).await.unwrap();
    assert_eq!(edited, posted);
    let found = find(&slack, "#incidents", "e/INC-1/root").await.unwrap().unwrap();
    assert_eq!(found, Found { posted: posted.clone(), revision: 8 });
    assert_eq!(find(&slack, "#incidents", "e/INC-2/root").await.unwrap(), None);

    let thread = Place { thread: Some(&posted.ts), ..place(fake::CHANNEL) };
    let tag = Tag { delivery: "e/INC-1/thread/0", revision: 1 };
    let reply = slack.post(thread, &blocks::line("opened"), tag).await.unwrap();
    let since = Timestamp::now();
    let search = Search { place: thread, delivery: tag.delivery, since, since_wall: since };
    assert_eq!(slack.find(search).await.unwrap().unwrap().posted, reply);
    let page = Tag { delivery: "e/INC-1/page/1", revision: 1 };
    slack.post(thread, &blocks::page(&reports::page(1)), page).await.unwrap();
    let messages = fake.messages();
    assert_eq!(messages.len(), 3);
    assert!(messages[2].broadcast && !messages[1].broadcast);
}

#[tokio::test]
async fn a_look_up_passes_over_what_others_wrote_and_turns_every_page() {
    let fake = FakeSlack::start("client").await;
    let slack = client(&fake);
    post(&slack, "e/INC-1/root").await.unwrap();
    let stolen =
        json!({ "event_type": "reclose_delivery", "event_payload": { "d": "e/INC-9/root" } });
    fake.post_as_other(fake::CHANNEL, stolen);
    let odd = json!({ "event_type": "x", "event_payload": { "number": 1, "list": [null] } });
    for _ in 0..450 {
        fake.post_as_other(fake::CHANNEL, odd.clone());
    }
    assert!(find(&slack, fake::CHANNEL, "e/INC-1/root").await.unwrap().is_some());
    assert_eq!(find(&slack, fake::CHANNEL, "e/INC-9/root").await.unwrap(), None);
}

#[tokio::test]
async fn every_answer_is_classified() {
    let fake = FakeSlack::start("client").await;
    let slack = client(&fake);
    let raw = |status, retry_after: Option<&str>, content_type: &str, body: &str| Answer::Raw {
        status,
        retry_after: retry_after.map(str::to_owned),
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    };
    let json = "application/json";
    let limited = r#"{"ok":false,"error":"ratelimited"}"#;
    let wait = |seconds| Kind::RateLimited(Duration::from_secs(seconds));
    let leak = format!("invalid token {}", fake::TOKEN);
    let echo = format!(r#"{{"ok":false,"error":"{leak}"}}"#);
    let cases = [
        // B21
        (raw(200, None, "text/html", "<html>hello"), Kind::Ambiguous),
        (raw(200, None, json, r#"{"ok":false,"error":"brand_new"}"#), Kind::Unknown),
        (raw(200, None, json, r#"{"ok":false}"#), Kind::Ambiguous),
        (raw(200, None, json, r#"{"ok":false,"channel":"C1","ts":"1.1"}"#), Kind::Ambiguous),
        (raw(302, None, "text/html", ""), Kind::Temporary),
        (raw(200, None, json, r#"{"ok":true,"chan"#), Kind::Ambiguous),
        (raw(200, None, ";;;", r#"{"ok":false,"error":"fatal_error"}"#), Kind::Ambiguous),
        (raw(200, None, json, "\u{0}\u{1}"), Kind::Ambiguous),
        (raw(403, None, "text/html", "blocked by a proxy"), Kind::Temporary),
        (raw(503, None, "text/plain", "upstream"), Kind::Ambiguous),
        // B22
        (raw(429, Some("7"), json, limited), wait(7)),
        (raw(429, Some("-1"), json, limited), wait(30)),
        (raw(429, Some("9999999"), json, limited), wait(900)),
        (raw(429, Some("soon"), json, limited), wait(30)),
        (raw(429, Some("0"), json, limited), wait(1)),
        (raw(429, None, "text/html", "slow down"), wait(30)),
        (raw(429, Some("7"), ";;;", limited), wait(7)),
        // B25
        (raw(200, None, json, &echo), Kind::Unknown),
        (raw(500, None, "text/plain", &leak), Kind::Ambiguous),
        (raw(404, None, "text/plain", &leak), Kind::Temporary),
        (Answer::Lost(2), Kind::Ambiguous),
        (Answer::Code("not_in_channel".into()), Kind::Channel),
        (Answer::Code("msg_blocks_too_long".into()), Kind::Content),
        (Answer::Code("token_revoked".into()), Kind::Credential),
    ];
    for (answer, kind) in cases {
        fake.set_faults(Faults::next([(POST, answer.clone())]));
        let error = post(&slack, "e/INC-1/root").await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer:?}");
        let shown = format!("{error} {error:?} {slack:?}");
        assert!(!shown.contains(fake::TOKEN), "{shown}");
    }
}

#[tokio::test]
async fn slacks_own_refusals_are_understood() {
    let fake = FakeSlack::start("client").await;
    let slack = client(&fake);
    let message = blocks::line("hello");
    let tag = Tag { delivery: "d", revision: 1 };
    for (channel, kind) in [
        (fake::ARCHIVED, Kind::Channel),
        (fake::NOT_A_MEMBER, Kind::Channel),
        ("#nowhere", Kind::Channel),
    ] {
        let error = slack.post(place(channel), &message, tag).await.unwrap_err();
        assert_eq!(error.kind, kind, "{channel}");
    }
    assert_eq!(find(&slack, "#nowhere", "d").await.unwrap_err().kind, Kind::Channel);
    let thread = Place { channel: fake::CHANNEL, thread: Some("1.000001") };
    let error = slack.post(thread, &message, tag).await.unwrap_err();
    assert_eq!(error.kind, Kind::Thread);
    let gone = Posted { channel: fake::CHANNEL.into(), ts: "1.000001".into() };
    let error = slack.update(&gone, &message, tag).await.unwrap_err();
    assert_eq!(error.kind, Kind::LostAnchor);
    let wrong = Slack::new(Some(&fake.api_url), &"xoxb-wrong".into()).unwrap();
    assert_eq!(post(&wrong, "d").await.unwrap_err().kind, Kind::Credential);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let fake = FakeSlack::start("client").await;
    let url = fake.api_url.clone();
    drop(fake);
    tokio::task::yield_now().await;
    // The port may be open for a moment longer than the server.
    for _ in 0..100 {
        let slack = Slack::new(Some(&url), &fake::TOKEN.into()).unwrap();
        if post(&slack, "d").await.unwrap_err().kind == Kind::Temporary {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a refused connection was not understood");
}

#[tokio::test]
async fn a_silent_slack_is_left_after_ten_seconds() {
    let fake = FakeSlack::start("client").await;
    let slack = client(&fake);
    fake.set_faults(Faults::next([(POST, Answer::Hang)]));
    let began = Instant::now();
    assert_eq!(post(&slack, "d").await.unwrap_err().kind, Kind::Ambiguous);
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
}
