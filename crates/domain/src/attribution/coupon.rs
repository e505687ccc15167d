//! Coupons as evidence: their codes, and when they are valid.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Flaw;
use crate::text::{self, TextError};
use crate::time::Timestamp;

/// A coupon's code: what a customer types, in upper case, without white space, at most 100 characters. Two codes that
/// differ in case only are one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// The longest code.
const LIMIT: usize = 100;

impl Code {
    /// Reads and normalises a code.
    pub fn parse(text: &str) -> Result<Code, TextError> {
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
        Ok(Code(code))
    }

    /// The normalised code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Code {
    type Error = TextError;

    fn try_from(text: String) -> Result<Code, TextError> {
        Code::parse(&text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
