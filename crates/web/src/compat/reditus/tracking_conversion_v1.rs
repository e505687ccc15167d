//! `POST /v1/tracking/conversion`: the deprecated way to say that a referred customer signed up (contract §2.4). The
//! affiliate is named by the cookie, or by a partner key beside the customer's uid.

use app::App;
use axum::extract::State;
use axum::response::Response;
use domain::command::{AffiliateName, Operation};
use domain::text::Slug;
use serde::Deserialize;

use super::caller::Recorder;
use super::cookie::Cookie;
use super::failure::{Failure, Result};
use super::identity::{filled, free_text, optional};
use super::json::Object;
use super::tracking_conversion_v2::{record, registration};

/// The longest partner key.
const PARTNER_KEY: usize = 100;

/// The body.
#[derive(Deserialize)]
pub(super) struct ConversionRequest {
    email: Option<String>,
    gr_id: Option<String>,
    pk: Option<String>,
    uid: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    recorder: Recorder,
    Object(request): Object<ConversionRequest>,
) -> Result<Response> {
    let registration = registration(request.affiliate()?, &request.email, &request.uid)?;
    record(&app, recorder, Operation::ReditusConversionDeprecated, registration).await
}

impl ConversionRequest {
    /// The affiliate that the cookie names, else the one of the partner key.
    fn affiliate(&self) -> Result<AffiliateName> {
        let cookie = filled(&self.gr_id).map(Cookie::parse).unwrap_or_default();
        for slug in [&cookie.slug, &cookie.foreign_slug] {
            if let Some(slug) = optional("gr_id", slug, Slug::parse)? {
                return Ok(AffiliateName::Slug(slug));
            }
        }
        if let Some(key) = free_text("gr_id", &cookie.partner_key, PARTNER_KEY)? {
            return Ok(AffiliateName::PartnerKey(key));
        }
        if let Some(key) = free_text("pk", &self.pk, PARTNER_KEY)? {
            return Ok(AffiliateName::PartnerKey(key.trim().to_owned()));
        }
        let message =
            "it names no affiliate; expected the whole value of the cookie _gr_id, or pk and uid instead";
        Err(Failure::invalid("gr_id", message))
    }
}
