//! How the fake misbehaves: by chance from a seed, or as ordered for the next calls.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::{HANG, json_response};

#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Of a hundred posts and edits, so many are carried out and their answer is lost.
    pub drop_after_commit: u64,
    /// Of a hundred calls, so many are answered 429.
    pub limit: u64,
    /// Nobody may read history.
    pub history_unreadable: bool,
    /// The next calls of a method are answered like this, once each.
    pub next: VecDeque<(String, Answer)>,
    pub seed: u64,
}

/// A prepared answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `ok: false` with this code; nothing is carried out.
    Code(String),
    /// This status, `Retry-After`, content type and body; nothing is carried out.
    Raw { status: u16, retry_after: Option<String>, content_type: String, body: String },
    /// Nothing is carried out and nothing is answered.
    Hang,
    /// Carried out, and the answer is lost: in one of three ways.
    Lost(u64),
}

impl Faults {
    pub fn next(answers: impl IntoIterator<Item = (&'static str, Answer)>) -> Self {
        let next =
            answers.into_iter().map(|(method, answer)| (method.to_owned(), answer)).collect();
        Self { next, ..Self::default() }
    }

    pub(super) fn draw(&mut self, method: &str) -> Option<Answer> {
        if let Some(index) = self.next.iter().position(|(wanted, _)| wanted == method) {
            return self.next.remove(index).map(|(_, answer)| answer);
        }
        let reads = matches!(method, "conversations.history" | "conversations.replies");
        if reads && self.history_unreadable {
            return Some(Answer::Code("internal_error".to_owned()));
        }
        if self.dice() < self.limit {
            let retry_after = Some("1".to_owned());
            return Some(Answer::Raw {
                status: 429,
                retry_after,
                content_type: "application/json".to_owned(),
                body: r#"{"ok":false,"error":"ratelimited"}"#.to_owned(),
            });
        }
        let writes = matches!(method, "chat.postMessage" | "chat.update");
        (writes && self.dice() < self.drop_after_commit).then(|| Answer::Lost(self.dice()))
    }

    /// 0 to 99, the same for the same seed (splitmix64).
    fn dice(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 100
    }
}

impl Answer {
    pub(super) const fn commits(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    pub(super) fn word(&self) -> &str {
        match self {
            Self::Code(code) => code,
            Self::Raw { .. } => "raw",
            Self::Hang => "hang",
            Self::Lost(_) => "lost",
        }
    }

    pub(super) async fn response(&self) -> Response<Body> {
        match self {
            Self::Code(code) => {
                json_response(StatusCode::OK, &json!({ "ok": false, "error": code }))
            }
            Self::Raw { status, retry_after, content_type, body } => {
                let mut response = Response::builder()
                    .status(*status)
                    .header("content-type", content_type.as_str());
                if let Some(seconds) = retry_after {
                    response = response.header("retry-after", seconds.as_str());
                }
                response.body(Body::from(body.clone())).unwrap()
            }
            Self::Hang => {
                tokio::time::sleep(HANG).await;
                json_response(StatusCode::OK, &json!({ "ok": true }))
            }
            Self::Lost(kind) => match kind % 3 {
                0 => json_response(
                    StatusCode::OK,
                    &json!({ "ok": false, "error": "internal_error" }),
                ),
                1 => Response::builder().status(502).body(Body::from("<html>Bad gateway")).unwrap(),
                _ => cut_off(),
            },
        }
    }
}

pub(super) fn limited(seconds: &str) -> Response<Body> {
    let mut response = json_response(
        StatusCode::TOO_MANY_REQUESTS,
        &json!({ "ok": false, "error": "ratelimited" }),
    );
    response.headers_mut().insert("retry-after", seconds.parse().unwrap());
    response
}

/// The connection ends in the middle of the answer.
fn cut_off() -> Response<Body> {
    let pieces = futures_util::stream::iter([
        Ok(Bytes::from_static(b"{\"ok\":tr")),
        Err(std::io::Error::other("the answer is lost")),
    ]);
    Response::builder()
        .status(200)
        .header("content-type", "application/json")
        .body(Body::from_stream(pieces))
        .unwrap()
}
