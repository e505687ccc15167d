//! `PUT af2_aff_op/{id}`: changes the fields that are sent and answers the row as it is then. `null` clears a field
//! that may be empty and leaves the others.

use app::affiliate::AffiliateRow;
use app::{App, Error, overview};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use domain::deal::Terms;
use domain::ids::AffiliateId;
use domain::text::{Email, Uid};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{CONTACTS, Row, row};
use crate::compat::smartico::caller::Operator;
use crate::compat::smartico::input::Amount;
use crate::compat::smartico::query::shortened;
use crate::compat::smartico::refusal::Refusal;
use crate::compat::smartico::sub_affiliates::Said;
use crate::compat::smartico::{codes, input, payment_details};

/// A field that may be absent, null or a text.
type Text = Option<Option<String>>;

#[derive(Deserialize)]
struct Changes {
    #[serde(default, deserialize_with = "present")]
    comments: Text,
    #[serde(default, deserialize_with = "present")]
    company: Text,
    #[serde(default, deserialize_with = "present")]
    country: Text,
    #[serde(default, deserialize_with = "present")]
    web_site_url: Text,
    #[serde(default, deserialize_with = "present")]
    comments_from_operator: Text,
    aff_status_id: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    ext_affiliate_id: Text,
    #[serde(default, deserialize_with = "present")]
    no_carry_over: Option<Option<bool>>,
    manager_id: Option<i64>,
    parent_affiliate_id: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    bo_user_email: Text,
    two_fa_enabled: Option<bool>,
    api_access_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    language: Text,
    payment_method_id: Option<i64>,
    payment_method_details: Option<Map<String, Value>>,
    sub_affiliate_fee: Option<Amount>,
    sub_cpa_fee: Option<Amount>,
    sub_commission_cut_percent: Option<Amount>,
    /// The contacts, the custom properties, and what is ignored.
    #[serde(flatten)]
    others: Map<String, Value>,
}

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Changes an affiliate.
pub(in crate::compat::smartico) async fn update(
    State(app): State<App>,
    Operator(caller): Operator,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<Row>, Refusal> {
    let Path(text) = path.map_err(|error| Refusal::field("affiliate_id", error.body_text()))?;
    let id: i64 = text.parse().map_err(|_| {
        Refusal::field("affiliate_id", format!("{:?} is not an integer such as 35427", shortened(&text)))
    })?;
    let changes: Changes = input::object(body).await?;
    let said = Said {
        sub_affiliate_fee: changes.sub_affiliate_fee,
        sub_cpa_fee: changes.sub_cpa_fee,
        sub_commission_cut_percent: changes.sub_commission_cut_percent,
    };
    let edit = Edit::parse(changes)?;
    let change = |affiliate: &mut AffiliateRow| edit.apply(affiliate);
    let change_terms = |terms: &mut Terms| said.change(terms);
    app::affiliate::update_with_terms(&app, &caller, AffiliateId(id), change, change_terms)
        .await
        .map_err(translated)?;
    let (program, overview) = overview::show(&app, &caller, AffiliateId(id)).await?;
    Ok(Json(row(&program, overview)))
}

/// The refusal in this surface's names.
fn translated(error: Error) -> Refusal {
    if let Error::Conflict { code: "no_own_deal", message } = error {
        let message = format!("{message}; af2_deals_op makes one with it");
        return Refusal::field("sub_cpa_fee, sub_commission_cut_percent, sub_affiliate_fee", message);
    }
    let status = matches!(error, Error::Conflict { code: "status_refused", .. });
    let refusal = Refusal::from(error).renamed("external_id", "ext_affiliate_id");
    if status { refusal.prefixed("aff_status_id: ") } else { refusal }
}

/// Changes that hold what they must; what depends on the affiliate is left to [`Edit::apply`].
struct Edit {
    changes: Changes,
    status: Option<domain::affiliate::Status>,
    method: Option<i16>,
    contacts: Vec<(&'static str, String)>,
    custom_props: Vec<(String, Option<i64>)>,
}

impl Edit {
    fn parse(mut changes: Changes) -> Result<Edit, Refusal> {
        for (field, text, limit) in [
            ("comments", &changes.comments, 4000),
            ("company", &changes.company, 200),
            ("web_site_url", &changes.web_site_url, 1000),
            ("comments_from_operator", &changes.comments_from_operator, 4000),
        ] {
            check(field, text, limit)?;
        }
        changes.country =
            letters("country", changes.country)?.map(|code| code.map(|code| code.to_uppercase()));
        changes.language =
            letters("language", changes.language)?.map(|code| code.map(|code| code.to_uppercase()));
        changes.ext_affiliate_id = read("ext_affiliate_id", changes.ext_affiliate_id, Uid::parse)?;
        changes.bo_user_email = read("bo_user_email", changes.bo_user_email, Email::parse)?;
        if let Some(manager) = changes.manager_id {
            return Err(Refusal::field("manager_id", format!("there is no manager {manager}")));
        }
        if let Some(details) = &changes.payment_method_details {
            payment_details::check("payment_method_details", details)?;
        }
        let status = changes.aff_status_id.map(|number| codes::status_of("aff_status_id", number));
        let method = changes.payment_method_id.map(|number| codes::method_of("payment_method_id", number));
        Ok(Edit {
            status: status.transpose()?,
            method: method.transpose()?,
            contacts: contacts(&changes.others)?,
            custom_props: custom_props(&changes.others)?,
            changes,
        })
    }

    fn apply(self, affiliate: &mut AffiliateRow) -> app::Result<()> {
        let Edit { changes, status, method, contacts, custom_props } = self;
        if let Some(parent) = changes.parent_affiliate_id
            && affiliate.parent != Some(AffiliateId(parent))
        {
            let message = format!("You cannot change parent affiliate by this call ({parent} was sent)");
            return Err(Error::invalid("parent_affiliate_id", message));
        }
        affiliate.status = status.unwrap_or(affiliate.status);
        affiliate.no_carry_over = changes.no_carry_over.unwrap_or(affiliate.no_carry_over);
        affiliate.api_access_enabled = changes.api_access_enabled.unwrap_or(affiliate.api_access_enabled);
        affiliate.payment_method = method.unwrap_or(affiliate.payment_method);
        set(&mut affiliate.external_id, changes.ext_affiliate_id);
        let profile = &mut affiliate.profile;
        profile.two_fa_enabled = changes.two_fa_enabled.unwrap_or(profile.two_fa_enabled);
        set(&mut profile.comments, changes.comments);
        set(&mut profile.company, changes.company);
        set(&mut profile.country, changes.country);
        set(&mut profile.web_site_url, changes.web_site_url);
        set(&mut profile.comments_from_operator, changes.comments_from_operator);
        set(&mut profile.language, changes.language);
        for (tag, value) in custom_props {
            match value {
                Some(value) => drop(profile.custom_props.insert(tag, value)),
                None => drop(profile.custom_props.remove(&tag)),
            }
        }
        let person = &mut affiliate.person;
        set(&mut person.email, changes.bo_user_email);
        if !person.contact.is_object() {
            person.contact = Value::Object(Map::new());
        }
        for (field, text) in contacts {
            person.contact[field] = Value::String(text);
        }
        match changes.payment_method_details {
            Some(details) if affiliate.payment_method == 0 && !details.is_empty() => {
                let message = "the affiliate has no payment method; send payment_method_id too";
                Err(Error::invalid("payment_method_details", message))
            }
            Some(details) if affiliate.payment_method != 0 => {
                payment_details::replace(&mut person.payment_details, affiliate.payment_method, details);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn set<T>(field: &mut Option<T>, change: Option<Option<T>>) {
    if let Some(value) = change {
        *field = value;
    }
}

fn check(field: &str, text: &Text, limit: usize) -> Result<(), Refusal> {
    match text {
        Some(Some(text)) => domain::text::check(text, limit).map_err(|error| Refusal::field(field, error)),
        _ => Ok(()),
    }
}

/// Reads a text that has a type of its own.
fn read<T: std::fmt::Display, E: std::fmt::Display>(
    field: &str,
    text: Text,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Text, Refusal> {
    let Some(Some(text)) = text else { return Ok(text) };
    let parsed = parse(&text).map_err(|error| Refusal::field(field, error))?;
    Ok(Some(Some(parsed.to_string())))
}

/// A code of two letters.
fn letters(field: &str, text: Text) -> Result<Text, Refusal> {
    match text {
        Some(Some(code)) if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            let message = format!("{:?} is not a code of two letters such as DE", shortened(&code));
            Err(Refusal::field(field, message))
        }
        text => Ok(text),
    }
}

fn contacts(others: &Map<String, Value>) -> Result<Vec<(&'static str, String)>, Refusal> {
    let mut contacts = Vec::new();
    for field in CONTACTS {
        let text = match others.get(field) {
            None => continue,
            Some(Value::Null) => "",
            Some(Value::String(text)) => text,
            Some(other) => return Err(Refusal::field(field, format!("{} is not a string", short(other)))),
        };
        domain::text::check(text, 200).map_err(|error| Refusal::field(field, error))?;
        contacts.push((field, text.to_owned()));
    }
    Ok(contacts)
}

/// Custom properties: `custom_prop_155: 33` gives tag 155 the value 33, `null` takes it away.
fn custom_props(others: &Map<String, Value>) -> Result<Vec<(String, Option<i64>)>, Refusal> {
    let mut props = Vec::new();
    for (field, value) in others {
        let Some(tag) = field.strip_prefix("custom_prop_") else { continue };
        let tag: u32 = tag.parse().map_err(|_| {
            Refusal::field(
                &shortened(field),
                "the tag is not an integer; expected one such as custom_prop_155",
            )
        })?;
        let value = match value {
            Value::Null => None,
            value => Some(value.as_i64().ok_or_else(|| {
                Refusal::field(field, format!("{} is not the integer id of a value", short(value)))
            })?),
        };
        props.push((tag.to_string(), value));
    }
    Ok(props)
}

fn short(value: &Value) -> String {
    shortened(&value.to_string())
}
