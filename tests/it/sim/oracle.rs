//! Judges a life from its audit log alone, and from what was really done. Written apart from the guards: it shares
//! no code and no constant with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reclose::core::action::{Intent, Outcome};
use reclose::core::audit::AuditEntry;
use reclose::core::command::{Command, Scope};
use reclose::core::evidence::{Finding, Findings, Value};
use reclose::core::incident::IncidentId;
use reclose::core::rule::{Mode, RuleSet};
use reclose::core::time::Timestamp;

use super::life::Life;
use super::spec::{HOLD, LOAD, LOAD_MOST, MAX_AGE, PROBE_HOLD};

/// Everything that a life did wrong, in words; empty when it did not.
pub fn judge(life: &Life) -> Vec<String> {
    let mut judge =
        Judge { rules: life.spec.rules.clone(), settle: life.spec.settle, ..Judge::default() };
    for (place, (at, entry)) in life.audit.iter().enumerate() {
        judge.hear(place, *at, entry);
    }
    judge.compare(life);
    judge.wrong
}

#[derive(Default)]
struct Judge {
    rules: RuleSet,
    settle: Duration,
    wrong: Vec<String>,
    last_at: Option<Timestamp>,
    intents: BTreeMap<String, Intent>,
    /// Begun, by key: where in the log, when.
    started: BTreeMap<String, (usize, Timestamp)>,
    /// The newest outcome of each key.
    outcomes: BTreeMap<String, Outcome>,
    killed: bool,
    paused: BTreeMap<String, Timestamp>,
    /// Keys of unknown outcomes that a person cleared.
    cleared: BTreeSet<String>,
    open: BTreeMap<IncidentId, (String, Timestamp)>,
    of: BTreeMap<IncidentId, (String, String)>,
    found: BTreeMap<IncidentId, Vec<(Timestamp, Findings)>>,
    reread: BTreeMap<IncidentId, (Timestamp, String)>,
    not_before: Option<Timestamp>,
    paged: BTreeSet<IncidentId>,
    unclean: Vec<Timestamp>,
    ended: BTreeSet<IncidentId>,
}

fn secs(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_microsecond() - from.as_microsecond()) as f64 / 1e6
}

impl Judge {
    fn say(&mut self, what: String) {
        self.wrong.push(what);
    }

    fn hear(&mut self, place: usize, at: Timestamp, entry: &AuditEntry) {
        if self.last_at.is_some_and(|last| at < last) {
            self.say(format!("P14: entry {place} goes back in time"));
        }
        self.last_at = Some(at);
        match entry {
            AuditEntry::ServerStarted { clean, .. } => self.server_started(at, *clean),
            AuditEntry::AlertAttached { incident, breaker, opened, .. } => {
                self.of.insert(*incident, (breaker.rule.clone(), breaker.target.clone()));
                if *opened {
                    self.ended.remove(incident);
                    self.open.insert(*incident, (breaker.target.clone(), at));
                }
            }
            AuditEntry::Found { incident, findings, .. } => {
                self.found.entry(*incident).or_default().push((at, findings.clone()));
            }
            AuditEntry::Reread { incident, state } => {
                self.reread.insert(*incident, (at, state.name().to_owned()));
            }
            AuditEntry::Intended { intent, .. } => {
                if self.intents.insert(intent.key.0.clone(), (**intent).clone()).is_some() {
                    self.say(format!("P4: {} was decided twice", intent.key.0));
                }
            }
            AuditEntry::Started { key, incident, .. } => self.begun(place, at, &key.0, *incident),
            AuditEntry::Finished { key, outcome, .. } => self.finished(&key.0, outcome),
            AuditEntry::Decided { incident, to, .. } if to == "recovered" => {
                self.recovered(at, *incident);
                self.open.remove(incident);
                self.ended.insert(*incident);
            }
            AuditEntry::Paged { incident, .. } => {
                self.paged.insert(*incident);
            }
            AuditEntry::Commanded { command, .. } => self.commanded(command),
            AuditEntry::Decided { .. }
            | AuditEntry::Refused { .. }
            | AuditEntry::NotStarted { .. }
            | AuditEntry::ServerStopped
            | AuditEntry::Rejected { .. }
            | AuditEntry::RulesActive { .. }
            | AuditEntry::RulesRefused { .. }
            | AuditEntry::Note { .. } => {}
        }
    }

    /// G18: after an unclean stop or with open incidents nothing is done before it has settled.
    fn server_started(&mut self, at: Timestamp, clean: bool) {
        self.not_before = (!clean || !self.open.is_empty()).then(|| plus(at, self.settle));
        if !clean {
            self.unclean.push(at);
        }
    }

    fn finished(&mut self, key: &str, outcome: &Outcome) {
        if matches!(self.outcomes.get(key), Some(Outcome::Done | Outcome::NotDone(_))) {
            self.say(format!("P4: the outcome of {key} was rewritten"));
        }
        self.outcomes.insert(key.to_owned(), outcome.clone());
    }

    fn commanded(&mut self, command: &Command) {
        match command {
            Command::PauseAll { .. } => self.killed = true,
            Command::ResumeAll => self.killed = false,
            Command::Pause { what: Scope::Target(target), until, .. } => {
                self.paused.insert(target.clone(), *until);
            }
            Command::Resume { what: Scope::Target(target) } | Command::Unlock { target, .. } => {
                self.paused.remove(target);
                let unknown = self
                    .outcomes
                    .iter()
                    .filter(|(_, outcome)| matches!(outcome, Outcome::Unknown(_)));
                let keys: Vec<String> = unknown
                    .map(|(key, _)| key.clone())
                    .filter(|key| self.intents[key].target == *target)
                    .collect();
                self.cleared.extend(keys);
            }
            Command::Pause { .. } | Command::Resume { .. } | Command::Acknowledge { .. } => {}
        }
    }

    /// Every guard, judged again at the moment an action was begun.
    fn begun(&mut self, place: usize, at: Timestamp, key: &str, incident: IncidentId) {
        if self.started.contains_key(key) {
            self.say(format!("P4: {key} was begun twice"));
        }
        let Some(intent) = self.intents.get(key).cloned() else {
            self.say(format!("P5: {key} was begun before it was decided"));
            return;
        };
        let target = self.rules.targets[&intent.target].clone();
        let rule = self.rules.rules[&intent.rule].clone();
        let mut wrong = Vec::new();
        if self.killed {
            wrong.push("G1: begun under pause --all".to_owned());
        }
        if self.paused.get(&intent.target).is_some_and(|until| at < *until) {
            wrong.push("G1: begun on a paused target".to_owned());
        }
        if target.protect || target.ceiling != Mode::Auto || rule.mode != Mode::Auto || !intent.gone
        {
            wrong.push(format!(
                "G12: begun with ceiling {:?}, mode {:?}, gone {}",
                target.ceiling, rule.mode, intent.gone
            ));
        }
        if at > intent.expires_at {
            wrong.push("G7: begun after it expired".to_owned());
        }
        if self.not_before.is_some_and(|moment| at < moment) {
            wrong.push("G18: begun before it settled".to_owned());
        }
        if self.unclean.len() >= 5
            && secs(self.unclean[self.unclean.len() - 5], at) < 600.0
            && secs(self.unclean[self.unclean.len() - 5], *self.unclean.last().unwrap()) <= 600.0
        {
            wrong.push("G18: begun after five unclean starts in ten minutes".to_owned());
        }
        self.how_often(at, &intent, &mut wrong);
        self.how_many(at, incident, &target.group, &mut wrong);
        self.on_what(at, &intent, incident, &mut wrong);
        for what in wrong {
            self.say(format!("{what} ({key} at {at})"));
        }
        self.started.insert(key.to_owned(), (place, at));
    }

    /// G4, G5, G6, G16.
    fn how_often(&self, at: Timestamp, intent: &Intent, wrong: &mut Vec<String>) {
        let begun = || self.started.iter().map(|(key, (_, when))| (&self.intents[key], *when));
        let count = |within: f64, belongs: &dyn Fn(&Intent) -> bool| {
            begun().filter(|(other, when)| belongs(other) && secs(*when, at) < within).count()
        };
        let same_target = |other: &Intent| other.target == intent.target;
        if count(3_600.0, &same_target) >= 3 || count(86_400.0, &same_target) >= 6 {
            wrong.push("G4: the target's budget".to_owned());
        }
        if count(60.0, &|other| other.group == intent.group) >= 1 {
            wrong.push("G4: the group's budget".to_owned());
        }
        if count(3_600.0, &|_| true) >= 10 {
            wrong.push("G4: the budget of all".to_owned());
        }
        // An outage that was verified over and comes again in the same incident begins anew.
        let mine = self.open.get(&intent.incident).map(|(_, opened)| *opened);
        let of_this_opening = |other: &Intent, when: Timestamp| {
            other.incident == intent.incident && mine.is_none_or(|opened| when >= opened)
        };
        if begun().filter(|(other, when)| of_this_opening(other, *when)).count() >= 2 {
            wrong.push("G4: the incident's budget".to_owned());
        }
        if let Some(own) = intent.action.at_most
            && count(own.within.as_secs_f64(), &same_target) >= own.times as usize
        {
            wrong.push("G4: the action's budget".to_owned());
        }
        let mut last: Vec<(Timestamp, bool)> = begun()
            .filter(|(other, _)| same_target(other))
            .map(|(other, when)| {
                (when, !matches!(self.outcomes.get(&other.key.0), Some(Outcome::Done)))
            })
            .collect();
        last.sort_unstable();
        // Lower bound of the doubling: failures that the outcome alone shows, in a row, newest first.
        let failed = last.iter().rev().take_while(|(_, failed)| *failed).count().min(10);
        let needed =
            (intent.action.cooldown.as_secs_f64() * f64::from(1_u32 << failed)).min(86_400.0);
        if let Some((when, _)) = last.last()
            && secs(*when, at) < needed - 1e-6
        {
            wrong.push(format!("G5: {:.1}s after the last, cooldown {needed}s", secs(*when, at)));
        }
        for (other, _) in begun() {
            let near = same_target(other) || other.group == intent.group;
            match self.outcomes.get(&other.key.0) {
                None if near => wrong.push(format!("G6: {} is under way", other.key.0)),
                Some(Outcome::Unknown(_))
                    if same_target(other) && !self.cleared.contains(&other.key.0) =>
                {
                    wrong.push(format!("G16: the outcome of {} is unknown", other.key.0));
                }
                Some(Outcome::Done | Outcome::NotDone(_) | Outcome::Unknown(_)) | None => {}
            }
        }
    }

    /// G2, and act-after.
    fn how_many(&self, at: Timestamp, incident: IncidentId, group: &str, wrong: &mut Vec<String>) {
        let inventory = self.rules.targets.len();
        if self.open.len() >= 4 && self.open.len() * 5 > inventory {
            wrong.push("G2: too many open".to_owned());
        }
        if self.open.values().filter(|(_, opened)| secs(*opened, at) <= 60.0).count() > 5 {
            wrong.push("G2: too many opened within a minute".to_owned());
        }
        let Some((_, mine)) = self.open.get(&incident) else {
            wrong.push("begun for an incident that is not open".to_owned());
            return;
        };
        for (id, (target, opened)) in &self.open {
            let same = self.rules.targets.get(target).is_some_and(|other| other.group == group);
            if *id != incident && same && secs(*opened, *mine).abs() <= 300.0 {
                wrong.push(format!("G2: {id} opened in the same group"));
            }
        }
        let (rule, _) = &self.of[&incident];
        if secs(*mine, at) < self.rules.rules[rule].act_after.as_secs_f64() - 1e-6 {
            wrong.push("act-after".to_owned());
        }
    }

    /// G7, G11: what it rests on.
    fn on_what(
        &self,
        at: Timestamp,
        intent: &Intent,
        incident: IncidentId,
        wrong: &mut Vec<String>,
    ) {
        let found = self.found.get(&incident).map(Vec::as_slice).unwrap_or_default();
        let Some((when, last)) = found.iter().rev().find(|(when, _)| *when <= intent.decided_at)
        else {
            wrong.push("P8: begun without evidence".to_owned());
            return;
        };
        if secs(*when, intent.decided_at) > MAX_AGE.as_secs_f64() {
            wrong.push("G7: the evidence was too old".to_owned());
        }
        if !self.is_word(last, *when, "1") {
            wrong.push("P8: the state was not read as open".to_owned());
        }
        match self.reread.get(&incident) {
            Some((moment, state)) if state == "open" && secs(*moment, at) <= 5.0 => {}
            _ => wrong.push("G7: the state was not read again as open".to_owned()),
        }
        match healthy_since(last, *when) {
            Some(since) if secs(since, *when) >= PROBE_HOLD.as_secs_f64() - 1e-6 => {}
            _ => wrong.push("G11: the cause was not proven gone".to_owned()),
        }
        // A rule that asks for the load has it in the checklist of every action.
        let asks = self.rules.rules[&intent.rule].evidence.iter().any(|known| known.name == LOAD);
        let holds = matches!(last.get(LOAD), Some(Finding::Value(reading))
            if secs(reading.at, at) <= MAX_AGE.as_secs_f64()
                && matches!(reading.value, Value::Number(load) if load <= LOAD_MOST));
        if asks && !holds {
            wrong.push("the checklist did not hold".to_owned());
        }
        // A cause was found at least once in this incident: some round showed failing statuses.
        if !found
            .iter()
            .any(|(moment, findings)| *moment <= intent.decided_at && shows_cause(findings))
        {
            wrong.push("G11: no cause was ever found".to_owned());
        }
    }

    fn is_word(&self, findings: &Findings, when: Timestamp, word: &str) -> bool {
        matches!(findings.get("state"), Some(Finding::Value(reading))
            if secs(reading.at, when) <= MAX_AGE.as_secs_f64() && reading.value == Value::Word(word.to_owned()))
    }

    /// P15: recovered is only said when every look for the whole hold was well.
    fn recovered(&mut self, at: Timestamp, incident: IncidentId) {
        let found = self.found.get(&incident).cloned().unwrap_or_default();
        let well = |(when, findings): &(Timestamp, Findings)| {
            self.is_word(findings, *when, "0") && healthy_since(findings, *when).is_some()
        };
        let streak: Vec<_> = found.iter().rev().take_while(|round| well(round)).collect();
        let held = streak.last().map_or(0.0, |(first, _)| secs(*first, at));
        if streak.len() < 2 || held < HOLD.as_secs_f64() - 1e-6 {
            self.say(format!(
                "P15: {incident} was called recovered after {held:.1}s of health in {} looks",
                streak.len()
            ));
        }
    }

    /// The log against the world, and the end of every incident.
    fn compare(&mut self, life: &Life) {
        let mut keys = BTreeSet::new();
        for done in &life.done {
            if !keys.insert(done.key.clone()) {
                self.say(format!("P4: {} was done twice", done.key));
            }
            match self.started.get(&done.key) {
                Some((place, _)) if *place < done.audit_len => {}
                Some(_) => {
                    self.say(format!("P5: {} was done before its beginning was logged", done.key));
                }
                None => self
                    .say(format!("P5: {} was done and its beginning was never logged", done.key)),
            }
            if matches!(self.outcomes.get(&done.key), Some(Outcome::NotDone(_))) {
                self.say(format!("P4: {} was done and is called not done", done.key));
            }
        }
        for (key, outcome) in self.outcomes.clone() {
            let was_done = keys.contains(&key);
            if outcome == Outcome::Done && !was_done {
                self.say(format!("P4: {key} is called done and was not"));
            }
            if matches!(outcome, Outcome::Unknown(_))
                && !self.paged.contains(&self.intents[&key].incident)
            {
                self.say(format!("P4: nobody was called for the unknown outcome of {key}"));
            }
        }
        for incident in &life.incidents {
            if incident.phase.is_open() && !self.paged.contains(&incident.id) {
                self.say(format!(
                    "P9: {} ended {} and nobody was called",
                    incident.id,
                    incident.phase.name()
                ));
            }
        }
    }
}

fn plus(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond() + i64::try_from(span.as_micros()).unwrap())
        .unwrap()
}

fn healthy_since(findings: &Findings, when: Timestamp) -> Option<Timestamp> {
    match findings.get("upstream") {
        Some(Finding::Value(reading)) if secs(reading.at, when) <= MAX_AGE.as_secs_f64() => {
            match &reading.value {
                Value::Probe(probe) if probe.healthy => Some(probe.since),
                _ => None,
            }
        }
        _ => None,
    }
}

fn shows_cause(findings: &Findings) -> bool {
    let statuses = matches!(findings.get("statuses"), Some(Finding::Value(reading))
        if matches!(&reading.value, Value::Series(series) if series.keys().any(|status| status != "200")));
    let probe = matches!(findings.get("upstream"), Some(Finding::Value(reading))
        if matches!(&reading.value, Value::Probe(probe) if !probe.healthy));
    statuses || probe
}
