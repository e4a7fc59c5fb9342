//! The demo's rules, compiled in. Written out once the lab listens, and read by the same code as anybody's.

use std::path::Path;

use anyhow::Context;

use crate::core::rule::RuleSet;
use crate::rules::{load, render};

const LAB: &str = include_str!("rules/lab.yaml");
const TARGETS: &str = include_str!("rules/targets.yaml");

/// Writes the rules into `folder` for the lab at `lab`, and reads them back.
pub(super) fn write(folder: &Path, lab: &str) -> anyhow::Result<RuleSet> {
    let rules = folder.join("rules");
    std::fs::create_dir_all(&rules).with_context(|| format!("cannot make {}", rules.display()))?;
    let filled =
        |text: &str| text.replace("@lab@", lab).replace("@folder@", &folder.to_string_lossy());
    for (name, text) in [("lab.yaml", LAB), ("targets.yaml", TARGETS)] {
        let path = rules.join(name);
        std::fs::write(&path, filled(text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    load(&rules).map_err(|mistakes| {
        anyhow::anyhow!("the demo's rules are wrong:\n{}", render(&mistakes, false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_sound_and_warn_of_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let rules = write(folder.path(), "http://127.0.0.1:9").unwrap();
        assert_eq!(rules.targets.len(), 3);
        assert_eq!(rules.askable().count(), 3);
        let (report, sound) = crate::rules::check(&folder.path().join("rules"), false);
        assert!(sound && !report.contains("warning"), "{report}");
    }
}
