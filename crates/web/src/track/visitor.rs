//! Whose request it is: the network address and what the browser calls itself. Nothing of it is kept but a keyed hash.

use std::net::{IpAddr, SocketAddr};

use app::App;
use app::ingest::Visitor;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use std::convert::Infallible;

/// Of what a browser calls itself, bytes that count.
const AGENT: usize = 512;

/// Who sends a request.
pub(crate) struct Sender {
    /// The network address.
    pub(crate) address: Option<IpAddr>,
    /// The keyed hash of address and agent.
    pub(crate) visitor: Option<Visitor>,
}

impl FromRequestParts<App> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Sender, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let address = match peer {
            Some(peer) if !is_near(peer) => Some(peer),
            // A proxy on this machine or in its network says for whom it asks.
            _ => forwarded(parts).or(peer),
        };
        let agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        let agent = String::from_utf8_lossy(&agent[..agent.len().min(AGENT)]);
        let visitor = address.map(|address| app::visit::visitor(app, address, &agent));
        Ok(Sender { address, visitor })
    }
}

/// The last address that a proxy added, which is the one that it saw itself.
fn forwarded(parts: &Parts) -> Option<IpAddr> {
    let listed = parts.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    listed.rsplit(',').next()?.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Whether an address is of this machine or of a private network, where proxies stand.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}
