//! Text that anybody may have written (labels, log lines, annotations), made inert and bounded. Never trusts a sender.
//!
//! Slack gives `&`, `<` and `>` a meaning in every text, `*`, `~`, `` ` `` and `_` one in mrkdwn; a terminal gives
//! control characters one; direction and invisible characters deceive readers everywhere.

use crate::core::redact::redact;

/// Stands where text was cut.
const CUT: char = '…';

/// One line: what cannot be seen is dropped, every run of white space is one blank, at most `max` UTF-16 units.
pub fn one_line(text: &str, max: usize) -> String {
    let text = &redact(text);
    fit(squeezed(text), max, |ch, _| Piece::Char(ch))
}

/// One line for a `plain_text` object: shown literally. `max` counts what is sent, entities included.
pub fn plain(text: &str, max: usize) -> String {
    let text = &redact(text);
    fit(squeezed(text), max, |ch, _| entity(ch))
}

/// As `plain`, but line ends stay: for a whole section that was put together here.
pub fn plain_lines(text: &str, max: usize) -> String {
    let text = &redact(text);
    fit(visible(text, true), max, |ch, _| entity(ch))
}

/// One line for mrkdwn: formatting characters are replaced by look-alikes, because Slack has no escape for them.
/// Names such as `pms_eu` keep their underscore, which formats nothing inside a word.
pub fn mrkdwn(text: &str, max: usize) -> String {
    let text = &redact(text);
    fit(squeezed(text), max, |ch, neighbours| match ch {
        '*' => Piece::Char('∗'),
        '~' => Piece::Char('∼'),
        '`' => Piece::Char('ˋ'),
        '_' if !neighbours.in_word() => Piece::Char('＿'),
        // `link_names` would make a call of it.
        '@' => Piece::Char('＠'),
        _ => entity(ch),
    })
}

/// The length as the strictest client counts it.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

enum Piece {
    Char(char),
    Entity(&'static str),
}

#[derive(Clone, Copy)]
struct Neighbours {
    before: Option<char>,
    after: Option<char>,
}

impl Neighbours {
    fn in_word(self) -> bool {
        self.before.is_some_and(char::is_alphanumeric)
            && self.after.is_some_and(char::is_alphanumeric)
    }
}

fn entity(ch: char) -> Piece {
    match ch {
        '&' => Piece::Entity("&amp;"),
        '<' => Piece::Entity("&lt;"),
        '>' => Piece::Entity("&gt;"),
        _ => Piece::Char(ch),
    }
}

/// Puts the pieces together and cuts between two of them, so that no entity is ever halved.
fn fit(
    chars: impl Iterator<Item = char>,
    max: usize,
    piece: impl Fn(char, Neighbours) -> Piece,
) -> String {
    let mut chars = chars.peekable();
    let (mut out, mut used, mut uncut) = (String::new(), 0, 0);
    let mut before = None;
    while let Some(ch) = chars.next() {
        let bytes = out.len();
        match piece(ch, Neighbours { before, after: chars.peek().copied() }) {
            Piece::Char(ch) => {
                out.push(ch);
                used += ch.len_utf16();
            }
            Piece::Entity(entity) => {
                out.push_str(entity);
                used += entity.len();
            }
        }
        if used > max {
            out.truncate(uncut.min(bytes));
            if max > 0 {
                out.push(CUT);
            }
            return out;
        }
        if used < max {
            uncut = out.len();
        }
        before = Some(ch);
    }
    out
}

fn squeezed(text: &str) -> impl Iterator<Item = char> {
    let mut blank = true;
    let mut pending = false;
    visible(text, false)
        .flat_map(move |ch| {
            if ch == ' ' {
                pending = !blank;
                return [None, None];
            }
            blank = false;
            let gap = std::mem::take(&mut pending).then_some(' ');
            [gap, Some(ch)]
        })
        .flatten()
}

/// What a reader can see; control characters and line ends become blanks.
fn visible(text: &str, keep_lines: bool) -> impl Iterator<Item = char> {
    text.chars().filter(|ch| !is_invisible(*ch)).map(move |ch| match ch {
        '\n' if keep_lines => '\n',
        _ if ch.is_control() || ch.is_whitespace() => ' ',
        _ => ch,
    })
}

/// Direction marks, zero-width characters, fillers and tags: they hide text or turn it around.
const fn is_invisible(ch: char) -> bool {
    matches!(ch,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        assert_eq!(plain("<!channel> & <@U1>", 100), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        assert_eq!(plain("&lt;!here&gt;", 100), "&amp;lt;!here&amp;gt;");
        assert_eq!(mrkdwn("*a* ~b~ ``` _c_ pms_eu @here", 100), "∗a∗ ∼b∼ ˋˋˋ ＿c＿ pms_eu ＠here");
    }

    #[test]
    fn nothing_hides_in_a_line() {
        assert_eq!(one_line("a\u{202e}b\u{1b}[31m\r\n\t c\u{200b}d", 100), "ab [31m cd");
        assert_eq!(plain_lines("a\nb\rc", 100), "a\nb c");
    }

    #[test]
    fn a_cut_never_halves_an_entity_and_counts_what_is_sent() {
        assert_eq!(plain("ab<<<", 9), "ab&lt;…");
        assert_eq!(plain("ab", 2), "ab");
        assert_eq!(plain("abc", 2), "a…");
        assert_eq!(plain("🔴🔴🔴", 5), "🔴🔴…");
        assert_eq!(plain("<", 3), "…");
        assert_eq!(plain("x", 0), "");
    }
}
