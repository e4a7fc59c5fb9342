//! P10: answers are lost in 30 % of calls, 20 % are told to wait, and the process ends again and again.

use std::collections::BTreeMap;

use super::*;

const INCIDENTS: usize = 45;
const LINES: [&str; 3] = ["opened", "429 × 118", "waiting"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_twice_and_nothing_lost_while_history_can_be_read() {
    let mut desk = Desk::on_disk("faults", INCIDENTS, hurried()).await;
    desk.fake.set_faults(lost_answers(7));
    let hurry = desk.hurry();
    desk.work().await;
    let mut incidents = vec![];
    for target in 0..INCIDENTS {
        let incident = desk.opens(target).await;
        desk.tells(incident, report(incident, "opened", &LINES), Some(page(incident, 1))).await;
        incidents.push(incident);
    }
    let mut restarts = 0;
    for incident in &incidents {
        desk.tells(*incident, report(*incident, "newest", &[]), None).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
        desk.work().await;
        restarts += 1;
    }
    let expected = INCIDENTS * (1 + LINES.len() + 1);
    let messages = desk
        .until("every message, the roots in their newest words", |messages| {
            let newest = messages.iter().filter(|one| headline(one) == "newest").count();
            by_delivery(messages).len() == expected && newest >= INCIDENTS
        })
        .await;
    hurry.abort();
    let twice: Vec<_> = by_delivery(&messages).into_iter().filter(|(_, n)| *n > 1).collect();
    let answers = |word: &str| desk.fake.calls().iter().filter(|one| one.answer == word).count();
    println!(
        "{expected} deliveries, {restarts} restarts, {} calls, {} told to wait, {} looks: {} twice, 0 missing",
        desk.fake.calls().len(),
        answers("raw"),
        desk.calls("conversations.history").len() + desk.calls("conversations.replies").len(),
        twice.len(),
    );
    assert!(twice.is_empty(), "{twice:?}");
    in_their_threads(&messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_history_a_page_comes_once_or_twice_and_status_waits() {
    const FEW: usize = 15;
    let mut desk = Desk::new("faults", FEW, hurried()).await;
    let hurry = desk.hurry();
    desk.work().await;
    let mut incidents = vec![];
    for target in 0..FEW {
        let incident = desk.opens(target).await;
        desk.tells(incident, report(incident, "opened", &[]), None).await;
        incidents.push(incident);
    }
    desk.until("the roots", |messages| messages.len() == FEW).await;
    desk.fake.set_faults(Faults { history_unreadable: true, ..lost_answers(11) });
    for incident in &incidents {
        desk.tells(*incident, report(*incident, "opened", &["a line"]), Some(page(*incident, 1)))
            .await;
    }
    let pages = |messages: &[Message]| {
        let mut pages = by_delivery(messages);
        pages.retain(|id, _| id.contains("/page-"));
        pages
    };
    let messages = desk.until("every page", |messages| pages(messages).len() == FEW).await;
    let most = pages(&messages).into_values().max();
    desk.fake.set_faults(Faults::default());
    let messages = desk
        .until("every line, once history can be read", |messages| {
            by_delivery(messages).len() == 3 * FEW
        })
        .await;
    hurry.abort();
    println!("{FEW} pages without history: at most {most:?} of each");
    assert!(most <= Some(2), "{most:?}");
    for (id, count) in by_delivery(&messages) {
        assert!(count == 1 || id.contains("/page-"), "{id}: {count}");
    }
}

fn by_delivery(messages: &[Message]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.delivery().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Lines stand under the root of their incident, in their order; pages too, unless the root kept them waiting.
fn in_their_threads(messages: &[Message]) {
    let incident = |message: &Message| {
        let id = message.delivery().unwrap();
        id.rsplit_once('/').unwrap().0.to_owned()
    };
    let roots: BTreeMap<&str, String> = messages
        .iter()
        .filter(|one| one.delivery().unwrap().ends_with("/root"))
        .map(|one| (one.ts.as_str(), incident(one)))
        .collect();
    assert_eq!(roots.len(), INCIDENTS);
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for message in messages.iter().filter(|one| one.thread_ts.is_some()) {
        let root = message.thread_ts.as_deref().unwrap();
        assert_eq!(roots[root], incident(message));
        if message.delivery().unwrap().contains("/thread-") {
            lines.entry(incident(message)).or_default().push(&message.text);
        }
    }
    assert!(lines.values().all(|texts| texts == &LINES), "{lines:?}");
}
