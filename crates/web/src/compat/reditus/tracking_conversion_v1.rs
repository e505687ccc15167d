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
    let is_bare = names.is_empty() && matches!(clicks[..], [ClickName::Client(_)]);
    let mut names = names.into_iter();
    let (affiliate, other_affiliates) = (names.next(), names.collect());
    let said = registration(&request.email, &request.uid)?;
    let registration = Registration { affiliate, other_affiliates, clicks, ..said };
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
    /// What names the affiliate: the cookie's slugs and partner key, and the partner key beside it; and the click. What cannot
    /// be read is left out, as long as something else tells who it was: a visitor may have any address.
    fn evidence(&self) -> Result<(Vec<AffiliateName>, Vec<ClickName>)> {
        let cookie = filled(&self.gr_id).map(Cookie::parse).unwrap_or_default();
        let clicks: Vec<ClickName> = cookie.click.into_iter().collect();
        let slug = |text| Ok(optional("gr_id", text, Slug::parse)?.map(AffiliateName::Slug));
        let key = |field, text| {
            let key = free_text(field, text, PARTNER_KEY)?.map(|key| key.trim().to_owned());
            Ok(key.map(AffiliateName::PartnerKey))
        };
        let found = [
            slug(&cookie.slug),
            slug(&cookie.foreign_slug),
            key("gr_id", &cookie.partner_key),
            key("pk", &self.pk),
        ];
        let (names, unreadable): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
        let names: Vec<AffiliateName> = names.into_iter().flatten().flatten().collect();
        let is_told = !names.is_empty() || matches!(clicks[..], [ClickName::Token(_)]);
        match unreadable.into_iter().find_map(Result::err).filter(|_| !is_told) {
            Some(failure) => Err(failure),
            None if names.is_empty() && clicks.is_empty() => Err(names_nobody()),
            None => Ok((names, clicks)),
        }
    }
}
