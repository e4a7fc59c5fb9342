//! A rules folder to break: small, sound, and thrown away.

use reclose::core::rule::RuleSet;
use reclose::rules::{self, Mistake};
use std::fs;
use std::path::Path;

pub struct Folder(tempfile::TempDir);

pub const TARGETS: &str = "\
version: 1
targets:
  api: { ceiling: auto, group: api, vars: { base: \"http://127.0.0.1:9/api\" } }
  prometheus: { protect: true }
";

pub const RULE: &str = r#"version: 1
breaker: api
summary: The API before the upstream
mode: approve
targets: [api]
match:
  - alertmanager: { alertname: BreakerOpen, service: api }
state:
  prometheus: max(breaker_state{service="api"})
  max_age: 1m
  means: { 0: closed, 1: open }
kind: self
recovery: { half_open_after: 30s }
evidence:
  statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }
  errors: { log_file: /var/log/api.log }
  upstream: { probe: health }
  queue: { prometheus_range: { query: queue_length, last: 10m } }
causes:
  auth: { log: 'token .* revoked' }
ladder:
  upstream_5xx: [ { wait: half_open }, { do: reset, when: { gone: true } } ]
  rate_limited: [ { wait: retry_after, at_least: 1m } ]
  otherwise: [ escalate ]
actions:
  reset:
    http: { post: "http://127.0.0.1:9/reset", bearer: { env: TOKEN } }
    guards: { cooldown: 10m, at_most: 2 per 6h }
verify:
  hold: 2m
  all: [ { state: closed }, { healthy: upstream } ]
escalate:
  - { when: always, to: [ { slack: "@oncall" } ] }
probes:
  health:
    every: 30s
    http: { get: "http://127.0.0.1:9/health" }
"#;

impl Folder {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn sound() -> Self {
        let folder = Self::empty();
        folder.write("targets.yaml", TARGETS);
        folder.write("api.yaml", RULE);
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Changes one place; panics if it is not there, so that no test edits nothing.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.0.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} must stand once in {name}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    pub fn load(&self) -> RuleSet {
        rules::load(self.path())
            .unwrap_or_else(|mistakes| panic!("{}", rules::render(&mistakes, false)))
    }

    pub fn mistakes(&self) -> Vec<Mistake> {
        rules::load_with_warnings(self.path()).1
    }
}
