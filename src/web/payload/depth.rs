//! How deep JSON nests, by one linear look at its bytes before anything parses it. Never validates: the parser does.

/// True if arrays and objects nest deeper than `most` anywhere, in ignored fields too.
pub(super) fn is_over(json: &[u8], most: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                // Brackets inside a string are text; a backslash takes the next byte with it.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_over;

    #[test]
    fn counts_only_brackets_outside_strings() {
        assert!(!is_over(br#"{"a":"[[[[\"[[[[","b":[[1]]}"#, 3));
        assert!(is_over(br#"{"a":"[[[[\"[[[[","b":[[1]]}"#, 2));
        assert!(is_over(&[b'['; 10_000], 64));
        assert!(!is_over(&b"[]".repeat(10_000), 1));
        assert!(!is_over(b"\"\\", 0));
    }
}
