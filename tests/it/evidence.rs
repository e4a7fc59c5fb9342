//! Evidence and actions over the wire: what each system answers, and that no fault ever becomes a value (P8).

mod alertmanager;
#[cfg(feature = "aws")]
mod aws;
#[cfg(all(feature = "aws", feature = "azure"))]
mod azure;
#[cfg(feature = "docker")]
mod docker;
mod documents;
mod faults;
mod loki;
mod pages;
mod postgres;
mod prometheus;
pub mod raw;
mod reach;
mod reset;
mod stores;
mod victoria;

use reclose::core::evidence::{Ask, Finding, HttpAsk, Question, Reading};
use reclose::core::time::Timestamp;
use reclose::systems::secrets::Secrets;
use reclose::systems::{Endpoint, Endpoints, Systems};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer than any local answer, shorter than anybody's patience.
pub const BUDGET: Duration = Duration::from_secs(5);

pub fn now() -> Timestamp {
    reclose::engine::clock::Clock::start(None).now()
}

pub fn systems(endpoints: Endpoints) -> Systems {
    let secrets = Secrets::new(|name| (name == "TOKEN").then(|| "s3cret-token".to_owned()));
    Systems::new(endpoints, secrets).unwrap()
}

pub fn question(name: &str, ask: Ask) -> Question {
    Question { name: name.to_owned(), ask, max_age: Duration::from_mins(1) }
}

pub fn get(url: impl Into<String>, pointer: Option<&str>) -> HttpAsk {
    HttpAsk {
        method: "GET".to_owned(),
        url: url.into(),
        headers: BTreeMap::new(),
        json: None,
        secrets: BTreeMap::new(),
        said: BTreeMap::new(),
        pointer: pointer.map(str::to_owned),
        expect: None,
        timeout: Duration::from_secs(3),
    }
}

/// One question, asked of these systems with no probes stored.
pub async fn ask(systems: &Systems, ask: Ask) -> Finding {
    ask_within(systems, ask, BUDGET).await
}

pub async fn ask_within(systems: &Systems, ask: Ask, budget: Duration) -> Finding {
    let questions = [question("q", ask)];
    let mut found = systems.ask_all(&questions, &BTreeMap::new(), now(), budget).await;
    found.remove("q").unwrap()
}

pub fn reading(finding: Finding) -> Reading {
    match finding {
        Finding::Value(reading) => reading,
        Finding::NoData(_) | Finding::Failed(_) => panic!("no value: {finding:?}"),
    }
}

pub fn endpoint(url: &str) -> Option<Endpoint> {
    Some(Endpoint { url: url.to_owned(), auth: None, tenant: None })
}
