//! Bodies that are not version 4: rows A07, A11–A19 and A31. Refused with a reason, audited, nothing stored.

use serde_json::json;

use super::server::{Answer, Server, alert, body, body_with, group, labels, start};

/// Posts and expects a refusal of a known sender: counted by its reason, audited once, and nothing stored.
async fn refused(
    server: &Server,
    body: impl Into<reqwest::Body>,
    status: u16,
    reason: &str,
) -> Answer {
    let (before, stored) = (server.rejected(reason), server.stored().len());
    let answer = server.post(body).await;
    answer.is(status);
    assert_eq!(server.rejected(reason), before + 1, "{reason}: {answer:?}");
    assert_eq!(server.stored().len(), stored);
    let audit = server.audit().await;
    let said = audit.iter().filter(|text| text.contains(&format!("\"{reason}: "))).count();
    assert_eq!(said, 1, "one entry for {reason} in {audit:?}");
    answer
}

#[tokio::test]
async fn a07_an_empty_body_is_400() {
    let server = start().await;
    refused(&server, "", 400, "empty").await;
    refused(&server, " \r\n\t", 400, "empty").await;
}

#[tokio::test]
async fn a11_a_compressed_body_is_415() {
    let server = start().await;
    for coding in ["gzip", "deflate", "br", "zstd", "identity, gzip"] {
        let also = |request: reqwest::RequestBuilder| {
            request.bearer_auth(super::server::TOKEN).header("content-encoding", coding)
        };
        server.post_with(body(), also).await.is(415).says("Content-Encoding");
    }
    assert!(server.stored().is_empty());
    assert_eq!(server.rejected("content_encoded"), 5);
}

#[tokio::test]
async fn a12_depth_beyond_64_is_400_also_where_it_is_ignored() {
    let server = start().await;
    let nest = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    refused(&server, nest(10_000), 400, "too_deep").await.says("64");
    refused(&server, "[".repeat(1_000_000), 400, "too_deep").await;
    let ignored =
        body_with("\"receiver\":", &format!("\"ignored\":{},\"receiver\":", nest(10_000)));
    refused(&server, ignored, 400, "too_deep").await;
    let ignored = body_with("\"receiver\":", &format!("\"ignored\":{},\"receiver\":", nest(64)));
    refused(&server, ignored, 400, "too_deep").await;
    let in_text = body_with("breaker open", &"[".repeat(10_000));
    server.post(in_text).await.is(200);
    let just = body_with("\"receiver\":", &format!("\"ignored\":{},\"receiver\":", nest(63)));
    server.post(just).await.is(200);
}

#[tokio::test]
async fn a13_doubled_keys_are_400_where_they_are_read() {
    let server = start().await;
    for (old, new) in [
        ("\"version\":\"4\"", "\"version\":\"4\",\"version\":\"4\""),
        ("\"truncatedAlerts\":0", "\"truncatedAlerts\":0,\"truncatedAlerts\":0"),
        ("\"alerts\":[", "\"alerts\":[],\"alerts\":["),
        (
            "\"receiver\":\"reclose\",\"status\":\"firing\"",
            "\"status\":\"firing\",\"status\":\"resolved\"",
        ),
        ("\"startsAt\":", "\"status\":\"resolved\",\"startsAt\":"),
        ("\"labels\":{", "\"labels\":{},\"labels\":{"),
        ("\"severity\":\"critical\"", "\"severity\":\"critical\",\"severity\":\"info\""),
        ("\"severity\":\"critical\"", "\"severity\":\"critical\",\"alertname\":\"Other\""),
        ("\"summary\":\"breaker open\"", "\"summary\":\"a\",\"summary\":\"b\""),
    ] {
        refused(&server, body_with(old, new), 400, "doubled_field").await.says("stands twice");
    }
    let unknown = body_with("\"receiver\":", "\"new\":1,\"new\":[{\"a\":1,\"a\":2}],\"receiver\":");
    server.post(unknown).await.is(200);
}

#[tokio::test]
async fn a14_what_is_not_utf_8_is_400() {
    let server = start().await;
    let mut bytes = body().into_bytes();
    bytes.extend_from_slice(b"\xff");
    refused(&server, bytes, 400, "not_utf8").await;
    // Not even in a field that is not read.
    let at = body().find("reclose").unwrap();
    let mut bytes = body().into_bytes();
    bytes[at] = 0xc0;
    refused(&server, bytes, 400, "not_utf8").await;
    refused(&server, body_with("meta-capi", "\\ud800"), 400, "not_json").await;
    refused(&server, body_with("meta-capi", "\\udc00\\ud800"), 400, "not_json").await;
    server.post(body_with("meta-capi", "\\ud83d\\ude00")).await.is(200);
    assert!(server.only().alerts[0].labels.values().any(|value| value == "😀"));
}

#[tokio::test]
async fn a15_numbers_that_are_no_count_are_400() {
    let server = start().await;
    for (number, reason) in [
        ("NaN", "not_json"),
        ("1e400", "not_json"),
        ("1180591620717411303424", "wrong_type"),
        ("-1", "wrong_type"),
        ("1.5", "wrong_type"),
        ("\"0\"", "wrong_type"),
        ("null", "wrong_type"),
    ] {
        let text = body_with("\"truncatedAlerts\":0", &format!("\"truncatedAlerts\":{number}"));
        refused(&server, text, 400, reason).await;
    }
}

#[tokio::test]
async fn a16_a_version_that_is_not_the_text_4_is_400() {
    let server = start().await;
    for version in ["\"3\"", "4", "\"4 \"", "null", "\"\"", "[\"4\"]"] {
        let text = body_with("\"version\":\"4\"", &format!("\"version\":{version}"));
        refused(&server, text, 400, "not_version_4").await.says("version is not");
    }
    let text = body_with("\"version\":\"4\"", "\"versions\":\"4\"");
    refused(&server, text, 400, "not_version_4").await;
}

#[tokio::test]
async fn a17_unknown_fields_are_accepted() {
    let server = start().await;
    let more = json!({"deep": [{"a": [1, 2.5e300, null, true]}], "routeLabels": {"team": "sre"}});
    let text = body_with(
        "\"receiver\":",
        &format!("\"routeLabels\":{more},\"future\":{more},\"receiver\":"),
    );
    let text = text.replacen("\"startsAt\":", &format!("\"future\":{more},\"startsAt\":"), 1);
    server.post(text).await.is(200);
    assert_eq!(server.only().alerts.len(), 1);
}

#[tokio::test]
async fn a18_no_alerts_is_200_and_audited() {
    let server = start().await;
    server.post(group(&[]).to_string()).await.is(200);
    assert!(server.only().alerts.is_empty());
    let audit = server.audit().await;
    assert_eq!(audit.len(), 1);
    assert!(audit[0].contains("without alerts"), "{audit:?}");
}

#[tokio::test]
async fn a19_alerts_null_object_or_too_many() {
    let server = start().await;
    let with = |alerts: serde_json::Value| {
        let mut group = group(&[]);
        group["alerts"] = alerts;
        group.to_string()
    };
    refused(&server, with(json!(null)), 400, "wrong_type").await.says("alerts");
    refused(&server, with(json!({"0": alert(&labels())})), 400, "wrong_type").await;
    refused(&server, with(json!("x")), 400, "wrong_type").await;
    refused(&server, with(json!([1])), 400, "wrong_type").await;
    refused(&server, with(json!([["firing", {}]])), 400, "wrong_type").await;
    let none = body_with("\"alerts\":", "\"alert\":");
    refused(&server, none, 400, "missing_field").await.says("alerts is missing");
    // As small as an alert can be, so that the count is met before the size.
    let small = json!({"status": "firing", "labels": {}});
    refused(&server, with(json!(vec![small.clone(); 100_001])), 413, "too_many_alerts")
        .await
        .says("max_alerts");
    server.post(with(json!(vec![small; 100_000]))).await.is(200);
    assert_eq!(server.only().alerts.len(), 100_000);
}

#[tokio::test]
async fn a31_a_custom_payload_is_400() {
    let server = start().await;
    refused(&server, format!("[{}]", body()), 400, "wrong_type").await;
    refused(&server, "{\"text\":\"breaker open\"}", 400, "not_version_4").await;
    refused(&server, "\"4\"", 400, "wrong_type").await;
    refused(&server, body() + "{}", 400, "not_json").await;
    refused(&server, body().trim_end().trim_end_matches('}').to_owned(), 400, "not_json").await;
}

#[tokio::test]
async fn no_refusal_repeats_what_was_sent() {
    let server = start().await;
    let canary = "CANARY_f00";
    for text in [
        format!("{{\"version\":\"{canary}\"}}"),
        format!("{{\"{canary}\":"),
        body_with("\"critical\"", &format!("[\"{canary}\"]")),
        body_with("\"firing\"}]", &format!("\"{canary}\"}}]")),
        body_with("2026-08-20T10:00:00.123Z", canary),
        body_with("\"service\":\"meta-capi\"", &format!("\"{canary}\":\"a\",\"{canary}\":\"b\"")),
    ] {
        let answer = server.post(text.clone()).await;
        assert!(!answer.text.contains(canary), "{text} → {answer:?}");
        assert!(answer.status.is_client_error() || answer.status == 200, "{text} → {answer:?}");
    }
    let audit = server.audit().await.join("\n");
    assert!(!audit.contains(canary), "{audit}");
}
