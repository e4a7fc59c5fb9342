//! The changes of a ladder's rungs, and of the signals that rungs and verification ask for.

use super::Changes;
use super::weaker::{loosen, no_least, no_proof, not_until, remove, shorten, widen};
use crate::core::rule::{BreakerState, Rule, Rung, VerifySignal, Wait};

impl Changes<'_> {
    pub(super) fn rungs(
        &mut self,
        key: &str,
        rungs: &[Rung],
        of: impl Fn(&mut Rule) -> &mut Vec<Rung> + Copy + Send + Sync + 'static,
    ) {
        for (index, rung) in rungs.iter().enumerate() {
            let key = format!("{key}[{index}]");
            self.add(&key, "removed", move |rule| remove(of(rule), index));
            let with = move |change: fn(&mut Rung)| {
                move |rule: &mut Rule| {
                    if let Some(rung) = of(rule).get_mut(index) {
                        change(rung);
                    }
                }
            };
            match rung {
                Rung::Do { action: _, gone: _, all, within: _ } => {
                    self.add(format!("{key}.when.gone"), "removed", with(no_proof));
                    self.add(format!("{key}.within"), "doubled", with(widen));
                    for (item, signal) in all.iter().enumerate() {
                        let key = format!("{key}.all[{item}]");
                        self.signal(&key, item, signal, move |rule| {
                            match of(rule).get_mut(index) {
                                Some(Rung::Do { all, .. }) => Some(all),
                                Some(Rung::Wait(_) | Rung::Ask { .. } | Rung::Escalate) | None => {
                                    None
                                }
                            }
                        });
                    }
                }
                Rung::Ask { text: _, until, within: _ } => {
                    if !until.is_empty() {
                        self.add(format!("{key}.until"), "removed", with(not_until));
                        self.add(format!("{key}.within"), "doubled", with(widen));
                        self.until(&key, until.len(), index, of);
                    }
                }
                Rung::Wait(Wait::RetryAfter { .. }) => {
                    self.add(format!("{key}.at_least"), "removed", with(no_least));
                    self.add(format!("{key}.at_least"), "halved", with(shorten));
                    self.add(format!("{key}.at_most"), "doubled", with(widen));
                }
                Rung::Wait(Wait::For(_)) => {
                    self.add(&key, "doubled", with(widen));
                    self.add(key, "halved", with(shorten));
                }
                // How long the breaker takes stands under `recovery`.
                Rung::Wait(Wait::HalfOpen) | Rung::Escalate => {}
            }
        }
    }

    /// Each of several probes that must be green before the ladder goes on.
    fn until(
        &mut self,
        key: &str,
        probes: usize,
        index: usize,
        of: impl Fn(&mut Rule) -> &mut Vec<Rung> + Copy + Send + Sync + 'static,
    ) {
        for probe in (0..probes).filter(|_| probes > 1) {
            self.add(format!("{key}.until[{probe}]"), "removed", move |rule| {
                if let Some(Rung::Ask { until, .. }) = of(rule).get_mut(index) {
                    remove(until, probe);
                }
            });
        }
    }

    /// One item of a list of signals: gone, or satisfied with less.
    pub(super) fn signal(
        &mut self,
        key: &str,
        item: usize,
        signal: &VerifySignal,
        of: impl Fn(&mut Rule) -> Option<&mut Vec<VerifySignal>> + Copy + Send + Sync + 'static,
    ) {
        self.add(key, "removed", move |rule| {
            if let Some(all) = of(rule) {
                remove(all, item);
            }
        });
        match signal {
            VerifySignal::State(wanted) => {
                // States that the breaker can tell, and that are neither well nor open.
                let can = |state: &BreakerState| self.rule.state.means.values().any(|m| m == state);
                let nearly = [BreakerState::HalfOpen, BreakerState::Quiet];
                let more: Vec<BreakerState> = nearly
                    .into_iter()
                    .filter(|state| can(state) && !wanted.contains(state))
                    .collect();
                self.add(key, "loosened", move |rule| {
                    let signal = of(rule).and_then(|all| all.get_mut(item));
                    if let Some(VerifySignal::State(wanted)) = signal {
                        wanted.extend(&more);
                    }
                });
            }
            VerifySignal::Falling(_)
            | VerifySignal::AtMost { .. }
            | VerifySignal::AtLeast { .. } => {
                self.add(key, "loosened", move |rule| {
                    if let Some(signal) = of(rule).and_then(|all| all.get_mut(item)) {
                        loosen(signal);
                    }
                });
            }
            VerifySignal::AlertResolved | VerifySignal::Healthy(_) | VerifySignal::NotRising(_) => {
            }
        }
    }
}
