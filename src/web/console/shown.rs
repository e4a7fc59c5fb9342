//! Text and moments as a page shows them: nothing invisible, nothing that turns the line around. Never shortens.

use crate::core::time::{Timestamp, since};

/// `text` with every control and formatting character written out as its code point. What escapes markup is the template.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            let code = format!("⟨U+{:04X}⟩", u32::from(character));
            shown.push_str(&code);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls, direction marks, zero-width characters, fillers and tags.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A moment as people read it.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// `2026-08-20 10:05:00 UTC`
    pub(super) exact: String,
    /// `10:05:00`
    pub(super) clock: String,
    /// `5 min ago`
    pub(super) ago: String,
}

impl Moment {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            exact: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            clock: at.strftime("%H:%M:%S").to_string(),
            ago: ago(at, now),
        }
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    match since(now, at).as_secs() {
        0..=4 => "just now".to_owned(),
        seconds @ 5..=119 => format!("{seconds} s ago"),
        seconds @ 120..=7_199 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides() {
        assert_eq!(visible("a\u{202e}b\u{1b}c\n"), "a⟨U+202E⟩b⟨U+001B⟩c⟨U+000A⟩");
        assert_eq!(visible("naïve 😀 a\"b <b>"), "naïve 😀 a\"b <b>");
    }
}
