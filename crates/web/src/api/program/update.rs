//! `PATCH /v1/program`.

use app::App;
use app::program::{AttributionModel, Changes, PayoutMode, TrackingChanges};
use axum::Json;
use axum::extract::State;
use domain::currency::Currency;
use domain::ids::DealId;
use domain::text::Name;
use domain::time::Zone;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{ClickParameter, PAYOUT_MODES, Program, ProgramAttributionModel, ProgramPayoutMode, ZoneName};
use crate::api::extract::{Body, Operator, Params};
use crate::api::fields::{CurrencyCode, Micros, Text, Threshold, nullable, present, present_parsed};
use crate::api::links::WebAddress;
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
    /// Hosts that links may lead to: a name, or all names below one as in `*.example.com`. A link whose host is taken away
    /// leads to the fallback page.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, max_items = 1000, required = false)]
    allowed_hosts: Option<Vec<String>>,
    /// Where a link without a destination, a disabled link and an unknown code on one of `tracking_hosts` lead.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebAddress>)]
    fallback_url: Option<Option<String>>,
    /// The parameter of the landing page's address that carries the click.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = ClickParameter, required = false)]
    click_parameter: Option<String>,
    /// From click to registration at most, in days.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, minimum = 1, maximum = 120, required = false)]
    cookie_days: Option<i32>,
    /// Which of several clicks counts.
    #[serde(default, deserialize_with = "attribution_model")]
    #[schema(value_type = ProgramAttributionModel, required = false)]
    attribution_model: Option<AttributionModel>,
    /// Whether addresses of visitors are kept as they are, beside their keyed hash.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    keep_addresses: Option<bool>,
    /// The program's own hosts, on which the code of a link stands alone: `https://go.example.com/CODE`. Point them here.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, max_items = 1000, required = false)]
    tracking_hosts: Option<Vec<String>>,
    /// Domains of e-mail addresses whose registrations are flagged for review.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, max_items = 20000, required = false)]
    disposable_domains: Option<Vec<String>>,
    /// Registrations of one affiliate within an hour above which they are flagged for review; null for any number.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 1_000_000)]
    review_registrations_per_hour: Option<Option<i32>>,
}

fn attribution_model<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<AttributionModel>, D::Error> {
    let Text(word) = Text::deserialize(deserializer)?;
    AttributionModel::from_word(&word).map(Some).ok_or_else(|| {
        let unexpected = serde::de::Unexpected::Str(&word);
        serde::de::Error::invalid_value(unexpected, &"last_click or first_click")
    })
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
        tracking: TrackingChanges {
            allowed_hosts: body.allowed_hosts,
            fallback_url: body.fallback_url,
            click_parameter: body.click_parameter,
            cookie_days: body.cookie_days,
            attribution_model: body.attribution_model,
            keep_addresses: body.keep_addresses,
            hosts: body.tracking_hosts,
            disposable_domains: body.disposable_domains,
        },
        review_registrations_per_hour: body.review_registrations_per_hour,
    };
    Ok(Json(app::program::update(&app, &caller, changes).await?.into()))
}
