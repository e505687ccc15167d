//! Coupons as evidence: their codes, and when they are valid.

use serde::{Deserialize, Serialize};

use super::Flaw;
use crate::text::{self, TextError, text_type};
use crate::time::Timestamp;

/// The longest code.
const LIMIT: usize = 100;

text_type!(
    /// A coupon's code: what a customer types, in upper case, without white space, at most 100 characters. Two codes that
    /// differ in case only are one.
    Code,
    TextError,
    parse
);

fn parse(text: &str) -> Result<String, TextError> {
    let code = text.trim().to_uppercase();
    if code.is_empty() {
        return Err(TextError::Empty);
    }
    if let Some(control) = code.chars().find(|c| c.is_control()) {
        return Err(TextError::Control(control as u32));
    }
    text::check(&code, LIMIT)?;
    if code.chars().any(char::is_whitespace) {
        return Err(TextError::NotACode(text.chars().take(64).collect()));
    }
    Ok(code)
}

/// When a coupon is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Validity {
    /// From this instant on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Validity {
    /// Whether it is valid for all time.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    /// Why a coupon does not count at an instant.
    pub fn flaw(&self, at: Timestamp) -> Option<Flaw> {
        match (self.from, self.until) {
            (Some(from), _) if at < from => Some(Flaw::NotYetValid(from)),
            (_, Some(until)) if until <= at => Some(Flaw::NoLongerValid(until)),
            _ => None,
        }
    }
}
