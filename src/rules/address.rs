//! Addresses that a rule may name: http and https, spelled as what they are. Never a cloud's metadata service.

use reqwest::Url;
use std::net::IpAddr;

use super::fill::{self, Filled, Part};
use super::read::Reader;
use super::words;
use super::yaml::Node;
use crate::systems::http::address::forbidden;

/// Names under which clouds' metadata services answer.
const METADATA_NAMES: [&str; 4] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data"];

/// Checks an address as it stands in a file, and gives its normal form.
pub(crate) fn check(text: &str) -> Result<String, &'static str> {
    let (scheme, rest) =
        text.split_once("://").ok_or("write the whole address: http://… or https://…")?;
    if !matches!(scheme, "http" | "https") {
        return Err("only http:// and https:// are spoken");
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("no blanks, control characters or backslashes");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err("the host is missing");
    }
    if authority.contains('@') {
        return Err("no user or password in an address: use a header with a secret");
    }
    if text.contains('#') {
        return Err("no fragment (`#…`) in an address: it never reaches the server");
    }
    let url = Url::parse(text).map_err(|_| "it is not a valid address")?;
    let host = url.host_str().unwrap_or_default();
    host_check(host, authority)?;
    Ok(url.into())
}

fn host_check(host: &str, authority: &str) -> Result<(), &'static str> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if METADATA_NAMES.contains(&bare.trim_end_matches('.').to_ascii_lowercase().as_str()) {
        return Err("it is a cloud's metadata service");
    }
    let Ok(address) = bare.parse::<IpAddr>() else { return Ok(()) };
    // Asked here and again when connecting, because a name may lead there too.
    if forbidden(address) {
        return Err(
            "link-local and multicast addresses, and those where clouds hand out credentials, are not called",
        );
    }
    match address {
        // `2130706433`, `0x7f.1` and `[::ffff:127.0.0.1]` mean 127.0.0.1 and are written to hide it.
        IpAddr::V4(_) if !authority.starts_with(bare) => {
            Err("write the IP address the usual way: 127.0.0.1")
        }
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Err("write the IPv4 address itself"),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
    }
}

/// Checks a bare host, as a port is probed on it.
pub(crate) fn host(host: &str) -> Result<(), &'static str> {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with(|c: char| c.is_ascii_digit());
    if numeric && host.parse::<IpAddr>().is_err() {
        return Err("write the IP address the usual way: 127.0.0.1");
    }
    if host.chars().any(|c| c.is_control() || c.is_whitespace() || "/\\@#?".contains(c)) {
        return Err("a host name or an IP address, and nothing else");
    }
    host_check(host, host)
}

impl Reader {
    /// An address, with placeholders for a whole beginning (`{api}/…`) or for segments of its path and values of its query.
    pub(crate) fn url(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        // Without a target nothing is filled in, and nothing will be asked there.
        let Filled::Value(filled) = self.url_filled(node, &text)? else { return Some(text) };
        match check(&filled) {
            Ok(url) => Some(url),
            Err(hint) => self.no(node, format!("`{filled}` is not an address to use here"), hint),
        }
    }

    fn url_filled(&self, node: &Node, text: &str) -> Option<Filled> {
        let mut filled = String::new();
        let begins_filled = text.starts_with('{');
        for (index, part) in fill::parts(text).into_iter().enumerate() {
            match part {
                Part::Text(plain)
                    if index == 1 && begins_filled && !plain.starts_with(['/', '?']) =>
                {
                    let hint = "the variable holds the whole beginning: go on with `/`";
                    return self.no(
                        node,
                        format!("`{}` would change the host", words::short(plain)),
                        hint,
                    );
                }
                Part::Text(plain) => filled.push_str(plain),
                Part::Placeholder(name) => {
                    let Filled::Value(value) = self.fill(name, node.place())? else {
                        return Some(Filled::Unfilled);
                    };
                    if index == 0 {
                        filled.push_str(self.base(node, name, &value)?.trim_end_matches('/'));
                    } else if filled.split_once("://").is_none_or(|(_, rest)| !rest.contains('/')) {
                        let hint = "the host is fixed: let one variable hold the whole beginning, `{api}/…`";
                        return self.no(node, format!("`{{{name}}}` stands in the host"), hint);
                    } else if matches!(value.as_str(), "" | "." | "..") {
                        let message = format!("what fills `{{{name}}}` is no path");
                        return self.unfit(node, name, message, "give it a name");
                    } else {
                        filled.push_str(&fill::encode(&value));
                    }
                }
            }
        }
        Some(Filled::Value(filled))
    }

    fn base(&self, node: &Node, name: &str, value: &str) -> Option<String> {
        if value.contains('?') {
            let message = format!("what fills `{{{name}}}` has a query");
            return self.unfit(node, name, message, "end it before the `?`");
        }
        match check(value) {
            Ok(_) => Some(value.to_owned()),
            Err(hint) => {
                let message = format!("what fills `{{{name}}}` is no address to begin with");
                self.unfit(node, name, message, hint)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, host};

    #[test]
    fn odd_hosts_are_refused() {
        for wrong in [
            "169.254.169.254",
            "metadata.google.internal",
            "2130706433",
            "0x7f.1",
            "a/b",
            "u@h",
            "::ffff:127.0.0.1",
        ] {
            assert!(host(wrong).is_err(), "{wrong} was taken");
        }
        for fine in ["db.internal", "127.0.0.1", "::1", "qloapps"] {
            assert_eq!(host(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn odd_addresses_are_refused() {
        for wrong in [
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "http://METADATA.google.internal./",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:169.254.169.254]/",
            "file:///etc/passwd",
            "gopher://x/",
            "unix:/run/x.sock",
            "http:/x",
            "//x/",
            "http://user:pw@host/",
            "http://host/#a",
            "http://host/a b",
            "http:///x",
            "http://0.0.0.0/",
        ] {
            assert!(check(wrong).is_err(), "{wrong} was taken");
        }
        for fine in [
            "http://127.0.0.1:8000/x?y=1",
            "https://pms.example/",
            "http://[::1]:9/",
            "http://qloapps/api",
        ] {
            assert_eq!(check(fine).as_deref(), Ok(fine));
        }
    }
}
