//! `reclose.yaml` → what it says. Never guesses a missing half: a token without a channel is a mistake.

use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::Path;

use super::secret::{self, Env};
use super::{Alertmanager, Log, Slack, parse_listen};
use crate::core::time::Duration;
use crate::rules::{Kind, Mistake, Node, Reader, Values, read_text, yaml_tree};
use crate::systems::http::address;
use crate::systems::{Auth, Endpoint, Endpoints, Engine};
use crate::telemetry::{FILTER_DEFAULT, Format};

/// A storm of 20,000 alerts fits.
const BODY: usize = 16 * MIB;
const BODY_BOUNDS: std::ops::RangeInclusive<usize> = 64 * KIB..=64 * MIB;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Twice a scrape and an evaluation at their usual thirty seconds.
const SETTLE: Duration = Duration::from_mins(1);
/// Where an engine without TLS listens, by custom.
const DOCKER_PORT: u16 = 2375;
const SLACK_API: &str = "https://slack.com/api";
/// More secrets at once than any rotation needs.
const SECRETS_MOST: usize = 16;

/// What the file says; the rest is default.
pub(super) struct File {
    pub(super) listen: Option<SocketAddr>,
    pub(super) rules: Option<String>,
    pub(super) data: Option<String>,
    pub(super) alertmanager: Alertmanager,
    pub(super) endpoints: Endpoints,
    pub(super) slack: Option<Slack>,
    pub(super) api_token: Option<SecretString>,
    pub(super) api_hosts: Vec<String>,
    pub(super) body_most_bytes: usize,
    pub(super) settle: Duration,
    pub(super) log: Log,
}

impl Default for File {
    fn default() -> Self {
        Self {
            listen: None,
            rules: None,
            data: None,
            alertmanager: Alertmanager::default(),
            endpoints: Endpoints::default(),
            slack: None,
            api_token: None,
            api_hosts: Vec::new(),
            body_most_bytes: BODY,
            settle: SETTLE,
            log: Log { filter: FILTER_DEFAULT.to_owned(), format: Format::Human },
        }
    }
}

/// Reads the file. What is wrong is noted, and stands at its default in the result.
pub(super) fn read(path: &Path, env: &Env<'_>, mistakes: &mut Vec<Mistake>) -> File {
    let Some(source) = read_text(path, mistakes) else { return File::default() };
    // A file of comments alone says nothing, and that is allowed.
    let said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !source.text.lines().any(said) {
        return File::default();
    }
    let Some(root) = yaml_tree(&source, mistakes) else { return File::default() };
    let reader = Reader::new(&source, Values::Unfilled);
    let file = Settings { reader: &reader, env }.file(&root);
    mistakes.extend(reader.into_mistakes());
    file.unwrap_or_default()
}

pub(super) struct Settings<'a> {
    pub(super) reader: &'a Reader,
    env: &'a Env<'a>,
}

impl Settings<'_> {
    fn file(&self, root: &Node) -> Option<File> {
        let known = [
            "listen",
            "data",
            "rules",
            "alertmanager",
            "prometheus",
            "loki",
            "elasticsearch",
            "aws",
            "azure",
            "docker",
            "slack",
            "api",
            "limits",
            "settle",
            "log",
        ];
        let fields = self.reader.keys(root, &known)?;
        let mut file = File::default();
        let text = |name: &str| fields.get(name).and_then(|node| self.reader.text(node));
        (file.rules, file.data) = (text("rules"), text("data"));
        file.listen = fields.get("listen").and_then(|node| self.listen(node));
        if let Some(node) = fields.get("alertmanager") {
            self.alertmanager(node, &mut file);
        }
        file.endpoints.prometheus = fields.get("prometheus").and_then(|node| self.endpoint(node));
        file.endpoints.loki = fields.get("loki").and_then(|node| self.endpoint(node));
        file.endpoints.elasticsearch =
            fields.get("elasticsearch").and_then(|node| self.endpoint(node));
        file.endpoints.azure = fields.get("azure").and_then(|node| self.azure(node));
        file.endpoints.aws = fields.get("aws").and_then(|node| self.aws(node));
        file.endpoints.docker = fields.get("docker").and_then(|node| self.docker(node));
        file.slack = fields.get("slack").and_then(|node| self.slack(node));
        if let Some(node) = fields.get("api") {
            self.api(node, &mut file);
        }
        if let Some(bytes) = fields.get("limits").and_then(|node| self.limits(node)) {
            file.body_most_bytes = bytes;
        }
        if let Some(settle) = fields.get("settle").and_then(|node| self.reader.duration(node)) {
            file.settle = settle;
        }
        if let Some(log) = fields.get("log").and_then(|node| self.log(node)) {
            file.log = log;
        }
        Some(file)
    }

    fn listen(&self, node: &Node) -> Option<SocketAddr> {
        let text = self.reader.text(node)?;
        match parse_listen(&text) {
            Ok(address) => Some(address),
            Err(hint) => self.reader.no(node, "not an address to listen on", hint),
        }
    }

    fn alertmanager(&self, node: &Node, file: &mut File) {
        let Some(fields) = self.reader.keys(node, &["tokens", "basic", "anonymous", "api"]) else {
            return;
        };
        let items = |name: &str| {
            let items =
                fields.get(name).and_then(|node| self.reader.list(node)).unwrap_or_default();
            if let Some(node) = fields.get(name).filter(|_| items.len() > SECRETS_MOST) {
                let hint = "the old and the new one are enough to change from one to the other";
                self.reader.fault(node.place(), format!("more than {SECRETS_MOST} secrets"), hint);
            }
            items
        };
        let who = &mut file.alertmanager;
        who.tokens = items("tokens").iter().filter_map(|node| self.secret(node)).collect();
        who.basic = items("basic").iter().filter_map(|node| self.basic(node)).collect();
        who.anonymous =
            fields.get("anonymous").and_then(|node| self.reader.boolean(node)).unwrap_or(false);
        file.endpoints.alertmanager = fields.get("api").and_then(|node| self.endpoint(node));
    }

    fn secret(&self, node: &Node) -> Option<SecretString> {
        let reference = self.reader.secret_ref(node)?;
        match secret::resolve(&reference, self.env) {
            Ok(secret) => Some(secret),
            Err(fault) => self.reader.no(node, fault.message, fault.hint),
        }
    }

    fn basic(&self, node: &Node) -> Option<(String, SecretString)> {
        let fields = self.reader.keys(node, &["user", "password"])?;
        let user = fields
            .required(self.reader, "user", "user: alertmanager")
            .and_then(|node| self.user(node));
        let password = fields
            .required(self.reader, "password", "password: { env: NAME }")
            .and_then(|node| self.secret(node));
        Some((user?, password?))
    }

    fn user(&self, node: &Node) -> Option<String> {
        let user = self.reader.text(node)?;
        if user.contains(':') {
            return self.reader.no(
                node,
                "a user name cannot contain `:`",
                "what follows it would be the password",
            );
        }
        Some(user)
    }

    /// `http://…`, or the same with how to log in.
    fn endpoint(&self, node: &Node) -> Option<Endpoint> {
        if let Kind::Scalar(_) = node.kind {
            return Some(Endpoint { url: self.base(node)?, auth: None, tenant: None });
        }
        let fields = self.reader.keys(node, &["url", "bearer", "basic", "tenant"])?;
        let url = fields.required(self.reader, "url", "where it is: url: http://127.0.0.1:9090");
        let url = url.and_then(|node| self.base(node));
        let tenant = match fields.get("tenant") {
            Some(node) => self.tenant(node).map(Some),
            None => Some(None),
        };
        let auth = match (fields.get("bearer"), fields.get("basic")) {
            (Some(_), Some(node)) => {
                self.reader.no(node, "`bearer` and `basic` are two answers", "keep one")
            }
            (Some(node), None) => self.kept(node).map(|secret| Some(Auth::Bearer(secret))),
            (None, Some(node)) => self.basic_kept(node).map(Some),
            (None, None) => Some(None),
        };
        Some(Endpoint { url: url?, auth: auth?, tenant: tenant? })
    }

    pub(super) fn base(&self, node: &Node) -> Option<String> {
        let url = self.reader.url(node)?;
        if self.reader.filled.replace(false) {
            return self.reader.no(node, "no placeholder can stand here", "write the address out");
        }
        if url.contains('?') {
            return self.reader.no(node, "a query in a base address", "end it before the `?`");
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    /// A socket of this machine, or a host without TLS.
    fn docker(&self, node: &Node) -> Option<Engine> {
        let text = self.reader.text(node)?;
        let hint = "its socket, /var/run/docker.sock, or a proxy beside this process, http://127.0.0.1:2375";
        let path = text.strip_prefix("unix://").unwrap_or(&text);
        if path.starts_with('/') {
            return Some(Engine::Socket(path.into()));
        }
        let url = text.replacen("tcp://", "http://", 1);
        let url = match address::checked(&url) {
            Ok(url) if url.scheme() == "http" && url.path() == "/" && url.query().is_none() => url,
            Ok(_) => return self.reader.no(node, "not where a Docker Engine is", hint),
            Err(failure) => return self.reader.no(node, failure.detail, hint),
        };
        let (host, port) =
            (url.host_str()?.trim_matches(['[', ']']), url.port().unwrap_or(DOCKER_PORT));
        Some(Engine::Host { host: host.to_owned(), port })
    }

    fn tenant(&self, node: &Node) -> Option<String> {
        let text = self.reader.text(node)?;
        match http::HeaderValue::from_str(&text) {
            Ok(_) => Some(text),
            Err(_) => self.reader.no(
                node,
                "a tenant is one line of visible characters",
                "remove the rest",
            ),
        }
    }

    /// A reference that is looked up at each use; that it can be found is checked now.
    pub(super) fn kept(&self, node: &Node) -> Option<crate::core::evidence::SecretRef> {
        self.secret(node)?;
        self.reader.secret_ref(node)
    }

    fn basic_kept(&self, node: &Node) -> Option<Auth> {
        let (user, _) = self.basic(node)?;
        let fields = self.reader.keys(node, &["user", "password"])?;
        let password = fields.get("password").and_then(|node| self.reader.secret_ref(node))?;
        Some(Auth::Basic { user, password })
    }

    fn slack(&self, node: &Node) -> Option<Slack> {
        let fields = self.reader.keys(node, &["token", "channel", "api_url"])?;
        let token = fields
            .required(self.reader, "token", "the bot's token: token: { env: SLACK_BOT_TOKEN }")
            .and_then(|node| self.secret(node));
        let channel = fields
            .required(self.reader, "channel", "where to write: channel: \"#incidents\"")
            .and_then(|node| self.reader.text(node));
        let api_url = match fields.get("api_url") {
            Some(node) => self.base(node),
            None => Some(SLACK_API.to_owned()),
        };
        Some(Slack { token: token?, channel: channel?, api_url: api_url? })
    }

    fn api(&self, node: &Node, file: &mut File) {
        let Some(fields) = self.reader.keys(node, &["token", "hosts"]) else { return };
        let token = fields.required(self.reader, "token", "token: { env: NAME }");
        file.api_token = token.and_then(|node| self.secret(node));
        let hosts = fields.get("hosts").and_then(|node| self.reader.list(node)).unwrap_or_default();
        file.api_hosts = hosts.iter().filter_map(|node| self.host(node)).collect();
    }

    /// A name as a browser sends it, without what stands around it in an address.
    fn host(&self, node: &Node) -> Option<String> {
        let text = self.reader.text(node)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if text.is_empty() || !text.chars().all(is_name) {
            let hint = "the name alone, without scheme and port, such as reclose.example.org";
            return self.reader.no(node, "not a host name", hint);
        }
        Some(text.to_ascii_lowercase())
    }

    fn limits(&self, node: &Node) -> Option<usize> {
        let fields = self.reader.keys(node, &["body"])?;
        let node = fields.required(self.reader, "body", "such as body: 16MiB")?;
        let text = self.reader.text(node)?;
        let (number, unit) =
            text.split_at(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len());
        let unit = match unit.trim() {
            "KiB" => Some(KIB),
            "MiB" => Some(MIB),
            _ => None,
        };
        let bytes = number.parse().ok().and_then(|number: usize| number.checked_mul(unit?));
        bytes.filter(|bytes| BODY_BOUNDS.contains(bytes)).or_else(|| {
            self.reader.no(node, "not a size that fits here", "from 64KiB to 64MiB, such as 16MiB")
        })
    }

    /// `log: info`, or `log: { filter: …, format: json }`.
    fn log(&self, node: &Node) -> Option<Log> {
        if let Kind::Scalar(_) = node.kind {
            return Some(Log { filter: self.filter(node)?, format: Format::Human });
        }
        let fields = self.reader.keys(node, &["filter", "format"])?;
        let filter = match fields.get("filter") {
            Some(node) => self.filter(node),
            None => Some(FILTER_DEFAULT.to_owned()),
        };
        let format = match fields.get("format") {
            Some(node) => {
                self.reader.word(node, &[("text", Format::Human), ("json", Format::Json)])
            }
            None => Some(Format::Human),
        };
        Some(Log { filter: filter?, format: format? })
    }

    fn filter(&self, node: &Node) -> Option<String> {
        let text = self.reader.text(node)?;
        match tracing_subscriber::EnvFilter::try_new(&text) {
            Ok(_) => Some(text),
            Err(_) => self.reader.no(
                node,
                "not a filter for logs",
                "error, warn, info, debug, or info,reclose::engine=debug",
            ),
        }
    }
}
