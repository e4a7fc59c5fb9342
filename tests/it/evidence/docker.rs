//! A real Docker Engine: logs as they were written, states as they are, and what cannot be known is no data.

use super::{ask, now, reading, systems};
use crate::servers::Docker;
use reclose::core::evidence::{
    Absence, Ask, ContainerValue, DockerAsk, FailureKind, Finding, LogLine, ProbeResult, Value,
};
use reclose::core::rule::Probing;
use reclose::core::time::since;
use reclose::systems::{Endpoints, Engine, Systems};
use std::time::Duration;

fn at(engine: Engine) -> Systems {
    systems(Endpoints { docker: Some(engine), ..Endpoints::default() })
}

fn lines_of(container: &str, limit: u32) -> Ask {
    let last = Duration::from_mins(5);
    Ask::Docker(DockerAsk::Logs { container: container.to_owned(), last, limit })
}

fn about(container: &str, value: ContainerValue) -> Ask {
    Ask::Docker(DockerAsk::Container { container: container.to_owned(), value })
}

fn lines(finding: Finding) -> (Vec<LogLine>, bool) {
    match reading(finding).value {
        Value::Lines { lines, complete } => (lines, complete),
        other => panic!("{other:?}"),
    }
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

fn failed(finding: Finding) -> (FailureKind, String) {
    match finding {
        Finding::Failed(failure) => (failure.kind, failure.detail),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_lines_of_a_container_come_from_both_of_its_streams_with_their_times() {
    let engine = Docker::start().await;
    let stays = "sleep 600";
    engine.container(
        "plain",
        &[],
        &format!(
            "echo started; echo 'connect ECONNREFUSED 10.0.0.1:80' >&2; printf 'half '; sleep 1; \
             echo whole; head -c 40000 /dev/zero | tr '\\0' x; echo; echo last; {stays}"
        ),
    );
    engine.container("tty", &["-t"], &format!("echo one; echo two >&2; {stays}"));
    engine.container("silent", &[], stays);
    engine.container("short", &[], "echo 'fatal: cannot start'; exit 3");
    engine.until("short", "{{.State.Status}}", &["exited"]).await;
    for (name, word) in [("plain", "last"), ("tty", "two")] {
        written(&engine, name, word).await;
    }
    let systems = at(Engine::Socket(engine.socket.clone()));

    let (found, complete) = lines(ask(&systems, lines_of("plain", 100)).await);
    let said = texts(&found);
    assert_eq!(said.len(), 5, "{said:?}");
    for wanted in ["started", "connect ECONNREFUSED 10.0.0.1:80", "half whole"] {
        assert!(said.contains(&wanted), "{wanted}: {said:?}");
    }
    assert_eq!((said[3].len(), said[4], complete), (2000, "last", true), "one long line, cut");
    assert!(
        found
            .iter()
            .all(|line| line.at.is_some_and(|at| since(now(), at) < Duration::from_secs(60)))
    );
    assert!(found.iter().map(|line| line.at).is_sorted());

    let (found, complete) = lines(ask(&systems, lines_of("plain", 1)).await);
    assert_eq!((texts(&found), complete), (vec!["last"], false), "the newest, and not all");
    let (found, _) = lines(ask(&systems, lines_of("tty", 100)).await);
    assert_eq!(texts(&found), ["one", "two"], "a terminal has one stream, without frames");
    let (found, _) = lines(ask(&systems, lines_of("short", 100)).await);
    assert_eq!(texts(&found), ["fatal: cannot start"], "of one that has ended too");
    assert_eq!(ask(&systems, lines_of("silent", 100)).await, Finding::NoData(Absence::Empty));

    let (kind, detail) = failed(ask(&systems, lines_of("nobody", 100)).await);
    assert_eq!(kind, FailureKind::BadQuestion, "{detail}");
    assert!(detail.contains("404") && detail.contains("nobody"), "{detail}");
    let (kind, _) = failed(ask(&systems, lines_of("../../images", 100)).await);
    assert_eq!(kind, FailureKind::BadQuestion, "never another path");
    // By its own time: what was written before is not asked for.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let old =
        DockerAsk::Logs { container: "plain".to_owned(), last: Duration::from_secs(1), limit: 9 };
    assert_eq!(ask(&systems, Ask::Docker(old)).await, Finding::NoData(Absence::Empty));
}

/// Waits until a container's log has the word.
async fn written(engine: &Docker, container: &str, word: &str) {
    for _ in 0..500 {
        if engine.run(&["logs", container]).contains(word) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{container} does not write {word}");
}

/// A container that is killed for want of memory. On a busy machine the engine may hear of the end before it hears why:
/// until it says so itself, another one.
async fn greedy(engine: &Docker) {
    for _ in 0..10 {
        engine.container("greedy", &["--memory", "16m"], "tail /dev/zero; sleep 1; exit 137");
        engine.until("greedy", "{{.State.Status}}", &["exited"]).await;
        if engine.run(&["inspect", "-f", "{{.State.OOMKilled}}", "greedy"]).trim() == "true" {
            return;
        }
        engine.run(&["rm", "greedy"]);
    }
    panic!("no container is killed for want of memory: are there memory control groups?");
}

async fn probed(systems: &Systems, container: &str) -> ProbeResult {
    systems.probe(&Probing::Docker(container.to_owned()), now()).await
}

#[tokio::test]
async fn a_container_is_what_its_engine_says_and_what_it_lacks_is_no_data() {
    let engine = Docker::start().await;
    let checked = [
        "--health-interval",
        "1s",
        "--health-retries",
        "1",
        "--health-timeout",
        "5s",
        "--health-cmd",
    ];
    let with_check = |check: &'static str| [&checked[..], &[check]].concat();
    engine.container("plain", &[], "sleep 600");
    engine.container("well", &with_check("echo ok"), "sleep 600");
    engine.container("ill", &with_check("echo 'no answer of the adapter'; exit 1"), "sleep 600");
    engine.container("ended", &[], "exit 3");
    engine.container("again", &["--restart", "on-failure:2"], "exit 1");
    engine.container("stands", &[], "sleep 600");
    engine.run(&["pause", "stands"]);
    engine.until("well", "{{.State.Health.Status}}", &["healthy"]).await;
    engine.until("ill", "{{.State.Health.Status}}", &["unhealthy"]).await;
    engine.until("ended", "{{.State.Status}}", &["exited"]).await;
    greedy(&engine).await;
    engine.until("again", "{{.RestartCount}} {{.State.Status}}", &["2 exited"]).await;
    let systems = at(Engine::Socket(engine.socket.clone()));
    let word = |text: &str| Some(Value::Word(text.to_owned()));
    let number = |number: f64| Some(Value::Number(number));
    for (container, value, wanted) in [
        ("plain", ContainerValue::State, word("running")),
        ("plain", ContainerValue::Health, None),
        ("plain", ContainerValue::Restarts, number(0.0)),
        ("plain", ContainerValue::ExitCode, None),
        ("plain", ContainerValue::OomKilled, word("false")),
        ("well", ContainerValue::Health, word("healthy")),
        ("ill", ContainerValue::Health, word("unhealthy")),
        ("ended", ContainerValue::State, word("exited")),
        ("ended", ContainerValue::ExitCode, number(3.0)),
        ("ended", ContainerValue::UpSeconds, None),
        ("greedy", ContainerValue::ExitCode, number(137.0)),
        ("greedy", ContainerValue::OomKilled, word("true")),
        ("again", ContainerValue::Restarts, number(2.0)),
        ("stands", ContainerValue::State, word("paused")),
    ] {
        let finding = ask(&systems, about(container, value)).await;
        let seen = match finding {
            Finding::NoData(Absence::Empty) => None,
            finding => Some(reading(finding).value),
        };
        assert_eq!(seen, wanted, "{value:?} of {container}");
    }
    let Value::Number(up) =
        reading(ask(&systems, about("plain", ContainerValue::UpSeconds)).await).value
    else {
        panic!()
    };
    assert!((0.0..120.0).contains(&up), "{up}");

    // How each votes is in its kind and its words.
    for (container, failure, words) in [
        ("plain", None, ""),
        ("well", None, ""),
        ("ill", Some(FailureKind::ServerError), "no answer of the adapter"),
        ("ended", Some(FailureKind::Unreachable), "ended with code 3"),
        ("greedy", Some(FailureKind::Unreachable), "OOMKilled"),
        ("again", Some(FailureKind::Unreachable), "ended with code 1"),
        ("stands", Some(FailureKind::Timeout), "paused"),
        ("nobody", Some(FailureKind::BadQuestion), "404"),
    ] {
        let seen = probed(&systems, container).await;
        assert_eq!(
            (seen.healthy, seen.failure),
            (failure.is_none(), failure),
            "{container}: {seen:?}"
        );
        assert!(seen.detail.contains(words), "{container}: {}", seen.detail);
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_says_nothing_about_a_container() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.sock");
    let closed = folder.path().join("closed.sock");
    drop(std::os::unix::net::UnixListener::bind(&closed).unwrap());
    for socket in [none, closed] {
        let systems = at(Engine::Socket(socket));
        let (kind, detail) = failed(ask(&systems, lines_of("pms", 10)).await);
        assert_eq!(kind, FailureKind::Unreachable, "{detail}");
        let seen = probed(&systems, "pms").await;
        // Unreachable would be a word about the container.
        assert_eq!((seen.healthy, seen.failure), (false, Some(FailureKind::NotConfigured)));
    }
    let nowhere = systems(Endpoints::default());
    let (kind, detail) = failed(ask(&nowhere, lines_of("pms", 10)).await);
    assert_eq!((kind, detail.contains("docker")), (FailureKind::NotConfigured, true));
    assert_eq!(probed(&nowhere, "pms").await.failure, Some(FailureKind::NotConfigured));
    let forbidden = Engine::Host { host: "169.254.169.254".to_owned(), port: 80 };
    let (kind, detail) = failed(ask(&at(forbidden), lines_of("pms", 10)).await);
    assert_eq!(kind, FailureKind::BadQuestion, "{detail}");
}
