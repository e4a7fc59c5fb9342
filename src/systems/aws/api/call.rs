//! One signed request to a service of AWS, and what its refusals mean. Never sends one twice.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::time::SystemTime;

use crate::core::evidence::{Failure, FailureKind};
use crate::core::time::Timestamp;
use crate::systems::failed;
use crate::systems::http::{Page, address, fetch, kind_of_status, status_text};

/// A page of log lines is a megabyte by AWS's own limit; escapes may make it several.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// A clock that is wrong by less is no reason for a refusal.
const SKEW_SECS: i64 = 60;

/// Everything that the calls of one question have in common.
pub(super) struct Caller<'a> {
    pub(super) client: &'a Client,
    pub(super) endpoint: Option<&'a str>,
    pub(super) region: &'a str,
    pub(super) keys: Credentials,
    pub(super) now: Timestamp,
}

/// An operation that takes and gives JSON.
pub(super) struct Api {
    /// In the address and in the signature.
    pub(super) service: &'static str,
    pub(super) target: &'static str,
    pub(super) content_type: &'static str,
}

pub(super) const JSON_1_0: &str = "application/x-amz-json-1.0";
pub(super) const JSON_1_1: &str = "application/x-amz-json-1.1";

impl Caller<'_> {
    /// The answer of an operation.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        api: &Api,
        body: &Json,
    ) -> Result<T, Failure> {
        let body = body.to_string().into_bytes();
        let headers = [("content-type", api.content_type), ("x-amz-target", api.target)];
        let page = self.send(Method::POST, api.service, "/", &headers, body).await?;
        if !page.status.is_success() {
            return Err(self.refusal(&page));
        }
        serde_json::from_slice(&page.body).map_err(|_| {
            let operation = api.target.rsplit('.').next().unwrap_or_default();
            failed(FailureKind::Malformed, format!("the answer is not AWS's JSON of {operation}"))
        })
    }

    pub(super) async fn get(&self, service: &str, path: &str) -> Result<Page, Failure> {
        self.send(Method::GET, service, path, &[], Vec::new()).await
    }

    async fn send(
        &self,
        method: Method,
        service: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<Page, Failure> {
        let url = format!("{}{path}", self.base(service));
        let signed = self.signature(&method, &url, service, headers, &body)?;
        let mut request = self.client.request(method, address::checked(&url)?);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request = request.headers(signed);
        if !body.is_empty() {
            request = request.body(body);
        }
        fetch(request, MAX_ANSWER_BYTES).await
    }

    fn base(&self, service: &str) -> String {
        if let Some(endpoint) = self.endpoint {
            return endpoint.trim_end_matches('/').to_owned();
        }
        let china = if self.region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://{service}.{}.amazonaws.com{china}", self.region)
    }

    fn signature(
        &self,
        method: &Method,
        url: &str,
        service: &str,
        headers: &[(&'static str, &str)],
        body: &[u8],
    ) -> Result<HeaderMap, Failure> {
        let wrong = || failed(FailureKind::BadQuestion, "the request to AWS cannot be signed");
        let mut settings = SigningSettings::default();
        if service == "s3" {
            // Only S3 takes its paths as they are, and wants to see the hash.
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = self.keys.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(service)
            .time(SystemTime::from(self.now))
            .settings(settings)
            .build()
            .map_err(|_| wrong())?
            .into();
        let request = SignableRequest::new(
            method.as_str(),
            url,
            headers.iter().copied(),
            SignableBody::Bytes(body),
        )
        .map_err(|_| wrong())?;
        let (instructions, _) = sign(request, &params).map_err(|_| wrong())?.into_parts();
        let mut signed = HeaderMap::new();
        for header in instructions.into_parts().0 {
            let mut value = HeaderValue::from_str(header.value()).map_err(|_| {
                failed(FailureKind::NotConfigured, "the AWS credentials do not fit in a header")
            })?;
            value.set_sensitive(true);
            signed.insert(header.name(), value);
        }
        Ok(signed)
    }

    /// What an answer that is no success says.
    pub(super) fn refusal(&self, page: &Page) -> Failure {
        let status = status_text(page.status);
        if page.status.is_redirection() {
            let why = "the region of the question may be wrong";
            return failed(FailureKind::BadQuestion, format!("AWS answered {status}: {why}"));
        }
        let (code, message) = code_of(page);
        let Some(code) = code else {
            return failed(kind_of_status(page.status), format!("AWS answered {status}"));
        };
        let kind = kind_of(&code).unwrap_or_else(|| kind_of_status(page.status));
        // A refused signature is explained with the request, which holds the session.
        let tells = kind != FailureKind::Unauthorized || code.starts_with("AccessDenied");
        let said =
            if tells && !message.is_empty() { format!(": {message}") } else { String::new() };
        let skew = match kind {
            FailureKind::Unauthorized => self.skew(&page.headers),
            FailureKind::Timeout
            | FailureKind::Unreachable
            | FailureKind::BadQuestion
            | FailureKind::ServerError
            | FailureKind::Malformed
            | FailureKind::NotConfigured
            | FailureKind::Lost => String::new(),
        };
        failed(kind, format!("AWS answered {status}: {code}{said}{skew}"))
    }

    /// A clock that is wrong makes every signature wrong.
    fn skew(&self, headers: &HeaderMap) -> String {
        let theirs = headers
            .get(DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
            .and_then(|date| Timestamp::try_from(date).ok());
        match theirs.map(|theirs| self.now.as_second() - theirs.as_second()) {
            Some(secs) if secs > SKEW_SECS => format!("; our clock is {secs} s ahead of AWS's"),
            Some(secs) if secs < -SKEW_SECS => format!("; our clock is {} s behind AWS's", -secs),
            Some(_) | None => String::new(),
        }
    }
}

/// The name of the error and its message, from the header, from JSON, or from S3's XML.
fn code_of(page: &Page) -> (Option<String>, String) {
    let json: Option<Json> = serde_json::from_slice(&page.body).ok();
    let text = |names: &[&str]| {
        let json = json.as_ref()?;
        names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
    };
    let header = page.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let code = header.map(str::to_owned).or_else(|| text(&["__type", "code"]));
    if let Some(code) = code {
        let bare = code.rsplit('#').next().unwrap_or_default();
        let bare = bare.split(':').next().unwrap_or_default().trim();
        return (named(bare), text(&["message", "Message"]).unwrap_or_default());
    }
    let is_html = |value: &HeaderValue| value.as_bytes().starts_with(b"text/html");
    if page.headers.get(CONTENT_TYPE).is_some_and(is_html) {
        return (None, String::new());
    }
    let body = String::from_utf8_lossy(&page.body);
    (named(between(&body, "Code")), between(&body, "Message").to_owned())
}

/// Names of errors are words; what is none is not repeated.
fn named(code: &str) -> Option<String> {
    let fits = code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    (!code.is_empty() && code.len() <= 100 && fits).then(|| code.to_owned())
}

fn between<'t>(xml: &'t str, tag: &str) -> &'t str {
    let after = xml.split_once(&format!("<{tag}>")).map(|(_, after)| after);
    let found = after.and_then(|after| after.split_once(&format!("</{tag}>")));
    found.map(|(text, _)| text).unwrap_or_default()
}

/// What AWS's names of errors mean, where their status does not say it: most come with 400.
fn kind_of(code: &str) -> Option<FailureKind> {
    let bare = code.strip_suffix("Exception").unwrap_or(code);
    match bare {
        "Throttling"
        | "Throttled"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "LimitExceeded"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceeded"
        | "TransactionInProgress"
        | "KmsThrottled"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceError"
        | "InternalService"
        | "InternalServer"
        | "InternalError"
        | "Server"
        | "RequestTimeout" => Some(FailureKind::ServerError),
        "AccessDenied"
        | "UnrecognizedClient"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "ExpiredToken"
        | "InvalidToken"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "NotAuthorized"
        | "InvalidAccessKeyId"
        | "OptInRequired"
        | "TokenRefreshRequired"
        | "AuthFailure"
        | "AuthorizationHeaderMalformed" => Some(FailureKind::Unauthorized),
        _ => None,
    }
}
