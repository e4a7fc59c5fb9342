//! A disk that is really full, under the real program: row A50 and promise P2. What was acknowledged is there.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use reclose::engine::clock::since_boot;
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::served::{Place, TOKEN, client, payload};

/// P2: answered within this, whatever happens.
const ANSWER_MOST: Duration = Duration::from_millis(2_500);
/// What the write-ahead log has to spare on a full disk is used up by far fewer.
const POSTS_MOST: u32 = 2_000;

fn big(number: u32) -> Value {
    let mut body = payload(&[("alertname", "NobodyKnows"), ("n", &number.to_string())], "firing");
    body["alerts"][0]["annotations"] = json!({ "text": "x".repeat(100_000) });
    body
}

async fn post(place: &Place, body: &Value) -> (u16, Duration) {
    let begun = since_boot();
    let sent = client().post(place.webhook()).bearer_auth(TOKEN).json(body).send().await.unwrap();
    (sent.status().as_u16(), since_boot().saturating_sub(begun))
}

/// Counted in a copy: the library would look for the database where its path leads outside of the namespace.
async fn stored(data: &std::path::Path) -> i64 {
    let copy = tempfile::tempdir().unwrap();
    for name in ["reclose.db", "reclose.db-wal"] {
        std::fs::copy(data.join(name), copy.path().join(name)).unwrap();
    }
    let file = SqliteConnectOptions::new().filename(copy.path().join("reclose.db"));
    let mut hand = SqliteConnection::connect_with(&file).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM notifications").fetch_one(&mut hand).await.unwrap()
}

#[tokio::test]
async fn a50_a_disk_that_fills_up_is_503_and_loses_nothing() {
    let rules = [
        ("targets.yaml", include_str!("../../../rules/targets.yaml")),
        ("pms.yaml", include_str!("../../../rules/pms.yaml")),
    ];
    let place = Place::new("", &rules);
    let mut running = place.launch_on_small_disk("8m");
    place.ready(&mut running).await;
    // The disk as the program sees it.
    let data = PathBuf::from(format!("/proc/{}/root{}", running.pid(), place.data().display()));

    let mut acknowledged = 0_i64;
    for number in 0..20 {
        assert_eq!(post(&place, &big(number)).await.0, 200);
        acknowledged += 1;
    }
    // Not a byte is left but in files that exist already.
    let mut filler = std::fs::File::create(data.join("filler")).unwrap();
    while filler.write_all(&[0; 4_096]).is_ok() {}
    let mut refused = 0_u32;
    for number in 0..POSTS_MOST {
        let (status, took) = post(&place, &big(number)).await;
        assert!(took < ANSWER_MOST, "{status} after {took:?}");
        match status {
            200 => acknowledged += 1,
            503 => refused += 1,
            other => panic!("{other}: {}", place.log()),
        }
        if refused == 5 {
            break;
        }
    }
    assert_eq!(refused, 5, "{acknowledged} acknowledged on a full disk");
    assert!(!running.ended(), "{}", place.log());

    // A larger disk, in effect: what Alertmanager sends again is taken, and nothing was lost meanwhile.
    let grow = "mount -o remount,size=64m \"$1\"";
    let pid = running.pid().to_string();
    let grown = std::process::Command::new("nsenter")
        .args(["--target", &pid, "--user", "--mount", "sh", "-c", grow, "sh"])
        .arg(place.data())
        .status()
        .unwrap();
    assert!(grown.success());
    let mut again = post(&place, &big(POSTS_MOST)).await.0;
    for _ in 0..40 {
        if again == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        again = post(&place, &big(POSTS_MOST)).await.0;
    }
    assert_eq!(again, 200, "{}", place.log());
    assert_eq!(stored(&data).await, acknowledged + 1, "as many as were acknowledged");
}
