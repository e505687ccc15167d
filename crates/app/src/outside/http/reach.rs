//! Whom a request may reach. An address that a stranger gave must not lead into the operator's own networks, neither by
//! its number nor by its name (OWASP "Server-Side Request Forgery Prevention").

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::HttpError;

/// Whom a request may reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Whoever is named: the operator chose the address.
    Anyone,
    /// Public addresses alone.
    Public,
    /// Public addresses, and a port of the loopback that stands for one in a test.
    #[cfg(test)]
    PublicOr(u16),
}

impl Reach {
    /// The addresses of a host, all of which may be reached.
    pub(super) async fn addresses(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
        let unreachable = |message: String| HttpError::Unreachable { host: host.to_owned(), message };
        let found =
            tokio::net::lookup_host((host, port)).await.map_err(|error| unreachable(error.to_string()))?;
        let found: Vec<SocketAddr> = found.collect();
        if found.is_empty() {
            return Err(unreachable("the name has no address".to_owned()));
        }
        let private = found.iter().find(|address| !self.allows(**address)).map(SocketAddr::ip);
        match private {
            Some(address) => {
                tracing::info!(host, %address, "a request was kept out of a network that is not public");
                Err(HttpError::Private { host: host.to_owned(), address })
            }
            None => Ok(found),
        }
    }

    fn allows(self, address: SocketAddr) -> bool {
        match self {
            Reach::Anyone => true,
            Reach::Public => is_public(address.ip()),
            #[cfg(test)]
            Reach::PublicOr(port) => is_public(address.ip()) || address.port() == port,
        }
    }
}

/// Whether an address is one of the public internet (IANA special-purpose address registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, private networks, shared address space, loopback, link-local.
        (0 | 10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (169, 254, _) => true,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) | (198, 18..=19, _) => true,
        // Multicast and everything above.
        (224.., ..) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b, c, d, e, f) {
        // IPv4 in IPv6: mapped, compatible, translated, 6to4.
        (0, 0, 0, 0, 0, 0xffff | 0) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0x2002, ..) => v4(b, c),
        // Teredo, documentation, benchmarks.
        (0x2001, 0 | 0xdb8 | 2, ..) | (0x3fff, ..) => false,
        // Global unicast alone: no unique local, link-local or multicast addresses.
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for (text, expected) in [
            ("8.8.8.8", true),
            ("93.184.216.34", true),
            ("2606:2800:220:1:248:1893:25c8:1946", true),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("100.63.255.255", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(text.parse().expect(text)), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_private_address_is_refused_by_number_and_by_name() {
        for host in ["127.0.0.1", "::1", "localhost", "2130706433", "0x7f.1"] {
            let refused = Reach::Public.addresses(host, 80).await;
            // What is no address on this system is out of reach, which is as good.
            assert!(
                matches!(refused, Err(HttpError::Private { .. } | HttpError::Unreachable { .. })),
                "{host}: {refused:?}"
            );
        }
        assert!(matches!(Reach::Public.addresses("127.0.0.1", 80).await, Err(HttpError::Private { .. })));
        assert!(Reach::Anyone.addresses("127.0.0.1", 80).await.is_ok());
    }
}
