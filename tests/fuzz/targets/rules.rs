//! Any text as a rule file, beside the inventory that we ship.
#![no_main]

mod folder;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = folder::folder();
    let targets = include_str!("../../../rules/targets.yaml");
    std::fs::write(folder.path().join("targets.yaml"), targets).expect("the inventory");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FOLDER.path().join("rule.yaml"), bytes).expect("the rule");
    folder::judge(FOLDER.path());
});
