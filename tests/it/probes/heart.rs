//! The heartbeat beats once a second, outlives a stall of the whole process, and is replaced when it falls silent.

use std::time::Duration;

use reclose::engine::probes::heart::{Beat, Heart, SILENT_MOST};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn it_beats_once_a_second_and_again_after_a_stall() {
    let mut heart = Heart::start().await;
    heart.beat().await;
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(heart.beat().await, Beat::Regular);
    }
    let took = start.elapsed();
    assert!((2_000..4_000).contains(&took.as_millis()), "three beats took {took:?}");

    // Nothing of this process runs, as after SIGSTOP: repeated jobs of the scheduler would not survive it.
    std::thread::sleep(Duration::from_secs(3));
    heart.beat().await;
    for _ in 0..3 {
        let beat =
            timeout(Duration::from_secs(2), heart.beat()).await.expect("it beats after a stall");
        assert_eq!(beat, Beat::Regular);
    }
}

#[tokio::test]
async fn a_silent_heart_is_replaced() {
    let mut heart = Heart::start().await;
    heart.beat().await;
    heart.silence().await;
    let start = Instant::now();
    while heart.beat().await == Beat::Regular {
        assert!(start.elapsed() < SILENT_MOST, "a scheduler that is shut down beats on");
    }
    assert!(start.elapsed() < SILENT_MOST + Duration::from_secs(2));
    assert_eq!(heart.beat().await, Beat::Regular);
}
