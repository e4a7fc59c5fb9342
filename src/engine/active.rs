//! The set of rules that is active: read at each use, replaced whole. Never half of one set and half of another.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{RwLock as AsyncRwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::core::rule::RuleSet;
use crate::store::WrongRules;

/// The active set, and what is wrong with the one on disk. Clones are the same.
#[derive(Clone)]
pub struct Active {
    set: Arc<AsyncRwLock<Arc<RuleSet>>>,
    wrong: Arc<RwLock<Option<Arc<WrongRules>>>>,
}

impl Active {
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self { set: Arc::new(AsyncRwLock::new(rules)), wrong: Arc::default() }
    }

    /// As it is now; it may be replaced while this is looked at.
    pub async fn now(&self) -> Arc<RuleSet> {
        Arc::clone(&*self.set.read().await)
    }

    /// As it is, and as it stays while the guard lives: for what must not be written by a set that is active no more.
    pub async fn held(&self) -> RwLockReadGuard<'_, Arc<RuleSet>> {
        self.set.read().await
    }

    /// The right to replace it, once nobody holds it.
    pub(super) async fn replacing(&self) -> RwLockWriteGuard<'_, Arc<RuleSet>> {
        self.set.write().await
    }

    /// What is wrong with the rules on disk; `None`: they are what is active.
    pub fn wrong(&self) -> Option<Arc<WrongRules>> {
        self.wrong.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_wrong(&self, wrong: Option<Arc<WrongRules>>) {
        *self.wrong.write().unwrap_or_else(PoisonError::into_inner) = wrong;
    }
}
