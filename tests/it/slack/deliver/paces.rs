//! Slack is never called faster than it asks.

use std::time::Instant;

use super::*;
use crate::slack::fake::Answer;

/// Real time: the clock follows it.
fn follow(desk: &Desk) -> JoinHandle<()> {
    let (clock, news) = (desk.clock.clone(), Arc::clone(&desk.news));
    let (began, start) = (Instant::now(), clock.now());
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            clock.set(after(start, began.elapsed()));
            news.notify_one();
        }
    })
}

#[tokio::test]
async fn ten_roots_at_once_are_never_told_to_wait() {
    let mut desk = Desk::new("paces", 10, Timing::default()).await;
    desk.fake.limit_posts(1.0, 3.0);
    let time = follow(&desk);
    for target in 0..10 {
        let incident = desk.opens(target).await;
        desk.tells(incident, report(incident, "opened", &[]), None).await;
    }
    desk.work().await;
    desk.until("ten roots", |messages| messages.len() == 10).await;
    time.abort();
    let posts = desk.calls("chat.postMessage");
    let took = posts[9].at - posts[0].at;
    assert_eq!(posts.len(), 10, "some were told to wait");
    assert!((Duration::from_secs(8)..Duration::from_secs(11)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn many_edits_become_few_and_the_last_one_stays() {
    let mut desk = Desk::new("paces", 1, Timing::default()).await;
    let time = follow(&desk);
    let incident = desk.opens(0).await;
    desk.work().await;
    for number in 0..30 {
        desk.tells(incident, report(incident, &format!("state {number}"), &[]), None).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let last = |messages: &[Message]| messages.iter().any(|one| headline(one) == "state 29");
    let messages = desk.until("the last state", last).await;
    time.abort();
    let edits = desk.calls("chat.update");
    assert_eq!(messages.len(), 1);
    assert!(edits.len() <= 3, "{} edits", edits.len());
    for pair in edits.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart >= Duration::from_millis(2_900), "{apart:?}");
    }
}

#[tokio::test]
async fn a_freeze_lasts_as_long_as_slack_says_and_holds_that_method_alone() {
    let mut desk = Desk::new("paces", 2, hurried()).await;
    let time = follow(&desk);
    let (first, second) = (desk.opens(0).await, desk.opens(1).await);
    desk.work().await;
    desk.tells(first, report(first, "opened", &[]), None).await;
    desk.until("the first root", |messages| messages.len() == 1).await;
    let wait = Answer::Raw {
        status: 429,
        retry_after: Some("2".into()),
        content_type: "application/json".into(),
        body: r#"{"ok":false,"error":"ratelimited"}"#.into(),
    };
    desk.fake.set_faults(Faults::next([("chat.postMessage", wait)]));
    desk.tells(second, report(second, "opened", &[]), None).await;
    desk.until("the refusal", |_| desk.calls("chat.postMessage").len() == 2).await;
    desk.tells(first, report(first, "edited", &[]), None).await;
    desk.until("the edit", |messages| messages.iter().any(|one| headline(one) == "edited")).await;
    assert_eq!(desk.fake.messages().len(), 1);
    desk.until("the second root", |messages| messages.len() == 2).await;
    time.abort();
    let posts = desk.calls("chat.postMessage");
    let waited = posts[2].at - posts[1].at;
    assert!(waited >= Duration::from_millis(1_950), "{waited:?}");
}
