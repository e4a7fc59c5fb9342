//! Flags, environment, file, defaults → the configuration of `reclose serve`: all mistakes at once, before any port opens.
//!
//! The only place that reads the environment. Never prints a secret, and takes none that is written out.

mod cloud;
mod file;
mod secret;

use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::core::time::Duration;
use crate::rules::{Mistake, sort};
use crate::systems::Endpoints;
use crate::telemetry::Format;

pub use secret::unusable_secrets;

const RULES: &str = "rules";
const DATA: &str = "data";
const LISTEN: &str = "127.0.0.1:7325";
/// Read when no other file is named and it exists.
pub const FILE: &str = "reclose.yaml";

/// What was typed; each beats the environment, which beats the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub rules: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub listen: Option<String>,
}

/// Everything that `reclose serve` needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub rules: PathBuf,
    pub data: PathBuf,
    pub alertmanager: Alertmanager,
    /// The systems that are asked. Their secrets are references, looked up whenever one is needed.
    pub endpoints: Endpoints,
    /// `None`: reports go to the terminal and the page.
    pub slack: Option<Slack>,
    /// Opens the page and the API to others than this machine.
    pub api_token: Option<SecretString>,
    /// Names, beside those of loopback, under which a browser may open the page.
    pub api_hosts: Vec<String>,
    pub body_most_bytes: usize,
    /// G18: no automatic action for so long after a start with open incidents.
    pub settle: Duration,
    pub log: Log,
}

/// Who may deliver alerts.
#[derive(Clone, Debug, Default)]
pub struct Alertmanager {
    /// Several at once, so that one can be replaced by the next.
    pub tokens: Vec<SecretString>,
    pub basic: Vec<(String, SecretString)>,
    /// Anybody on this machine.
    pub anonymous: bool,
}

#[derive(Clone, Debug)]
pub struct Slack {
    pub token: SecretString,
    pub channel: String,
    pub api_url: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Such as `info` or `info,reclose::engine=debug`.
    pub filter: String,
    pub format: Format,
}

/// Reads a variable of the environment. All others take it as an argument.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is where the environment enters the program"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Puts the configuration together. `default_file` is read if it exists and no other is named.
pub fn load(
    flags: &Flags,
    env: &dyn Fn(&str) -> Option<String>,
    default_file: &Path,
) -> Result<Config, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let named = flags.config.clone().or_else(|| env("RECLOSE_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| default_file.to_owned());
    let file = if named.is_some() || path.exists() {
        file::read(&path, env, &mut mistakes)
    } else {
        file::File::default()
    };
    let folder =
        |flag: &Option<PathBuf>, variable: &str, in_file: Option<String>, default: &str| {
            let others = || env(variable).or(in_file).unwrap_or_else(|| default.to_owned());
            flag.clone().unwrap_or_else(|| PathBuf::from(others()))
        };
    let rules = folder(&flags.rules, "RECLOSE_RULES", file.rules, RULES);
    let data = folder(&flags.data, "RECLOSE_DATA", file.data, DATA);
    let listen = listen(flags, env, file.listen, &mut mistakes);
    let config = Config {
        listen,
        rules,
        data,
        alertmanager: file.alertmanager,
        endpoints: file.endpoints,
        slack: file.slack,
        api_token: file.api_token,
        api_hosts: file.api_hosts,
        body_most_bytes: file.body_most_bytes,
        settle: file.settle,
        log: file.log,
    };
    if !mistakes.iter().any(Mistake::is_error) {
        doors(&config, &path, &mut mistakes);
    }
    sort(&mut mistakes);
    if mistakes.iter().any(Mistake::is_error) { Err(mistakes) } else { Ok(config) }
}

/// Where the data is, for commands that only look for it: what else is wrong in the file is the server's to tell.
pub fn data_folder(
    flag: Option<PathBuf>,
    env: &dyn Fn(&str) -> Option<String>,
    default_file: &Path,
) -> PathBuf {
    let named = env("RECLOSE_CONFIG").map(PathBuf::from);
    let path = named.unwrap_or_else(|| default_file.to_owned());
    let in_file = || path.exists().then(|| file::read(&path, env, &mut Vec::new()).data).flatten();
    let others = || env("RECLOSE_DATA").or_else(in_file).unwrap_or_else(|| DATA.to_owned());
    flag.unwrap_or_else(|| PathBuf::from(others()))
}

/// Where questions go, for commands that only ask them: what else is wrong in the file is the server's to tell.
pub fn endpoints(
    named: Option<PathBuf>,
    env: &dyn Fn(&str) -> Option<String>,
    default_file: &Path,
) -> Result<Endpoints, Vec<Mistake>> {
    let named = named.or_else(|| env("RECLOSE_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| default_file.to_owned());
    let mut mistakes = Vec::new();
    if named.is_none() && !path.exists() {
        return Ok(Endpoints::default());
    }
    let file = file::read(&path, env, &mut mistakes);
    let unreadable = file.endpoints.prometheus.is_none() && !mistakes.is_empty();
    if unreadable { Err(mistakes) } else { Ok(file.endpoints) }
}

/// Somebody must be able to deliver alerts, and not everybody.
fn doors(config: &Config, path: &Path, mistakes: &mut Vec<Mistake>) {
    let who = &config.alertmanager;
    let mut wrong = |message: String, hint: &str| {
        mistakes.push(Mistake::without_text(path.display().to_string(), message).hint(hint));
    };
    if who.anonymous && !config.listen.ip().is_loopback() {
        let message = format!("`alertmanager.anonymous` while listening on {}", config.listen);
        wrong(
            message,
            "anonymous alerts are taken on 127.0.0.1 and ::1 only: listen there, or use tokens",
        );
    }
    if !who.anonymous && who.tokens.is_empty() && who.basic.is_empty() {
        let hint =
            "alertmanager: { tokens: [ { env: NAME } ] }; on loopback also { anonymous: true }";
        wrong("nobody could deliver alerts".to_owned(), hint);
    }
}

fn listen(
    flags: &Flags,
    env: &dyn Fn(&str) -> Option<String>,
    in_file: Option<SocketAddr>,
    mistakes: &mut Vec<Mistake>,
) -> SocketAddr {
    let fallback = in_file.unwrap_or_else(default_listen);
    let flag = flags.listen.clone().map(|text| ("--listen", text));
    let Some((place, text)) =
        flag.or_else(|| env("RECLOSE_LISTEN").map(|text| ("RECLOSE_LISTEN", text)))
    else {
        return fallback;
    };
    parse_listen(&text).unwrap_or_else(|hint| {
        mistakes.push(Mistake::without_text(place, "not an address to listen on").hint(hint));
        fallback
    })
}

/// An address and a port; names are not looked up, except the one that everybody has.
fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let text = text.replacen("localhost:", "127.0.0.1:", 1);
    text.parse().map_err(|_| "an IP address and a port: 127.0.0.1:7325, 0.0.0.0:7325 or [::1]:7325")
}

fn default_listen() -> SocketAddr {
    LISTEN.parse().unwrap_or_else(|_| SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 7325))
}
