//! `GET af2_balance_op`: what every affiliate has earned, was paid and is owed, now or as of an instant (contract
//! §2.1, money.md §9). Held commissions are not in it, because a client pays what `balance` says.

use app::App;
use app::balance::{BalanceRow, Balances, Wanted};
use axum::extract::State;
use axum::response::Response;
use domain::currency::Currency;
use domain::ids::AffiliateId;
use domain::ledger::{Balances as Accounts, Kind};
use domain::time::iso_millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::caller::Operator;
use super::query::{Query, instant};
use super::refusal::Refusal;
use super::rows::{self, Pages};
use super::{codes, payment_details};
use crate::decimal::Decimal;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    above_threshold: Option<bool>,
    affiliate_id: Option<i64>,
    to: Option<String>,
}

/// A row of the answer, in the order and spelling of the wire.
#[derive(Serialize)]
pub(super) struct Row {
    id: AffiliateId,
    affiliate_id: AffiliateId,
    affiliate_name: String,
    payment_method_details: Map<String, Value>,
    aff_status_id: i64,
    payments: Decimal,
    last_payment_date: Option<String>,
    adjustments: Decimal,
    cpl_fee: Decimal,
    cpa_fee: Decimal,
    rev_share_fee: Decimal,
    sub_affiliate_fee: Decimal,
    deposit_amount: Decimal,
    ftd_amount: Decimal,
    deposit_count: i64,
    ftd_count: i64,
    registrations_count: i64,
    payment_method_id: i16,
    payment_method_name: &'static str,
    auto_payment_enabled: Option<bool>,
    manager_id: Option<i64>,
    user_id: Option<i64>,
    treshold: Decimal,
    not_processed_payment_amount: Decimal,
    create_date: String,
    commissions_total: Decimal,
    balance: Decimal,
    operator_currency: Currency,
    manager: Option<String>,
    manager_contacts: ManagerContacts,
}

/// How to reach the manager; nothing yet, because programs have no staff.
#[derive(Serialize, Default)]
pub(super) struct ManagerContacts {
    phone: Option<String>,
    email: Option<String>,
    skype: Option<String>,
    telegram: Option<String>,
    fb: Option<String>,
    vk: Option<String>,
    discord: Option<String>,
    whatsapp: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

/// The money of a row, which the list of affiliates shows too.
pub(super) struct Money {
    pub(super) fees: [Decimal; 4],
    pub(super) commissions_total: Decimal,
    pub(super) payments: Decimal,
    pub(super) adjustments: Decimal,
    pub(super) not_processed: Decimal,
    pub(super) balance: Decimal,
}

impl Money {
    pub(super) fn of(accounts: &Accounts) -> Money {
        let fees = Kind::ALL.map(|kind| Decimal(accounts.shown_fee(kind)));
        Money {
            commissions_total: Decimal(fees.iter().map(|fee| fee.0).sum()),
            fees,
            payments: Decimal(accounts.paid()),
            adjustments: Decimal(accounts.adjustments()),
            not_processed: Decimal(accounts.in_payout()),
            balance: Decimal(accounts.due() + accounts.in_payout()),
        }
    }
}

/// Answers the balances that the query asks for.
pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response, Refusal> {
    let filter: Filter = query.filter()?;
    let to = filter.to.or(query.get("to")?);
    let range = query.range()?;
    let wanted = Wanted {
        affiliate: filter.affiliate_id.or(query.integer("affiliate_id")?).map(AffiliateId),
        above_threshold: filter.above_threshold.or(query.flag("above_threshold")?).unwrap_or(false),
        as_of: to.map(|to| instant("to", &to)).transpose()?,
        offset: range.first,
        limit: Some(range.len()),
    };
    let balances = app::balance::list(&app, &caller, wanted).await?;
    rows::answer("af2_balance_op", range, balances).await
}

impl Pages for Balances {
    type Row = Row;

    async fn next_page(&mut self) -> app::Result<Vec<Row>> {
        let page = Balances::next_page(self).await?;
        let threshold = self.program.payout_threshold_micros;
        Ok(page.into_iter().map(|balance| row(balance, threshold)).collect())
    }
}

fn row(BalanceRow { affiliate, account }: BalanceRow, threshold_micros: i64) -> Row {
    let Money { fees, commissions_total, payments, adjustments, not_processed, balance } =
        Money::of(&account.balances);
    let [cpl_fee, cpa_fee, rev_share_fee, sub_affiliate_fee] = fees;
    let figures = account.figures;
    Row {
        id: affiliate.id,
        affiliate_id: affiliate.id,
        affiliate_name: affiliate.person.name.unwrap_or_default(),
        payment_method_details: payment_details::of_every_method(
            &affiliate.person.payment_details,
            affiliate.payment_method,
        ),
        aff_status_id: codes::status(affiliate.status).0,
        payments,
        last_payment_date: account.last_paid_at.map(iso_millis),
        adjustments,
        cpl_fee,
        cpa_fee,
        rev_share_fee,
        sub_affiliate_fee,
        deposit_amount: Decimal(figures.payments_micros),
        ftd_amount: Decimal(figures.first_payments_micros),
        deposit_count: figures.payments,
        ftd_count: figures.first_payments,
        registrations_count: figures.registrations,
        payment_method_id: affiliate.payment_method,
        payment_method_name: codes::method_name(affiliate.payment_method),
        auto_payment_enabled: None,
        manager_id: affiliate.manager,
        user_id: affiliate.manager,
        treshold: Decimal(affiliate.payout_threshold_micros.unwrap_or(threshold_micros).into()),
        not_processed_payment_amount: not_processed,
        create_date: iso_millis(affiliate.created_at),
        commissions_total,
        balance,
        operator_currency: account.currency,
        manager: None,
        manager_contacts: ManagerContacts::default(),
    }
}
