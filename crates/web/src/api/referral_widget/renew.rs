//! `POST /v1/referral-widget/secret`.

use app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::{Operator, Params};
use crate::api::problem::Problem;
use crate::api::program::TrackingId;

/// What signs the tokens of users; the secret cannot be shown again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WidgetSecret {
    /// The claim `ProductId` of a token.
    #[schema(value_type = TrackingId)]
    product_id: String,
    /// The key of HS512, taken as UTF-8 text.
    secret: String,
}

/// Draw a new secret for the widget's tokens
///
/// The one before stops to count at once.
#[utoipa::path(post, path = "/v1/referral-widget/secret", tag = "Program", operation_id = "renew_widget_secret",
    responses((status = 201, description = "The new secret.", body = WidgetSecret)))]
pub(crate) async fn renew_widget_secret(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
) -> Result<(StatusCode, Json<WidgetSecret>), Problem> {
    params.finish()?;
    let (product, secret) = app::widget::renew_secret(&app, &caller).await?;
    Ok((StatusCode::CREATED, Json(WidgetSecret { product_id: product.to_string(), secret })))
}
