//! How often: cooldowns and budgets, counted from what was begun by any process. Never counts what was only decided.

use super::{Answer, refuse, refuse_until};
use crate::core::action::{Budget, Intent};
use crate::core::fleet::{Fleet, Start};
use crate::core::planted::Bug;
use crate::core::time::{Duration, Timestamp, after, since};

/// G4: attempts of one incident; after two a person must look.
const ATTEMPTS_PER_INCIDENT: usize = 2;
/// G4: what a target, a group and everything together may see.
const TARGET_HOUR: Budget = Budget { times: 3, within: Duration::from_secs(3_600) };
const TARGET_DAY: Budget = Budget { times: 6, within: Duration::from_secs(86_400) };
const GROUP_MINUTE: Budget = Budget { times: 1, within: Duration::from_secs(60) };
const ALL_HOUR: Budget = Budget { times: 10, within: Duration::from_secs(3_600) };
/// A doubled cooldown never grows beyond a day.
const COOLDOWN_MOST: Duration = Duration::from_secs(86_400);

/// A budget by its name, and which starts it counts.
type Check<'a> = (&'a str, Option<Budget>, &'a dyn Fn(&Start) -> bool);

/// G5: no second attempt on the target within the cooldown, doubled after each failure in a row.
pub(super) fn cooldown(intent: &Intent, fleet: &Fleet, now: Timestamp) -> Answer {
    let on_target = || fleet.starts.iter().filter(|start| start.target == intent.target);
    let Some(last) = on_target().map(|start| start.at).max() else { return Answer::Allow };
    let failed = on_target().rev().take_while(|start| start.failed).count();
    // 1, 2, 4, … times the cooldown: each failure in a row doubles it.
    let factor = 1_u32 << failed.min(10);
    let mut length = intent
        .action
        .cooldown
        .saturating_mul(factor)
        .min(COOLDOWN_MOST.max(intent.action.cooldown));
    if fleet.bugs.has(Bug::CooldownShort) {
        length = length.saturating_sub(Duration::from_secs(1));
    }
    let until = after(last, length);
    if now < until { refuse_until("cooldown of the target", until) } else { Answer::Allow }
}

/// G4: attempts an incident, a target, a group, and all together.
pub(super) fn budget(
    intent: &Intent,
    fleet: &Fleet,
    open_since: Timestamp,
    now: Timestamp,
) -> Answer {
    // An outage that was verified over and comes again within the same incident begins anew.
    let of_this_opening =
        |start: &&Start| start.incident == intent.incident && start.at >= open_since;
    let of_incident = fleet.starts.iter().filter(of_this_opening).count();
    if of_incident >= ATTEMPTS_PER_INCIDENT {
        return refuse(format!("{of_incident} attempts in this outage are enough"));
    }
    let target = |start: &Start| start.target == intent.target;
    let group = |start: &Start| start.group == intent.group;
    let checks: [Check<'_>; 5] = [
        ("the target's budget an hour", Some(TARGET_HOUR), &target),
        ("the target's budget a day", Some(TARGET_DAY), &target),
        ("the group's budget a minute", Some(GROUP_MINUTE), &group),
        ("the budget of all targets an hour", Some(ALL_HOUR), &|_| true),
        ("the action's budget", intent.action.at_most, &target),
    ];
    let spent = checks.iter().filter_map(|(name, budget, belongs)| {
        Some((name, spent(fleet, (*budget)?, *belongs, now)?))
    });
    match spent.max_by_key(|(_, until)| *until) {
        Some((name, until)) => refuse_until(&format!("{name} is spent"), until),
        None => Answer::Allow,
    }
}

/// Until when a budget is spent, if it is.
fn spent(
    fleet: &Fleet,
    budget: Budget,
    belongs: &dyn Fn(&Start) -> bool,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut inside: Vec<Timestamp> = fleet
        .starts
        .iter()
        .filter(|start| belongs(start) && since(now, start.at) < budget.within)
        .map(|start| start.at)
        .collect();
    inside.sort_unstable();
    let over = inside.len().checked_sub(usize::try_from(budget.times).unwrap_or(usize::MAX))?;
    // One place is free again when the (over+1)-th oldest leaves the window.
    inside.get(over).map(|at| after(*at, budget.within))
}
