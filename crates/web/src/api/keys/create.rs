//! `POST /v1/keys`.

use app::App;
use app::key::Scope;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::AffiliateId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiKey, KeyKind};
use crate::api::extract::{Body, Operator, Params};
use crate::api::problem::Problem;

/// A new API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewKey {
    /// Whom it speaks for.
    #[schema(value_type = KeyKind)]
    kind: Kind,
    /// The affiliate it speaks for; only with kind `affiliate`.
    #[schema(value_type = Option<i64>, minimum = 1)]
    affiliate_id: Option<AffiliateId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Operator,
    Affiliate,
}

/// A new API key with its secret, which cannot be shown again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    #[serde(flatten)]
    row: ApiKey,
    /// The secret: `Authorization: Bearer KEY`.
    key: String,
}

/// Make an API key
///
/// Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/keys", tag = "Keys", operation_id = "create_key",
    request_body = NewKey,
    responses((status = 201, description = "The key with its secret.", body = CreatedKey)))]
pub(crate) async fn create_key(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
    Body(body): Body<NewKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    params.finish()?;
    let scope = match (body.kind, body.affiliate_id) {
        (Kind::Operator, None) => Scope::Operator,
        (Kind::Affiliate, Some(affiliate)) => Scope::Affiliate(affiliate),
        (Kind::Operator, Some(_)) => {
            return Err(Problem::invalid(
                "affiliate_id",
                "an operator key speaks for the program; leave it out",
            ));
        }
        (Kind::Affiliate, None) => {
            return Err(Problem::invalid("affiliate_id", "say which affiliate the key speaks for"));
        }
    };
    let (row, key) = app::key::create(&app, &caller, scope).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { row: row.into(), key })))
}
