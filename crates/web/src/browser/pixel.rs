//! `GET /t`, also `GET /pixel`, and `GET /?evt=…` as Reditus' script asks for an image. The answer is always the same
//! image; `HEAD` records nothing.

use app::App;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::report::Values;
use super::sender::Sender;

/// A transparent image of one pixel.
const IMAGE: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
                       \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;";

pub(super) async fn show(State(app): State<App>, method: Method, sender: Sender, uri: Uri) -> Response {
    let pairs =
        Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let values = Values::read(pairs);
    if uri.path() == "/" && !values.tells() {
        return (StatusCode::NOT_FOUND, "there is nothing here; /docs describes the API").into_response();
    }
    let now = app.now();
    if app.limits().of_address(sender.origin.address, now).is_err() {
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "10")]).into_response();
    }
    // A page that is rendered ahead of a visit fetches its images once, so those count.
    let is_shown = method == Method::GET;
    // An image cannot tell its page what was wrong with it.
    if is_shown
        && let Ok(Some(report)) = values.report(sender)
        && let Err(error) = app::visit::report(&app, now, report).await
    {
        tracing::debug!(%error, "what a pixel told is not taken up");
    }
    ([(header::CONTENT_TYPE, "image/gif")], IMAGE).into_response()
}
