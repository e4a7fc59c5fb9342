//! Why a request is not accepted, as a status and one sentence. Never repeats what was sent: Alertmanager writes the
//! whole answer into its log.

use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Alertmanager logs the body of every 4xx whole: keep it to a line.
pub const ANSWER_BYTES_MOST: usize = 200;

/// Every way to be turned away. A 4xx is for what can never succeed: Alertmanager does not repeat it. What may succeed
/// later is a 503, which it does repeat; a 429 it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    // === before the sender is known ===
    NoCredential,
    WrongCredential,
    /// A credential of another path.
    OtherDoor,
    TwoAuthorizations,
    /// A browser's page asks under a name that is not ours.
    WrongHost,
    /// Without a credential, something else than JSON: a page in a browser can send that anywhere.
    NotJsonType,

    // === the request ===
    ContentEncoded,
    Empty,
    TooLarge {
        limit_bytes: usize,
    },
    SlowBody,
    BrokenBody,

    // === the body ===
    NotUtf8,
    TooDeep {
        limit: usize,
    },
    NotJson {
        line: usize,
        column: usize,
    },
    Doubled(Field),
    Missing(Field),
    WrongType {
        field: Field,
        line: usize,
        column: usize,
    },
    NotVersion4,
    TooManyAlerts {
        limit: usize,
    },

    // === not now ===
    Busy,
    Draining,
    StoreSlow,
    StoreUnavailable,
}

/// The fields that are read, as an answer names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Body,
    Version,
    GroupKey,
    Status,
    TruncatedAlerts,
    Alerts,
    Alert,
    AlertStatus,
    Labels,
    Annotations,
    StartsAt,
    EndsAt,
    GeneratorUrl,
    Fingerprint,
}

impl Field {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "the body",
            Self::Version => "version",
            Self::GroupKey => "groupKey",
            Self::Status => "status",
            Self::TruncatedAlerts => "truncatedAlerts",
            Self::Alerts => "alerts",
            Self::Alert => "alerts[]",
            Self::AlertStatus => "alerts[].status",
            Self::Labels => "alerts[].labels",
            Self::Annotations => "alerts[].annotations",
            Self::StartsAt => "alerts[].startsAt",
            Self::EndsAt => "alerts[].endsAt",
            Self::GeneratorUrl => "alerts[].generatorURL",
            Self::Fingerprint => "alerts[].fingerprint",
        }
    }
}

impl Reject {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoCredential | Self::WrongCredential => StatusCode::UNAUTHORIZED,
            Self::OtherDoor => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ContentEncoded | Self::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::TooManyAlerts { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TwoAuthorizations
            | Self::Empty
            | Self::NotUtf8
            | Self::TooDeep { .. }
            | Self::NotJson { .. }
            | Self::Doubled(_)
            | Self::Missing(_)
            | Self::WrongType { .. }
            | Self::NotVersion4 => StatusCode::BAD_REQUEST,
            Self::SlowBody
            | Self::BrokenBody
            | Self::Busy
            | Self::Draining
            | Self::StoreSlow
            | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The value of the metric's label `reason`, and the reason in the audit log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::WrongCredential => "wrong_credential",
            Self::OtherDoor => "other_door",
            Self::TwoAuthorizations => "two_authorizations",
            Self::WrongHost => "wrong_host",
            Self::ContentEncoded => "content_encoded",
            Self::NotJsonType => "not_json_type",
            Self::Empty => "empty",
            Self::TooLarge { .. } => "too_large",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::NotUtf8 => "not_utf8",
            Self::TooDeep { .. } => "too_deep",
            Self::NotJson { .. } => "not_json",
            Self::Doubled(_) => "doubled_field",
            Self::Missing(_) => "missing_field",
            Self::WrongType { .. } => "wrong_type",
            Self::NotVersion4 => "not_version_4",
            Self::TooManyAlerts { .. } => "too_many_alerts",
            Self::Busy => "busy",
            Self::Draining => "draining",
            Self::StoreSlow => "store_slow",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    /// What is wrong, and what to do about it.
    pub fn text(self) -> String {
        match self {
            Self::NoCredential => "no credential: send a bearer token or basic auth".into(),
            Self::WrongCredential => "this credential is not known here".into(),
            Self::OtherDoor => "this credential belongs to another path".into(),
            Self::TwoAuthorizations => "more than one Authorization header".into(),
            Self::WrongHost => "this server is not known under that Host".into(),
            Self::ContentEncoded => "send the body without Content-Encoding".into(),
            Self::NotJsonType => "send Content-Type: application/json".into(),
            Self::Empty => "the body is empty".into(),
            Self::TooLarge { limit_bytes } => format!(
                "payload too large: raise the limit ({limit_bytes} bytes) or set max_alerts in the receiver"
            ),
            Self::SlowBody => "the body did not arrive in time; send it again".into(),
            Self::BrokenBody => "the body broke off; send it again".into(),
            Self::NotUtf8 => "the body is not UTF-8".into(),
            Self::TooDeep { limit } => format!("JSON nested deeper than {limit}"),
            Self::NotJson { line, column } => {
                format!("not JSON that can be read, at line {line} column {column}")
            }
            Self::Doubled(field) => format!("{}: a key stands twice", field.name()),
            Self::Missing(field) => format!("{} is missing", field.name()),
            Self::WrongType { field, line, column } => format!(
                "{}: not what version 4 has there, at line {line} column {column}",
                field.name()
            ),
            Self::NotVersion4 => {
                "version is not \"4\": only Alertmanager's own payload is supported".into()
            }
            Self::TooManyAlerts { limit } => {
                format!("more than {limit} alerts: set max_alerts in the receiver")
            }
            Self::Busy => "too much at once; send it again".into(),
            Self::Draining => "shutting down; send it again".into(),
            Self::StoreSlow => "not stored within 2 s; send it again".into(),
            Self::StoreUnavailable => "cannot be stored now; send it again".into(),
        }
    }

    /// Known senders' lasting faults are written to the audit log. An outsider must not be able to fill the disk, and a
    /// store that cannot store an alert cannot store that either.
    pub fn is_audited(self) -> bool {
        self.status().is_client_error() && !self.is_before_the_sender_is_known()
    }

    const fn is_before_the_sender_is_known(self) -> bool {
        matches!(
            self,
            Self::NoCredential
                | Self::WrongCredential
                | Self::OtherDoor
                | Self::TwoAuthorizations
                | Self::WrongHost
                | Self::NotJsonType
        )
    }

    /// The body was not read to its end: what follows on the connection is not the next request.
    const fn ends_connection(self) -> bool {
        self.is_before_the_sender_is_known()
            || matches!(
                self,
                Self::ContentEncoded
                    | Self::TooLarge { .. }
                    | Self::SlowBody
                    | Self::BrokenBody
                    | Self::Draining
            )
    }
}

impl IntoResponse for Reject {
    fn into_response(self) -> Response {
        let mut answer = (self.status(), self.text() + "\n").into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"reclose\""));
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"reclose\""));
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

/// The answer to another method than POST.
pub(super) async fn only_post() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST"), (CONNECTION, "close")], "only POST\n")
        .into_response()
}

/// The answer to a path that is none of ours. No path is cleaned or guessed.
pub(super) async fn no_such_path() -> Response {
    (StatusCode::NOT_FOUND, [(CONNECTION, "close")], "no such path\n").into_response()
}
