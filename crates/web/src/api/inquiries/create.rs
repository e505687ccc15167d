//! `POST /v1/inquiries`.

use app::App;
use app::inquiry::NewInquiry as New;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::attribution::Code;
use domain::ids::AffiliateId;
use domain::text::{Email, Source, Uid};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Inquiry;
use crate::api::extract::{Anyone, Body, Params};
use crate::api::fields::Instant;
use crate::api::problem::Problem;
use crate::browser::sender::Sender;

/// A sale that an affiliate misses. At least one of `uid`, `email` and `payment_id` names it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewInquiry {
    /// Who asks; an affiliate's key may leave it out.
    #[schema(value_type = Option<i64>, minimum = 1)]
    affiliate_id: Option<AffiliateId>,
    /// The customer's id with the program.
    #[schema(value_type = Option<String>, max_length = 255)]
    uid: Option<Uid>,
    /// The customer's e-mail address.
    #[schema(value_type = Option<String>, max_length = 254)]
    email: Option<Email>,
    /// What the sale is called where the money moved: an order, a charge, an invoice.
    #[schema(value_type = Option<String>, max_length = 255)]
    payment_id: Option<Source>,
    /// When it was, as far as it is known.
    #[schema(value_type = Option<DateTime<Utc>>)]
    occurred_at: Option<Instant>,
    /// The click that led to it, as the landing page got it.
    #[schema(max_length = 200)]
    click_id: Option<String>,
    /// The coupon that was used.
    #[schema(value_type = Option<String>, max_length = 100)]
    coupon: Option<Code>,
    /// What else there is to say.
    #[serde(default)]
    #[schema(max_length = 4000)]
    message: String,
}

/// File an inquiry
///
/// An affiliate says which sale it misses and attaches what it has; the click and the coupon are checked at once. The staff
/// answers.
#[utoipa::path(post, path = "/v1/inquiries", tag = "Inquiries", operation_id = "create_inquiry",
    request_body = NewInquiry,
    responses((status = 201, description = "The inquiry.", body = Inquiry)))]
pub(crate) async fn create_inquiry(
    State(app): State<App>,
    Anyone(caller): Anyone,
    params: Params,
    sender: Sender,
    Body(body): Body<NewInquiry>,
) -> Result<(StatusCode, Json<Inquiry>), Problem> {
    params.finish()?;
    if let Some(click) = &body.click_id {
        domain::text::check(click, 200).map_err(|error| Problem::invalid("click_id", error))?;
    }
    let new = New {
        affiliate: body.affiliate_id,
        uid: body.uid,
        email: body.email,
        source: body.payment_id,
        occurred_at: body.occurred_at.map(|at| at.0),
        click: body.click_id,
        coupon: body.coupon,
        message: body.message,
    };
    let row = app::inquiry::create(&app, &caller, new, sender.origin.visitor(&app, caller.program)).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
