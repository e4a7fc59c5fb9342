//! Every mistake that the language refuses: planted in a sound folder one at a time, and found.

use super::folder::Folder;
use reclose::rules;

#[expect(dead_code, reason = "the table of planted mistakes follows")]
/// Plants one mistake and gives what was said about it, as `line:column message (hint)`.
fn planted(file: &str, from: &str, to: &str) -> Vec<String> {
    let folder = Folder::sound();
    folder.edit(file, from, to);
    folder
        .mistakes()
        .iter()
        .map(|mistake| {
            let hint = mistake.hint.clone().unwrap_or_default();
            format!("{}:{} {} ({hint})", mistake.line(), mistake.column(), mistake.message)
        })
        .collect()
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once_in_order() {
    let folder = Folder::sound();
    folder.edit("targets.yaml", "ceiling: auto", "celing: auto");
    folder.edit("api.yaml", "kind: self", "kind: selfish");
    folder.edit("api.yaml", "hold: 2m", "hold: 2");
    folder.edit("api.yaml", "mode: approve", "mode: aprove\nmode: auto");
    folder.write("second.yaml", "breaker: [\n");
    let mistakes = folder.mistakes();
    let told: Vec<String> = mistakes
        .iter()
        .map(|mistake| {
            let file = mistake.source.path.rsplit('/').next().unwrap();
            format!("{file}:{}:{} {}", mistake.line(), mistake.column(), mistake.message)
        })
        .collect();
    assert_eq!(
        told,
        [
            "api.yaml:4:7 `aprove` is not known here",
            "api.yaml:5:1 `mode` stands here a second time",
            "api.yaml:13:7 `selfish` is not known here",
            "api.yaml:31:9 `2` is not a length of time that fits here",
            "second.yaml:1:10 not readable as YAML: unclosed bracket '['",
            "targets.yaml:3:10 unknown key `celing`",
        ],
        "{}",
        rules::render(&mistakes, false)
    );
}
