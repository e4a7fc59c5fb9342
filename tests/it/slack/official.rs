//! The fake against Slack's own client: `tests/slack/check_fake.py`. And the fake by itself, to try things by hand.

use std::path::Path;

use super::fake::{self, FakeSlack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fake_is_what_slacks_own_client_expects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/venv/bin/python");
    assert!(python.exists(), "slack_sdk is missing: run tests/lab/install.sh");
    let fake = FakeSlack::unrecorded("127.0.0.1:0").await;
    fake.limit_posts(1.0, 20.0);
    let output = tokio::process::Command::new(python)
        .arg(root.join("tests/slack/check_fake.py"))
        .args([&fake.api_url, fake::TOKEN])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    println!("{said}");
}

/// `cargo test --features test-hooks --test it -- --ignored --exact slack::official::serve --nocapture`
#[tokio::test]
#[ignore = "a server to try things by hand; it ends with Ctrl-C"]
async fn serve() {
    let listen = std::env::var("RECLOSE_FAKE_SLACK_LISTEN").unwrap_or("127.0.0.1:0".to_owned());
    let fake = FakeSlack::unrecorded(&listen).await;
    fake.limit_posts(1.0, 5.0);
    println!(
        "slack: {{ api_url: {}, channel: \"#incidents\" }}, token {}",
        fake.api_url,
        fake::TOKEN
    );
    let mut shown = 0;
    loop {
        let messages = fake.messages();
        for message in &messages[shown..] {
            println!(
                "{} {} {}",
                message.ts,
                message.thread_ts.as_deref().unwrap_or("-"),
                message.text
            );
        }
        shown = messages.len();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
