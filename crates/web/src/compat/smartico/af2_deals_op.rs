//! `af2_deals_op`: the deals of an affiliate (contract §2.7). A type, which is a bit mask, an amount or percentage for each
//! of its bits, and qualifiers; `domain::deal::smartico` says which rules that is.

use app::App;
use app::deal::{DealRow, NewDeal, OfAffiliate};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::currency::Currency;
use domain::deal::smartico::{self, ALLOWED, CPA, CPL, REV_SHARE_NET_DEPOSITS, REV_SHARE_NET_PNL};
use domain::deal::{Baseline, Criteria, Qualification, Terms};
use domain::ids::{AffiliateId, DealId};
use domain::money;
use domain::rate::Rate;
use domain::text::Name;
use domain::time::iso_millis;
use serde::{Deserialize, Serialize};

use super::caller::Operator;
use super::codes;
use super::input::{self, Amount};
use super::query::Query;
use super::refusal::Refusal;
use super::rows::{self, Few};
use super::sub_affiliates;
use crate::decimal::Decimal;

/// A deal as a client describes it. Amounts and qualifiers of 0 are none.
#[derive(Deserialize)]
struct Wire {
    affiliate_id: i64,
    deal_type_id: i64,
    deal_group_name: String,
    cpl_amount: Option<Amount>,
    cpa_amount: Option<Amount>,
    rev_share_percentage: Option<Amount>,
    qua_cpl_volume: Option<Amount>,
    qua_cpa_ftd: Option<Amount>,
    qua_cpa_deposit: Option<Amount>,
    qua_cpa_net_deposit: Option<Amount>,
    qua_cpa_volume: Option<Amount>,
    qua_cpa_activity_count: Option<u32>,
    #[serde(default)]
    match_brand_is: Vec<i64>,
    sub_affiliate_fee: Option<Amount>,
    sub_cpa_fee: Option<Amount>,
    sub_commission_cut_percent: Option<Amount>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    affiliate_id: Option<i64>,
}

/// A deal, in the spelling of the wire. What its terms hold beyond that spelling is in the native API.
#[derive(Serialize)]
pub(super) struct Row {
    id: DealId,
    deal_id: DealId,
    affiliate_id: AffiliateId,
    deal_type_id: i64,
    deal_group_name: String,
    level_id: i64,
    is_default: bool,
    cpl_amount: Option<Decimal>,
    cpa_amount: Option<Decimal>,
    rev_share_percentage: Option<Decimal>,
    qua_cpl_volume: Option<Decimal>,
    qua_cpa_ftd: Option<Decimal>,
    qua_cpa_deposit: Option<Decimal>,
    qua_cpa_net_deposit: Option<Decimal>,
    qua_cpa_volume: Option<Decimal>,
    qua_cpa_activity_count: Option<u32>,
    match_brand_is: Option<Vec<i64>>,
    #[serde(flatten)]
    sub_affiliates: sub_affiliates::Shown,
    create_date: String,
    operator_currency: Currency,
}

/// Makes a deal for an affiliate. Without brands it is the one that the affiliate's customers get from now on.
pub(super) async fn create(
    State(app): State<App>,
    Operator(caller): Operator,
    body: Body,
) -> Result<Json<Row>, Refusal> {
    let wire: Wire = input::object(body).await?;
    let affiliate = AffiliateId(wire.affiliate_id);
    let name =
        Name::parse(&wire.deal_group_name).map_err(|error| Refusal::field("deal_group_name", error))?;
    let new = NewDeal { name, terms: terms(&wire)?, affiliate: Some(affiliate) };
    // An affiliate that is not there is a refusal of its own here.
    app::affiliate::show(&app, &caller, affiliate).await?;
    let row = app::deal::create(&app, &caller, new).await?;
    let of = app::deal::of_affiliate(&app, &caller, affiliate).await?;
    Ok(Json(shown(row, affiliate, &of)))
}

/// Answers the deals of an affiliate.
pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response, Refusal> {
    let filter: Filter = query.filter()?;
    let range = query.range()?;
    let id = filter.affiliate_id.or(query.integer("affiliate_id")?);
    let id = id.ok_or_else(|| Refusal::field("affiliate_id", "it is missing; expected one such as 35427"))?;
    let mut of = app::deal::of_affiliate(&app, &caller, AffiliateId(id)).await?;
    let deals = std::mem::take(&mut of.deals);
    let all = deals.into_iter().map(|row| shown(row, AffiliateId(id), &of));
    rows::answer("af2_deals_op", range, Few::of(all, range)).await
}

fn terms(wire: &Wire) -> Result<Terms, Refusal> {
    if !ALLOWED.contains(&wire.deal_type_id) {
        let allowed = "1 CPL, 2 CPA, 4 share of net P&L, 8 share of net deposits, or the sums 3, 5, 6, 9, 10";
        let message = format!("{} is no type of deal; expected {allowed}", wire.deal_type_id);
        return Err(Refusal::field("deal_type_id", message));
    }
    let share = |bit| amount(wire, bit, "rev_share_percentage", wire.rev_share_percentage);
    let with = |qualifier: Result<Option<Qualification>, Refusal>, fee: Option<Amount>| {
        let Some(fee) = fee else { return Ok(None) };
        Ok::<_, Refusal>(Some((money::Amount(fee.0), qualifier?)))
    };
    // Which of the two bits asks for the percentage does not matter to a client that sends one without.
    let shares = REV_SHARE_NET_PNL | REV_SHARE_NET_DEPOSITS;
    let percentage = share(shares)?.map(rate).transpose()?;
    let deal = smartico::Deal {
        cpl: with(lead_qualifier(wire), amount(wire, CPL, "cpl_amount", wire.cpl_amount)?)?,
        cpa: with(qualifier(wire), amount(wire, CPA, "cpa_amount", wire.cpa_amount)?)?,
        net_pnl: percentage.filter(|_| wire.deal_type_id & REV_SHARE_NET_PNL != 0),
        net_deposits: percentage.filter(|_| wire.deal_type_id & REV_SHARE_NET_DEPOSITS != 0),
    };
    let brand = wire.match_brand_is.iter().map(i64::to_string).collect();
    let mut terms = Terms { criteria: Criteria { brand, ..Criteria::default() }, ..deal.to_terms() };
    let said = sub_affiliates::Said {
        sub_affiliate_fee: wire.sub_affiliate_fee,
        sub_cpa_fee: wire.sub_cpa_fee,
        sub_commission_cut_percent: wire.sub_commission_cut_percent,
    };
    said.change(&mut terms)?;
    Ok(terms)
}

/// The amount that a bit of the type asks for, which must be there with the bit and only then.
fn amount(wire: &Wire, bits: i64, field: &str, given: Option<Amount>) -> Result<Option<Amount>, Refusal> {
    let given = given.filter(|amount| amount.0 != 0);
    match (wire.deal_type_id & bits != 0, given) {
        (true, None) => {
            let message = format!("a deal of type {} needs it, above 0", wire.deal_type_id);
            Err(Refusal::field(field, message))
        }
        (false, Some(amount)) => {
            let (amount, kind) = (Decimal(amount.0.into()), wire.deal_type_id);
            Err(Refusal::field(field, format!("{amount} is given, but a deal of type {kind} has none")))
        }
        (_, Some(Amount(..0))) => Err(Refusal::field(field, "it is negative; expected an amount above 0")),
        (_, given) => Ok(given),
    }
}

fn rate(percentage: Amount) -> Result<Rate, Refusal> {
    let text = Decimal(percentage.0.into()).to_string();
    Rate::from_percent(&text).map_err(|error| Refusal::field("rev_share_percentage", error))
}

fn lead_qualifier(wire: &Wire) -> Result<Option<Qualification>, Refusal> {
    one_of([("qua_cpl_volume", Baseline::Volume, wire.qua_cpl_volume)], None)
}

fn qualifier(wire: &Wire) -> Result<Option<Qualification>, Refusal> {
    let amounts = [
        ("qua_cpa_ftd", Baseline::FirstDeposit, wire.qua_cpa_ftd),
        ("qua_cpa_deposit", Baseline::TotalDeposits, wire.qua_cpa_deposit),
        ("qua_cpa_net_deposit", Baseline::NetDeposits, wire.qua_cpa_net_deposit),
        ("qua_cpa_volume", Baseline::Volume, wire.qua_cpa_volume),
    ];
    one_of(amounts, wire.qua_cpa_activity_count)
}

/// The one qualifier that is given.
fn one_of<const N: usize>(
    amounts: [(&str, Baseline, Option<Amount>); N],
    count: Option<u32>,
) -> Result<Option<Qualification>, Refusal> {
    let mut found: Option<(&str, Qualification)> = None;
    let count = count.filter(|count| *count != 0).map(|count| Qualification {
        baseline: Baseline::ActivityCount,
        amount: None,
        count: Some(count),
        within_days: None,
    });
    let amounts = amounts.into_iter().filter_map(|(field, baseline, amount)| {
        let amount = amount.filter(|amount| amount.0 != 0)?;
        let amount = Some(money::Amount(amount.0));
        Some((field, Qualification { baseline, amount, count: None, within_days: None }))
    });
    for (field, qualifier) in amounts.chain(count.map(|count| ("qua_cpa_activity_count", count))) {
        if let Some((other, _)) = found {
            return Err(Refusal::field(field, format!("a deal has one qualifier; {other} is given too")));
        }
        found = Some((field, qualifier));
    }
    Ok(found.map(|(_, qualifier)| qualifier))
}

fn shown(row: DealRow, affiliate: AffiliateId, of: &OfAffiliate) -> Row {
    let deal = smartico::Deal::from_terms(&row.terms).unwrap_or_default();
    let fee = |fee: &Option<(money::Amount, Option<Qualification>)>| {
        fee.as_ref().map(|(amount, _)| Decimal(amount.0.into()))
    };
    let qualified = |baseline: Baseline, of: &Option<(money::Amount, Option<Qualification>)>| {
        let qualifier = of.as_ref().and_then(|(_, qualifier)| qualifier.clone())?;
        (qualifier.baseline == baseline).then_some(qualifier)
    };
    let least = |baseline, of| Some(Decimal(qualified(baseline, of)?.amount?.0.into()));
    let share = deal.net_pnl.or(deal.net_deposits);
    let brands: Option<Vec<i64>> = row.terms.criteria.brand.iter().map(|brand| brand.parse().ok()).collect();
    Row {
        id: row.id,
        deal_id: row.id,
        affiliate_id: affiliate,
        deal_type_id: codes::deal_type(&row.terms),
        level_id: 1,
        is_default: row.id == of.home,
        cpl_amount: fee(&deal.cpl),
        cpa_amount: fee(&deal.cpa),
        // A percentage has ten thousand parts per million.
        rev_share_percentage: share.map(|rate| Decimal(i128::from(rate.ppm()) * 100)),
        qua_cpl_volume: least(Baseline::Volume, &deal.cpl),
        qua_cpa_ftd: least(Baseline::FirstDeposit, &deal.cpa),
        qua_cpa_deposit: least(Baseline::TotalDeposits, &deal.cpa),
        qua_cpa_net_deposit: least(Baseline::NetDeposits, &deal.cpa),
        qua_cpa_volume: least(Baseline::Volume, &deal.cpa),
        qua_cpa_activity_count: qualified(Baseline::ActivityCount, &deal.cpa).and_then(|it| it.count),
        sub_affiliates: sub_affiliates::Shown::of(Some(&row.terms)),
        match_brand_is: brands.filter(|brands| !brands.is_empty()),
        create_date: iso_millis(row.created_at),
        operator_currency: of.currency,
        deal_group_name: row.name,
    }
}
