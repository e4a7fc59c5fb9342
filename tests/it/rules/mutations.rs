//! Broken in every way that a slip or an editor can break them: the files that we ship are read or refused, never fatal, and never
//! in part.

use reclose::rules::{self, Mistake};
use reclose::trial::Suite;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::folder::Folder;
use super::slips;
use crate::packs;

/// As many as promise P16 names.
const FILES: u64 = 5_000;

/// xorshift: the same files on every machine.
pub struct Dice(pub u64);

impl Dice {
    /// Seeds that follow one another lead to dice that do not.
    pub fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

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

/// Pieces taken out, put in, written over or repeated, at any place.
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

/// What a file below rules/ is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Inventory,
    Pack,
    Patterns,
    Rule,
    Steps,
    Tests,
}

/// A file that we ship, with the sound files that it is read beside.
struct Stage {
    kind: Kind,
    below: String,
    text: String,
    beside: Vec<(String, String)>,
}

impl Stage {
    /// How often it is broken, beside the others. What a folder adds to the built-in patterns is compiled together with all of them,
    /// and that takes a good part of a second each time.
    fn turns(&self) -> usize {
        if self.kind == Kind::Patterns { 1 } else { 10 }
    }
}

fn kind(below: &str) -> Kind {
    match below {
        "targets.yaml" => Kind::Inventory,
        _ if below.starts_with("packs/") => Kind::Pack,
        _ if below.starts_with("patterns/") => Kind::Patterns,
        _ if below.ends_with(".test.yaml") => Kind::Tests,
        _ if below.ends_with(".steps.yaml") => Kind::Steps,
        _ => Kind::Rule,
    }
}

/// Every YAML file below rules/, by its path there.
fn shipped() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut open = vec![root.clone()];
    let mut files = BTreeMap::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let below = path.strip_prefix(&root).unwrap().display().to_string();
                files.insert(below, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

fn stages() -> Vec<Stage> {
    let files = shipped();
    let cases = packs::golden::cases();
    let beside = |below: &str| -> Vec<(String, String)> {
        if let Some(pack) = below.strip_prefix("packs/") {
            let pack = pack.strip_suffix(".yaml").unwrap();
            let with = &cases.iter().find(|case| case.pack == pack).unwrap().with;
            let rule = packs::rule("stock", pack, &with.replace("$page", "http://127.0.0.1:9"));
            let inventory = packs::targets(["stock"]);
            return vec![("targets.yaml".into(), inventory), ("stock.yaml".into(), rule)];
        }
        let stem = below.split('.').next().unwrap();
        let needed = |other: &str| match kind(other) {
            Kind::Inventory => true,
            Kind::Rule => match kind(below) {
                Kind::Inventory => true,
                Kind::Steps => other.starts_with(stem),
                Kind::Patterns => other == "http-breaker.yaml",
                _ => other == format!("{stem}.yaml"),
            },
            Kind::Tests => kind(below) == Kind::Steps && other.starts_with(stem),
            Kind::Patterns => kind(below) == Kind::Patterns,
            Kind::Pack | Kind::Steps => false,
        };
        let others = files.iter().filter(|(other, _)| *other != below && needed(other));
        others.map(|(other, text)| (other.clone(), text.clone())).collect()
    };
    let stage = |(below, text): (&String, &String)| Stage {
        kind: kind(below),
        below: below.clone(),
        text: text.clone(),
        beside: beside(below),
    };
    let mut stages: Vec<Stage> = files.iter().map(stage).collect();
    // No pack that we ship acts: this one has something of every kind.
    let rule = packs::rule("stock", "shop", packs::joined::WITH);
    stages.push(Stage {
        kind: Kind::Pack,
        below: "packs/shop.yaml".into(),
        text: packs::joined::OWN.into(),
        beside: vec![
            ("targets.yaml".into(), packs::targets(["stock"])),
            ("stock.yaml".into(), rule),
        ],
    });
    stages
}

/// Reads a folder as the program reads a file of this kind: whether it was taken, and what was wrong.
fn read(stage: &Stage, folder: &Path) -> Result<(), Vec<Mistake>> {
    match stage.kind {
        Kind::Steps => {
            let (report, complete) = rules::coverage(folder, false);
            let mut lines = report.lines();
            while let Some(line) = lines.next() {
                if line.starts_with("error") {
                    let place = lines.next().unwrap_or_default().rsplit(':').take(2);
                    let numbers = place.filter(|part| part.parse::<usize>().is_ok()).count();
                    assert_eq!(numbers, 2, "an error without a line: {report}");
                }
            }
            if complete { Ok(()) } else { Err(Vec::new()) }
        }
        Kind::Tests => Suite::load(folder).map(drop),
        Kind::Inventory | Kind::Pack | Kind::Patterns | Kind::Rule => {
            let (set, mistakes) = rules::load_with_warnings(folder);
            let errors = mistakes.iter().any(Mistake::is_error);
            assert_eq!(set.is_none(), errors, "active with errors, or refused without");
            let rules = stage.beside.iter().filter(|(other, _)| kind(other) == Kind::Rule).count();
            let rules = rules + usize::from(stage.kind == Kind::Rule);
            assert!(set.is_none_or(|set| set.rules.len() == rules), "active in part");
            if errors { Err(mistakes) } else { Ok(()) }
        }
    }
}

/// One broken file: refused, or still sound.
fn is_refused(stage: &Stage, folder: &Folder, text: &str) -> bool {
    folder.write(&stage.below, text);
    let Err(mistakes) = read(stage, folder.path()) else { return false };
    for mistake in &mistakes {
        let lines = mistake.source.text.split('\n').count();
        assert!((1..=lines).contains(&mistake.line()), "line {} of {lines}", mistake.line());
        assert!(mistake.source.text.get(mistake.at.clone()).is_some(), "no such place: {mistake}");
    }
    assert!(mistakes.is_empty() || !rules::render(&mistakes, false).is_empty());
    true
}

#[test]
fn no_broken_file_is_fatal_and_every_mistake_has_its_place() {
    let stages = stages();
    let turns: Vec<usize> = (0..stages.len()).flat_map(|at| vec![at; stages[at].turns()]).collect();
    let turns = &turns;
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    let work = |worker: usize| {
        let folders: Vec<Folder> = stages.iter().map(|_| Folder::empty()).collect();
        for (stage, folder) in stages.iter().zip(&folders) {
            for (other, text) in &stage.beside {
                folder.write(other, text);
            }
            let whole = is_refused(stage, folder, &stage.text);
            assert!(!whole, "{} is refused unbroken: the test would show nothing", stage.below);
        }
        let mut counts: BTreeMap<Kind, [u32; 2]> = BTreeMap::new();
        for seed in (1..=FILES).skip(worker).step_by(workers) {
            let index = turns[usize::try_from(seed).unwrap() % turns.len()];
            let (stage, folder) = (&stages[index], &folders[index]);
            let text = slips::broken(&stage.text, &mut Dice::of(seed));
            let tried = catch_unwind(AssertUnwindSafe(|| is_refused(stage, folder, &text)));
            let refused = tried.unwrap_or_else(|_| {
                panic!("seed {seed}, rules/{}: see above. It was broken to:\n{text}", stage.below)
            });
            counts.entry(stage.kind).or_default()[usize::from(refused)] += 1;
        }
        counts
    };
    let mut total: BTreeMap<Kind, [u32; 2]> = BTreeMap::new();
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        for counts in hands.into_iter().map(|hand| hand.join().unwrap()) {
            for (kind, [sound, refused]) in counts {
                let of = total.entry(kind).or_default();
                *of = [of[0] + sound, of[1] + refused];
            }
        }
    });
    println!("{FILES} broken files of {} (still sound, refused): {total:?}", stages.len());
    for (kind, [sound, refused]) in total {
        assert!(refused > sound / 2, "{kind:?}: the slips break too little: {refused}, {sound}");
    }
}
