//! The refunds of a referral as its figures count them: once each, by the newest report (money.md §5).

use std::collections::BTreeMap;

use domain::fact::Kind;
use domain::fact::RefundState;
use domain::ids::FactId;
use domain::time::Timestamp;
use store::fact::FactRow;

/// The reports of refunds, by payment and refund id, oldest first; `None` for one that failed.
#[derive(Default)]
pub(crate) struct Refunds(BTreeMap<(FactId, String), BTreeMap<(Timestamp, FactId), Option<i64>>>);

/// A refund that counts: when it happened, and its value in micros, as far as that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counted {
    pub(crate) occurred_at: Timestamp,
    pub(crate) value_micros: i64,
}

impl Refunds {
    /// Takes a report, or what one is worth now; what counted of its refund before and what counts now is returned.
    /// Other facts are left alone.
    pub(crate) fn put(&mut self, row: &FactRow) -> (Option<Counted>, Option<Counted>) {
        let Some(payment) = row.payment.filter(|_| row.kind == Kind::Refund) else { return (None, None) };
        let reports = self.0.entry((payment, row.source.clone())).or_default();
        let before = newest(reports);
        let has_failed = row.state() == Some(RefundState::Failed.as_str());
        let value = (!has_failed).then_some(row.value_micros.unwrap_or(0));
        reports.insert((row.occurred_at, row.id), value);
        (before, newest(reports))
    }
}

fn newest(reports: &BTreeMap<(Timestamp, FactId), Option<i64>>) -> Option<Counted> {
    let ((occurred_at, _), value) = reports.last_key_value()?;
    value.map(|value_micros| Counted { occurred_at: *occurred_at, value_micros })
}
