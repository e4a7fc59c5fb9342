//! Durations, rates and names as people write them. Never guesses a unit.

use crate::core::time::Duration;

/// Longer than any wait of an incident; what is longer is a slip of the keyboard.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Names appear in Slack, metrics and file names.
const NAME_MOST: usize = 64;
/// Names of targets may be image names, ARNs, `namespace/name`.
const TARGET_MOST: usize = 128;
/// As much of a wrong text as a message repeats.
const SHORT_MOST: usize = 60;
/// Two words this alike are probably meant to be one.
const ALIKE: f64 = 0.7;

/// `15m`, `1h30m`, `500ms`: more than nothing, at most thirty days.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    const HINT: &str = "write a number and a unit, such as 500ms, 30s, 15m, 6h or 2d";
    const TOO_LONG: &str = "at most 30 days";
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits).ok_or(HINT)?;
        if number.is_empty() {
            return Err(HINT);
        }
        let number: u64 = number.parse().map_err(|_| TOO_LONG)?;
        let letters =
            after.len() - after.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let (unit, after) = after.split_at_checked(letters).ok_or(HINT)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(HINT),
        };
        total =
            number.checked_mul(millis).and_then(|part| total.checked_add(part)).ok_or(TOO_LONG)?;
        rest = after;
    }
    match Duration::from_millis(total) {
        _ if text.is_empty() => Err(HINT),
        Duration::ZERO => Err("it must be more than nothing"),
        long if long > LONGEST => Err(TOO_LONG),
        fine => Ok(fine),
    }
}

/// `2 per 6h`, `2 in 60m`: how often within how long.
pub(crate) fn times(text: &str, between: &str) -> Option<(u32, Duration)> {
    let mut parts = text.split_whitespace();
    let (number, word, span) = (parts.next()?, parts.next()?, parts.next()?);
    let number: u32 = number.parse().ok().filter(|number| (1..=1_000).contains(number))?;
    let span = duration(span).ok()?;
    (word == between && parts.next().is_none()).then_some((number, span))
}

/// A name of ours.
pub(crate) fn name(text: &str) -> Result<(), &'static str> {
    let fits = text.len() <= NAME_MOST
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    fits.then_some(()).ok_or("lower-case letters, digits, `-` and `_`, at most 64 of them")
}

/// The name of a target: plain ASCII, so that no two names only look alike, and no wildcard.
pub(crate) fn target(text: &str) -> Result<(), &'static str> {
    if !text.is_ascii() {
        return Err(
            "plain ASCII letters only: other letters can look the same and be another name",
        );
    }
    if text.contains(['*', '?']) {
        return Err("no wildcards: every target is listed by its own name");
    }
    let fits = text.len() <= TARGET_MOST
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c))
        && !text.contains("..");
    fits.then_some(()).ok_or("letters, digits and `-_./:@`, at most 128, a letter or digit first")
}

/// What YAML would take an unquoted word for, if not for a text.
pub(crate) fn looks_like(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => Some("a truth value"),
        "null" | "~" | "" => Some("nothing"),
        ".nan" | ".inf" | "-.inf" | "+.inf" => Some("a number"),
        _ => number(&lower).then_some("a number"),
    }
}

fn number(text: &str) -> bool {
    let bare = text.trim_start_matches(['-', '+']);
    bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (bare.replace('_', "").parse::<f64>().is_ok()
            || ["0x", "0o", "0b"].iter().any(|prefix| {
                bare.strip_prefix(prefix)
                    .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit() || c == '_'))
            }))
}

/// The known word that was probably meant.
pub(crate) fn did_you_mean(text: &str, known: &[&str]) -> Option<String> {
    let likeness = |word: &str| strsim::normalized_damerau_levenshtein(text, word);
    let best = known.iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)))?;
    (likeness(best) >= ALIKE || strsim::damerau_levenshtein(text, best) <= 1)
        .then(|| format!("did you mean `{best}`?"))
}

/// The beginning of a text, on one line and without control characters, for a message.
pub(crate) fn short(text: &str) -> String {
    let mut short: String =
        text.chars().take(SHORT_MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHORT_MOST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30d"), Ok(LONGEST));
        for wrong in [
            "",
            "0s",
            "0",
            "15",
            "-5m",
            "m",
            "5 m",
            "1e3",
            "1e3s",
            "5M",
            "31d",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615w",
            "５m",
        ] {
            assert!(duration(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn rates_are_read_as_written() {
        assert_eq!(times("2 per 6h", "per"), Some((2, Duration::from_hours(6))));
        for wrong in [
            "0 per 6h",
            "2 per",
            "per 6h",
            "2 in 6h",
            "2 per 0s",
            "2 per 6h more",
            "5000000000 per 1h",
        ] {
            assert_eq!(times(wrong, "per"), None, "{wrong:?} was taken");
        }
    }

    #[test]
    fn words_that_yaml_reads_otherwise_are_seen() {
        for other in
            ["yes", "NO", "on", "null", "~", "1", "1.5", "1e3", "0x1f", "-7", "1_000", ".5", ".inf"]
        {
            assert!(looks_like(other).is_some(), "{other:?} passed as a text");
        }
        for text in ["pms", "5m", "v1", "1.2.3", "e3", "norway", "-", "0xyz"] {
            assert_eq!(looks_like(text), None, "{text:?}");
        }
    }

    #[test]
    fn look_alike_targets_are_refused() {
        assert!(target("payments/api-1").is_ok());
        for wrong in ["p\u{430}yments", "*", "api-?", "", "-x", "a/../b", "a b"] {
            assert!(target(wrong).is_err(), "{wrong:?} was taken");
        }
    }
}
