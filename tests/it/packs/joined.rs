//! Proves that a rule's word stands above its pack's, that parameters arrive as data, and that a mistake is shown where it was made.

use reclose::core::action::How;
use reclose::core::cause::Class;
use reclose::core::evidence::Ask;
use reclose::core::rule::{BreakerKind, BreakerState, Rule, Rung, Wait};
use reclose::rules::{self, Mistake};

use super::{rule as short, targets};
use crate::rules::folder::Folder;

/// A pack with something of every kind.
pub const OWN: &str = r#"version: 1
pack: shop
summary: The breakers of the shop
parameters:
  api: { about: where it answers }
  name: { about: its name, default: "{target}" }
  team: { about: whose it is, optional: true }
  key: { about: for the action `open`, optional: true }
traps: [ It is slow. ]
state:
  prometheus: max(breaker_state{name="{name}",team="{team}"})
  means: { 0: closed, 1: open }
kind: lazy
recovery: { half_open_after: 30s }
evidence:
  errors: { log_file: /var/log/shop.log }
  upstream: { probe: health }
  page: { scrape: { url: "{api}/metrics", metric: calls, labels: { name: "{name}", team: "{team}" } } }
ladder:
  timeout: [ { wait: half_open } ]
  network: [ { do: close, when: { gone: true } } ]
  otherwise: [ escalate ]
actions:
  close: { http: { post: "{api}/breakers/{name}/close" } }
  open: { http: { post: "{api}/breakers/{key}/open" } }
verify: { hold: 5m, all: [ { state: closed }, alert_resolved ] }
probes:
  health: { every: 30s, http: { get: "{api}/health" } }
  spare: { every: 30s, http: { get: "{api}/{key}" } }
"#;

fn folder(with: &str) -> Folder {
    let folder = Folder::empty();
    folder.write("targets.yaml", &targets(["stock"]));
    folder.write("packs/shop.yaml", OWN);
    folder.write("stock.yaml", &short("stock", "shop", with));
    folder
}

fn loaded(folder: &Folder) -> Rule {
    let mut set = folder.load();
    let filled = set.filled.remove("stock").and_then(|mut of| of.remove("stock"));
    filled.unwrap_or_else(|| set.rules.remove("stock").unwrap())
}

fn only(folder: &Folder) -> Mistake {
    let mut mistakes = folder.mistakes();
    // The rule only observes, and is warned that its action is never done: that is not what is asked here.
    mistakes.retain(|one| !one.message.starts_with("in mode `observe`"));
    assert_eq!(mistakes.len(), 1, "{}", rules::render(&mistakes, false));
    mistakes.remove(0)
}

pub const WITH: &str = "{ api: \"http://shop:80/v1\" }";

#[test]
fn a_rule_has_from_its_pack_what_it_does_not_say() {
    let rule = loaded(&folder(WITH));
    assert_eq!(rule.kind, BreakerKind::Lazy);
    assert_eq!(rule.recovery.half_open_after.map(|span| span.as_secs()), Some(30));
    let Ask::Prometheus { query, age_query } = &rule.state.ask else { panic!() };
    assert_eq!(query, r#"max(breaker_state{name="stock"})"#, "what is left out is not asked for");
    assert_eq!(
        age_query.as_deref(),
        Some(r#"time() - min(timestamp(breaker_state{name="stock"}))"#)
    );
    let How::HttpReset { request, .. } = &rule.actions["close"].how;
    assert_eq!(request.url, "http://shop/v1/breakers/stock/close");
    let Ask::Scrape { labels, .. } = &rule.evidence[2].ask else { panic!("{:?}", rule.evidence) };
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["name"]);
    // What nothing names is an offer that was not taken: it needs no parameter, and is not there.
    assert_eq!(rule.actions.keys().collect::<Vec<_>>(), ["close"]);
    assert_eq!(rule.probes.len(), 1);
}

#[test]
fn the_rules_word_stands_above_its_packs() {
    let folder = folder("{ api: \"http://shop\", team: blue }");
    folder.edit(
        "stock.yaml",
        "mode: observe\n",
        "mode: observe\nkind: self\nrecovery: { needs_idle: true, half_open_after: 5s }\n\
         evidence: { errors: { log_file: /var/log/stock.log } }\nladder: { timeout: [ escalate ] }\n",
    );
    let rule = loaded(&folder);
    assert_eq!(rule.kind, BreakerKind::SelfHealing);
    assert!(rule.recovery.needs_idle);
    assert_eq!(rule.ladder[&Class::Timeout], [Rung::Escalate], "the entry of the rule");
    assert!(matches!(rule.ladder[&Class::Network][..], [Rung::Do { .. }]), "that of the pack");
    assert_eq!(rule.otherwise, [Rung::Escalate]);
    let logs = rule.evidence.iter().filter_map(|one| match &one.ask {
        Ask::LogFile { path, .. } => Some(path.as_str()),
        _ => None,
    });
    let logs: Vec<_> = logs.collect();
    assert_eq!(logs, ["/var/log/stock.log"]);
    let Ask::Prometheus { query, .. } = &rule.state.ask else { panic!() };
    assert_eq!(query, r#"max(breaker_state{name="stock",team="blue"})"#);
    // A whole key is the rule's, or the pack's: `means` of another state would be a trap.
    folder.edit(
        "stock.yaml",
        "kind: self\n",
        "kind: self\nstate: { prometheus: up, means: { 1: closed, 0: open } }\n",
    );
    let state = loaded(&folder).state;
    assert_eq!(state.means["0"], BreakerState::Open);
    assert!(matches!(&state.ask, Ask::Prometheus { query, .. } if query == "up"));
}

#[test]
fn an_action_that_is_offered_is_there_when_it_is_named() {
    let folder = folder(WITH);
    folder.edit(
        "stock.yaml",
        "mode: observe\n",
        "mode: observe\nladder: { timeout: [ { do: open, when: { gone: true } } ] }\n",
    );
    let mistake = only(&folder);
    assert!(mistake.source.path.ends_with("stock.yaml"), "the rule has to say it: {mistake}");
    assert_eq!(mistake.excerpt(), "use: shop");
    assert_eq!(mistake.message, "what this rule uses of its pack needs `key`");
    folder.edit("stock.yaml", "with: { ", "with: { key: k/1, ");
    let rule = loaded(&folder);
    let How::HttpReset { request, .. } = &rule.actions["open"].how;
    assert_eq!(request.url, "http://shop/v1/breakers/k%2F1/open");
}

#[test]
fn what_with_says_arrives_as_data() {
    let evil = "x\"} or vector(1) #";
    let folder = folder(&format!("{{ api: \"http://shop\", name: {evil:?} }}"));
    let rule = loaded(&folder);
    let Ask::Prometheus { query, .. } = &rule.state.ask else { panic!() };
    assert_eq!(query, r#"max(breaker_state{name="x\"} or vector(1) #"})"#);
    let How::HttpReset { request, .. } = &rule.actions["close"].how;
    assert_eq!(request.url, "http://shop/breakers/x%22%7D%20or%20vector%281%29%20%23/close");
    // The owners' variables fill it too, as a part of one value.
    folder.write("targets.yaml", "version: 1\ntargets: { stock: { vars: { zone: 'a\"b' } } }\n");
    folder.write(
        "stock.yaml",
        &short("stock", "shop", "{ api: \"http://shop\", name: \"{zone}-{target}\" }"),
    );
    let Ask::Prometheus { query, .. } = &loaded(&folder).state.ask else { panic!() };
    assert_eq!(query, r#"max(breaker_state{name="a\"b-stock"})"#);
}

#[test]
fn a_mistake_in_with_is_shown_in_the_rule() {
    for (with, message, hint) in [
        ("", "the pack `shop` needs `api`", "with: { api: … }: where it answers"),
        (
            "{ api: \"http://shop\", nam: x }",
            "the pack `shop` has no parameter `nam`",
            "did you mean `name`?",
        ),
        (
            "{ api: \"ftp://shop\" }",
            "what fills `{api}` is no address to begin with",
            "only http:// and https:// are spoken",
        ),
        ("{ api: \"http://shop\", name: 5 }", "`5` is a number, not a text", "quote it: \"5\""),
        (
            "{ api: \"http://shop\", name: \"{zone}\" }",
            "nothing fills `{zone}` for the target `stock`",
            "add `vars: { zone: … }` to `stock` in targets.yaml",
        ),
        (
            "{ api: \"http://shop\", name: \"..\" }",
            "what fills `{name}` is no path",
            "give it a name",
        ),
    ] {
        let mistake = only(&folder(with));
        assert!(mistake.source.path.ends_with("stock.yaml"), "{mistake}");
        assert_eq!((mistake.message.as_str(), mistake.hint.as_deref()), (message, Some(hint)));
        assert!(
            mistake.excerpt().starts_with(if with.is_empty() { "use:" } else { "with:" }),
            "{mistake}"
        );
    }
}

#[test]
fn a_mistake_in_a_pack_is_shown_in_the_pack() {
    for (from, to, message) in [
        ("kind: lazy", "kind: lazzy", "`lazzy` is not known here"),
        ("max(breaker_state", "max((breaker_state", "not readable as PromQL"),
        ("{name}/close", "{nam}/close", "no parameter of this pack is called `nam`"),
        ("kind: lazy", "kind: lazy\nmode: auto", "unknown key `mode`"),
        ("pack: shop", "pack: shop\nbreaker: x", "unknown key `breaker`"),
        ("summary: The breakers of the shop\n", "", "`summary` is missing"),
        ("default: \"{target}\"", "default: \"{team}\"", "a default knows `{target}` alone"),
        (
            "optional: true }\n  key",
            "optional: true, default: x }\n  key",
            "a parameter with a default is never left out",
        ),
        ("0: closed", "0: clsed", "`clsed` is not known here"),
    ] {
        let folder = folder(WITH);
        folder.edit("packs/shop.yaml", from, to);
        let mistakes = folder.mistakes();
        let shown = rules::render(&mistakes, false);
        let found = mistakes.iter().find(|one| one.source.path.ends_with("packs/shop.yaml"));
        let found = found.unwrap_or_else(|| panic!("{to}: {shown}"));
        assert!(found.message.contains(message), "{shown}");
        assert!(found.line() > 0 && !found.excerpt().is_empty(), "{shown}");
        assert!(rules::load(folder.path()).is_err(), "{shown}");
    }
}

#[test]
fn a_pack_that_no_rule_uses_is_checked_too() {
    let folder = folder(WITH);
    folder.write("stock.yaml", &short("stock", "gobreaker", ""));
    assert!(folder.mistakes().is_empty());
    folder.edit("packs/shop.yaml", "0: closed", "0: clsed");
    assert_eq!(only(&folder).message, "`clsed` is not known here");
}

#[test]
fn an_unknown_pack_is_named_with_those_that_there_are() {
    let folder = folder(WITH);
    folder.write("stock.yaml", &short("stock", "resiliense4j", ""));
    let mistake = only(&folder);
    assert_eq!(mistake.message, "no pack is called `resiliense4j`");
    assert_eq!(mistake.hint.as_deref(), Some("did you mean `resilience4j`?"));
    folder.write("stock.yaml", &short("stock", "acme", ""));
    let hint = only(&folder).hint.unwrap();
    assert!(hint.contains("gobreaker") && hint.contains("shop"), "{hint}");
    folder.write("stock.yaml", &short("stock", "acme", "").replace("use: acme", "with: { a: b }"));
    assert_eq!(only(&folder).message, "`with` without `use`");
}

#[test]
fn a_pack_of_ones_own_stands_above_one_that_comes_with_the_program() {
    let folder = folder(WITH);
    folder.edit("packs/shop.yaml", "pack: shop", "pack: gobreaker");
    folder.edit("stock.yaml", "use: shop", "use: gobreaker");
    let mistake = only(&folder);
    assert!(!mistake.is_error());
    assert_eq!(mistake.message, "this pack stands in for the built-in pack `gobreaker`");
    assert_eq!(loaded(&folder).actions.keys().collect::<Vec<_>>(), ["close"]);
    folder.write("packs/again.yaml", OWN.replace("pack: shop", "pack: gobreaker").as_str());
    let mistakes = folder.mistakes();
    assert!(mistakes.iter().any(|one| one.message == "another pack is called `gobreaker` too"));
    // The same text is the same pack: a copy to begin with is no surprise.
    let folder = folder_of_shipped();
    assert!(folder.mistakes().is_empty());
}

fn folder_of_shipped() -> Folder {
    let folder = Folder::empty();
    folder.write("targets.yaml", &targets(["stock"]));
    folder.write("packs/gobreaker.yaml", include_str!("../../../rules/packs/gobreaker.yaml"));
    folder.write("stock.yaml", &short("stock", "gobreaker", ""));
    folder
}

#[test]
fn a_revision_changes_with_the_pack() {
    let folder = folder(WITH);
    let revisions = |folder: &Folder| {
        let set = folder.load();
        (set.revision.clone(), set.filled["stock"]["stock"].revision.clone())
    };
    let first = revisions(&folder);
    assert_eq!(revisions(&folder), first);
    folder.edit("packs/shop.yaml", "hold: 5m", "hold: 6m");
    let second = revisions(&folder);
    assert!(first.0 != second.0 && first.1 != second.1);
}

#[test]
fn what_may_be_a_secret_is_hidden_in_a_pack_too() {
    let folder = folder(WITH);
    folder.edit(
        "packs/shop.yaml",
        "/close\" }",
        "/close\", headers: { Authorization: abc-123-def } }",
    );
    let shown = rules::render(&folder.mistakes(), false);
    assert!(shown.contains("packs/shop.yaml") && !shown.contains("abc-123"), "{shown}");
}

#[test]
fn check_and_explain_tell_what_to_keep_in_mind() {
    let (report, sound) = rules::check(folder(WITH).path(), false);
    assert!(sound);
    let expected = "\nKeep in mind with the pack shop (used by stock):\n  - It is slow.\n";
    assert!(report.ends_with(expected), "{report}");
    let set = folder(WITH).load();
    let explained = rules::explain(&set, &set.rules["stock"]);
    let expected = "\nKeep in mind with the pack shop\n  - It is slow.\n";
    assert!(explained.ends_with(expected), "{explained}");
}

#[test]
fn waiting_is_what_a_lazy_breaker_gets_by_default() {
    let folder = folder_of_shipped();
    let rule = loaded(&folder);
    assert_eq!(rule.ladder[&Class::Timeout], [Rung::Wait(Wait::HalfOpen)]);
    assert!(rule.actions.is_empty(), "no pack acts by itself");
}
