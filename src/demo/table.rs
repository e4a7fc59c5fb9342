//! The table at the end of the demo: what the store remembers of each incident. Never says what it does not hold.

use comfy_table::{ContentArrangement, Table, presets};

use crate::core::action::Outcome;
use crate::core::cause::Lasting;
use crate::core::incident::{Incident, Phase};
use crate::core::time::since;

/// What a log or a pipe is read with.
const NO_TERMINAL_COLUMNS: u16 = 100;

/// One row for each incident, in the order in which they were opened.
pub(super) fn table(incidents: &[Incident]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(NO_TERMINAL_COLUMNS);
    }
    table.set_header(["breaker", "cause", "what was done", "end", "seconds"]);
    let mut incidents: Vec<&Incident> = incidents.iter().collect();
    incidents.sort_by_key(|incident| incident.id);
    for incident in incidents {
        table.add_row(row(incident));
    }
    format!("{table}\n")
}

/// Has it come to an end, for the demo? An escalated one is a person's now.
pub(super) fn is_over(incident: &Incident) -> bool {
    ended(incident).is_some()
}

fn ended(incident: &Incident) -> Option<(&'static str, jiff::Timestamp)> {
    match incident.phase {
        Phase::Recovered => Some(("recovered", incident.closed_at?)),
        Phase::Escalated { since, .. } => Some(("escalated", since)),
        Phase::Watching
        | Phase::Waiting { .. }
        | Phase::Acting { .. }
        | Phase::Looking { .. }
        | Phase::Verifying { .. } => None,
    }
}

fn row(incident: &Incident) -> [String; 5] {
    let cause = incident.verdict.as_ref().map_or("not known yet", |verdict| verdict.class.name());
    let (end, seconds) = match ended(incident) {
        Some((end, at)) => {
            (end.to_owned(), format!("{:.1}", since(at, incident.opened_at).as_secs_f64()))
        }
        None => (format!("still {}", incident.phase.name()), String::new()),
    };
    [incident.breaker.target.clone(), cause.to_owned(), done(incident), end, seconds]
}

fn refused(incident: &Incident) -> String {
    let lasting = incident.verdict.as_ref().map(|verdict| verdict.lasting);
    match lasting {
        Some(Lasting::Yes) => "no reset: the cause lasts".to_owned(),
        Some(Lasting::Unknown) | None => "no reset: the cause is not proven gone".to_owned(),
        Some(Lasting::No) => "nothing".to_owned(),
    }
}

fn done(incident: &Incident) -> String {
    let attempts: Vec<String> = incident
        .attempts
        .iter()
        .filter(|attempt| attempt.started_at.is_some())
        .map(|attempt| {
            let came = match &attempt.outcome {
                Some(Outcome::Done) => "done",
                Some(Outcome::NotDone(_)) => "not done",
                Some(Outcome::Unknown(_)) => "outcome unknown",
                None => "begun",
            };
            format!("{}: {came}", attempt.action)
        })
        .collect();
    let mut said = match (attempts.is_empty(), &incident.phase) {
        (false, _) => attempts.join(", "),
        (true, Phase::Recovered) => "nothing: waited, and it closed by itself".to_owned(),
        (true, _) => refused(incident),
    };
    if let (Phase::Escalated { .. }, Some(why)) = (&incident.phase, incident.needs_person.first()) {
        said.push_str("; called a person: ");
        said.push_str(why);
    }
    said
}
