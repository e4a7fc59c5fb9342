//! Broken in every way that a slip or an editor can break them: packs are read or refused, never fatal, and never in part.

use reclose::rules;

use super::joined::{OWN, WITH};
use super::{rule, shipped, targets};
use crate::rules::folder::Folder;
use crate::rules::mutations::{Dice, mutated};

const FILES: u64 = 3_000;

#[test]
fn no_broken_pack_is_fatal_and_every_mistake_has_its_place() {
    let texts: Vec<String> = shipped()
        .iter()
        .map(|name| {
            let path = format!("{}/rules/packs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).unwrap()
        })
        .chain([OWN.to_owned()])
        .collect();
    let folder = Folder::empty();
    folder.write("targets.yaml", &targets(["stock"]));
    let (mut refused, mut read) = (0, 0);
    for seed in 1..=FILES {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = &texts[usize::try_from(seed).unwrap() % texts.len()];
        let name = text.split("\npack: ").nth(1).unwrap().lines().next().unwrap();
        let with = if name == "shop" { WITH } else { "" };
        folder.write("packs/own.yaml", &mutated(text, &mut dice));
        folder.write("stock.yaml", &rule("stock", name, with));
        let (set, mistakes) = rules::load_with_warnings(folder.path());
        let errors = mistakes.iter().any(rules::Mistake::is_error);
        assert_eq!(set.is_none(), errors, "seed {seed}: active with errors, or refused without");
        for mistake in mistakes.iter().filter(|one| !one.source.text.is_empty()) {
            let text = &mistake.source.text;
            assert!(mistake.at.end <= text.len(), "seed {seed}: outside of its file: {mistake}");
            assert!(text.is_char_boundary(mistake.at.start), "seed {seed}: {mistake}");
        }
        assert!(mistakes.is_empty() || !rules::render(&mistakes, false).is_empty(), "seed {seed}");
        if errors { refused += 1 } else { read += 1 }
    }
    println!("{FILES} broken packs: {refused} refused, {read} still sound");
    assert!(refused > FILES / 3, "the mutations break too little: {refused}");
}
