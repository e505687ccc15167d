//! Whose request it is: the network address and what the browser calls itself, of which nothing is kept but a keyed hash;
//! and the clicks that redirects on this host have left with it.

use std::net::SocketAddr;

use app::App;
use app::visit::Origin;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use domain::ids::ProgramId;
use std::convert::Infallible;

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
        let agent =
            String::from_utf8_lossy(&agent[..agent.len().min(app::click::LONGEST_AGENT)]).into_owned();
        let tokens = tokens(&parts.headers);
        Ok(Sender { origin: Origin { address, agent, tokens, ..Origin::default() } })
    }
}

/// The tokens of the cookies of redirects (`track/redirect.rs`), by program; what is no token is no cookie.
fn tokens(headers: &HeaderMap) -> Vec<(ProgramId, String)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let read = |(name, value): (&str, &str)| {
        let program = name.strip_prefix("rfr_")?.parse::<ProgramId>().ok()?;
        domain::click::named(value).map(|_| (program, value.to_owned()))
    };
    pairs.filter_map(read).collect()
}
