//! `reclose serve` as a process: it starts whole or not at all, answers, ends in order, and what it leaves can be asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reclose::engine::clock::since_boot;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::reclose;

const CONFIG: &str = "alertmanager: { anonymous: true }\n";
const TARGETS: &str =
    "version: 1\ntargets:\n  checkout: { ceiling: observe, vars: { oncall: \"@oncall\" } }\n";
const RULE: &str = r#"version: 1
breaker: checkout
summary: A breaker of nothing
mode: observe
targets: [checkout]
match: [ { alertmanager: { alertname: CircuitBreakerOpen } } ]
state:
  http: { get: "http://127.0.0.1:9/breaker", pointer: /state, timeout: 1s }
  means: { closed: closed, open: open }
kind: manual
ladder: { otherwise: [ escalate ] }
verify: { hold: 1s, within: 10s, every: 1s, all: [ { state: closed }, alert_resolved ] }
escalate: [ { when: always, to: [ { slack: "{oncall}" } ] } ]
"#;
const WEBHOOK: &str = r#"{"receiver":"r","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"CircuitBreakerOpen"},"annotations":{},"startsAt":"2026-08-20T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"0123456789abcdef"}],"groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"","version":"4","groupKey":"{}:{}","truncatedAlerts":0}"#;

struct House(TempDir);

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        for (name, text) in [
            ("reclose.yaml", CONFIG),
            ("rules/targets.yaml", TARGETS),
            ("rules/checkout.yaml", RULE),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn typed(&self, arguments: &[&str]) -> String {
        reclose(self.path(), arguments)
    }

    fn serve(&self) -> Serving {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reclose"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(self.path())
            .env_clear()
            .env("NO_COLOR", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {:?}", child.wait());
            if let Some(rest) = line.split("serving address=").nth(1) {
                break rest.split(' ').next().unwrap().parse().unwrap();
            }
        };
        // The rest of the log is read, or the server would wait for room in the pipe.
        std::thread::spawn(move || for _ in log.lines() {});
        Serving { child, address }
    }
}

struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Serving {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Posts an alert over a connection of its own and returns the status line.
    fn post(&self) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = WEBHOOK.len();
        let head = format!(
            "POST /webhooks/alertmanager HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(WEBHOOK.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn it_serves_ends_in_order_and_what_it_leaves_can_be_asked() {
    let house = House::new();
    let mut serving = house.serve();
    assert_eq!(serving.post(), "HTTP/1.1 200 OK");
    let end = since_boot() + Duration::from_secs(10);
    while !house.typed(&["incidents"]).contains("INC-1") {
        assert!(since_boot() < end, "{}", house.typed(&["incidents"]));
    }
    let paused = house.typed(&["pause", "INC-1"]);
    assert!(paused.starts_with("exit code: 0\n"), "{paused}");
    assert!(house.typed(&["audit", "verify"]).contains("The audit log is whole"));
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended(), Some(0));
    assert!(!house.file("data/reclose.sock").exists());

    let incidents = house.typed(&["incidents", "--json"]);
    assert!(
        incidents.starts_with("exit code: 0\n") && incidents.contains("\"INC-1\""),
        "{incidents}"
    );
    assert!(incidents.contains("The server is stopped"), "{incidents}");
    assert!(house.typed(&["pause", "INC-1"]).starts_with("exit code: 3\n"));
    assert!(house.typed(&["resume", "--all"]).starts_with("exit code: 3\n"));
    let off = house.typed(&["pause", "--all", "--reason", "hands off"]);
    assert!(
        off.starts_with("exit code: 0\n") && off.contains("it will find the switch off"),
        "{off}"
    );
    assert!(house.typed(&["audit", "verify"]).starts_with("exit code: 0\n"));

    let serving = house.serve();
    let incidents = house.typed(&["incidents"]);
    assert!(incidents.contains("Automation is OFF"), "the switch survives: {incidents}");
    drop(serving);
}

#[test]
fn a_changed_audit_log_is_found_with_the_server_stopped() {
    let house = House::new();
    let mut serving = house.serve();
    assert_eq!(serving.post(), "HTTP/1.1 200 OK");
    serving.signal(Signal::INT);
    assert_eq!(serving.ended(), Some(0));
    assert!(house.typed(&["audit", "verify"]).starts_with("exit code: 0\n"));
    let database =
        std::fs::read_dir(house.file("data")).unwrap().map(|entry| entry.unwrap().path());
    let database =
        database.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).unwrap();
    // The same length, so that the page stays a page: only the words change.
    let mut bytes = std::fs::read(&database).unwrap();
    let at = bytes.windows(14).position(|window| window == b"server_started").unwrap();
    bytes[at..at + 14].copy_from_slice(b"server_stopped");
    std::fs::write(&database, bytes).unwrap();
    let seen = house.typed(&["audit", "verify"]);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    assert!(seen.contains("error: the audit log is broken at entry 1"), "{seen}");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let house = House::new();
    let mut serving = house.serve();
    let second = house.typed(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(second.starts_with("exit code: 2\n"), "{second}");
    assert!(second.contains("one server holds a data directory"), "{second}");
    assert_eq!(serving.post(), "HTTP/1.1 200 OK", "the first goes on");
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn every_mistake_is_told_at_once_and_no_port_is_opened() {
    let house = House::new();
    std::fs::write(
        house.file("reclose.yaml"),
        "alertmanager: { anonymous: true }\nlissten: 1\nslack: { token: { env: NOT_SET } }\n",
    )
    .unwrap();
    std::fs::write(
        house.file("rules/checkout.yaml"),
        RULE.replace("kind: manual", "kind: sometimes"),
    )
    .unwrap();
    let seen = house.typed(&["serve"]);
    assert!(seen.starts_with("exit code: 2\n"), "{seen}");
    for told in ["lissten", "NOT_SET", "sometimes"] {
        assert!(seen.contains(told), "{told}: {seen}");
    }
    assert!(!house.file("data").exists(), "nothing was begun");

    let house = House::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let seen = house.typed(&["serve", "--listen", &address]);
    assert!(seen.starts_with("exit code: 2\n") && seen.contains("cannot listen on"), "{seen}");
}

#[test]
fn a_second_signal_does_not_wait() {
    let house = House::new();
    // A question whose answer never comes holds the first signal up.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let rule = RULE
        .replace("127.0.0.1:9", &silent.local_addr().unwrap().to_string())
        .replace("timeout: 1s", "timeout: 8s");
    std::fs::write(house.file("rules/checkout.yaml"), rule).unwrap();
    let mut serving = house.serve();
    assert_eq!(serving.post(), "HTTP/1.1 200 OK");
    let (asked, _) = silent.accept().unwrap();
    let start = since_boot();
    serving.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(serving.child.try_wait().unwrap(), None, "it lets the question end");
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended(), Some(1));
    assert!(since_boot().saturating_sub(start) < Duration::from_secs(3));
    drop(asked);
    // What was cut off is taken up by the next start.
    let next = house.serve();
    assert_eq!(next.post(), "HTTP/1.1 200 OK");
}

#[test]
fn check_finds_what_serve_would() {
    let house = House::new();
    let sound = house.typed(&["check"]);
    assert!(
        sound.starts_with("exit code: 0\n") && sound.contains("1 rule for 1 target"),
        "{sound}"
    );
    std::fs::write(
        house.file("rules/checkout.yaml"),
        RULE.replace("kind: manual", "kind: sometimes"),
    )
    .unwrap();
    let wrong = house.typed(&["check", "rules/"]);
    assert!(wrong.starts_with("exit code: 1\n") && wrong.contains("checkout.yaml:"), "{wrong}");
    assert!(house.typed(&["check", "nowhere"]).starts_with("exit code: 2\n"));
}
