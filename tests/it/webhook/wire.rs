//! Methods, paths and framing: rows A32–A34.

use super::server::{PATH, Server, TOKEN, body, client, start, statuses};
use axum::http::Method;

#[tokio::test]
async fn a32_other_methods_are_405() {
    let server = start().await;
    for method in
        [Method::GET, Method::PUT, Method::DELETE, Method::TRACE, Method::PATCH, Method::OPTIONS]
    {
        let request =
            client().request(method.clone(), server.url(PATH)).bearer_auth(TOKEN).body(body());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "POST", "{method}");
    }
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn a33_path_tricks_are_404() {
    let server = start().await;
    for path in [
        "//webhooks/alertmanager",
        "/webhooks//alertmanager",
        "/webhooks/alertmanager/",
        "/webhooks/%2e%2e/webhooks/alertmanager",
        "/webhooks/alertmanager%2f",
        "/webhooks/alertmanager;x=1",
        "/webhooks/./alertmanager",
        "/x/../webhooks/alertmanager",
        "/WEBHOOKS/alertmanager",
        "/webhooks/other",
    ] {
        // Raw, because a client would clean the path.
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{}",
            body().len(),
            body()
        );
        assert_eq!(statuses(&exchange(&server, &text).await), [404], "{path}");
    }
    assert!(server.stored().is_empty());
}

async fn exchange(server: &Server, text: &str) -> String {
    let mut raw = server.raw().await;
    raw.send(text.as_bytes()).await;
    raw.read_to_end().await
}

/// A second request, hidden where two readers disagree about the end of the first.
fn hidden() -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn a34_obs_fold_and_two_content_lengths_are_400() {
    let server = start().await;
    let start = format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n");
    for head in [
        "X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: +1\r\n\r\n",
        "Content-Length: 1, 2\r\n\r\n",
        "Content-Length : 1\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n",
    ] {
        let text = exchange(&server, &format!("{start}{head}{}", hidden())).await;
        assert_eq!(statuses(&text), [400], "{head:?}: {text}");
    }
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn a34_both_lengths_are_one_request_and_the_connection_ends() {
    let server = start().await;
    let start = format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n");
    let body = body();
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for lengths in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n", chunked.len()),
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n".to_owned(),
        // After chunks alone line ends are no longer watched.
        "Transfer-Encoding: chunked\r\n\r\n".to_owned(),
    ] {
        let before = server.stored().len();
        let text = exchange(&server, &format!("{start}{lengths}{chunked}{}", hidden())).await;
        assert_eq!(statuses(&text), [200], "one request is seen: {text}");
        assert!(text.to_lowercase().contains("connection: close"), "{text}");
        assert_eq!(server.stored().len(), before + 1);
        assert_eq!(server.rejected("empty"), 0, "the hidden request is not served");
    }
}

#[tokio::test]
async fn a34_bare_line_feeds_are_one_request_and_the_connection_ends() {
    let server = start().await;
    let body = body();
    let text = format!(
        "POST {PATH} HTTP/1.1\nHost: a\nAuthorization: Bearer {TOKEN}\nContent-Length: {}\n\n{body}{}",
        body.len(),
        hidden()
    );
    let text = exchange(&server, &text).await;
    assert_eq!(statuses(&text), [200], "one request is seen: {text}");
    assert!(text.to_lowercase().contains("connection: close"), "{text}");
    assert_eq!(server.rejected("empty"), 0, "the hidden request is not served");
}

#[tokio::test]
async fn a_connection_is_used_again_when_nothing_is_odd() {
    let server = start().await;
    let one = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{}",
        body().len(),
        body()
    );
    let last = one.replacen("Host: a", "Host: a\r\nConnection: close", 1);
    let text = exchange(&server, &format!("{one}{one}{last}")).await;
    assert_eq!(statuses(&text), [200, 200, 200], "{text}");
    assert_eq!(server.stored().len(), 3);
}
