//! Slips: what people and editors do to a YAML file by mistake, by seed.

use super::mutations::{Dice, mutated};

/// In place of a value.
const VALUES: &[&str] = &[
    "",
    "5",
    "-1",
    "1.5",
    "true",
    "null",
    "~",
    "[]",
    "{}",
    "[ a ]",
    "{ a: b }",
    "\"\"",
    "''",
    "'5m'",
    "|",
    ">-",
    "a: b",
    "*x",
    "&x y",
    "!!int 5",
    "2026-01-05",
    "0x10",
    "1e999",
    "\"{target}\"",
    "{target}",
    "%",
];

/// In place of a length of time, or of a rate's.
const SPANS: &[&str] = &[
    "0s",
    "-5m",
    "5",
    "5 m",
    "5x",
    "5M",
    "1w",
    "1h61m",
    "1m1h",
    "½h",
    "1e3s",
    "0.5h",
    "99999999999999999999d",
    "4000000000s",
    "m",
    "PT5M",
    "5m5m",
];

/// The file with one to three slips in it.
pub fn broken(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.roll(3) {
        text = match dice.roll(7) {
            0 => in_line(&text, dice, key),
            1 => in_line(&text, dice, value),
            2 => in_line(&text, dice, indentation),
            3 => span(&text, dice),
            4 => quote(&text, dice),
            5 => whole_line(&text, dice),
            _ => mutated(&text, dice),
        };
    }
    text
}

/// Changes one line that says something.
fn in_line(text: &str, dice: &mut Dice, change: fn(&str, &mut Dice) -> String) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let telling: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains(':') && !line.trim_start().starts_with('#'))
        .map(|(at, _)| at)
        .collect();
    if telling.is_empty() {
        return mutated(text, dice);
    }
    let at = telling[dice.roll(telling.len())];
    lines[at] = change(&lines[at], dice);
    lines.join("\n")
}

/// A letter of a key is lost, doubled, or another; now and then the whole key.
fn key(line: &str, dice: &mut Dice) -> String {
    let colons: Vec<usize> = line.match_indices(':').map(|(at, _)| at).collect();
    let end = colons[dice.roll(colons.len())];
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let begin = line[..end].char_indices().rev().take_while(|(_, c)| is_key(*c)).last();
    let Some((begin, _)) = begin else { return line.to_owned() };
    let mut letters: Vec<char> = line[begin..end].chars().collect();
    let at = dice.roll(letters.len());
    match dice.roll(5) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        2 => letters[at] = char::from(b'a' + u8::try_from(dice.roll(26)).unwrap()),
        3 => letters[at] = letters[at].to_ascii_uppercase(),
        _ => letters.clear(),
    }
    format!("{}{}{}", &line[..begin], letters.iter().collect::<String>(), &line[end..])
}

/// Another kind of value behind a key.
fn value(line: &str, dice: &mut Dice) -> String {
    let colons: Vec<usize> = line.match_indices(": ").map(|(at, _)| at + 2).collect();
    let other = VALUES[dice.roll(VALUES.len())];
    if colons.is_empty() {
        return format!("{line} {other}");
    }
    let begin = colons[dice.roll(colons.len())];
    let rest = &line[begin..];
    let end = if dice.roll(2) == 0 {
        rest.len()
    } else {
        rest.find([',', '}', ']']).unwrap_or(rest.len())
    };
    format!("{}{other}{}", &line[..begin], &rest[end..])
}

fn indentation(line: &str, dice: &mut Dice) -> String {
    match dice.roll(4) {
        0 => format!("{}{line}", " ".repeat(1 + dice.roll(4))),
        1 => line.strip_prefix("  ").unwrap_or(line).to_owned(),
        2 => line.strip_prefix(' ').unwrap_or(line).to_owned(),
        _ => format!("\t{}", line.trim_start()),
    }
}

/// Lines are lost, said twice, or change places.
fn whole_line(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let (at, other) = (dice.roll(lines.len()), dice.roll(lines.len()));
    match dice.roll(3) {
        0 if lines.len() > 2 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at]),
        _ => lines.swap(at, other),
    }
    lines.join("\n")
}

/// A length of time that is none, or none that is allowed here.
fn span(text: &str, dice: &mut Dice) -> String {
    let is_span = |word: &str| {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let unit = &word[digits.len()..];
        let number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        number && matches!(unit, "ms" | "s" | "m" | "h" | "d")
    };
    let mut begin = 0;
    let mut found = Vec::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_span(bare) {
            found.push(begin..begin + bare.len());
        }
        begin += word.len();
    }
    if found.is_empty() {
        return mutated(text, dice);
    }
    let at = found[dice.roll(found.len())].clone();
    format!("{}{}{}", &text[..at.start], SPANS[dice.roll(SPANS.len())], &text[at.end..])
}

/// A quote is lost, doubled, or of the other kind.
fn quote(text: &str, dice: &mut Dice) -> String {
    let quotes: Vec<usize> = text.match_indices(['"', '\'', '`']).map(|(at, _)| at).collect();
    if quotes.is_empty() {
        return mutated(text, dice);
    }
    let at = quotes[dice.roll(quotes.len())];
    let other = ["", "\"\"", "'", "\"", "\\\""][dice.roll(5)];
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
