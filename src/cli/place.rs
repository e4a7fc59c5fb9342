//! Where the server's data is, and how a command reaches it: over the socket, or in the directory of a stopped server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Exit, Trouble};
use crate::config::{FILE, data_folder, environment};
use crate::engine::clock::Clock;
use crate::store::{Store, StoreError};
use crate::web::socket::words::{Request, Response};
use crate::web::socket::{AskError, ask};

/// Longer than any commit may take, and than walking a year's audit log.
const PATIENCE: Duration = Duration::from_secs(30);

const DATA_HELP: &str = "Data directory of the server [env: RECLOSE_DATA] [default: data]";

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    #[arg(long, value_name = "FOLDER", help = DATA_HELP)]
    data: Option<PathBuf>,
}

impl Place {
    fn folder(&self) -> PathBuf {
        data_folder(self.data.clone(), &environment, Path::new(FILE))
    }

    /// Asks the running server.
    pub(super) async fn ask(&self, request: &Request) -> Result<Response, Trouble> {
        ask(&self.folder(), request, PATIENCE).await.map_err(|error| unreachable(&error))
    }

    /// Asks the running server; none: opens what a stopped one left.
    pub(super) async fn ask_or_open(&self, request: &Request) -> Result<Reached, Trouble> {
        let data = self.folder();
        let no_server = match ask(&data, request, PATIENCE).await {
            Ok(response) => return Ok(Reached::Server(response)),
            Err(error @ AskError::NoServer(_)) => unreachable(&error),
            Err(error) => return Err(unreachable(&error)),
        };
        if !data.is_dir() {
            return Err(no_server);
        }
        match Store::open_stopped(&data).await {
            Ok(store) => Ok(Reached::Stopped(store, Clock::start(None))),
            Err(StoreError::Held(held)) => Err(Trouble::new(
                Exit::NoServer,
                format!("a server holds {held}, and does not answer on its socket"),
            )
            .hint("it may be starting or ending; try again in a few seconds")),
            Err(StoreError::Unavailable(_)) => Err(no_server),
            Err(error) => Err(Trouble::internal(error.to_string())),
        }
    }
}

/// What a command has reached.
pub(super) enum Reached {
    Server(Response),
    Stopped(Store, Clock),
}

/// The server's answer when it is not what was asked for.
pub(super) fn unexpected(response: Response) -> Trouble {
    match response {
        Response::Refused(why) => Trouble::new(Exit::No, why),
        Response::Failed(why) => Trouble::internal(why),
        Response::Incidents(_)
        | Response::Incident(_)
        | Response::Audit(_)
        | Response::Ordered(_)
        | Response::Reloaded { .. }
        | Response::RulesWrong { .. } => {
            Trouble::internal("the server answered something else than was asked")
                .hint("the server may be of another version: `reclose --version`")
        }
    }
}

fn unreachable(error: &AskError) -> Trouble {
    let trouble = Trouble::new(Exit::NoServer, error.to_string());
    match error {
        AskError::NoServer(_) => {
            trouble.hint("start one with `reclose serve`, or name its data directory with `--data`")
        }
        AskError::NoAnswer(..) => trouble
            .hint("only the user that the server runs as is answered")
            .hint("if it hangs, end it: `reclose pause --all` works with the server stopped"),
    }
}
