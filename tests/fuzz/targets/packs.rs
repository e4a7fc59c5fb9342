//! Any text as a pack, used by a sound rule.
#![no_main]

mod folder;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = folder::folder();
    std::fs::create_dir(folder.path().join("packs")).expect("a folder");
    std::fs::write(folder.path().join("targets.yaml"), "version: 1\ntargets: { stock: {} }\n")
        .expect("the inventory");
    folder
});

const RULE: &str = r#"version: 1
breaker: stock
summary: A breaker
mode: observe
targets: [stock]
match: [ { alertmanager: { alertname: BreakerOpen } } ]
escalate: [ { when: always, to: [ { slack: "@oncall" } ] } ]
use: "#;

fuzz_target!(|bytes: &[u8]| {
    // The rule uses whatever the pack calls itself, so that the two are joined.
    let text = String::from_utf8_lossy(bytes);
    let named = text.lines().find_map(|line| line.strip_prefix("pack: "));
    let name = named.map(str::trim).filter(|name| !name.is_empty()).unwrap_or("own");
    std::fs::write(FOLDER.path().join("packs/own.yaml"), bytes).expect("the pack");
    std::fs::write(FOLDER.path().join("rule.yaml"), format!("{RULE}{name}\n")).expect("the rule");
    folder::judge(FOLDER.path());
});
