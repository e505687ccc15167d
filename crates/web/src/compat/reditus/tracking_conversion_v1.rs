//! `POST /v1/tracking/conversion`: the deprecated way to say that a referred customer signed up (contract §2.4). The
//! affiliate is named by the cookie, by a click that it is, or by a partner key beside the customer's uid.

use app::App;
use axum::extract::State;
use axum::response::Response;
use domain::command::{AffiliateName, ClickName, Operation, Refused, Registration};
use domain::text::Slug;
use serde::Deserialize;

use super::caller::Recorder;
use super::failure::{Failure, Result};
use super::identity::{filled, free_text, optional};
use super::json::Object;
use super::tracking_conversion_v2::{record, registration};
use crate::cookie::Cookie;

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
    let (names, clicks) = request.evidence()?;
    let affiliate = app::visit::first_known(&app, recorder.caller.program, names).await?;
    let is_bare = affiliate.is_none() && matches!(clicks[..], [ClickName::Client(_)]);
    let registration = Registration { affiliate, clicks, ..registration(&request.email, &request.uid)? };
    match record(&app, recorder, Operation::ReditusConversionDeprecated, registration).await? {
        Ok(answer) => Ok(answer),
        Err(Refused::NotAttributed(_)) if is_bare => Err(names_nobody()),
        Err(Refused::NotAttributed(why)) => Err(Failure::invalid("gr_id", why)),
        Err(refused) => Err(refused.into()),
    }
}

fn names_nobody() -> Failure {
    let message =
        "it names no affiliate; expected the whole value of the cookie _gr_id, or pk and uid instead";
    Failure::invalid("gr_id", message)
}

impl ConversionRequest {
    /// What names the affiliate: the cookie's slugs and partner key, and the partner key beside it; and the click.
    fn evidence(&self) -> Result<(Vec<AffiliateName>, Vec<ClickName>)> {
        let cookie = filled(&self.gr_id).map(Cookie::parse).unwrap_or_default();
        let clicks: Vec<ClickName> = cookie.click.into_iter().collect();
        let mut names = Vec::new();
        for slug in [&cookie.slug, &cookie.foreign_slug] {
            names.extend(optional("gr_id", slug, Slug::parse)?.map(AffiliateName::Slug));
        }
        let in_cookie = free_text("gr_id", &cookie.partner_key, PARTNER_KEY)?;
        let beside = free_text("pk", &self.pk, PARTNER_KEY)?.map(|key| key.trim().to_owned());
        names.extend(in_cookie.into_iter().chain(beside).map(AffiliateName::PartnerKey));
        if names.is_empty() && clicks.is_empty() {
            return Err(names_nobody());
        }
        Ok((names, clicks))
    }
}
