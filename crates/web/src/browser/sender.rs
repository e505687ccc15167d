//! Whose request it is: the network address and what the browser calls itself. Nothing of it is kept but a keyed hash.

use std::net::SocketAddr;

use app::App;
use app::visit::Origin;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use std::convert::Infallible;

/// Of what a browser calls itself, bytes that count.
const AGENT: usize = 512;

/// Who sends a request.
pub(crate) struct Sender {
    /// What is known of it; nothing of pages.
    pub(crate) origin: Origin,
}

impl FromRequestParts<App> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Sender, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let address = crate::track::address(app, &parts.headers, peer);
        let agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        let agent = String::from_utf8_lossy(&agent[..agent.len().min(AGENT)]).into_owned();
        let visitor = address.map(|address| app::visit::visitor(app, address, &agent));
        Ok(Sender { origin: Origin { address, agent, visitor, ..Origin::default() } })
    }
}
