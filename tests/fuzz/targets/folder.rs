//! What the targets for rule files share: a rules folder in memory, and what must hold whatever is in it.

use reclose::rules;
use std::path::{Path, PathBuf};

/// A folder that is thrown away; in memory where there is such a place, since each execution writes to it.
pub fn folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::tempdir_in(place).expect("a folder")
}

/// Active whole or not at all; every mistake in its place, and readable.
pub fn judge(folder: &Path) {
    let (set, mistakes) = rules::load_with_warnings(folder);
    let errors = mistakes.iter().any(rules::Mistake::is_error);
    assert_eq!(set.is_none(), errors, "active with errors, or refused without");
    for mistake in &mistakes {
        let text = &mistake.source.text;
        assert!(!mistake.message.is_empty(), "a mistake without a word");
        assert!(text.get(mistake.at.clone()).is_some(), "outside of its file: {mistake}");
        assert!(text.is_empty() || mistake.line() >= 1, "without a line: {mistake}");
        assert!(mistake.line() <= text.split('\n').count(), "no such line: {mistake}");
    }
    assert!(mistakes.is_empty() || !rules::render(&mistakes, false).is_empty());
}
