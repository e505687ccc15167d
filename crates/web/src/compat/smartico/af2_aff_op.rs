//! `af2_aff_op`: the affiliates (contract §§2.4-2.5). Here is the row that both methods answer with.

mod list;
mod update;

use app::affiliate::AffiliateRow;
use app::overview::Overview;
use app::program::ProgramRow;
use domain::affiliate::Status;
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::time::iso_millis;
use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use list::list;
pub(super) use update::update;

use super::af2_balance_op::{ManagerContacts, Money};
use super::{codes, payment_details, sub_affiliates};
use crate::decimal::Decimal;

/// An affiliate, in the order and spelling of the wire. The money is left out where it was not asked for.
#[derive(Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    business: Business,
    #[serde(flatten)]
    user: User,
    manager_id: Option<i64>,
    manager_username: Option<String>,
    parent_affiliate_name: Option<String>,
    #[serde(flatten)]
    totals: Option<Totals>,
    #[serde(flatten)]
    sub_affiliates: sub_affiliates::Shown,
    extra_role_ids: [i64; 0],
    default_deal_info: Option<DealInfo>,
    contact_discord: String,
    manager_contacts: ManagerContacts,
}

/// What it is and how it is paid.
#[derive(Serialize)]
struct Business {
    id: AffiliateId,
    affiliate_id: AffiliateId,
    affiliate_name: String,
    country: Option<String>,
    company: Option<String>,
    web_site_url: Option<String>,
    comments: Option<String>,
    comments_from_operator: Option<String>,
    visibility: Option<i64>,
    aff_status_id: i64,
    operator_id: ProgramId,
    brand_ids: [i64; 0],
    parent_affiliate_id: Option<AffiliateId>,
    create_date: String,
    update_date: String,
    create_by: Option<i64>,
    bo_user_id: Option<i64>,
    ext_affiliate_id: Option<String>,
    payment_method_name: &'static str,
    payment_method_id: i16,
    payment_method_details: Map<String, Value>,
    payment_threshold_oper_currency: Option<Decimal>,
}

/// Who logs in for it.
#[derive(Serialize)]
struct User {
    bo_label_id: ProgramId,
    label_name: String,
    no_carry_over: bool,
    no_carry_over_was_set: bool,
    sub_affiliate_url: Option<String>,
    same_manager_url: Option<String>,
    aff_status_name: &'static str,
    last_login_date: Option<String>,
    username: String,
    bo_user_email: Option<String>,
    avatar_image_url: Option<String>,
    two_fa_enabled: bool,
    api_access_enabled: bool,
    first_name: String,
    last_name: String,
    phone_number: String,
    skype: String,
    contact_fb: String,
    contact_vk: String,
    contact_telegram: String,
    enabled_for_login: bool,
    language: Option<String>,
    operator_currency: Currency,
}

/// What it earned and got.
#[derive(Serialize)]
struct Totals {
    commissions_total: Decimal,
    balance: Decimal,
    payments: Decimal,
    adjustments: Decimal,
}

/// The deal that new players of the affiliate meet.
#[derive(Serialize)]
struct DealInfo {
    deal_group_name: String,
    deal_type_id: i64,
}

/// The fields of a person's contact that this surface reads and writes, called there as they are here.
const CONTACTS: [&str; 8] = [
    "first_name",
    "last_name",
    "phone_number",
    "skype",
    "contact_fb",
    "contact_vk",
    "contact_telegram",
    "contact_discord",
];

fn row(program: &ProgramRow, overview: Overview) -> Row {
    let Overview { affiliate, parent_name, deal, account } = overview;
    let totals = account.map(|account| {
        let Money { commissions_total, balance, payments, adjustments, .. } = Money::of(&account.balances);
        Totals { commissions_total, balance, payments, adjustments }
    });
    Row {
        business: business(program, &affiliate),
        user: user(program, &affiliate),
        manager_id: affiliate.manager,
        manager_username: None,
        parent_affiliate_name: parent_name,
        totals,
        sub_affiliates: sub_affiliates::Shown::of(deal.as_ref().map(|deal| &deal.terms)),
        extra_role_ids: [],
        default_deal_info: deal
            .map(|deal| DealInfo { deal_type_id: codes::deal_type(&deal.terms), deal_group_name: deal.name }),
        contact_discord: contact(&affiliate, "contact_discord"),
        manager_contacts: ManagerContacts::default(),
    }
}

fn business(program: &ProgramRow, affiliate: &AffiliateRow) -> Business {
    let profile = affiliate.profile.clone();
    let method = affiliate.payment_method;
    Business {
        id: affiliate.id,
        affiliate_id: affiliate.id,
        affiliate_name: affiliate.person.name.clone().unwrap_or_default(),
        country: profile.country,
        company: profile.company,
        web_site_url: profile.web_site_url,
        comments: profile.comments,
        comments_from_operator: profile.comments_from_operator,
        visibility: None,
        aff_status_id: codes::status(affiliate.status).0,
        operator_id: program.id,
        brand_ids: [],
        parent_affiliate_id: affiliate.parent,
        create_date: iso_millis(affiliate.created_at),
        update_date: iso_millis(affiliate.updated_at),
        create_by: None,
        bo_user_id: None,
        ext_affiliate_id: affiliate.external_id.clone(),
        payment_method_name: codes::method_name(method),
        payment_method_id: method,
        payment_method_details: payment_details::of_method(&affiliate.person.payment_details, method),
        payment_threshold_oper_currency: affiliate
            .payout_threshold_micros
            .map(|micros| Decimal(micros.into())),
    }
}

fn user(program: &ProgramRow, affiliate: &AffiliateRow) -> User {
    User {
        bo_label_id: program.id,
        label_name: label_name(affiliate),
        no_carry_over: affiliate.no_carry_over.unwrap_or(false),
        no_carry_over_was_set: affiliate.no_carry_over.is_some(),
        sub_affiliate_url: None,
        same_manager_url: None,
        aff_status_name: codes::status(affiliate.status).1,
        last_login_date: None,
        username: affiliate.slug.clone(),
        bo_user_email: affiliate.person.email.clone(),
        avatar_image_url: None,
        two_fa_enabled: affiliate.profile.two_fa_enabled,
        api_access_enabled: affiliate.api_access_enabled,
        first_name: contact(affiliate, "first_name"),
        last_name: contact(affiliate, "last_name"),
        phone_number: contact(affiliate, "phone_number"),
        skype: contact(affiliate, "skype"),
        contact_fb: contact(affiliate, "contact_fb"),
        contact_vk: contact(affiliate, "contact_vk"),
        contact_telegram: contact(affiliate, "contact_telegram"),
        enabled_for_login: affiliate.status == Status::Approved,
        language: affiliate.profile.language.clone(),
        operator_currency: program.currency,
    }
}

/// One of [`CONTACTS`]; empty where there is none.
fn contact(affiliate: &AffiliateRow, field: &str) -> String {
    affiliate.person.contact[field].as_str().unwrap_or_default().to_owned()
}

/// `MONYY RON / 35425`.
fn label_name(affiliate: &AffiliateRow) -> String {
    let person = format!("{} {}", contact(affiliate, "first_name"), contact(affiliate, "last_name"));
    let name = match person.trim() {
        "" => affiliate.person.name.as_deref().unwrap_or_default(),
        person => person,
    };
    format!("{} / {}", name.to_uppercase(), affiliate.id)
}
