//! Any text as a log line: read without a panic, and in bounded time (`-timeout`), whatever it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reclose::core::cause::Cause;
use reclose::core::classify::{Patterns, sample};
use reclose::core::rule::CausePattern;
use std::sync::LazyLock;

/// A rule's own patterns stand above the built-in ones.
static OWN: LazyLock<Patterns> = LazyLock::new(|| {
    let own = [CausePattern { cause: Cause::Auth, log: "token .* revoked".to_owned() }];
    Patterns::with(&own).expect("sound patterns")
});

fuzz_target!(|text: &str| {
    for patterns in [&Patterns::builtin(), &OWN] {
        let signal = patterns.line(text);
        let again = patterns.line(text);
        assert_eq!(format!("{signal:?}"), format!("{again:?}"), "one line, two readings");
    }
    let shown = sample(text);
    assert!(!shown.contains(char::is_control), "control characters reach people: {shown:?}");
    assert!(shown.chars().count() <= 200, "a sample of {} characters", shown.chars().count());
});
