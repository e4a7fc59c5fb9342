//! Proves that docs/packs.md tells of every pack what it says itself, and that the rules on that page are sound.

use reclose::rules::{self, Pack};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::targets;
use crate::rules::folder::Folder;

const BEGINS: &str = "<!-- packs: made from rules/packs/ -->\n";
const ENDS: &str = "<!-- end of packs -->";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/packs.md")
}

fn told(packs: &[Pack]) -> String {
    let mut text = "| pack | reads |\n|---|---|\n".to_owned();
    for pack in packs {
        writeln!(text, "| [{0}](#{0}) | {1} |", pack.name, pack.summary).unwrap();
    }
    for pack in packs {
        writeln!(
            text,
            "\n### {}\n{}.\n\n| `with` | is | unless said |\n|---|---|---|",
            pack.name, pack.summary
        )
        .unwrap();
        for one in &pack.parameters {
            let about = one.about.replace('|', "\\|");
            let default = match (&one.default, one.optional) {
                (Some(default), _) => format!("`{default}`"),
                (None, true) => "left out".to_owned(),
                (None, false) => "required".to_owned(),
            };
            writeln!(text, "| `{}` | {about} | {default} |", one.name).unwrap();
        }
        text.push('\n');
        for trap in &pack.traps {
            writeln!(text, "- {trap}").unwrap();
        }
    }
    text
}

#[test]
fn the_page_is_current() {
    let found = std::fs::read_to_string(page()).unwrap();
    let (head, rest) = found.split_once(BEGINS).unwrap();
    let (_, tail) = rest.split_once(ENDS).unwrap();
    let current = format!("{head}{BEGINS}{}{ENDS}{tail}", told(&rules::packs(None).0));
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(page(), current).unwrap();
    } else {
        assert!(found == current, "docs/packs.md is not current: `make accept` writes it anew");
    }
}

#[test]
fn the_rules_of_the_page_are_sound() {
    let text = std::fs::read_to_string(page()).unwrap();
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [rule, pack] = blocks[..] else { panic!("two examples, not {}", blocks.len()) };
    let folder = Folder::empty();
    folder.write("targets.yaml", &targets(["orders"]));
    folder.write("orders.yaml", rule);
    folder.write("packs/ours.yaml", pack);
    folder.load();
    assert!(folder.mistakes().is_empty());
    let other = super::rule("orders", "ours", "{ api: \"http://gateway\" }");
    folder.write("orders.yaml", &other);
    folder.load();
}
