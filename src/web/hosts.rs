//! Under which names a browser may open our pages: a name that an attacker points at this machine is not one of them.

use axum::http::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// The host that a request was sent to, without its port and in lower case. `None`: missing, doubled or malformed.
pub(super) fn of<B>(request: &Request<B>) -> Option<String> {
    let mut headers = request.headers().get_all(HOST).iter();
    let host = match (headers.next(), headers.next()) {
        (Some(one), None) => {
            one.to_str().ok()?.parse::<Authority>().ok()?.host().to_ascii_lowercase()
        }
        (Some(_), Some(_)) => return None,
        // HTTP/2 sends it as the authority.
        (None, _) => request.uri().host()?.to_ascii_lowercase(),
    };
    Some(host)
}

/// Names of this machine that no DNS server can point elsewhere.
pub(super) fn is_loopback_name(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
