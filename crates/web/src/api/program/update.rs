//! `PATCH /v1/program`.

use app::App;
use app::program::{Changes, PayoutMode};
use axum::Json;
use axum::extract::State;
use domain::currency::Currency;
use domain::ids::DealId;
use domain::text::Name;
use domain::time::Zone;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{PAYOUT_MODES, Program, ProgramPayoutMode, ZoneName};
use crate::api::extract::{Body, Operator, Params};
use crate::api::fields::{CurrencyCode, Micros, Text, Threshold, nullable, present, present_parsed};
use crate::api::problem::Problem;

/// Settings to change; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ProgramChanges {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Name>,
    /// The currency of its books; fixed by the first event.
    #[serde(default, deserialize_with = "present_parsed")]
    #[schema(value_type = CurrencyCode, required = false)]
    currency: Option<Currency>,
    /// The time zone of its days and months; fixed by the first event.
    #[serde(default, deserialize_with = "present_parsed")]
    #[schema(value_type = ZoneName, required = false)]
    zone: Option<Zone>,
    /// How payouts are made.
    #[serde(default, deserialize_with = "payout_mode")]
    #[schema(value_type = ProgramPayoutMode, required = false)]
    payout_mode: Option<PayoutMode>,
    /// The smallest payout, unless an affiliate has its own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Threshold, required = false)]
    payout_threshold: Option<Micros>,
    /// Whether payments of the Smartico surface may exceed what is payable.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    smartico_advance: Option<bool>,
    /// Whether an identical payment of the Smartico surface within ten minutes is refused.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    refuse_identical_payment: Option<bool>,
    /// After so many days without a payment a referral expires; null for never.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 3650)]
    referral_expires_after_days: Option<Option<i32>>,
    /// A month is closed so many days after its end.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, minimum = 0, maximum = 60, required = false)]
    close_after_days: Option<i32>,
    /// The deal of whoever has no own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i64, minimum = 1, required = false)]
    default_deal_id: Option<DealId>,
}

fn payout_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PayoutMode>, D::Error> {
    let Text(word) = Text::deserialize(deserializer)?;
    let known = PAYOUT_MODES.into_iter().find(|mode| mode.as_str() == word);
    known.map(Some).ok_or_else(|| {
        serde::de::Error::invalid_value(serde::de::Unexpected::Str(&word), &"direct or three_step")
    })
}

/// Change settings
///
/// No setting changes an existing commission.
#[utoipa::path(patch, path = "/v1/program", tag = "Program", operation_id = "update_program",
    request_body = ProgramChanges,
    responses((status = 200, description = "The program as it is now.", body = Program)))]
pub(crate) async fn update_program(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
    Body(body): Body<ProgramChanges>,
) -> Result<Json<Program>, Problem> {
    params.finish()?;
    let changes = Changes {
        name: body.name,
        currency: body.currency,
        zone: body.zone,
        payout_mode: body.payout_mode,
        payout_threshold_micros: body.payout_threshold.map(|threshold| threshold.0),
        smartico_advance: body.smartico_advance,
        refuse_identical_payment: body.refuse_identical_payment,
        referral_expires_after_days: body.referral_expires_after_days,
        close_after_days: body.close_after_days,
        default_deal: body.default_deal_id,
    };
    Ok(Json(app::program::update(&app, &caller, changes).await?.into()))
}
