//! Who is meant: the identifiers of a referral as Reditus names them. Empty text counts as not sent, because clients
//! send it for what they do not know.

use domain::command::{Customer, Refused};
use domain::text::{Email, TextError, Uid};

use super::failure::{Failure, Result};

/// Text of a field, unless it is blank.
pub(super) fn filled(field: &Option<String>) -> Option<&str> {
    field.as_deref().filter(|text| !text.trim().is_empty())
}

/// Parses the text of a field, unless it is blank.
pub(super) fn optional<T>(
    name: &str,
    field: &Option<String>,
    parse: impl Fn(&str) -> std::result::Result<T, TextError>,
) -> Result<Option<T>> {
    filled(field).map(&parse).transpose().map_err(|error| Failure::invalid(name, error))
}

/// Parses the text of a field that must be there.
pub(super) fn required<T>(
    name: &str,
    field: &Option<String>,
    parse: impl Fn(&str) -> std::result::Result<T, TextError>,
) -> Result<T> {
    optional(name, field, parse)?
        .ok_or_else(|| Failure::invalid(name, "it is required; it was not sent or is empty"))
}

/// Checks free text that is kept as it came.
pub(super) fn free_text(name: &str, field: &Option<String>, limit: usize) -> Result<Option<String>> {
    optional(name, field, |text| domain::text::check(text, limit).map(|()| text.to_owned()))
}

/// The customer that `referral_uid`, `referral_id` and `referral_email` name.
///
/// An id that cannot be one of ours matches nothing, so that the address beside it still counts: companies that moved
/// over send the ids they know.
pub(super) fn customer(
    uid: &Option<String>,
    id: &Option<String>,
    email: &Option<String>,
) -> Result<Customer> {
    let customer = Customer {
        uid: optional("referral_uid", uid, Uid::parse)?,
        id: filled(id).and_then(|id| id.trim().parse().ok()),
        email: optional("referral_email", email, Email::parse)?,
    };
    match filled(id) {
        Some(id) if customer.is_empty() => {
            let id: String = id.chars().take(64).collect();
            Err(Refused::UnknownCustomer(format!("id {id:?}")).into())
        }
        None if customer.is_empty() => Err(Failure::invalid(
            "referral_uid",
            "expected at least one of referral_uid, referral_id and referral_email",
        )),
        _ => Ok(customer),
    }
}
