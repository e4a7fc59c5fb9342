//! The configuration of the server: who beats whom, what is refused, and that no secret is ever shown.

use reclose::config::{self, Config, Flags};
use reclose::rules::{self, Mistake};
use reclose::systems::Auth;
use reclose::telemetry::Format;
use secrecy::ExposeSecret as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const SECRET: &str = "xoxb-0123456789-do-not-show";

fn nothing(_: &str) -> Option<String> {
    None
}

fn env(name: &str) -> Option<String> {
    match name {
        "AM" => Some(" am-token\n".to_owned()),
        "SLACK" => Some(SECRET.to_owned()),
        "BLANK" => Some(" ".to_owned()),
        _ => None,
    }
}

struct File(tempfile::TempDir);

impl File {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("reclose.yaml"), text).unwrap();
        Self(dir)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("reclose.yaml")
    }

    fn load(&self) -> Result<Config, Vec<Mistake>> {
        config::load(&Flags::default(), &env, &self.path())
    }
}

fn told(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(|mistake| format!("{}: {}", mistake.line(), mistake.message)).collect()
}

#[test]
fn a_full_file_is_read() {
    let file = File::new(
        r##"
listen: 127.0.0.1:8000
data: /var/lib/reclose
rules: /etc/reclose/rules
alertmanager:
  tokens: [ { env: AM } ]
  basic: [ { user: am, password: { env: AM } } ]
  api: http://127.0.0.1:9093/
prometheus: { url: "https://mimir.example/prometheus/", bearer: { env: AM }, tenant: shop }
loki: { url: "http://127.0.0.1:3100", basic: { user: loki, password: { env: AM } } }
slack: { token: { env: SLACK }, channel: "#incidents", api_url: "http://127.0.0.1:1/api" }
api: { token: { env: AM }, hosts: [ Reclose.example.org ] }
limits: { body: 8MiB }
settle: 90s
log: { filter: "info,reclose=debug", format: json }
"##,
    );
    let config =
        file.load().unwrap_or_else(|mistakes| panic!("{}", rules::render(&mistakes, false)));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.rules, PathBuf::from("/etc/reclose/rules"));
    assert_eq!(config.alertmanager.tokens[0].expose_secret(), "am-token", "trimmed once");
    assert_eq!(config.alertmanager.basic[0].0, "am");
    let prometheus = config.endpoints.prometheus.as_ref().unwrap();
    assert_eq!(prometheus.url, "https://mimir.example/prometheus");
    assert!(matches!(&prometheus.auth, Some(Auth::Bearer(_))));
    assert_eq!(prometheus.tenant.as_deref(), Some("shop"));
    assert_eq!(config.endpoints.alertmanager.as_ref().unwrap().url, "http://127.0.0.1:9093");
    assert!(
        matches!(&config.endpoints.loki.as_ref().unwrap().auth, Some(Auth::Basic { user, .. }) if user == "loki")
    );
    assert_eq!(config.api_hosts, ["reclose.example.org"]);
    assert_eq!(config.slack.as_ref().unwrap().token.expose_secret(), SECRET);
    assert_eq!((config.body_most_bytes, config.settle.as_secs()), (8 << 20, 90));
    assert_eq!(config.log.format, Format::Json);
    let debug = format!("{config:?}");
    assert!(!debug.contains(SECRET) && !debug.contains("am-token"), "{debug}");
}

#[test]
fn defaults_are_as_documented() {
    let file = File::new("alertmanager: { anonymous: true }\n");
    let config = file.load().unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:7325");
    assert_eq!((config.rules, config.data), (PathBuf::from("rules"), PathBuf::from("data")));
    assert_eq!((config.body_most_bytes, config.settle.as_secs()), (16 << 20, 60));
    assert!(config.slack.is_none() && config.api_token.is_none());
    assert!(config.endpoints.prometheus.is_none());
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file =
        File::new("alertmanager: { anonymous: true }\nlisten: 127.0.0.1:1\nrules: of-file\n");
    let environment = |name: &str| match name {
        "RECLOSE_LISTEN" => Some("127.0.0.1:2".to_owned()),
        "RECLOSE_DATA" => Some("of-env".to_owned()),
        "RECLOSE_CONFIG" => Some(file.path().display().to_string()),
        _ => None,
    };
    let elsewhere = PathBuf::from("/nowhere/reclose.yaml");
    let config = config::load(&Flags::default(), &environment, &elsewhere).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.rules, PathBuf::from("of-file"));
    assert_eq!(config.data, PathBuf::from("of-env"));
    let flags = Flags {
        listen: Some("[::1]:3".into()),
        data: Some("of-flag".into()),
        rules: Some("of-flag".into()),
        config: None,
    };
    let config = config::load(&flags, &environment, &elsewhere).unwrap();
    assert_eq!((config.listen.port(), config.data), (3, PathBuf::from("of-flag")));
    assert_eq!(config.rules, PathBuf::from("of-flag"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let file = File::new(
        r#"listn: 127.0.0.1:1
alertmanager:
  tokens: [ { env: MISSING }, { env: BLANK } ]
prometheus: { url: "ftp://x/" }
slack: { token: { env: SLACK } }
limits: { body: 1GiB }
settle: 0s
log: reclose=loud
api: { token: { env: AM }, hosts: [ "https://reclose.example.org" ] }
"#,
    );
    let mistakes = file.load().unwrap_err();
    assert_eq!(
        told(&mistakes),
        [
            "1: unknown key `listn`",
            "3: the variable `MISSING` is not set",
            "3: the variable `BLANK`: it is empty",
            "4: `ftp://x/` is not an address to use here",
            "5: `channel` is missing",
            "6: not a size that fits here",
            "7: `0s` is not a length of time that fits here",
            "8: not a filter for logs",
            "9: not a host name",
        ]
    );
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_never_shown() {
    let plain = "plain-words-that-are-secret";
    for text in [
        format!("slack: {{ token: {SECRET}, channel: \"#c\", chanel: x }}\n"),
        format!("slack:\n  token: \"{SECRET}\"\n  channel: \"#c\"\n"),
        format!("alertmanager:\n  tokens:\n    - {plain}\n"),
        format!("alertmanager: {{ tokens: [ {plain} ], anonymos: true }}\n"),
        format!("alertmanager: {{ basic: [ {{ user: x, password: {plain} }} ] }}\n"),
        format!("api: {{ token: {plain}\n"),
        format!("slack: {{ tokn: {SECRET} }}\n"),
        format!("slack_token: {plain}\n"),
    ] {
        let mistakes = File::new(&text).load().unwrap_err();
        let shown = format!("{}{mistakes:?}{}", rules::render(&mistakes, false), mistakes[0]);
        assert!(!shown.contains(SECRET) && !shown.contains(plain), "{text}\n{shown}");
        assert!(!mistakes[0].excerpt().contains(plain), "{text}");
    }
}

#[test]
fn secret_files_are_for_one_user() {
    let file = File::new("");
    let secret = file.0.path().join("token");
    std::fs::write(&secret, "of-a-file\n").unwrap();
    let text = format!("alertmanager: {{ tokens: [ {{ file: \"{}\" }} ] }}\n", secret.display());
    std::fs::write(file.path(), &text).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mistakes = file.load().unwrap_err();
    assert!(mistakes[0].message.contains("every user of this machine can read"), "{mistakes:?}");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(file.load().unwrap().alertmanager.tokens[0].expose_secret(), "of-a-file");
    std::fs::remove_file(&secret).unwrap();
    let mistakes = file.load().unwrap_err();
    assert!(mistakes[0].message.contains(&*secret.display().to_string()), "{mistakes:?}");
}

#[test]
fn doors_are_neither_wide_open_nor_walled_up() {
    let mistakes = File::new("# nothing\n").load().unwrap_err();
    assert_eq!(mistakes[0].message, "nobody could deliver alerts");
    let open = File::new("listen: 0.0.0.0:7325\nalertmanager: { anonymous: true }\n");
    let mistakes = open.load().unwrap_err();
    assert!(mistakes[0].message.starts_with("`alertmanager.anonymous` while listening on 0.0.0.0"));
    let missing = Flags { config: Some("/nowhere.yaml".into()), ..Flags::default() };
    let mistakes = config::load(&missing, &nothing, &open.path()).unwrap_err();
    assert!(mistakes[0].message.starts_with("this file cannot be read"), "{mistakes:?}");
}

#[test]
fn secrets_that_rules_need_are_missed_before_they_are_needed() {
    let set = super::folder::Folder::sound().load();
    let missing = config::unusable_secrets(&set, &nothing);
    assert_eq!(missing.len(), 1);
    assert!(missing[0].starts_with("rule api: the variable `TOKEN` is not set"), "{missing:?}");
    assert!(
        config::unusable_secrets(&set, &|name| (name == "TOKEN").then(|| "x".into())).is_empty()
    );
}
