//! Azure as its reference describes it: versions, lines, numbers, failed operations; and what each fault is called.

use super::aws::faults::{Fault, faults, is_value, named};
use super::raw::{Raw, Then};
use super::{ask, now, question, reading, systems};
use crate::servers::azure::Azure;
use reclose::core::evidence::{
    Absence, Ask, AzureAsk, FailureKind, Finding, SecretRef, SecretShow, Value,
};
use reclose::core::rule::Probing;
use reclose::systems::azure::{AzureAccount, AzureLogin};
use reclose::systems::{Endpoints, Systems};
use std::collections::BTreeMap;
use std::time::Duration;

fn at(url: &str) -> Systems {
    let token = || Some(SecretRef::Env("TOKEN".to_owned()));
    let login = AzureLogin::Tokens { vault: token(), logs: token(), management: token() };
    let account = AzureAccount { login, management: url.to_owned(), logs: url.to_owned() };
    systems(Endpoints { azure: Some(account), ..Endpoints::default() })
}

fn secret(vault: &str, secret: &str, show: SecretShow) -> Ask {
    Ask::Azure(AzureAsk::Secret { vault: vault.to_owned(), secret: secret.to_owned(), show })
}

fn logs(query: &str, line: Option<&str>) -> Ask {
    Ask::Azure(AzureAsk::Logs {
        workspace: "w".to_owned(),
        query: query.to_owned(),
        last: Duration::from_mins(10),
        limit: 10,
        line: line.map(str::to_owned),
    })
}

fn activity() -> Ask {
    Ask::Azure(AzureAsk::Activity {
        subscription: "s".to_owned(),
        group: Some("logs".to_owned()),
        last: Duration::from_hours(1),
        limit: 10,
    })
}

fn kind(finding: Finding) -> FailureKind {
    match finding {
        Finding::Failed(failure) => failure.kind,
        other => panic!("no failure: {other:?}"),
    }
}

fn texts(finding: Finding) -> (Vec<String>, bool) {
    let Value::Lines { lines, complete } = reading(finding).value else { panic!() };
    assert!(lines.iter().all(|line| line.at.is_some_and(|at| at <= now())));
    (lines.into_iter().map(|line| line.text).collect(), complete)
}

#[tokio::test]
async fn a_vault_tells_version_and_age_and_never_a_value() {
    let fake = Azure::start(now().as_second()).await;
    let asks = at(&fake.url);
    let shown = async |name: &str, show| ask(&asks, secret(&fake.url, name, show)).await;
    let version = shown("api", SecretShow::Version).await;
    assert_eq!(reading(version).value, Value::Word("feed".to_owned()));
    let Value::Number(age) = reading(shown("api", SecretShow::Age).await).value else { panic!() };
    assert!((600.0..700.0).contains(&age), "{age}");
    let missing = shown("missing", SecretShow::Version).await;
    assert_eq!(missing, Finding::NoData(Absence::Empty));
    let endless = shown("endless", SecretShow::Version).await;
    assert_eq!(endless, Finding::NoData(Absence::Partial));
    assert_eq!(kind(shown("elsewhere", SecretShow::Age).await), FailureKind::Malformed);
    assert_eq!(kind(shown("forbidden", SecretShow::Age).await), FailureKind::Unauthorized);
    assert_eq!(kind(shown("limited", SecretShow::Age).await), FailureKind::ServerError);
    let probed = async |name: &str| {
        let (vault, secret) = (fake.url.clone(), name.to_owned());
        asks.probe(&Probing::Vault { vault, secret }, now()).await
    };
    assert!(probed("api").await.healthy);
    assert!(!probed("missing").await.healthy);
    let limited = probed("limited").await;
    assert_eq!((limited.healthy, limited.status), (false, Some(429)));
    assert_eq!(limited.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(probed("forbidden").await.status, Some(403));
    let asked = fake.requests();
    assert!(asked.iter().all(|path| path.contains("/versions")), "a value was asked: {asked:?}");
}

#[tokio::test]
async fn log_analytics_gives_lines_or_numbers() {
    let fake = Azure::start(now().as_second()).await;
    let asks = at(&fake.url);
    let asked = async |query: &str, line| ask(&asks, logs(query, line)).await;
    let line = Some("Message");
    let both = vec!["older".to_owned(), "newer".to_owned()];
    assert_eq!(texts(asked("lines", line).await), (both, true));
    assert_eq!(texts(asked("partial", line).await), (vec!["newer".to_owned()], false));
    assert_eq!(asked("none", line).await, Finding::NoData(Absence::Empty));
    assert_eq!(kind(asked("lines", Some("Text")).await), FailureKind::BadQuestion);
    assert_eq!(reading(asked("count", None).await).value, Value::Number(7.0));
    let by = BTreeMap::from([("200".to_owned(), 40.0), ("429".to_owned(), 12.0)]);
    assert_eq!(reading(asked("by", None).await).value, Value::Series(by));
    assert_eq!(asked("none", None).await, Finding::NoData(Absence::Empty));
    assert_eq!(asked("partial", None).await, Finding::NoData(Absence::Partial));
    assert_eq!(asked("nan", None).await, Finding::NoData(Absence::NotFinite));
    assert_eq!(kind(asked("nonsense", None).await), FailureKind::BadQuestion);
}

#[tokio::test]
async fn operations_that_failed_are_lines() {
    let fake = Azure::start(now().as_second()).await;
    let (lines, complete) = texts(ask(&at(&fake.url), activity()).await);
    assert!(complete && lines.len() == 2, "{lines:?}");
    assert!(lines[0].contains("older") && lines[1].contains("newer"), "{lines:?}");
    assert!(lines[1].contains("TooManyRequests"));
    assert!(fake.requests()[0].contains("resourceGroupName"));
}

#[tokio::test]
async fn a_token_is_not_sent_in_the_clear_and_a_wrong_one_is_told() {
    let clear = secret("http://192.0.2.1", "api", SecretShow::Age);
    assert_eq!(kind(ask(&at("http://127.0.0.1:9"), clear).await), FailureKind::BadQuestion);
    let found = ask(&systems(Endpoints::default()), activity()).await;
    assert_eq!(kind(found), FailureKind::NotConfigured);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_name_and_none_is_a_value() {
    let server = Raw::serve("", Then::Close).await;
    let adapters = [
        ("version", secret(&server.url, "api", SecretShow::Version)),
        ("age", secret(&server.url, "api", SecretShow::Age)),
        ("lines", logs("lines", Some("Message"))),
        ("numbers", logs("count", None)),
        ("activity", activity()),
    ];
    let mut wrong = Vec::new();
    // Azure says everything by the status.
    let faults: Vec<Fault> =
        faults().into_iter().filter(|fault| !fault.name.starts_with("400")).collect();
    for fault in &faults {
        server.set(fault.answer.clone(), fault.then);
        let questions: Vec<_> =
            adapters.iter().map(|(name, ask)| question(name, ask.clone())).collect();
        let budget = Duration::from_millis(1500);
        let found = at(&server.url).ask_all(&questions, &BTreeMap::new(), now(), budget).await;
        for (name, finding) in found {
            if is_value(&finding) || !fault.called.contains(&named(&finding).as_str()) {
                wrong.push(format!("{}: {name} says {}", fault.name, named(&finding)));
            }
            assert!(!format!("{finding:?}").contains("Bearer"));
        }
    }
    println!("Azure: {} faults x {} adapters, {} wrong", faults.len(), adapters.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
