//! Bugs that tests plant on purpose, to see that they are caught. Empty in a released build.

/// Which planted bugs are on. Without the feature `test-hooks` there are none, and every question is answered no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bugs(#[cfg(feature = "test-hooks")] pub u32);

/// One deliberate mistake; the number is its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An unknown outcome is done again instead of looked at.
    RedoUnknown,
    /// A cooldown ends one second early.
    CooldownShort,
    /// The guards are not asked again inside the intent's transaction.
    NoGuardAtCommit,
    /// An unreadable state counts as open.
    ActOnUnknown,
    /// Budgets forget what was begun before the last start.
    BudgetPerProcess,
    /// The kill switch is read only by `decide`, and as it was when the incident was claimed.
    KillSwitchCached,
    /// A resolved alert counts as recovery.
    TrustResolved,
    /// A reset is allowed while the cause lasts.
    ResetWhileLasting,
    /// Health need not hold.
    NoHold,
    /// The intent is written after the effect.
    EffectBeforeIntent,
    /// An unknown outcome does not lock the target.
    NoLock,
    /// The owner's ceiling is not looked at.
    IgnoreCeiling,
    /// Missing data counts as zero.
    NoDataIsZero,
    /// The checklist of a rung is not looked at.
    IgnoreChecklist,
}

impl Bug {
    pub const ALL: [Self; 14] = [
        Self::RedoUnknown,
        Self::CooldownShort,
        Self::NoGuardAtCommit,
        Self::ActOnUnknown,
        Self::BudgetPerProcess,
        Self::KillSwitchCached,
        Self::TrustResolved,
        Self::ResetWhileLasting,
        Self::NoHold,
        Self::EffectBeforeIntent,
        Self::NoLock,
        Self::IgnoreCeiling,
        Self::NoDataIsZero,
        Self::IgnoreChecklist,
    ];
}

impl Bugs {
    #[cfg(feature = "test-hooks")]
    pub const fn only(bug: Bug) -> Self {
        Self(1 << bug as u32)
    }

    #[cfg(feature = "test-hooks")]
    pub const fn has(self, bug: Bug) -> bool {
        self.0 & (1 << bug as u32) != 0
    }

    #[cfg(not(feature = "test-hooks"))]
    pub const fn has(self, _: Bug) -> bool {
        false
    }
}
