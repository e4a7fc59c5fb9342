//! `reclose serve`: checks everything, then runs the server until a signal. Opens no port before all is right.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::signals::{first, on_hang_up};
use super::{Exit, Trouble, answer};
use crate::config::{self, Config, FILE, Flags, environment};
use crate::core::planted::Bugs;
use crate::core::rule::RuleSet;
use crate::engine::deliver::Channel;
use crate::rules::{self, Mistake, render};
use crate::serve::{Reload, Server, Setup};
use crate::store::StoreError;
use crate::systems::Systems;
use crate::systems::secrets::Secrets;
use crate::systems::slack::Slack;
use crate::systems::terminal::Terminal;
use crate::telemetry;
use crate::web::{Credentials, Doors, Limits};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A flag beats the environment, the environment beats the file, the file beats the default. Everything
is checked before a port is opened, and every mistake is told at once. SIGTERM lets what was begun
end; a second one does not. SIGHUP has the rules read again, as a change of them does by itself.

Examples:
  reclose serve
  reclose serve --config /etc/reclose/reclose.yaml --data /var/lib/reclose
  RECLOSE_LISTEN=0.0.0.0:7325 reclose serve")]
pub(super) struct Arguments {
    #[arg(
        long,
        value_name = "FILE",
        help = "Configuration [env: RECLOSE_CONFIG] [default: reclose.yaml, if there is one]"
    )]
    config: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FOLDER",
        help = "Rules and targets.yaml [env: RECLOSE_RULES] [default: rules]"
    )]
    rules: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FOLDER",
        help = "What reclose remembers [env: RECLOSE_DATA] [default: data]"
    )]
    data: Option<PathBuf>,
    #[arg(
        long,
        value_name = "ADDRESS",
        help = "Address and port [env: RECLOSE_LISTEN] [default: 127.0.0.1:7325]"
    )]
    listen: Option<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let bugs = hooks();
    let Arguments { config, rules, data, listen } = arguments;
    let (config, rules, fingerprint) = checked(&Flags { config, rules, data, listen })?;
    telemetry::init(config.log.format, &config.log.filter).map_err(|error| {
        Trouble::new(Exit::Usage, error.to_string()).hint("such as `log: { filter: info }`")
    })?;
    for why in unusable_secrets(&rules) {
        tracing::warn!("{why}");
    }
    let listen = config.listen;
    let asked = Arc::new(Notify::new());
    tokio::spawn(on_hang_up(Arc::clone(&asked)));
    let dir = config.rules.clone();
    let reload = Reload { dir, fingerprint, asked, doubts: unusable_secrets };
    let setup = setup(config, rules, reload, bugs)?;
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        first().await;
        signal.cancel();
    });
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Trouble::new(Exit::Usage, format!("cannot listen on {listen}: {error}"))
            .hint("choose another with `--listen`")
    })?;
    let server = Server::start(setup, listener).await.map_err(not_started)?;
    stop.cancelled().await;
    tokio::select! {
        stopped = server.stop() => stopped.map(|()| Exit::Done).map_err(Trouble::from),
        () = first() => Err(Trouble::new(Exit::No, "ended at the second signal, in the middle of stopping")
            .hint("nothing is lost: the next start takes up what was begun")),
    }
}

fn unusable_secrets(rules: &RuleSet) -> Vec<String> {
    let wrong = config::unusable_secrets(rules, &environment);
    wrong.into_iter().map(|why| format!("a secret cannot be used now: {why}")).collect()
}

/// The configuration and the rules with their files' fingerprint, or the mistakes of both at once.
fn checked(flags: &Flags) -> Result<(Config, RuleSet, String), Trouble> {
    match config::load(flags, &environment, Path::new(FILE)) {
        Ok(config) => {
            // The files first: whatever changes after this line is taken up later.
            let fingerprint = rules::fingerprint(&config.rules);
            let rules = rules::load(&config.rules).map_err(|mistakes| wrong(&mistakes))?;
            Ok((config, rules, fingerprint))
        }
        Err(mut mistakes) => {
            // Where the file itself could not be read, its folder of rules is not known.
            let folder =
                flags.rules.clone().or_else(|| environment("RECLOSE_RULES").map(PathBuf::from));
            let folder = folder.unwrap_or_else(|| PathBuf::from("rules"));
            if folder.is_dir() {
                mistakes.extend(rules::load(&folder).err().unwrap_or_default());
            }
            Err(wrong(&mistakes))
        }
    }
}

fn wrong(mistakes: &[Mistake]) -> Trouble {
    answer::say(&render(mistakes, std::io::IsTerminal::is_terminal(&std::io::stderr())));
    let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
    let what = match errors {
        1 => "1 mistake in the configuration or the rules".to_owned(),
        _ => format!("{errors} mistakes in the configuration or the rules"),
    };
    Trouble::new(Exit::Usage, what).hint("`reclose check` looks at the rules alone")
}

fn setup(config: Config, rules: RuleSet, reload: Reload, bugs: Bugs) -> Result<Setup, Trouble> {
    let usage = |error: anyhow::Error| Trouble::new(Exit::Usage, format!("{error:#}"));
    let channel = match &config.slack {
        Some(settings) => Channel::Slack {
            slack: Box::new(slack(settings).map_err(usage)?),
            default: settings.channel.clone(),
        },
        None => Channel::Terminal(Terminal::stdout()),
    };
    let who = &config.alertmanager;
    Ok(Setup {
        systems: Systems::new(config.endpoints, Secrets::new(environment)).map_err(usage)?,
        doors: Doors {
            alertmanager: Credentials::new(&who.tokens, &who.basic),
            api: Credentials::new(config.api_token.as_slice(), &[]),
            anonymous_alerts: who.anonymous,
        },
        hosts: config.api_hosts,
        limits: Limits { body_bytes: config.body_most_bytes, ..Limits::default() },
        data: config.data,
        settle: config.settle,
        rules,
        reload: Some(reload),
        channel,
        bugs,
    })
}

fn slack(settings: &config::Slack) -> anyhow::Result<Slack> {
    Ok(Slack::new(Some(&settings.api_url), &settings.token)?)
}

/// Another server on the same data is a mistake of whoever started this one; all else is ours or the machine's.
fn not_started(error: anyhow::Error) -> Trouble {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Held(_)) => Trouble::new(Exit::Usage, format!("{error:#}")).hint(
            "one server holds a data directory: end the other, or choose another with `--data`",
        ),
        Some(
            StoreError::Unavailable(_)
            | StoreError::Conflict
            | StoreError::Corrupt(_)
            | StoreError::Crashed,
        )
        | None => Trouble::from(error),
    }
}

/// What tests ask for; nothing in a released build.
fn hooks() -> Bugs {
    #[cfg(feature = "test-hooks")]
    return crate::hooks::install();
    #[cfg(not(feature = "test-hooks"))]
    Bugs::default()
}
