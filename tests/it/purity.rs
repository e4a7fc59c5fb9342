//! The core has no clock, network, disk, `async`, randomness or environment; only `engine/clock` reads time.

use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(root: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The file without its comments: a comment may name what the code may not.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_core_is_pure() {
    let banned = [
        "tokio",
        "reqwest",
        "axum",
        "sqlx",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "rand::",
        "::now()",
        "async ",
        ".await",
        "crate::engine",
        "crate::systems",
        "crate::store",
        "crate::web",
        "crate::rules",
        "crate::config",
    ];
    let mut files = rust_files("src/core");
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core.rs"));
    assert!(files.len() > 10, "the core was not found");
    for file in files {
        for word in banned {
            assert!(
                !code(&file).contains(word),
                "{} uses `{word}`: the core must stay pure",
                file.display()
            );
        }
    }
}

#[test]
fn only_the_clock_reads_time() {
    for file in rust_files("src") {
        // The lab of the demo is a process of its own, which knows nothing of reclose and its clock.
        if file.ends_with("engine/clock.rs") || file.to_string_lossy().contains("src/demo/lab") {
            continue;
        }
        for word in ["Timestamp::now(", "SystemTime::now(", "Instant::now(", "Utc::now("] {
            assert!(
                !code(&file).contains(word),
                "{} uses `{word}`: only engine/clock.rs reads time",
                file.display()
            );
        }
    }
}
