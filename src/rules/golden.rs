//! Files of the repository that are made from the grammar: compared as they stand, or written anew by `make accept`.

use std::fs;
use std::path::Path;

/// The text of a file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
}

/// Compares a file of the repository with what it should be; `INSTA_UPDATE=always` writes it.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment to write")]
pub(crate) fn assert_current(path: &str, expected: &str) {
    let found = read(path);
    if found == expected {
        return;
    }
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).ok();
        fs::write(&file, expected).ok();
        return;
    }
    let first = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    let line = first.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    let (there, wanted) = (found.lines().nth(line), expected.lines().nth(line));
    assert_eq!(there, wanted, "{path}:{} is not current: `make accept` writes it anew", line + 1);
    assert_eq!(found.len(), expected.len(), "{path} ends otherwise: `make accept` writes it anew");
}
