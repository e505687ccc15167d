//! `PUT /v1/referral-widget`.

use app::App;
use app::widget::Settings;
use axum::Json;
use axum::extract::State;
use domain::ids::DealId;
use domain::text::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ReferralWidget;
use crate::api::extract::{Body, Operator, Params};
use crate::api::links::WebAddress;
use crate::api::problem::Problem;

/// The settings of the referral widget, all of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct WidgetSettings {
    /// Whether it answers; true when it is left out.
    is_enabled: Option<bool>,
    /// What the dialog is called.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Recommend us")]
    title: Name,
    /// Where personal links lead: a page with the script.
    #[schema(value_type = WebAddress)]
    landing_url: String,
    /// What whoever joins agrees to.
    #[serde(default)]
    #[schema(max_length = 20000)]
    terms: String,
    /// Where the terms can be read in full.
    #[schema(value_type = Option<WebAddress>)]
    terms_url: Option<String>,
    /// What the advocate gets, in words; what she earns in money is shown by itself.
    #[schema(max_length = 500, example = "20 % of what your friend pays")]
    advocate_reward: Option<String>,
    /// What her friend gets, in words.
    #[schema(max_length = 500, example = "The first month at half price")]
    friend_reward: Option<String>,
    /// What is written beside a shared link.
    #[serde(default)]
    #[schema(max_length = 500)]
    share_text: String,
    /// The deal of whoever joins from now on; the program's default when it is left out.
    #[schema(value_type = Option<i64>, minimum = 1)]
    deal_id: Option<DealId>,
}

/// Set up the in-app referral widget
///
/// The first call makes it; then its secret is drawn by `POST /v1/referral-widget/secret`.
#[utoipa::path(put, path = "/v1/referral-widget", tag = "Program", operation_id = "put_referral_widget",
    request_body = WidgetSettings,
    responses((status = 200, description = "The settings as they are now.", body = ReferralWidget)))]
pub(crate) async fn put_referral_widget(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
    Body(body): Body<WidgetSettings>,
) -> Result<Json<ReferralWidget>, Problem> {
    params.finish()?;
    let settings = Settings {
        is_enabled: body.is_enabled.unwrap_or(true),
        title: body.title,
        landing_url: body.landing_url,
        terms: body.terms,
        terms_url: body.terms_url,
        advocate_reward: body.advocate_reward,
        friend_reward: body.friend_reward,
        share_text: body.share_text,
        deal: body.deal_id,
    };
    Ok(Json(Some(app::widget::put(&app, &caller, settings).await?).into()))
}
