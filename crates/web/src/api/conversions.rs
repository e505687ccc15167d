//! `POST /v1/conversions`: the company's own server says that a customer signed up, with whatever it knows of the visit.

use app::App;
use app::ingest::Ask;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use domain::attribution::Code;
use domain::command::{AffiliateName, ClickName, Command, MOST_CLICKS, Operation, Registration};
use domain::fact::Attributes;
use domain::ids::AffiliateId;
use domain::text::{Email, Slug, Uid};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Body, Operator, OptionalKey, Params};
use super::fields::{EventId, Occurred, ReferralId};
use super::problem::Problem;
use crate::cookie::Cookie;

/// A conversion: who signed up, and what is known of how the customer came.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewConversion {
    /// The click: the token that a redirect put into the address of the landing page, or the whole value of the script's
    /// cookie.
    #[schema(max_length = 2000)]
    click_id: Option<String>,
    /// More clicks of the same customer, where the site keeps them; the program's attribution model says which counts.
    /// At most ten, and `click_id` is one of them.
    #[serde(default)]
    #[schema(max_items = 10)]
    click_ids: Vec<String>,
    /// The program's own id of the customer.
    #[schema(max_length = 255)]
    uid: Option<String>,
    /// The customer's e-mail address.
    #[schema(max_length = 254)]
    email: Option<String>,
    /// The coupon that the customer used.
    #[schema(max_length = 100)]
    coupon: Option<String>,
    /// The affiliate's word in its links.
    #[schema(max_length = 100)]
    affiliate_slug: Option<String>,
    /// The affiliate, where the company knows its id. Either this or `affiliate_slug`.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// The brand where the customer signed up.
    #[schema(max_length = 64)]
    brand: Option<String>,
    /// The customer's country, two letters.
    #[schema(min_length = 2, max_length = 2)]
    country: Option<String>,
    /// The campaign that brought the customer.
    #[schema(max_length = 100)]
    campaign: Option<String>,
    /// When the customer signed up; now when it is left out.
    #[schema(value_type = Option<DateTime<Utc>>)]
    occurred_at: Option<Occurred>,
}

/// A conversion as it was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Conversion {
    /// The referral.
    #[schema(value_type = ReferralId)]
    id: Option<String>,
    /// The affiliate that it was put down to.
    affiliate_id: Option<i64>,
    /// The event.
    #[schema(value_type = EventId)]
    event_id: String,
    /// When the customer signed up.
    occurred_at: DateTime<Utc>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
}

fn optional<T, E: std::fmt::Display>(
    field: &str,
    text: Option<&String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    let given = text.filter(|text| !text.trim().is_empty());
    given.map(|text| parse(text)).transpose().map_err(|error| Problem::invalid(field, error))
}

fn short(text: &str, limit: usize) -> Result<String, domain::text::TextError> {
    domain::text::check(text, limit).map(|()| text.trim().to_owned())
}

impl NewConversion {
    fn into_registration(self) -> Result<Registration, Problem> {
        let uid = optional("uid", self.uid.as_ref(), Uid::parse)?;
        let email = optional("email", self.email.as_ref(), Email::parse)?;
        if uid.is_none() && email.is_none() {
            return Err(Problem::invalid("uid", "name the customer by uid, email or both"));
        }
        let given = self.click_id.iter().map(|text| ("click_id", text));
        let given = given.chain(self.click_ids.iter().map(|text| ("click_ids", text)));
        let given: Vec<_> = given.filter(|(_, text)| !text.trim().is_empty()).collect();
        if given.len() > MOST_CLICKS {
            return Err(Problem::invalid("click_ids", format!("at most {MOST_CLICKS} clicks can be given")));
        }
        let (mut clicks, mut slugs, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (field, text) in given {
            domain::text::check(text, 2000).map_err(|error| Problem::invalid(field, error))?;
            let cookie = Cookie::parse(text.trim());
            slugs.extend([cookie.slug, cookie.foreign_slug].into_iter().flatten());
            keys.extend(cookie.partner_key.filter(|key| !key.trim().is_empty()));
            // What is no click at all stays in the record as such.
            let is_bare = cookie.click.is_none() && slugs.is_empty();
            clicks.extend(cookie.click.or_else(|| is_bare.then(|| ClickName::Token(text.trim().to_owned()))));
        }
        let slug = optional("affiliate_slug", self.affiliate_slug.as_ref(), Slug::parse)?;
        if slug.is_some() && self.affiliate_id.is_some() {
            let message = "name the affiliate by affiliate_id or affiliate_slug, not by both";
            return Err(Problem::invalid("affiliate_id", message));
        }
        let named =
            slug.map(AffiliateName::Slug).or(self.affiliate_id.map(|id| AffiliateName::Id(AffiliateId(id))));
        let in_cookies =
            || app::visit::names(slugs.iter().map(String::as_str), keys.first().map(String::as_str));
        let mut names = named.map_or_else(in_cookies, |named| vec![named]).into_iter();
        let country = optional("country", self.country.as_ref(), country)?;
        let attributes = Attributes {
            coupon: optional("coupon", self.coupon.as_ref(), |text| {
                Code::parse(text).map(|_| text.trim().to_owned())
            })?,
            brand: optional("brand", self.brand.as_ref(), |text| short(text, 64))?,
            campaign: optional("campaign", self.campaign.as_ref(), |text| short(text, 100))?,
            country,
            ..Attributes::default()
        };
        let occurred_at = self.occurred_at.map(|at| at.0);
        let (affiliate, other_affiliates) = (names.next(), names.collect());
        Ok(Registration { affiliate, other_affiliates, clicks, uid, email, attributes, occurred_at })
    }
}

fn country(text: &str) -> Result<String, &'static str> {
    let code = text.trim().to_ascii_uppercase();
    let is_code = code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
    if is_code { Ok(code) } else { Err("expected two letters of ISO 3166 such as DE") }
}

/// Record a conversion
///
/// Says that a customer signed up. Whose it is, is decided by what comes with it: a valid coupon, else a click that was
/// redirected by this server and is inside the program's window, else a visit that the script told of, else the affiliate
/// named. `GET /v1/referrals/{id}/attributions` shows every piece of evidence with what became of it. Where nothing names
/// an affiliate it is refused (422), and the detail says why of each. A customer whom only a browser told of is taken over
/// from another affiliate until the first payment; any other that is a referral already is refused (409).
#[utoipa::path(post, path = "/v1/conversions", tag = "Referrals", operation_id = "create_conversion",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description =
        "Repeated with the same body, the first answer comes again.")),
    request_body = NewConversion,
    responses(
        (status = 201, description = "The conversion.", body = Conversion),
        (status = 422, description = "Nothing that came names an affiliate.", body = super::problem::Details,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many conversions at once.", body = super::problem::Details,
            content_type = "application/problem+json")))]
pub(crate) async fn create_conversion(
    State(app): State<App>,
    Operator(caller): Operator,
    OptionalKey(key): OptionalKey,
    params: Params,
    headers: HeaderMap,
    Body(body): Body<NewConversion>,
) -> Result<(StatusCode, Json<Conversion>), Problem> {
    params.finish()?;
    app.limits().of_key(crate::key::presented(&headers).unwrap_or_default(), caller.now)?;
    let command = Command::Registration(body.into_registration()?);
    let ask = Ask { key, ..Ask::new(Operation::Conversion, command) };
    let recorded = app::ingest::submit(&app, caller.program, caller.now, ask).await?;
    let conversion = Conversion {
        id: recorded.referral.map(|id| id.to_string()),
        affiliate_id: recorded.affiliate.map(|id| id.0),
        event_id: recorded.fact.to_string(),
        occurred_at: recorded.occurred_at,
        recorded_at: recorded.recorded_at,
    };
    Ok((StatusCode::CREATED, Json(conversion)))
}
