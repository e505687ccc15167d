//! A bare axum handler with a constant answer: as fast as this house could ever be.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::failure::Outcome;

/// Serves it until the process is ended.
pub(crate) async fn serve(listen: SocketAddr) -> Outcome {
    let answer = async || (StatusCode::FOUND, [(header::LOCATION, "https://shop.example.com/landing")]);
    let router = Router::new().route("/c/{code}", get(answer));
    // As `refero serve` does.
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    axum::serve(listener, router).await?;
    Ok(())
}
