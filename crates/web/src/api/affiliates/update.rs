//! `PATCH /v1/affiliates/{id}`.

use app::App;
use app::affiliate::AffiliateRow;
use axum::Json;
use axum::extract::State;
use domain::affiliate::Status;
use domain::ids::{AffiliateId, DealId};
use domain::text::{Email, Name, Slug, Uid};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Affiliate, AffiliateStatus};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields::{Micros, Threshold, nullable, present};
use crate::api::problem::Problem;

/// What to change about an affiliate; what is left out stays as it is, null takes a value away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct AffiliateChanges {
    /// Display name.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Name>,
    /// E-mail address.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, format = Email, max_length = 254, required = false)]
    email: Option<Email>,
    /// The word in its links.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = super::Slug, required = false)]
    slug: Option<Slug>,
    /// Where it stands with the program, from now on. Nobody becomes pending again.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = AffiliateStatus, required = false)]
    status: Option<Status>,
    /// Its own deal, for referrals from now on; null for the program's default.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    deal_id: Option<Option<DealId>>,
    /// Who brought it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    parent_affiliate_id: Option<Option<AffiliateId>>,
    /// Its id in the program's own systems.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    external_id: Option<Option<Uid>>,
    /// Its own smallest payout, in the program's currency; null for the program's.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Threshold>)]
    payout_threshold: Option<Option<Micros>>,
}

impl AffiliateChanges {
    fn apply(self, row: &mut AffiliateRow) {
        if let Some(name) = self.name {
            row.person.name = Some(name.into());
        }
        if let Some(email) = self.email {
            row.person.email = Some(email.into());
        }
        if let Some(slug) = self.slug {
            row.slug = slug.into();
        }
        row.status = self.status.unwrap_or(row.status);
        row.deal = self.deal_id.unwrap_or(row.deal);
        row.parent = self.parent_affiliate_id.unwrap_or(row.parent);
        if let Some(external_id) = self.external_id {
            row.external_id = external_id.map(String::from);
        }
        if let Some(threshold) = self.payout_threshold {
            row.payout_threshold_micros = threshold.map(|threshold| threshold.0);
        }
    }
}

/// Change an affiliate
///
/// A changed status counts from now on: what an affiliate earns by an event depends on its status when the event
/// occurred.
#[utoipa::path(patch, path = "/v1/affiliates/{id}", tag = "Affiliates", operation_id = "update_affiliate",
    params(("id" = i64, Path, minimum = 1, description = "The affiliate.")),
    request_body = AffiliateChanges,
    responses((status = 200, description = "The affiliate as it is now.", body = Affiliate)))]
pub(crate) async fn update_affiliate(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<AffiliateId>,
    params: Params,
    Body(changes): Body<AffiliateChanges>,
) -> Result<Json<Affiliate>, Problem> {
    params.finish()?;
    let change = |row: &mut AffiliateRow| {
        changes.apply(row);
        Ok(())
    };
    let currency = app::program::show(&app, &caller).await?.currency;
    let row = app::affiliate::update(&app, &caller, id, change).await?;
    Ok(Json(Affiliate::of(row, currency)))
}
