//! `POST /v1/affiliates`.

use app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::affiliate::Status;
use domain::ids::{AffiliateId, DealId};
use domain::text::{Email, Name, Slug, Uid};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Affiliate, AffiliateStatus};
use crate::api::extract::{Body, Operator, Params};
use crate::api::fields::{Micros, Threshold};
use crate::api::problem::Problem;

/// A new affiliate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewAffiliate {
    /// Display name.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Jane Doe")]
    name: Name,
    /// E-mail address.
    #[schema(value_type = String, format = Email, max_length = 254, example = "jane@example.com")]
    email: Email,
    /// The word in its links; made from the name when it is left out.
    #[schema(value_type = Option<super::Slug>)]
    slug: Option<Slug>,
    /// Where it stands with the program; approved when it is left out.
    #[schema(value_type = Option<AffiliateStatus>)]
    status: Option<Status>,
    /// Its own deal.
    #[schema(value_type = Option<i64>, minimum = 1)]
    deal_id: Option<DealId>,
    /// Who brought it.
    #[schema(value_type = Option<i64>, minimum = 1)]
    parent_affiliate_id: Option<AffiliateId>,
    /// Its id in the program's own systems; unique among affiliates.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    external_id: Option<Uid>,
    /// Its own smallest payout, in the program's currency.
    #[schema(value_type = Option<Threshold>)]
    payout_threshold: Option<Micros>,
}

/// Make an affiliate
#[utoipa::path(post, path = "/v1/affiliates", tag = "Affiliates", operation_id = "create_affiliate",
    request_body = NewAffiliate,
    responses((status = 201, description = "The affiliate.", body = Affiliate)))]
pub(crate) async fn create_affiliate(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
    Body(body): Body<NewAffiliate>,
) -> Result<(StatusCode, Json<Affiliate>), Problem> {
    params.finish()?;
    let new = app::affiliate::NewAffiliate {
        name: body.name,
        email: body.email,
        slug: body.slug,
        status: body.status.unwrap_or(Status::Approved),
        deal: body.deal_id,
        parent: body.parent_affiliate_id,
        external_id: body.external_id.map(String::from),
        payout_threshold_micros: body.payout_threshold.map(|threshold| threshold.0),
    };
    let currency = app::program::show(&app, &caller).await?.currency;
    let row = app::affiliate::create(&app, &caller, new).await?;
    Ok((StatusCode::CREATED, Json(Affiliate::of(row, currency))))
}
