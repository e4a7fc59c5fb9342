//! A Slack written from Slack's documentation: the Web API methods that reclose calls, their limits, errors and faults.
//!
//! It keeps every body that it accepted in `target/slack-bodies/` (or `RECLOSE_SLACK_BODIES`), for Slack's own
//! validators to judge after the tests. `tests/slack/check_fake.py` checks it with Slack's own client.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::routing::any;
use serde_json::{Map, Value, json};

mod faults;
mod methods;
mod rules;

pub use faults::{Answer, Faults};

pub const TOKEN: &str = "xoxb-fake-0123456789-abcdefghij";
pub const CHANNEL: &str = "C0INCIDENTS";
pub const SECOND_CHANNEL: &str = "C0PAYMENTS1";
pub const ARCHIVED: &str = "C0ARCHIVED1";
pub const NOT_A_MEMBER: &str = "C0STRANGER1";
pub const BOT_ID: &str = "B0RECLOSE01";
const USER_ID: &str = "U0RECLOSE01";

/// A running fake; it ends when this is dropped.
pub struct FakeSlack {
    /// For `slack.api_url`.
    pub api_url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub channel: String,
    pub ts: String,
    pub thread_ts: Option<String>,
    pub broadcast: bool,
    pub bot_id: String,
    pub text: String,
    pub blocks: Value,
    pub metadata: Value,
    pub edits: usize,
}

/// One call as it arrived, accepted or not.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub at: Instant,
    /// The word of its answer: `ok`, or an error.
    pub answer: String,
}

struct Shared {
    state: Mutex<Workspace>,
    bodies: Mutex<Option<std::fs::File>>,
}

#[derive(Default)]
struct Workspace {
    messages: Vec<Message>,
    calls: Vec<Call>,
    last_ts: u64,
    faults: Faults,
    /// Posts a second and channel, and how many at once; `None`: unlimited.
    limit: Option<(f64, f64)>,
    buckets: std::collections::BTreeMap<String, (Instant, f64)>,
}

impl FakeSlack {
    /// Bodies of reclose go to a file of this name, for Slack's validators.
    pub async fn start(name: &str) -> Self {
        Self::listen("127.0.0.1:0", Some(bodies_file(name))).await
    }

    /// For bodies that reclose did not write.
    pub async fn unrecorded(listen: &str) -> Self {
        Self::listen(listen, None).await
    }

    async fn listen(listen: &str, bodies: Option<std::fs::File>) -> Self {
        let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
        let api_url = format!("http://{}/api", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { state: Mutex::default(), bodies: Mutex::new(bodies) });
        let app = Router::new().route("/api/{method}", any(answer)).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { api_url, shared, server }
    }

    /// From now on calls fail like this.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.lock().faults = faults;
    }

    /// Slack's documented limit of posts: about one a second for each channel, short bursts allowed.
    pub fn limit_posts(&self, per_second: f64, burst: f64) {
        self.shared.lock().limit = Some((per_second, burst));
    }

    pub fn messages(&self) -> Vec<Message> {
        self.shared.lock().messages.clone()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// Takes a message away, as a person may.
    pub fn delete(&self, ts: &str) {
        self.shared.lock().messages.retain(|message| message.ts != ts);
    }

    /// A message of somebody else: another app's bot, with metadata of any shape.
    pub fn post_as_other(&self, channel: &str, metadata: Value) {
        let mut state = self.shared.lock();
        let ts = state.next_ts();
        state.messages.push(Message {
            channel: channel.to_owned(),
            ts,
            thread_ts: None,
            broadcast: false,
            bot_id: "B0SOMEBODY1".to_owned(),
            text: "from another app".to_owned(),
            blocks: json!([]),
            metadata,
            edits: 0,
        });
    }
}

impl Drop for FakeSlack {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Message {
    /// The delivery that the message belongs to, as reclose wrote it.
    pub fn delivery(&self) -> Option<&str> {
        self.metadata.pointer("/event_payload/d")?.as_str()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Workspace> {
        self.state.lock().unwrap()
    }

    fn record(&self, method: &str, arguments: &Map<String, Value>) {
        if let Some(file) = self.bodies.lock().unwrap().as_mut() {
            // One write a line: a test that ends meanwhile leaves no half.
            let line = format!("{}\n", json!({ "method": method, "body": arguments }));
            file.write_all(line.as_bytes()).unwrap();
        }
    }
}

impl Workspace {
    /// Seconds and microseconds, never twice the same.
    fn next_ts(&mut self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        self.last_ts = u64::try_from(now).unwrap().max(self.last_ts + 1);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// How many seconds to wait before a post to this channel.
    fn over_limit(&mut self, channel: &str) -> Option<u64> {
        let (per_second, burst) = self.limit?;
        let now = Instant::now();
        let (last, left) = self.buckets.entry(channel.to_owned()).or_insert((now, burst));
        *left = (now.duration_since(*last).as_secs_f64().mul_add(per_second, *left)).min(burst);
        *last = now;
        if *left >= 1.0 {
            *left -= 1.0;
            return None;
        }
        Some(1)
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let arguments = arguments(&uri, &headers, &body);
    let fault = shared.lock().faults.draw(&method);
    if let Some(fault) = &fault
        && !fault.commits()
    {
        note(&shared, &method, fault.word());
        return fault.response().await;
    }
    let outcome = match &arguments {
        Err(error) => Err((*error).to_owned()),
        Ok(arguments) => match rules::authenticate(&headers, arguments) {
            Err(error) => Err(error.to_owned()),
            Ok(()) => methods::carry_out(&shared, &method, arguments),
        },
    };
    note(&shared, &method, outcome.as_ref().map_or_else(String::as_str, |_| "ok"));
    match (outcome, fault) {
        (Ok(_), Some(fault)) => fault.response().await,
        (Ok(Value::Object(mut answer)), None) => {
            answer.insert("ok".to_owned(), json!(true));
            json_response(StatusCode::OK, &Value::Object(answer))
        }
        (Ok(other), None) => panic!("an answer is an object: {other}"),
        (Err(error), _) => match error.strip_prefix("ratelimited:") {
            Some(seconds) => faults::limited(seconds),
            None => json_response(StatusCode::OK, &json!({ "ok": false, "error": error })),
        },
    }
}

fn note(shared: &Shared, method: &str, answer: &str) {
    shared.lock().calls.push(Call {
        method: method.to_owned(),
        at: Instant::now(),
        answer: answer.to_owned(),
    });
}

/// Query, form and JSON arguments alike. In a form, structures are JSON text.
fn arguments(
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Map<String, Value>, &'static str> {
    let mut arguments = Map::new();
    for pair in [uri.query().unwrap_or_default().as_bytes(), form_of(headers, body)] {
        for (name, value) in form_urlencoded::parse(pair) {
            let structure = matches!(&*name, "blocks" | "metadata" | "attachments");
            let value = if structure {
                serde_json::from_str(&value).map_err(|_| "invalid_blocks_format")?
            } else {
                Value::String(value.into_owned())
            };
            arguments.insert(name.into_owned(), value);
        }
    }
    if content_type(headers).starts_with("application/json") && !body.is_empty() {
        let json: Map<String, Value> = serde_json::from_slice(body).map_err(|_| "invalid_json")?;
        arguments.extend(json);
    }
    Ok(arguments)
}

fn form_of<'a>(headers: &HeaderMap, body: &'a Bytes) -> &'a [u8] {
    if content_type(headers).starts_with("application/x-www-form-urlencoded") { body } else { b"" }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn bodies_file(name: &str) -> std::fs::File {
    let path = std::env::var_os("RECLOSE_SLACK_BODIES").map_or_else(
        || {
            let folder =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/slack-bodies");
            std::fs::create_dir_all(&folder).unwrap();
            folder.join(format!("{name}-{}.jsonl", std::process::id()))
        },
        std::path::PathBuf::from,
    );
    std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Longer than the client waits.
const HANG: Duration = Duration::from_mins(1);
