//! Filter patterns of `CloudWatch` Logs, as far as they mean the same everywhere. Never takes one that only AWS could judge:
//! what AWS lets through is judged again here, because servers that speak like it filter differently.

/// A pattern: plain or quoted terms that must all be there (`a "b c"`), one of which must be there (`?a ?b`), or that must
/// not be there (`-a`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// Or why it cannot be used here.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut pattern = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (sign, after) = match rest.strip_prefix(['?', '-']) {
                Some(after) => (rest.chars().next(), after),
                None => (None, rest),
            };
            let (term, after) = term(after)?;
            let terms = match sign {
                Some('?') => &mut pattern.any,
                Some(_) => &mut pattern.none,
                None => &mut pattern.all,
            };
            terms.push(term.to_owned());
            rest = after.trim_start();
        }
        if pattern.any.is_empty() || pattern.all.is_empty() && pattern.none.is_empty() {
            Ok(pattern)
        } else {
            Err("beside other terms AWS ignores those with `?`: write either kind alone")
        }
    }

    /// Upper and lower case count, as with AWS.
    pub(crate) fn fits(&self, line: &str) -> bool {
        let has = |term: &String| line.contains(term.as_str());
        self.all.iter().all(has)
            && (self.any.is_empty() || self.any.iter().any(has))
            && !self.none.iter().any(has)
    }
}

/// The first term of a text, and what follows it.
fn term(text: &str) -> Result<(&str, &str), &'static str> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (term, after) = quoted.split_once('"').ok_or("a quote is not closed")?;
        let ends = after.is_empty() || after.starts_with(char::is_whitespace);
        return match term {
            "" => Err("there is nothing between the quotes"),
            term if term.contains('\\') => Err("no `\\` in a pattern: look for another part"),
            term if ends => Ok((term, after)),
            _ => Err("after a closing quote comes a space"),
        };
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (term, after) = text.split_at(end);
    if term.is_empty() {
        Err("a sign without a term")
    } else if term.chars().all(|c| c.is_alphanumeric() || c == '_') {
        Ok((term, after))
    } else if term.starts_with(['{', '[', '%']) {
        Err("patterns of JSON, of columns and with % are not understood here: look for words")
    } else {
        Err("letters, digits and `_`; anything else in double quotes: \"Meta CAPI error\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn fits(pattern: &str, line: &str) -> bool {
        Pattern::parse(pattern).unwrap().fits(line)
    }

    #[test]
    fn terms_are_all_there_one_there_or_not_there() {
        let line = "ERROR 401 Too Many Requests";
        for there in ["", " ", "ERROR", "ERROR 401", "\"Too Many\"", "?429 ?401", "401 -\"429 \""] {
            assert!(fits(there, line), "{there}");
        }
        for not in ["error", "ERROR 402", "\"Many Too\"", "?429 ?500", "-ERROR", "401 -Many"] {
            assert!(!fits(not, line), "{not}");
        }
        assert!(fits("-ERROR", "all is well"));
    }

    #[test]
    fn what_only_aws_could_judge_is_refused() {
        for wrong in [
            "{ $.status = 401 }",
            "[ip, user, status=4*]",
            "%4[0-9]{2}%",
            "\"open",
            "\"\"",
            "\"a\"b",
            "\"a\\\"b\"",
            "-",
            "? a",
            "a.b",
            "?a b",
            "?a -b",
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
