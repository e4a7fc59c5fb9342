//! Who may come in: rows A01–A06, and the console's Host.

use super::server::{API_TOKEN, PATH, SECOND_TOKEN, Server, Setup, TOKEN, body, client, start};

#[tokio::test]
async fn a01_no_credential_is_401_and_nothing_is_parsed() {
    let server = start().await;
    // Neither the answer nor the reason depends on the body.
    for text in [body(), "not json".to_owned(), String::new()] {
        let answer = server.post_with(text, |request| request).await;
        answer.is(401).says("no credential");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!((server.rejected("no_credential"), server.rejected("not_json")), (3, 0));
    assert!(server.stored().is_empty());
    assert!(server.audit().await.is_empty(), "an outsider writes nothing to the disk");
}

#[tokio::test]
async fn a02_a_bearer_that_differs_in_its_last_byte_is_401() {
    let server = start().await;
    for wrong in ["alerts-token-3", "alerts-token-", "alerts-token-11", "ALERTS-TOKEN-1", ""] {
        server.post_with(body(), |request| request.bearer_auth(wrong)).await.is(401);
    }
    for right in [TOKEN, SECOND_TOKEN] {
        server.post_with(body(), |request| request.bearer_auth(right)).await.is(200);
    }
    server.post_with(body(), |request| request.basic_auth("am", Some("pass:word"))).await.is(200);
    server.post_with(body(), |request| request.basic_auth("am", Some("pass"))).await.is(401);
    assert_eq!(server.stored().len(), 3);
    assert!(server.audit().await.is_empty());
}

#[tokio::test]
async fn a03_a_bearer_of_another_door_is_403() {
    let server = start().await;
    server
        .post_with(body(), |request| request.bearer_auth(API_TOKEN))
        .await
        .is(403)
        .says("another path");
    assert_eq!(server.rejected("other_door"), 1);
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn a04_two_authorization_headers_are_400() {
    let server = start().await;
    let answer = server
        .post_with(body(), |request| request.bearer_auth(TOKEN).basic_auth("am", Some("pass:word")))
        .await;
    answer.is(400);
    let answer =
        server.post_with(body(), |request| request.bearer_auth(TOKEN).bearer_auth(TOKEN)).await;
    answer.is(400).says("more than one");
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn a05_basic_auth_with_nul_or_10_kb_is_401() {
    let server = start().await;
    let long = "x".repeat(10 * 1_024);
    server.post_with(body(), |request| request.basic_auth("a\0m", Some("pass:word"))).await.is(401);
    server.post_with(body(), |request| request.basic_auth("am\0", Some("pass:word"))).await.is(401);
    server.post_with(body(), |request| request.basic_auth("am", Some(&long))).await.is(401);
    for header in ["Basic", "Basic !!!", "Basic YW0", "Digest x", "Bearer"] {
        server.post_with(body(), |request| request.header("authorization", header)).await.is(401);
    }
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn anonymous_alerts_come_only_when_asked_for_and_never_from_a_page_in_a_browser() {
    let server = Server::start(Setup { anonymous: true, ..Setup::default() }).await;
    server.post_with(body(), |request| request).await.is(200);
    // A credential that is shown must still be right.
    server.post_with(body(), |request| request.bearer_auth("wrong")).await.is(401);
    // A name that an attacker points at this machine, and what a page may post without asking.
    server.post_with(body(), |request| request.header("host", "evil.example")).await.is(421);
    let request = client().post(server.url(PATH)).header("content-type", "text/plain").body(body());
    assert_eq!(request.send().await.unwrap().status(), 415);
    assert_eq!(server.stored().len(), 1);
    assert!(server.audit().await.is_empty());
}

#[tokio::test]
async fn a36_a_webhook_with_a_credential_takes_any_host() {
    let server = start().await;
    let evil = |request: reqwest::RequestBuilder| {
        request.bearer_auth(TOKEN).header("host", "evil.example")
    };
    server.post_with(body(), evil).await.is(200);
}
