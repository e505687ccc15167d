//! The refunds and lost disputes of a referral as its figures count them: once each, by the newest report (money.md §5).

use std::collections::BTreeMap;

use domain::fact::{DisputeState, Kind, RefundState};
use domain::ids::FactId;
use domain::time::Timestamp;
use store::fact::FactRow;

/// The refunds and disputes of a referral, by payment and their own id.
#[derive(Default)]
pub(crate) struct Refunds(BTreeMap<(FactId, Kind, String), Reports>);

/// What was reported of one, oldest first; `None` where nothing was sent back.
type Reports = BTreeMap<(Timestamp, FactId), Option<i64>>;

/// What counts as sent back: when it happened, and its value in micros, as far as that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counted {
    pub(crate) occurred_at: Timestamp,
    pub(crate) value_micros: i64,
}

impl Refunds {
    /// Takes a report, or what one is worth now; what counted of its refund or dispute before and what
    /// counts now is returned.
    /// Other facts are left alone.
    pub(crate) fn put(&mut self, row: &FactRow) -> (Option<Counted>, Option<Counted>) {
        let was_sent_back = match row.kind {
            Kind::Refund => row.state() != Some(RefundState::Failed.as_str()),
            Kind::Dispute => row.state() == Some(DisputeState::Lost.as_str()),
            _ => return (None, None),
        };
        let Some(payment) = row.payment else { return (None, None) };
        let reports = self.0.entry((payment, row.kind, row.source.clone())).or_default();
        let before = newest(reports);
        let value = was_sent_back.then_some(row.value_micros.unwrap_or(0));
        reports.insert((row.occurred_at, row.id), value);
        (before, newest(reports))
    }
}

fn newest(reports: &Reports) -> Option<Counted> {
    let ((occurred_at, _), value) = reports.last_key_value()?;
    value.map(|value_micros| Counted { occurred_at: *occurred_at, value_micros })
}
