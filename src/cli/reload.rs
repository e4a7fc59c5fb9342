//! `reclose reload`: has the running server read its rules again, and says what came of it. Reads none itself.

use super::place::{Place, unexpected};
use super::{Exit, Trouble, answer};
use crate::web::socket::words::{Request, Response};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The server also reads them by itself: a second or two after a file has changed, and on SIGHUP. All of
them become active, or none. Incidents that are open keep the rule that they opened with; only a
ceiling that was lowered in targets.yaml holds for them too, and at once.

Examples:
  reclose reload
  reclose reload --data /var/lib/reclose || echo 'the old rules stay'")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    match arguments.place.ask(&Request::Reload).await? {
        Response::Reloaded { before, revision, rules, targets } => {
            let what = if before == revision {
                format!("Nothing had changed: revision {revision} is active")
            } else {
                format!("Revision {revision} is active, {before} no more")
            };
            let count = |number: usize, what: &str| match number {
                1 => format!("1 {what}"),
                _ => format!("{number} {what}s"),
            };
            let (rules, targets) = (count(rules, "rule"), count(targets, "target"));
            answer::print(&format!("{what}: {rules} for {targets}\n"));
            Ok(Exit::Done)
        }
        Response::RulesWrong { active, errors, report } => {
            answer::print(&report);
            let mistakes = match errors {
                1 => "1 mistake".to_owned(),
                _ => format!("{errors} mistakes"),
            };
            Err(Trouble::new(Exit::No, format!("{mistakes}: revision {active} stays active"))
                .hint("correct the files; the server takes them up by itself"))
        }
        other @ (Response::Incidents(_)
        | Response::Incident(_)
        | Response::Audit(_)
        | Response::Ordered(_)
        | Response::Refused(_)
        | Response::Failed(_)) => Err(unexpected(other)),
    }
}
