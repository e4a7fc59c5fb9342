//! The store on disk: not in this build yet, so it cannot be opened.

use std::path::Path;

use super::StoreError;
use super::tx::Answer;
use crate::core::planted::Bugs;

/// There is none.
#[derive(Clone)]
pub enum Sqlite {}

impl Sqlite {
    pub(super) fn open(dir: &Path, _: Bugs) -> Answer<Self> {
        Err(StoreError::Unavailable(format!("no store on disk yet, not even in {}", dir.display())))
    }

    pub(super) const fn never<T>(&self) -> T {
        match *self {}
    }
}
