//! Which addresses may be called. Never calls one.
//!
//! A rule may name services inside the house, loopback included; it may not reach the addresses at which
//! clouds hand out credentials, nor hide an address behind another way of writing it.

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::core::evidence::{Failure, FailureKind};
use crate::systems::failed;

/// Credential services of clouds that do not lie in the link-local range.
const CREDENTIALS_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
const CREDENTIALS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// The URL, if it may be called at all. Names are checked again when they are resolved.
pub(crate) fn checked(text: &str) -> Result<Url, Failure> {
    let refused = |why: &str| failed(FailureKind::BadQuestion, format!("URL refused: {why}"));
    let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("only http and https are called"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user or password; give them as headers, by reference"));
    }
    let host = url.host_str().ok_or_else(|| refused("it names no host"))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        // 2130706433, 0x7f.1 and 0177.0.0.1 are all read as 127.0.0.1: whoever writes so means to hide it.
        if address.is_ipv4() && !text.contains(bare) {
            return Err(refused("write the address in its usual dotted form"));
        }
        if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
            return Err(refused("write an IPv4 address in its usual dotted form"));
        }
        if forbidden(address) {
            return Err(refused("link-local, credential and multicast addresses are not called"));
        }
    }
    Ok(url)
}

/// Whether nothing that we ask or act on can rightly live at the address.
pub(crate) fn forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || CREDENTIALS_V4.contains(&v4)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => forbidden(IpAddr::V4(v4)),
            None => {
                v6.is_unicast_link_local()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6 == CREDENTIALS_V6
            }
        },
    }
}

/// Resolves a name once; the connection goes to the addresses that were checked, so that a second answer cannot differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedNames;

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            all_allowed(&found)?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(addresses)
        })
    }
}

/// Where a host is, if it may be called at all. The connection goes to these addresses and no others.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found
        .map_err(|error| failed(FailureKind::Unreachable, format!("{host}: {error}")))?
        .collect();
    all_allowed(&found).map_err(|why| failed(FailureKind::BadQuestion, why))?;
    Ok(found)
}

fn all_allowed(found: &[SocketAddr]) -> Result<(), String> {
    match found.iter().find(|address| forbidden(address.ip())) {
        Some(_) => Err("the name leads to an address that is not called".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_hides_an_address_or_hands_out_credentials() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://0.0.0.0:80/",
            "http://100.100.100.200/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "unix:/run/x.sock",
            "http://user:secret@127.0.0.1/",
            "http://@evil@127.0.0.1/",
            "not a url",
        ] {
            let failure = checked(url).expect_err(url);
            assert_eq!(failure.kind, FailureKind::BadQuestion, "{url}");
            assert!(!failure.detail.contains("secret"), "{}", failure.detail);
        }
        for url in ["http://127.0.0.1:9090/", "https://example.com/x?y=1", "http://[::1]:80/"] {
            assert!(checked(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn one_forbidden_address_among_several_refuses_the_name() {
        let good: SocketAddr = "93.184.216.34:0".parse().unwrap();
        let bad: SocketAddr = "169.254.169.254:0".parse().unwrap();
        assert!(all_allowed(&[good]).is_ok());
        assert!(all_allowed(&[good, bad]).is_err());
    }
}
