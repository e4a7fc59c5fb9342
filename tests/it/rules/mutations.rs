//! Broken in every way that a slip or an editor can break them: rule files are read or refused, never fatal.

use super::folder::{Folder, RULE, TARGETS};
use reclose::rules;

/// As many as promise P16 names.
const FILES: u64 = 5_000;

/// xorshift: the same files on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }
}

const SPLINTERS: &[&str] = &[
    "",
    " ",
    "\n",
    "\t",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "!!",
    "|",
    ">",
    "---\n",
    "0",
    "-1",
    "1e999",
    "yes",
    "null",
    "~",
    "é",
    "\u{0}",
    "\u{feff}",
    "{target}",
    "{x}",
    "http://",
    "99999999999999999999",
    "%",
];

pub fn mutated(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.roll(3) {
        let mut borders: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        borders.push(text.len());
        let from = borders[dice.roll(borders.len())];
        let span = dice.roll(12);
        let to = borders.iter().copied().find(|at| *at >= from + span).unwrap_or(text.len());
        match dice.roll(4) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, SPLINTERS[dice.roll(SPLINTERS.len())]),
            2 => text.replace_range(from..to, SPLINTERS[dice.roll(SPLINTERS.len())]),
            _ => {
                let piece = text.get(from..to).unwrap().to_owned();
                let at = borders[dice.roll(borders.len())];
                text.insert_str(at, &piece);
            }
        }
    }
    text
}

#[test]
fn no_broken_file_is_fatal_and_every_mistake_has_its_place() {
    let (mut refused, mut read) = (0, 0);
    let folder = Folder::sound();
    for seed in 1..=FILES {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let own = dice.roll(5) == 0;
        folder
            .write("targets.yaml", &if own { mutated(TARGETS, &mut dice) } else { TARGETS.into() });
        folder.write("api.yaml", &if own { RULE.into() } else { mutated(RULE, &mut dice) });
        let (set, mistakes) = rules::load_with_warnings(folder.path());
        let errors = mistakes.iter().any(rules::Mistake::is_error);
        assert_eq!(set.is_none(), errors, "seed {seed}: active with errors, or refused without");
        for mistake in &mistakes {
            let lines = mistake.source.text.lines().count().max(1);
            assert!(mistake.line() <= lines + 1, "seed {seed}: line {} of {lines}", mistake.line());
        }
        assert!(mistakes.is_empty() || !rules::render(&mistakes, false).is_empty(), "seed {seed}");
        if errors { refused += 1 } else { read += 1 }
    }
    println!("{FILES} broken files: {refused} refused, {read} still sound");
    assert!(refused > FILES / 2, "the mutations break too little: {refused}");
}
