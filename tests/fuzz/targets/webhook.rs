//! Any bytes as the body of Alertmanager's webhook.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reclose::core::time::Timestamp;
use reclose::web::payload::{self, Limits};

/// Small enough to be reached by the bodies that a fuzzer makes.
const LIMITS: Limits = Limits { alerts: 8, depth: 16, labels: 8, name_bytes: 32, value_bytes: 64 };

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::from_millisecond(1_780_000_000_000).expect("a time");
    for limits in [LIMITS, Limits::default()] {
        let Ok(notification) = payload::parse(bytes, &limits, now) else { continue };
        assert!(notification.alerts.len() <= limits.alerts, "more alerts than allowed");
        for alert in &notification.alerts {
            assert!(alert.labels.len() <= limits.labels, "more labels than allowed");
            for (name, value) in &alert.labels {
                assert!(name.len() <= limits.name_bytes, "a name longer than allowed");
                assert!(value.len() <= limits.value_bytes, "a value longer than allowed");
            }
        }
    }
});
