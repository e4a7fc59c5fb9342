//! Synthetic checks of a rule: what is done, and when. Never runs one.

use croner::parser::{CronParser, Seconds};

use super::fill::{self, Filled};
use super::http::Purpose;
use super::read::Reader;
use super::yaml::Node;
use super::{address, grammar, words};
use crate::core::rule::{ProbeRule, Probing, Schedule};
use crate::core::time::Duration;
use crate::systems::reach;

/// Probes come at most this often: they are traffic.
const PROBE_EVERY_LEAST: Duration = Duration::from_secs(1);
/// Green for so long before a probe proves anything.
const PROBE_HOLD: Duration = Duration::from_mins(2);

impl Reader {
    pub(crate) fn probes(&self, node: &Node) -> Option<Vec<ProbeRule>> {
        let all: Vec<_> = self
            .map(node)?
            .iter()
            .map(|(key, node)| {
                let name = self.name_key(key);
                self.one_probe(name.unwrap_or_default(), node)
            })
            .collect();
        all.into_iter().collect()
    }

    fn one_probe(&self, name: String, node: &Node) -> Option<ProbeRule> {
        let fields = self.fields(node, &grammar::PROBE)?;
        let schedule = match fields.choice(self) {
            Some(("every", node)) => self.duration(node).and_then(|every| {
                let fits = (every >= PROBE_EVERY_LEAST).then_some(Schedule::Every(every));
                fits.or_else(|| {
                    let hint = "a probe is traffic: `every` is at least 1s";
                    self.no(node, "this probe runs more than once a second", hint)
                })
            }),
            Some((_, node)) => self.cron(node, fields.get("zone")),
            None => None,
        };
        let how = fields
            .one_of(self, &["http", "tcp", "dns", "s3", "key_vault", "docker"])
            .and_then(|(how, node)| match how {
                "http" => self.http(node, Purpose::Probe).map(|ask| Probing::Http(Box::new(ask))),
                "tcp" => self.tcp(node).map(Probing::Tcp),
                "dns" => self.dns(node).map(Probing::Dns),
                "s3" => self.bucket_probe(node),
                "docker" => self.container(node).map(Probing::Docker),
                _ => self.vault_probe(node),
            });
        let hold = match fields.get("hold") {
            Some(node) => self.duration(node),
            None => Some(PROBE_HOLD),
        };
        let through_breaker = match fields.get("through_breaker") {
            Some(node) => self.boolean(node),
            None => Some(false),
        };
        if let (Some(Schedule::Every(every)), Some(how)) = (&schedule, &how)
            && how.within() > *every
        {
            let hint = match how {
                Probing::Http(_) => "make `timeout` shorter than `every`",
                Probing::Tcp(_)
                | Probing::Dns(_)
                | Probing::Bucket { .. }
                | Probing::Vault { .. }
                | Probing::Docker(_) => "at least every: 5s: so long is it waited for",
            };
            return self.no(node, "a run of this probe may last longer than until the next", hint);
        }
        Some(ProbeRule {
            name,
            schedule: schedule?,
            how: how?,
            through_breaker: through_breaker?,
            hold: hold?,
        })
    }

    /// `host:port`, or a placeholder that holds it.
    fn tcp(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        // Without a target nothing is filled in, and nothing will be called there.
        let address = match fill::whole(&text) {
            Some(name) => match self.fill(name, node.place())? {
                Filled::Value(value) => value,
                Filled::Unfilled => return Some(text),
            },
            None => text,
        };
        let Some((host, _)) = reach::split(&address) else {
            let message = format!("`{}` is no address to connect to", words::short(&address));
            return self.no(node, message, "a host and a port: db.internal:5432, [::1]:5432");
        };
        match address::host(host) {
            Ok(()) => Some(address),
            Err(hint) => {
                let message = format!("`{}` is not an address to use here", words::short(&address));
                self.no(node, message, hint)
            }
        }
    }

    /// A host name, or a placeholder that holds it.
    fn dns(&self, node: &Node) -> Option<String> {
        let name = self.text_or_fill(node)?;
        let bare = name.strip_suffix('.').unwrap_or(&name);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if fill::whole(&name).is_some() || bare.len() <= 253 && bare.split('.').all(label) {
            Some(name)
        } else {
            let message = format!("`{}` is no name to look up", words::short(&name));
            self.no(node, message, "a host name: db.internal")
        }
    }

    fn cron(&self, node: &Node, zone: Option<&Node>) -> Option<Schedule> {
        let expression = self.text(node)?;
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        if let Err(error) = parser.parse(&expression) {
            return self.no(
                node,
                format!("not a cron expression: {error}"),
                "five or six fields: \"*/5 * * * *\"",
            );
        }
        let zone_text = match zone {
            Some(zone) => self.text(zone)?,
            None => {
                return self.no(
                    node,
                    "a cron expression without `zone`",
                    "name one: zone: UTC, or Europe/Berlin",
                );
            }
        };
        if jiff::tz::TimeZone::get(&zone_text).is_err() {
            let message = format!("no time zone is called `{}`", words::short(&zone_text));
            return self.no(
                zone.unwrap_or(node),
                message,
                "a name of the IANA data base: UTC, Europe/Berlin; in a container tzdata may be missing",
            );
        }
        Some(Schedule::Cron { expression, zone: zone_text })
    }
}
