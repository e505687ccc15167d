//! The numbers and names of this surface for our words: statuses of affiliates, states of payouts, payment methods.
//! Which of them the contract gives and which we chose is in docs/SMARTICO.md.

use domain::affiliate::Status;
use domain::deal::{Reward, Terms, smartico};
use domain::ledger::Kind;
use domain::payout::State;

use super::refusal::Refusal;

/// `aff_status_id` and `aff_status_name`.
pub(super) fn status(status: Status) -> (i64, &'static str) {
    match status {
        Status::Pending => (1, "Pending"),
        Status::Approved => (2, "Approved"),
        Status::Declined => (3, "Declined"),
        Status::Suspended => (4, "Suspended"),
        Status::Blocked => (6, "Blocked"),
    }
}

/// The status of an `aff_status_id`.
pub(super) fn status_of(field: &str, number: i64) -> Result<Status, Refusal> {
    match number {
        1 => Ok(Status::Pending),
        2 => Ok(Status::Approved),
        3 => Ok(Status::Declined),
        4 => Ok(Status::Suspended),
        5 => Err(Refusal::field(field, "5 (ViewOnly) is not supported; the nearest is 4 (Suspended)")),
        6 | 7 => Ok(Status::Blocked),
        _ => Err(Refusal::field(
            field,
            format!(
                "{number} is no status; expected 1 Pending, 2 Approved, 3 Declined, 4 Suspended or 6 Blocked"
            ),
        )),
    }
}

/// `payment_status_id` and `payment_status_name`.
pub(super) fn payment_status(state: State) -> (i64, &'static str) {
    match state {
        State::Requested => (1, "Pending Approval"),
        State::Approved => (2, "Pending Payment"),
        State::Cancelled => (3, "Cancelled"),
        State::Paid => (4, "Paid"),
        State::Processing => (5, "Processing"),
        State::Failed => (6, "Failed"),
        State::Returned => (7, "Returned"),
    }
}

/// The state of a `payment_status_id`.
pub(super) fn payment_status_of(field: &str, number: i64) -> Result<State, Refusal> {
    State::ALL.into_iter().find(|state| payment_status(*state).0 == number).ok_or_else(|| {
        let known =
            "1 Pending Approval, 2 Pending Payment, 3 Cancelled, 4 Paid, 5 Processing, 6 Failed, 7 Returned";
        Refusal::field(field, format!("{number} is no payment status; expected one of {known}"))
    })
}

/// `payment_method_id` and `payment_method_name`.
const METHODS: [(i16, &str); 9] = [
    (0, ""),
    (1, "Wire Transfer"),
    (2, "Neteller"),
    (3, "Skrill"),
    (4, "PayPal"),
    (5, "ERC20 wallet"),
    (6, "TRC20 wallet"),
    (7, "Istpay"),
    (8, "Pay4Fun"),
];

/// `payment_method_name`; empty for none.
pub(super) fn method_name(id: i16) -> &'static str {
    METHODS.into_iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name)
}

/// The method of a `payment_method_id`.
pub(super) fn method_of(field: &str, number: i64) -> Result<i16, Refusal> {
    METHODS.into_iter().map(|(id, _)| id).find(|id| i64::from(*id) == number).ok_or_else(|| {
        let known: Vec<String> =
            METHODS.into_iter().skip(1).map(|(id, name)| format!("{id} {name}")).collect();
        Refusal::field(
            field,
            format!("{number} is no payment method; expected 0 for none, {}", known.join(", ")),
        )
    })
}

/// `deal_type_id`: a bit each for CPL (1), CPA (2), a share of net P&L (4) and a share of net deposits (8), which is
/// what a percentage of payments less refunds is, too; 0 for a deal without rules.
pub(super) fn deal_type(terms: &Terms) -> i64 {
    terms.rules.iter().fold(0, |mask, rule| {
        mask | match (rule.kind(), rule.reward) {
            (Kind::Lead, _) => smartico::CPL,
            (Kind::Acquisition, _) => smartico::CPA,
            (Kind::Share, Reward::PercentOfNetPnl(_)) => smartico::REV_SHARE_NET_PNL,
            (Kind::Share, _) => smartico::REV_SHARE_NET_DEPOSITS,
            (Kind::SubAffiliate, _) => 0,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_back() {
        for known in Status::ALL {
            assert_eq!(status_of("aff_status_id", status(known).0), Ok(known));
        }
        for known in State::ALL {
            assert_eq!(payment_status_of("payment_status_id", payment_status(known).0), Ok(known));
        }
        assert_eq!(status_of("aff_status_id", 7), Ok(Status::Blocked));
        assert!(status_of("aff_status_id", 5).is_err() && status_of("aff_status_id", 0).is_err());
        assert!(method_of("payment_method_id", 4).is_ok() && method_of("payment_method_id", 65_540).is_err());
    }
}
