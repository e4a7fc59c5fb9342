//! One server, one directory. The lock is the kernel's: it ends with the process, however that ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};

use crate::store::StoreError;
use crate::store::tx::Answer;

const LOCK: &str = "reclose.lock";

/// The held directory.
pub(super) struct Hold(Mutex<Option<File>>);

impl Hold {
    /// Makes the directory if there is none, for its owner alone, and holds it.
    pub(super) fn make(dir: &Path) -> Answer<Self> {
        if !dir.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(|error| cannot("make the data directory", dir, &error))?;
            // The directory itself must outlive a power cut.
            if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)
                    .and_then(|parent| parent.sync_all())
                    .map_err(|error| cannot("sync the parent of", dir, &error))?;
            }
        }
        Self::take(dir)
    }

    pub(super) fn take(dir: &Path) -> Answer<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(dir.join(LOCK))
            .map_err(|error| cannot("open the lock of", dir, &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(Mutex::new(Some(file)))),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Held(dir.display().to_string())),
            Err(error) => Err(cannot("lock", dir, &error.into())),
        }
    }

    /// Another server may have it now.
    pub(super) fn let_go(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn cannot(what: &str, dir: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot {what} {}: {error}", dir.display()))
}
