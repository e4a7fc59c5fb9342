//! A fake of Azure, written from the vendor's reference of its REST interfaces: Key Vault 7.4 (list of a secret's versions),
//! Log Analytics v1 (query), Activity log 2015-04-01 (list). Never more than these: there is no server of Azure to run here.

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The only token that it takes.
pub const TOKEN: &str = "s3cret-token";

#[derive(Clone)]
struct Tenant {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    now: i64,
}

pub struct Azure {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Azure {
    /// Its versions and events lie some minutes before `now`, in seconds since 1970.
    pub async fn start(now: i64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let tenant = Tenant { url: url.clone(), requests: Arc::clone(&requests), now };
        let router = Router::new()
            .route("/secrets/{name}", get(value))
            .route("/secrets/{name}/versions", get(versions))
            .route("/v1/workspaces/{id}/query", post(query))
            .route(
                "/subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values",
                get(activity),
            )
            .layer(from_fn_with_state(tenant.clone(), authorized))
            .with_state(tenant);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, requests, task }
    }

    /// Every path and query that was asked.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({ "error": { "code": code, "message": message } });
    (status, axum::Json(error)).into_response()
}

async fn authorized(State(tenant): State<Tenant>, request: Request, next: Next) -> Response {
    tenant.requests.lock().unwrap().push(request.uri().to_string());
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given == Some(&format!("Bearer {TOKEN}")) {
        return next.run(request).await;
    }
    let mut answer = refused(
        StatusCode::UNAUTHORIZED,
        "Unauthorized",
        "AKV10000: Request is missing a Bearer or PoP token.",
    );
    let challenge = "Bearer authorization=\"https://login.microsoftonline.com/t\", resource=\"https://vault.azure.net\"";
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.parse().unwrap());
    answer
}

/// What must never be asked for.
async fn value(Path(name): Path<String>) -> axum::Json<Json> {
    axum::Json(json!({ "value": "c4nary-value", "id": name }))
}

/// Two pages; the newest version is disabled, the newest enabled one stands on the second page.
async fn versions(
    State(tenant): State<Tenant>,
    Path(name): Path<String>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    if asked.get("api-version").map(String::as_str) != Some("7.4") {
        return refused(StatusCode::BAD_REQUEST, "BadParameter", "api-version must be specified");
    }
    if name == "forbidden" {
        return refused(StatusCode::FORBIDDEN, "Forbidden", "Caller is not authorized");
    }
    if name == "limited" {
        let mut answer =
            refused(StatusCode::TOO_MANY_REQUESTS, "Throttled", "Request was not processed");
        answer.headers_mut().insert(header::RETRY_AFTER, "7".parse().unwrap());
        return answer;
    }
    let version = |version: &str, ago: i64, enabled: bool| {
        json!({
            "id": format!("{}/secrets/{name}/{version}", tenant.url),
            "attributes": {
                "enabled": enabled,
                "created": tenant.now - ago,
                "updated": tenant.now - ago,
                "recoveryLevel": "Recoverable+Purgeable",
                "recoverableDays": 90,
            },
        })
    };
    let page = match (name.as_str(), asked.get("$skiptoken").map(String::as_str)) {
        ("missing", _) => json!({ "value": [], "nextLink": null }),
        ("elsewhere", _) => json!({
            "value": [version("a1", 10, true)],
            "nextLink": "https://elsewhere.example/secrets/x/versions",
        }),
        ("endless", _) => json!({
            "value": [version("a1", 10, true)],
            "nextLink": format!("{}/secrets/endless/versions?api-version=7.4", tenant.url),
        }),
        (_, None) => json!({
            "value": [version("d00d", 10, false), version("01d", 9_000, true)],
            "nextLink": format!("{}/secrets/{name}/versions?api-version=7.4&$skiptoken=2", tenant.url),
        }),
        (_, Some(_)) => json!({ "value": [version("feed", 600, true)], "nextLink": null }),
    };
    axum::Json(page).into_response()
}

async fn query(State(tenant): State<Tenant>, axum::Json(body): axum::Json<Json>) -> Response {
    let time = |ago: i64| jiff::Timestamp::from_second(tenant.now - ago).unwrap().to_string();
    assert_eq!(body["timespan"], "PT600S");
    let table = |columns: Json, rows: Json| json!({ "tables": [{ "name": "PrimaryResult", "columns": columns, "rows": rows }] });
    let lines = json!([
        { "name": "TimeGenerated", "type": "datetime" },
        { "name": "Message", "type": "string" },
    ]);
    let answer = match body["query"].as_str().unwrap() {
        "lines" => table(lines, json!([[time(10), "newer"], [time(20), "older"]])),
        "none" => table(lines, json!([])),
        "partial" => {
            let mut answer = table(lines, json!([[time(10), "newer"]]));
            answer["error"] = json!({ "code": "PartialError", "message": "There were some errors when processing your query." });
            answer
        }
        "count" => table(json!([{ "name": "Count", "type": "long" }]), json!([[7]])),
        "nan" => table(json!([{ "name": "Ratio", "type": "real" }]), json!([["NaN"]])),
        "by" => table(
            json!([{ "name": "Status", "type": "int" }, { "name": "Count", "type": "long" }]),
            json!([[200, 40], [429, 12]]),
        ),
        _ => {
            return refused(
                StatusCode::BAD_REQUEST,
                "BadArgumentError",
                "The request had some invalid properties",
            );
        }
    };
    axum::Json(answer).into_response()
}

async fn activity(
    State(tenant): State<Tenant>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    assert_eq!(asked["api-version"], "2015-04-01");
    assert!(asked["$filter"].starts_with("eventTimestamp ge '"), "{}", asked["$filter"]);
    let event = |status: &str, ago: i64, message: &str| {
        json!({
            "eventTimestamp": jiff::Timestamp::from_second(tenant.now - ago).unwrap().to_string(),
            "operationName": { "value": "Microsoft.Insights/dataCollectionRules/data/write", "localizedValue": "Write" },
            "status": { "value": status, "localizedValue": status },
            "subStatus": { "value": "TooManyRequests", "localizedValue": "Too many" },
            "properties": { "statusMessage": message },
            "resourceId": "/subscriptions/s/resourceGroups/logs",
            "level": "Error",
        })
    };
    let path = "providers/Microsoft.Insights/eventtypes/management/values";
    let page = if asked.contains_key("$skiptoken") {
        json!({ "value": [event("Failed", 60, "older")] })
    } else {
        let filter = asked["$filter"].replace(' ', "%20");
        json!({
            "value": [event("Failed", 30, "newer"), event("Succeeded", 40, "fine")],
            "nextLink": format!(
                "{}/subscriptions/s/{path}?api-version=2015-04-01&$filter={filter}&$skiptoken=2",
                tenant.url
            ),
        })
    };
    axum::Json(page).into_response()
}
