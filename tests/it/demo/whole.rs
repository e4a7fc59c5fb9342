//! `reclose demo` as a newcomer runs it: real alerts, real breakers, and a table from the store.

use std::process::{Command, Stdio};
use std::time::Duration;

use reclose::engine::clock::since_boot;

/// The whole demo, from start to end.
const PATIENCE: Duration = Duration::from_secs(60);

struct Ran {
    code: Option<i32>,
    told: String,
    took: Duration,
}

fn demo(arguments: &[&str]) -> Ran {
    let start = since_boot();
    let output = Command::new(env!("CARGO_BIN_EXE_reclose"))
        .arg("demo")
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let told =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    println!("{told}");
    Ran { code: output.status.code(), told, took: since_boot().saturating_sub(start) }
}

/// The cells of the row of a breaker in the closing table, each with its lines joined.
fn row(told: &str, breaker: &str) -> Vec<String> {
    let table = told.split("what was done").nth(1).expect("a table");
    let mut lines = table.lines().skip_while(|line| !line.trim_start().starts_with(breaker));
    let mut cells: Vec<String> = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.starts_with('─')) {
        let columns = line.split("   ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.extend(columns.map(str::to_owned));
    }
    cells
}

fn has(row: &[String], words: &[&str]) -> bool {
    words.iter().all(|word| row.iter().any(|cell| cell.contains(word)))
}

#[test]
fn the_first_waits_the_second_is_reset_the_third_goes_to_a_person() {
    let ran = demo(&[]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.took < PATIENCE, "{:?}", ran.took);
    let payments = row(&ran.told, "payments");
    assert!(has(&payments, &["rate_limited", "waited", "recovered"]), "{payments:?}");
    let inventory = row(&ran.told, "inventory");
    assert!(has(&inventory, &["upstream_5xx", "reset: done", "recovered"]), "{inventory:?}");
    let accounts = row(&ran.told, "accounts");
    assert!(has(&accounts, &["auth", "no reset", "escalated"]), "{accounts:?}");
}

#[test]
fn an_upstream_that_stays_down_is_not_reset() {
    let ran = demo(&["--upstream", "stays-down"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.took < PATIENCE, "{:?}", ran.took);
    let inventory = row(&ran.told, "inventory");
    assert!(has(&inventory, &["upstream_5xx", "no reset", "escalated"]), "{inventory:?}");
    assert!(!ran.told.contains("reset: done"));
    assert!(has(&row(&ran.told, "payments"), &["recovered"]));
}

#[test]
fn a_signal_ends_it_and_its_lab() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reclose"))
        .args(["demo", "--keep"])
        .env("NO_COLOR", "1")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lab = None;
    while lab.is_none() {
        let mut line = String::new();
        assert!(std::io::BufRead::read_line(&mut told, &mut line).unwrap() > 0, "it ended");
        let number = line.split("as process ").nth(1).and_then(|rest| rest.split(' ').next());
        lab = number.map(|number| number.parse::<i32>().unwrap());
    }
    let lab = rustix::process::Pid::from_raw(lab.unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(lab).is_ok());
    let own = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
    let start = since_boot();
    let code = child.wait().unwrap().code();
    assert!(since_boot().saturating_sub(start) < Duration::from_secs(15));
    assert_eq!(code, Some(1), "the incidents had not ended");
    assert!(rustix::process::test_kill_process(lab).is_err(), "the lab outlived the demo");
}
