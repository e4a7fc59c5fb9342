//! Bodies as Alertmanager writes them, byte for byte, and what is made of them.

use reclose::core::alert::{AlertFlag, AlertStatus, Notification};
use reclose::web::payload::{Limits, parse};

/// After the payloads were captured.
const NOW: &str = "2026-11-21T05:00:00Z";

fn read(name: &str) -> Notification {
    let path = format!("{}/tests/golden/alertmanager/{name}.json", env!("CARGO_MANIFEST_DIR"));
    parse(&std::fs::read(path).unwrap(), &Limits::default(), NOW.parse().unwrap()).unwrap()
}

#[test]
fn every_golden_body_becomes_what_its_snapshot_says() {
    for name in ["0.25-firing", "0.25-resolved", "0.25-truncated", "0.32-firing", "0.34-firing"] {
        insta::assert_json_snapshot!(name, read(name));
    }
}

#[test]
fn our_fingerprint_is_alertmanagers() {
    // Five bodies, four label sets, one with quotes, markup and letters beyond ASCII.
    for (name, fingerprints) in [
        ("0.25-firing", &["38b07e35ba3085f9"][..]),
        ("0.25-truncated", &["2337f5103c87a622", "232df5103c7f519d"]),
    ] {
        let notification = read(name);
        let ours: Vec<&str> =
            notification.alerts.iter().map(|alert| alert.key.fingerprint.as_str()).collect();
        assert_eq!(ours, fingerprints);
        for alert in notification.alerts {
            assert!(!alert.flags.contains(&AlertFlag::FingerprintMismatch), "{alert:?}");
            assert!(!alert.flags.contains(&AlertFlag::FingerprintReplaced), "{alert:?}");
        }
    }
}

#[test]
fn later_versions_say_the_same() {
    let first = read("0.25-firing");
    assert_eq!(first, read("0.32-firing"));
    assert_eq!(first, read("0.34-firing"));
    assert_eq!(read("0.25-resolved").alerts[0].status, AlertStatus::Resolved);
}
