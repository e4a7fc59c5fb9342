//! The real program: SIGHUP, `reclose reload`, files renamed and links swapped; who is told of a wrong set, and how often.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::Signal;

use crate::kill::target::Target;
use crate::kill::{RULE, TARGETS};
use crate::served::{Place, Running, client, payload, signal, until};
use crate::slack::fake::{self, FakeSlack};

/// Longer than two looks at the files.
const SETTLED: Duration = Duration::from_secs(4);
const LOWERED: &str =
    "version: 1\ntargets:\n  killed: { ceiling: observe, group: killed, vars: { url: \"URL\" } }\n";

struct Served {
    place: Place,
    slack: FakeSlack,
    running: Running,
}

impl Served {
    async fn start(name: &str, rules: &[(&str, &str)]) -> Self {
        let slack = FakeSlack::start(name).await;
        let place = Place::reserve();
        let token = Place::secret(place.path(), "slack-token", fake::TOKEN);
        let config = format!(
            "settle: 1s\nslack:\n  token: {{ file: \"{token}\" }}\n  channel: \"{}\"\n  api_url: \"{}\"\n",
            fake::CHANNEL,
            slack.api_url
        );
        place.fill(&config, rules);
        let running = place.start(&[]).await;
        Self { place, slack, running }
    }

    fn hang_up(&self) {
        signal(self.running.pid(), Signal::HUP);
    }

    fn reload(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_reclose"))
            .args(["reload", "--data"])
            .arg(self.place.data())
            .output()
            .unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.place.url());
        client().get(url).send().await.unwrap().text().await.unwrap()
    }

    /// The value of a series of `/metrics`, as it is written there.
    async fn metric(&self, series: &str) -> Option<String> {
        let page = self.get("/metrics").await;
        page.lines().find_map(|line| Some(line.strip_prefix(series)?.trim().to_owned()))
    }

    async fn revision(&self) -> String {
        let page = self.get("/metrics").await;
        let start = "reclose_rules_revision_info{revision=\"";
        let mut lines = page.lines().filter_map(|line| line.strip_prefix(start));
        let revision = lines.next().unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(lines.next(), None, "one revision is active at a time");
        revision
    }

    /// Waits until another revision is active.
    async fn another(&self, than: &str) -> String {
        for _ in 0..400 {
            let revision = self.revision().await;
            if revision != than {
                return revision;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("still {than}: {}", self.place.log());
    }

    fn rules(&self) -> std::path::PathBuf {
        self.place.path().join("rules")
    }

    /// Messages that stand in the channel and hold these words.
    fn told(&self, words: &str) -> usize {
        let messages = self.slack.messages();
        messages.iter().filter(|message| message.blocks.to_string().contains(words)).count()
    }
}

fn files(url: &str) -> [(&'static str, String); 2] {
    [("killed.yaml", RULE.to_owned()), ("targets.yaml", TARGETS.replace("URL", url))]
}

async fn served(name: &str, url: &str) -> Served {
    let files = files(url);
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Served::start(name, &files).await
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_set_changes_nothing_and_is_told_once() {
    let served = served("reload-wrong", "http://127.0.0.1:9").await;
    let first = served.revision().await;
    let rule = served.rules().join("killed.yaml");

    // Two mistakes in one file: all of them are named, everywhere.
    let wrong = RULE
        .replace("kind: manual", "kind: mechanical")
        .replace("hold: 1s\n  within", "hold: soon\n  within");
    std::fs::write(&rule, &wrong).unwrap();
    served.hang_up();
    assert!(
        until(|| served.told("The rules on disk are wrong (2 mistakes)") == 1).await,
        "{}",
        served.place.log()
    );
    for _ in 0..3 {
        served.hang_up();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    tokio::time::sleep(SETTLED).await;
    assert_eq!(served.told("The rules on disk are wrong"), 1, "once of one wrong set");
    assert_eq!(served.revision().await, first, "the old set stays");
    let log = served.place.log();
    assert!(log.contains("killed.yaml:12:7") && log.contains("killed.yaml:27:9"), "{log}");
    let page = served.get("/").await;
    assert!(
        page.contains("The rules on disk are wrong") && page.contains("killed.yaml:12:7"),
        "{page}"
    );
    let shown = Command::new(env!("CARGO_BIN_EXE_reclose"))
        .args(["incidents", "--data"])
        .arg(served.place.data())
        .output()
        .unwrap();
    assert!(text(&shown).contains("The rules on disk are WRONG"), "{}", text(&shown));
    assert_eq!(served.metric("reclose_rules_wrong").await.unwrap(), "2");
    let refused = served.metric("reclose_rules_reloads_total{result=\"refused\"}").await.unwrap();
    assert!(refused.parse::<u32>().unwrap() >= 2, "{refused}");
    let answer = served.reload();
    assert_eq!(answer.status.code(), Some(1), "{}", text(&answer));
    assert!(
        text(&answer).contains("mechanical") && text(&answer).contains(&first),
        "{}",
        text(&answer)
    );

    // Another wrong set is another thing to tell.
    std::fs::write(&rule, wrong.replace("mechanical", "electrical")).unwrap();
    assert!(
        until(|| served.told("The rules on disk are wrong") == 2).await,
        "{}",
        served.place.log()
    );

    std::fs::write(&rule, RULE).unwrap();
    assert!(
        until(|| served.told("The rules on disk are right again") == 1).await,
        "{}",
        served.place.log()
    );
    assert_eq!(served.revision().await, first, "what was read is what was active");
    assert!(!served.get("/").await.contains("The rules on disk are wrong"));
    assert_eq!(served.metric("reclose_rules_wrong").await.unwrap(), "0");
    tokio::time::sleep(SETTLED).await;
    assert_eq!(served.told("The rules on disk are"), 3, "twice wrong, once right again");
    let posts = served.slack.messages();
    assert!(
        posts.iter().all(|message| message.channel == fake::CHANNEL && message.thread_ts.is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_set_is_taken_up_by_every_way_in_which_files_change() {
    let served = served("reload-right", "http://127.0.0.1:9").await;
    let rule = served.rules().join("killed.yaml");
    let mut known = served.revision().await;
    let summary = |words: &str| RULE.replace("A breaker whose keeper dies", words);

    std::fs::write(&rule, summary("by SIGHUP")).unwrap();
    served.hang_up();
    known = served.another(&known).await;

    std::fs::write(&rule, summary("by the command")).unwrap();
    let answer = served.reload();
    assert_eq!(answer.status.code(), Some(0), "{}", text(&answer));
    let now = served.revision().await;
    assert!(
        text(&answer)
            .contains(&format!("Revision {now} is active, {known} no more: 1 rule for 1 target")),
        "{}",
        text(&answer)
    );
    known = now;
    let answer = served.reload();
    assert!(text(&answer).contains("Nothing had changed"), "{}", text(&answer));

    // As editors and `git` write: another file takes the name.
    std::fs::write(served.rules().join(".killed.yaml.new"), summary("by a rename")).unwrap();
    std::fs::rename(served.rules().join(".killed.yaml.new"), &rule).unwrap();
    known = served.another(&known).await;

    std::fs::write(&rule, summary("in place")).unwrap();
    known = served.another(&known).await;

    // As Kubernetes mounts a ConfigMap: links to `..data/`, and `..data` is swapped.
    let mount = served.rules();
    let version = |name: &str, words: &str| {
        let folder = mount.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("killed.yaml"), summary(words)).unwrap();
        std::fs::write(folder.join("targets.yaml"), TARGETS.replace("URL", "http://127.0.0.1:9"))
            .unwrap();
    };
    let link = |to: &str, at: &Path| std::os::unix::fs::symlink(to, at).unwrap();
    version("..one", "by a first link");
    link("..one", &mount.join("..data"));
    for name in ["killed.yaml", "targets.yaml"] {
        link(&format!("..data/{name}"), &mount.join(".link"));
        std::fs::rename(mount.join(".link"), mount.join(name)).unwrap();
    }
    known = served.another(&known).await;
    version("..two", "by a swapped link");
    link("..two", &mount.join("..data_tmp"));
    std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    known = served.another(&known).await;

    tokio::time::sleep(SETTLED).await;
    assert_eq!(served.revision().await, known, "nothing changes by itself");
    let activated =
        served.metric("reclose_rules_reloads_total{result=\"activated\"}").await.unwrap();
    assert_eq!(activated, "6", "{}", served.place.log());
    assert_eq!(served.slack.messages().len(), 0, "right sets are no news");
    let audit = Command::new(env!("CARGO_BIN_EXE_reclose"))
        .args(["audit", "verify", "--data"])
        .arg(served.place.data())
        .output()
        .unwrap();
    assert!(audit.status.success(), "{}", text(&audit));
}

/// The same incident twice: with the ceiling left alone it is acted on, with the ceiling lowered in its middle it is not.
/// The rule still says `auto`, so the whole of what stands on disk is wrong; the owners' word holds all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_ceiling_lowered_in_the_middle_stops_the_action() {
    let (control, lowered) = tokio::join!(acted(false), acted(true));
    assert_eq!(control, 1, "left alone, it is reset");
    assert_eq!(lowered, 0, "its owner forbade it");
}

async fn acted(lower: bool) -> usize {
    let target = Target::start().await;
    let files = files(&target.url);
    let rule = RULE.replace("kind: manual\n", "kind: manual\nact_after: 8s\n");
    let served = Served::start(
        &format!("reload-ceiling-{lower}"),
        &[("killed.yaml", &rule), ("targets.yaml", &files[1].1)],
    )
    .await;
    let alert = payload(&[("alertname", "BreakerOpen"), ("service", "killed")], "firing");
    assert!(served.place.post(&alert).await);
    assert!(until(|| !served.place.incidents().is_empty()).await, "{}", served.place.log());
    let first = served.revision().await;
    if lower {
        let text = LOWERED.replace("URL", &target.url);
        std::fs::write(served.rules().join("targets.yaml"), text).unwrap();
        assert_eq!(served.another(&first).await, format!("{first}-lowered"));
        assert!(target.resets().is_empty(), "too late to prove anything");
    }
    assert!(
        until(|| !target.resets().is_empty() || served.told("would have done: close") > 0).await
    );
    tokio::time::sleep(SETTLED).await;
    if lower {
        assert!(
            served.told("lowered its ceiling from auto to observe") >= 1,
            "{:#?}",
            served.slack.messages()
        );
        assert!(served.told("The rules on disk are wrong (1 mistake)") == 1);
    }
    target.resets().len()
}
