//! `/v1/program`: the settings of the caller's program.

pub(super) mod show;
pub(super) mod update;

use app::program::{AttributionModel, PayoutMode, ProgramRow};
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{self, Amount, CurrencyCode, Month, amount, schema, words};
use super::links::WebAddress;

schema! {
    ProgramMode = words("Whether the program moves real money.", ["live", "test"]);
    ProgramPayoutMode = words(
        "`direct`: a payout is requested and paid in one step. `three_step`: it is requested, approved and paid.",
        PAYOUT_MODES.map(PayoutMode::as_str),
    );
    ProgramAttributionModel = words(
        "Which of several clicks inside the window counts.",
        AttributionModel::ALL.map(AttributionModel::as_str),
    );
    TrackingId = fields::pattern(
        "What names the program in a browser, as in `refero(\"initCustomer\", ID)`.",
        "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "0197290f-6d3b-7cc0-b7a3-8e1b5f2d4c61",
    );
    ClickParameter = fields::pattern("A name of a parameter.", "^[A-Za-z0-9_-]{1,32}$", "rfr");
    ZoneName = fields::pattern("A time zone of the IANA database.", "^[A-Za-z0-9+_/-]{1,64}$", "Europe/Berlin");
}

/// Every way in which payouts are made.
const PAYOUT_MODES: [PayoutMode; 2] = [PayoutMode::Direct, PayoutMode::ThreeStep];

/// A program and its settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Program {
    /// Its number in this installation.
    id: i64,
    /// Its name.
    name: String,
    /// The currency of its books; fixed by the first event.
    #[schema(value_type = CurrencyCode)]
    currency: Currency,
    /// The time zone of its days and months; fixed by the first event.
    #[schema(value_type = ZoneName)]
    zone: &'static str,
    /// Live or test.
    #[schema(value_type = ProgramMode)]
    mode: &'static str,
    /// How payouts are made.
    #[schema(value_type = ProgramPayoutMode)]
    payout_mode: &'static str,
    /// The smallest payout, unless an affiliate has its own.
    #[schema(value_type = Amount)]
    payout_threshold: String,
    /// Whether payments of the Smartico surface may exceed what is payable.
    smartico_advance: bool,
    /// Whether an identical payment of the Smartico surface within ten minutes is refused.
    refuse_identical_payment: bool,
    /// After so many days without a payment a referral expires; null for never.
    referral_expires_after_days: Option<i32>,
    /// A month is closed so many days after its end.
    close_after_days: i32,
    /// The last closed month; null before any is.
    #[schema(value_type = Option<Month>)]
    closed_through: Option<String>,
    /// Who owns organic traffic.
    default_affiliate_id: i64,
    /// The deal of whoever has no own.
    default_deal_id: i64,
    /// What names the program in a browser; it is public.
    #[schema(value_type = TrackingId)]
    tracking_id: String,
    /// Hosts that links may lead to: a name, or all names below one as in `*.example.com`.
    allowed_hosts: Vec<String>,
    /// Where a link without a destination, a disabled link and an unknown code on one of `tracking_hosts` lead.
    #[schema(value_type = Option<WebAddress>)]
    fallback_url: Option<String>,
    /// The parameter of the landing page's address that carries the click.
    #[schema(value_type = ClickParameter)]
    click_parameter: String,
    /// From click to registration at most, in days.
    cookie_days: i32,
    /// Which of several clicks counts.
    #[schema(value_type = ProgramAttributionModel)]
    attribution_model: &'static str,
    /// Whether addresses of visitors are kept as they are, beside their keyed hash.
    keep_addresses: bool,
    /// The program's own hosts, on which the code of a link stands alone: `https://go.example.com/CODE`.
    tracking_hosts: Vec<String>,
    /// Domains of e-mail addresses whose registrations are flagged for review.
    disposable_domains: Vec<String>,
    /// Registrations of one affiliate within an hour above which they are flagged for review; null for any number.
    review_registrations_per_hour: Option<i32>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<ProgramRow> for Program {
    fn from(row: ProgramRow) -> Program {
        Program {
            review_registrations_per_hour: row.review_registrations_per_hour,
            id: row.id.0,
            name: row.name,
            currency: row.currency,
            zone: row.zone.name(),
            mode: row.mode.as_str(),
            payout_mode: row.payout_mode.as_str(),
            payout_threshold: amount(row.payout_threshold_micros, row.currency),
            smartico_advance: row.smartico_advance,
            refuse_identical_payment: row.refuse_identical_payment,
            referral_expires_after_days: row.referral_expires_after_days,
            close_after_days: row.close_after_days,
            closed_through: row.closed_through.map(|month| month.to_string()),
            default_affiliate_id: row.default_affiliate.0,
            default_deal_id: row.default_deal.0,
            tracking_id: row.tracking.id.to_string(),
            allowed_hosts: row.tracking.allowed_hosts,
            fallback_url: row.tracking.fallback_url,
            click_parameter: row.tracking.click_parameter,
            cookie_days: row.tracking.cookie_days,
            attribution_model: row.tracking.attribution_model.as_str(),
            keep_addresses: row.tracking.keep_addresses,
            tracking_hosts: row.tracking.hosts,
            disposable_domains: row.tracking.disposable_domains,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
