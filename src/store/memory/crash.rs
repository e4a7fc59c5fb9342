//! Ends the simulated process at a chosen write. Never loses what was durable.

use crate::store::StoreError;
use crate::store::tx::Answer;

/// On which side of the write the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Nothing of the write is durable.
    Before,
    /// All of it is, but nobody was told.
    After,
}

#[derive(Default)]
pub(super) struct Crash {
    writes: u64,
    planned: Option<(u32, Point)>,
    ended: bool,
}

impl Crash {
    pub(super) const fn alive(&self) -> Answer<()> {
        if self.ended { Err(StoreError::Crashed) } else { Ok(()) }
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn forget(&mut self) {
        self.planned = None;
        self.ended = false;
    }

    pub(super) fn before_write(&mut self) -> Answer<()> {
        self.alive()?;
        self.writes = self.writes.saturating_add(1);
        if let Some((left, _)) = &mut self.planned {
            *left = left.saturating_sub(1);
        }
        self.end_at(Point::Before)
    }

    pub(super) fn after_write(&mut self) -> Answer<()> {
        self.end_at(Point::After)
    }

    fn end_at(&mut self, here: Point) -> Answer<()> {
        self.ended |= self.planned == Some((0, here));
        self.alive()
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn plan(&mut self, writes: u32, point: Point) {
        self.planned = Some((writes.max(1), point));
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn revive(&mut self) {
        self.ended = false;
        self.planned = None;
    }

    #[cfg(feature = "test-hooks")]
    pub(super) const fn writes(&self) -> u64 {
        self.writes
    }
}
