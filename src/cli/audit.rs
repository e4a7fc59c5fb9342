//! `reclose audit verify`: is the audit log what was written? Never repairs it.

use clap::Subcommand;

use super::place::{Place, Reached, unexpected};
use super::{Exit, Trouble, answer};
use crate::web::socket::words::{Audit, Request, Response};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check every link of the log's hash chain; exit code 1 if one is broken
    #[command(after_help = "\
The log's end can be hidden only together with its last hash: keep that hash elsewhere from time to
time, and compare.

Examples:
  reclose audit verify
  reclose audit verify --data /var/lib/reclose      also when the server is stopped")]
    Verify(Place),
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let What::Verify(place) = arguments.what;
    let audit = match place.ask_or_open(&Request::AuditVerify).await? {
        Reached::Server(Response::Audit(audit)) => audit,
        Reached::Server(other) => return Err(unexpected(other)),
        Reached::Stopped(store, _) => {
            let chain = store.audit_verify().await;
            store.close().await;
            Audit::from(chain.map_err(|error| Trouble::internal(error.to_string()))?)
        }
    };
    match audit {
        Audit::Whole { entries, head } => {
            answer::print(&format!(
                "The audit log is whole: {entries} entries, last hash {head}\n"
            ));
            Ok(Exit::Done)
        }
        Audit::Broken { entry, why } => Err(Trouble::new(
            Exit::No,
            format!("the audit log is broken at entry {entry}: {why}"),
        )
        .hint(
            "what stands before that entry is as it was written; keep a copy of the data directory",
        )),
    }
}
