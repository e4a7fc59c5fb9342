//! The outbox's worker against the fake: nothing twice, nothing lost, nothing too fast.

use std::sync::Arc;
use std::time::Duration;

use reclose::core::effect::Effect;
use reclose::core::incident::{Entry, IncidentId};
use reclose::core::planted::Bugs;
use reclose::core::report::{Page, Report};
use reclose::core::rule::{RuleSet, Target};
use reclose::core::time::{Timestamp, after};
use reclose::engine::clock::Clock;
use reclose::engine::deliver::{Channel, Deliverer, Timing};
use reclose::store::Store;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::client;
use super::fake::{self, FakeSlack, Faults, Message};
use super::reports;
use crate::store::world::{self, World};

mod faults;
mod paces;
mod ways_out;

/// A store, a fake Slack, and a worker between them that can be ended at any moment.
struct Desk {
    world: World,
    clock: Clock,
    fake: FakeSlack,
    timing: Timing,
    news: Arc<Notify>,
    worker: Option<JoinHandle<()>>,
}

impl Desk {
    async fn new(name: &str, targets: usize, timing: Timing) -> Self {
        let store = Store::memory("e0", Bugs::default());
        Self::over(World { store, rules: rules(targets), dir: None }, name, timing).await
    }

    /// Over a store on disk, which every crash opens again.
    async fn on_disk(name: &str, targets: usize, timing: Timing) -> Self {
        let world = World { rules: rules(targets), ..World::sqlite().await };
        Self::over(world, name, timing).await
    }

    async fn over(world: World, name: &str, timing: Timing) -> Self {
        let clock = Clock::manual(Timestamp::now());
        world.store.start(clock.now(), "test", &world.rules).await.unwrap();
        let fake = FakeSlack::start(name).await;
        Self { world, clock, fake, timing, news: Arc::default(), worker: None }
    }

    /// Time moves ten times as fast, and the worker is told.
    fn hurry(&self) -> JoinHandle<()> {
        let (clock, news) = (self.clock.clone(), Arc::clone(&self.news));
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            loop {
                tick.tick().await;
                clock.set(after(clock.now(), Duration::from_millis(50)));
                news.notify_one();
            }
        })
    }

    /// A new process: what was on its way is in doubt.
    async fn work(&mut self) {
        self.crash().await;
        self.world.restart().await;
        self.world.store.start(self.clock.now(), "test", &self.world.rules).await.unwrap();
        let channel = Channel::Slack {
            slack: Box::new(client(&self.fake)),
            default: "#incidents".to_owned(),
        };
        let store = self.world.store.clone();
        let deliverer = Deliverer::new(store, channel, self.clock.clone(), self.timing);
        let run = deliverer.run(Arc::clone(&self.news), CancellationToken::new());
        self.worker = Some(tokio::spawn(run));
    }

    /// The process ends, wherever it is.
    async fn crash(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
            drop(worker.await);
        }
    }

    /// The breaker of a target opens.
    async fn opens(&self, target: usize) -> IncidentId {
        self.world.opens(&target_name(target), self.clock.now()).await
    }

    async fn tells(&self, incident: IncidentId, report: Report, page: Option<Page>) {
        self.world
            .moves(incident, self.clock.now(), |decision| {
                decision.wake = Some(self.clock.now());
                decision.effects.push(Effect::Tell(Box::new(report)));
                decision.effects.extend(page.map(Effect::Page));
            })
            .await;
        self.news.notify_one();
    }

    /// Waits until the fake shows what is asked for.
    async fn until(&self, what: &str, done: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        for _ in 0..6_000 {
            let messages = self.fake.messages();
            if done(&messages) {
                return messages;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let messages = self.fake.messages();
        panic!("not within a minute: {what}\n{} messages: {messages:#?}", messages.len());
    }

    fn calls(&self, method: &str) -> Vec<fake::Call> {
        self.fake.calls().into_iter().filter(|call| call.method == method).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.abort();
        }
    }
}

fn target_name(number: usize) -> String {
    format!("service-{number}")
}

/// The world's rule, over so many targets.
fn rules(targets: usize) -> RuleSet {
    let mut rules = world::rules();
    let names: Vec<String> = (0..targets).map(target_name).collect();
    for name in &names {
        let target =
            Target { name: name.clone(), group: name.clone(), ..rules.targets["pms"].clone() };
        rules.targets.insert(name.clone(), target);
    }
    rules.rules.get_mut("breaker").unwrap().targets.extend(names);
    rules
}

/// A report with new lines of the thread.
fn report(incident: IncidentId, headline: &str, lines: &[&str]) -> Report {
    Report {
        headline: headline.to_owned(),
        channel: None,
        thread: lines
            .iter()
            .map(|line| Entry { at: reports::at(0), text: (*line).to_owned() })
            .collect(),
        ..reports::waiting(incident.0)
    }
}

fn page(incident: IncidentId, number: u32) -> Page {
    Page { number, ..reports::page(incident.0) }
}

fn hurried() -> Timing {
    Timing {
        post_every: Duration::from_millis(10),
        edit_apart: Duration::from_millis(50),
        edit_every: Duration::from_millis(10),
        read_every: Duration::from_millis(10),
        ..Timing::default()
    }
}

fn headline(message: &Message) -> &str {
    message.blocks.pointer("/1/text/text").and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn lost_answers(seed: u64) -> Faults {
    Faults { drop_after_commit: 30, limit: 20, seed, ..Faults::default() }
}
