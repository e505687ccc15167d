//! What stands before the router: it answers clicks itself, from memory, and hands everything else on.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use app::App;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use futures_util::future::Either;
use tokio::time::Instant;
use tower::Service;

use super::redirect::{Asked, whole};

/// Every surface of the product, with clicks in front. Cheap to clone: each connection has one, which knows its peer.
#[derive(Clone)]
pub struct Front {
    app: App,
    router: Router,
    peer: Option<SocketAddr>,
}

impl Front {
    /// A front of a router.
    pub fn new(app: App, router: Router) -> Front {
        Front { app, router, peer: None }
    }

    /// The same front for a connection from an address.
    pub fn of_peer(&self, peer: SocketAddr) -> Front {
        Front { peer: Some(peer), ..self.clone() }
    }
}

/// An answer that is there, or one that comes.
type Answering = Either<
    Ready<Result<Response, Infallible>>,
    Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>,
>;

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answering {
        let started = Instant::now();
        let peer = self.peer.map(|peer| peer.ip());
        if let Some(asked) = Asked::of(&self.app, &request, peer) {
            if let Some(response) = asked.answer(&self.app) {
                let is_led = response.status() == StatusCode::FOUND;
                let metrics = self.app.metrics();
                let counter = if is_led { &metrics.redirects } else { &metrics.redirects_refused };
                counter.inc();
                metrics.redirect_seconds.observe(started.elapsed().as_secs_f64());
                return Either::Left(ready(Ok(response)));
            }
            let app = self.app.clone();
            return Either::Right(Box::pin(async move {
                let response = whole(app.clone(), request, peer).await;
                app.metrics().redirect_seconds.observe(started.elapsed().as_secs_f64());
                Ok(response)
            }));
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        Either::Right(Box::pin(self.router.call(request)))
    }
}

/// A front for each connection that a listener takes.
impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Front {
    type Response = Front;
    type Error = Infallible;
    type Future = Ready<Result<Front, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(self.of_peer(*stream.remote_addr())))
    }
}
