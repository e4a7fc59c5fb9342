//! `kill -9` at every failpoint of ingest and of execution. The judge is the fake target's own count and the fake Slack's
//! messages, not our store: no acknowledged alert lost, no action twice, unknown outcomes paged, one root message.

pub mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use rustix::process::Signal;

use crate::served::{Place, Running, payload, signal, until};
use crate::slack::fake::{self, FakeSlack};
use target::{Cut, Target};

/// Where the process dies, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Death {
    At(&'static str),
    /// The target ends its client in the middle of the wire.
    Wire(&'static str),
    /// From outside, while commits run.
    DuringCommit,
    /// Frozen after its last check, then thawed.
    Frozen(&'static str),
    /// Killed again while it recovers.
    Twice(&'static str, &'static str),
}

const DEATHS: [Death; 24] = [
    Death::At("ingest-after-read"),
    Death::At("ingest-before-commit"),
    Death::DuringCommit,
    Death::At("ingest-after-commit"),
    Death::At("ingest-after-commit-before-response"),
    Death::At("ingest-mid-response"),
    Death::At("decide-before-commit"),
    Death::At("decide-after-commit"),
    Death::At("execute-after-intent-commit"),
    Death::At("execute-after-connect"),
    Death::Wire("after-first-byte"),
    Death::Wire("after-last-byte"),
    Death::At("execute-after-response"),
    Death::At("execute-before-outcome-commit"),
    Death::At("execute-after-outcome"),
    Death::At("slack-after-sending-commit"),
    Death::At("slack-after-response"),
    Death::At("slack-before-sent-commit"),
    Death::Frozen("paused-after-last-check"),
    Death::Twice("execute-after-intent-commit", "decide-before-commit"),
    Death::Twice("execute-after-response", "execute-after-outcome"),
    Death::Twice("slack-after-response", "slack-after-sending-commit"),
    Death::Twice("ingest-after-commit", "decide-after-commit"),
    Death::Twice("execute-after-intent-commit", "execute-before-outcome-commit"),
];
/// Runs of each death: 24 × 13 = 312.
const RUNS_EACH: usize = 13;
/// A death that came less often proves nothing.
const HITS_LEAST: usize = 10;
/// Runs wait far more than they work.
const AT_ONCE: usize = 12;

/// What one run did wrong, and whether its death came.
struct Verdict {
    death: Death,
    hit: bool,
    wrong: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_death_loses_an_alert_or_acts_twice() {
    let runs =
        std::env::var("RECLOSE_KILL_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(RUNS_EACH);
    let verdicts = matrix(&DEATHS, runs, None).await;
    let mut hits: BTreeMap<Death, usize> = BTreeMap::new();
    for verdict in &verdicts {
        *hits.entry(verdict.death).or_default() += usize::from(verdict.hit);
    }
    println!("{} runs", verdicts.len());
    for (death, hits) in &hits {
        println!("{hits:>5} deaths  {death:?}");
    }
    let wrong: Vec<_> = verdicts
        .iter()
        .filter(|verdict| !verdict.wrong.is_empty())
        .map(|verdict| (verdict.death, &verdict.wrong))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (death, hits) in hits {
        assert!(hits >= HITS_LEAST.min(runs), "{death:?} came in {hits} of {runs} runs only");
    }
}

/// The same matrix must fail for a build that does an unknown action again.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_redoes_is_caught() {
    let deaths = [
        Death::Wire("after-last-byte"),
        Death::At("execute-after-response"),
        Death::At("execute-before-outcome-commit"),
    ];
    let verdicts = matrix(&deaths, 3, Some("RedoUnknown")).await;
    let caught = verdicts
        .iter()
        .filter(|verdict| verdict.wrong.iter().any(|wrong| wrong.contains("twice")))
        .count();
    println!("{caught} of {} runs of the build that redoes were caught", verdicts.len());
    assert!(caught > 0, "nobody noticed that it redoes");
}

async fn matrix(deaths: &[Death], runs: usize, bug: Option<&'static str>) -> Vec<Verdict> {
    let done = Arc::new(Mutex::new(Vec::new()));
    let all = deaths.iter().flat_map(|death| (0..runs).map(move |n| (*death, n)));
    futures_util::stream::iter(all)
        .for_each_concurrent(AT_ONCE, |(death, n)| {
            let done = done.clone();
            async move {
                let verdict = run(death, n, bug).await;
                done.lock().unwrap().push(verdict);
            }
        })
        .await;
    Arc::into_inner(done).unwrap().into_inner().unwrap()
}

async fn run(death: Death, n: usize, bug: Option<&'static str>) -> Verdict {
    let target = Target::start().await;
    let slack = FakeSlack::start(&format!("kill-{n}")).await;
    // Half of the targets tell which decision they carried out.
    let place = place(&target, &slack, n % 2 == 0);
    let planted: Vec<(&str, &str)> = bug.iter().map(|name| ("RECLOSE_BUG", *name)).collect();
    let alert = payload(&[("alertname", "BreakerOpen"), ("service", "killed")], "firing");

    let acked = Mutex::new(false);
    let hit = first_life(death, n, &place, &target, (&planted, &alert, &acked)).await;
    if let Death::Twice(_, second) = death {
        let at = format!("{second}:1");
        let mut again =
            place.start(&[&planted[..], &[("RECLOSE_KILL_AT", at.as_str())]].concat()).await;
        until_for(Duration::from_secs(4), || again.ended()).await;
        again.kill();
    }
    let acked_before = *acked.lock().unwrap();
    let _last = place.start(&planted).await;
    if !acked_before {
        // What was not acknowledged is Alertmanager's to send again.
        assert!(
            place.post(&alert).await,
            "the alert was not taken after the restart: {}",
            place.log()
        );
    }
    let settled = settled(&place, &slack).await;
    let mut wrong = judge(&target, &slack, &place);
    if !settled {
        wrong.push(format!("it did not end: {:?}\n{}", place.incidents(), place.log()));
    }
    Verdict { death, hit, wrong }
}

/// Until the death: one alert, sent again as Alertmanager would while it is not acknowledged.
async fn first_life(
    death: Death,
    n: usize,
    place: &Place,
    target: &Target,
    (planted, alert, acked): (&[(&str, &str)], &serde_json::Value, &Mutex<bool>),
) -> bool {
    let at = match death {
        Death::At(name) | Death::Twice(name, _) => Some(("RECLOSE_KILL_AT", format!("{name}:1"))),
        Death::Frozen(name) => Some(("RECLOSE_STOP_AT", format!("{name}:1"))),
        Death::Wire(_) | Death::DuringCommit => None,
    };
    let hooks: Vec<(&str, &str)> = planted
        .iter()
        .copied()
        .chain(at.iter().map(|(variable, text)| (*variable, text.as_str())))
        .collect();
    let mut first = place.start(&hooks).await;
    if let Death::Wire(cut) = death {
        target.cut(
            if cut == "after-first-byte" { Cut::AfterFirstByte } else { Cut::AfterLastByte },
            first.pid(),
        );
    }
    if death == Death::DuringCommit {
        return during_commit(n, place, (alert, acked), &mut first).await;
    }
    if place.post(alert).await {
        *acked.lock().unwrap() = true;
    }
    if let Death::Frozen(_) = death {
        let frozen = until_for(Duration::from_secs(20), || stopped(first.pid())).await;
        tokio::time::sleep(Duration::from_secs(if n % 4 == 0 { 5 } else { 1 })).await;
        signal(first.pid(), Signal::CONT);
        // It goes on for a moment, and then dies like all the others.
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.kill();
        return frozen;
    }
    let hit = until_for(Duration::from_secs(20), || first.ended()).await;
    first.kill();
    hit
}

/// A storm of alerts, and death at some moment of it.
async fn during_commit(
    n: usize,
    place: &Place,
    (alert, acked): (&serde_json::Value, &Mutex<bool>),
    first: &mut Running,
) -> bool {
    let storm = async {
        for _ in 0..200 {
            if place.post(alert).await {
                *acked.lock().unwrap() = true;
            }
        }
    };
    let kill = async {
        tokio::time::sleep(Duration::from_millis(20 + 7 * n as u64)).await;
        signal(first.pid(), Signal::KILL);
    };
    tokio::join!(tokio::time::timeout(Duration::from_secs(3), storm), kill).1;
    first.kill();
    true
}

/// Recovered, or with a person.
async fn settled(place: &Place, slack: &FakeSlack) -> bool {
    for _ in 0..120 {
        let incidents = place.incidents();
        let over = |incident: &serde_json::Value| {
            let text = incident.to_string();
            text.contains("recovered") && slack_says(slack, "recovered")
                || text.contains("escalated") && pages(slack) > 0
        };
        if !incidents.is_empty() && incidents.iter().all(over) {
            // What is still on its way to Slack may be a second copy: give it its moment.
            tokio::time::sleep(Duration::from_millis(500)).await;
            return true;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    false
}

fn judge(target: &Target, slack: &FakeSlack, place: &Place) -> Vec<String> {
    let mut wrong = Vec::new();
    let resets = target.resets();
    if resets.len() > 1 {
        wrong.push(format!("the target was reset twice or more: {resets:?}"));
    }
    let incidents = place.incidents();
    if incidents.len() != 1 {
        wrong.push(format!("{} incidents of one alert", incidents.len()));
    }
    let roots = slack.messages().iter().filter(|message| message.thread_ts.is_none()).count();
    if roots != 1 {
        wrong.push(format!("{roots} root messages of one incident"));
    }
    let text = incidents.iter().map(ToString::to_string).collect::<String>();
    if text.contains("\"unknown\"") && text.contains("escalated") && pages(slack) == 0 {
        wrong.push("an unknown outcome and nobody was called".to_owned());
    }
    wrong
}

fn pages(slack: &FakeSlack) -> usize {
    slack
        .messages()
        .iter()
        .filter(|message| message.thread_ts.is_some() && message.broadcast)
        .count()
}

fn slack_says(slack: &FakeSlack, word: &str) -> bool {
    slack
        .messages()
        .iter()
        .any(|message| message.thread_ts.is_none() && message.text.to_lowercase().contains(word))
}

fn stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
}

async fn until_for(most: Duration, so: impl FnMut() -> bool) -> bool {
    tokio::time::timeout(most, until(so)).await.unwrap_or(false)
}

fn place(target: &Target, slack: &FakeSlack, observable: bool) -> Place {
    let folder = tempfile::tempdir().unwrap().keep();
    let token = Place::secret(&folder, "slack-token", fake::TOKEN);
    let config = format!(
        "settle: 1s\nslack:\n  token: {{ file: \"{token}\" }}\n  channel: \"{}\"\n  api_url: \"{}\"\n",
        fake::CHANNEL,
        slack.api_url
    );
    let observe = if observable {
        "    observe: { get: \"{url}/state\", pointer: /last_reset/decision, timeout: 2s }\n"
    } else {
        ""
    };
    let rule = RULE.replace("    # observe\n", observe);
    let targets = TARGETS.replace("URL", &target.url);
    Place::new(&config, &[("killed.yaml", &rule), ("targets.yaml", &targets)])
}

pub const RULE: &str = r#"version: 1
breaker: killed
summary: A breaker whose keeper dies
mode: auto
targets: [killed]
match:
  - alertmanager: { alertname: BreakerOpen }
state:
  http: { get: "{url}/state", pointer: /state, timeout: 2s }
  max_age: 1m
  means: { closed: closed, open: open }
kind: manual
evidence:
  statuses:
    scrape: { url: "{url}/metrics", metric: calls_total, by: status }
  upstream: { probe: health }
ladder:
  upstream_5xx:
    - { do: close, when: { gone: true }, within: 30s }
  otherwise: [ escalate ]
actions:
  close:
    http: { post: "{url}/reset", timeout: 5s }
    # observe
    guards: { cooldown: 1s }
verify:
  hold: 1s
  within: 6s
  every: 1s
  all: [ { state: closed }, { healthy: upstream } ]
escalate:
  - { when: always, to: [ { slack: "@oncall" } ] }
probes:
  health:
    every: 1s
    http: { get: "{url}/health", timeout: 1s }
    hold: 1s
updates: { every: 15m }
"#;

pub const TARGETS: &str = r#"version: 1
targets:
  killed: { ceiling: auto, group: killed, owner: "@owner", vars: { url: "URL" } }
"#;
