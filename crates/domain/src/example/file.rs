//! A deal as a file: a name, its terms, and examples with what they should come to. How the file is written down is
//! the reader's; here it is what it says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Books, Program, tell};
use crate::currency::Currency;
use crate::deal::Terms;
use crate::ids::AffiliateId;
use crate::money::{decimal, parse_decimal};

/// A deal as a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The deal's name.
    pub name: String,
    /// The currency that the examples are told in.
    #[serde(default = "euro")]
    pub currency: Currency,
    /// The terms, under the same names as in JSON.
    pub terms: Terms,
    /// What the deal comes to in histories.
    #[serde(default, rename = "example", skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// A history and what it should come to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// What happens, in the statements of [`tell`].
    pub events: String,
    /// Amounts of affiliate 1 by name (see [`Books::amount`]); what is not named is not compared.
    pub expect: BTreeMap<String, String>,
    /// The same of affiliates that brought it, by their number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub affiliates: BTreeMap<String, BTreeMap<String, String>>,
}

/// What an example came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The example's name.
    pub name: String,
    /// Every difference, in a sentence each; nothing where it is as expected.
    pub differences: Vec<String>,
    /// What stands in the end.
    pub standing: String,
}

/// Why a deal cannot be checked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileError {
    /// The terms are refused.
    #[error("terms: {0}")]
    Terms(String),
    /// It shows nothing.
    #[error("there is no [[example]]; a deal in a file shows at least one history and what it comes to")]
    NoExample,
}

fn euro() -> Currency {
    Currency::EUR
}

impl File {
    /// Runs every example through the engine and compares.
    pub fn check(&self) -> Result<Vec<Checked>, FileError> {
        self.terms.check(self.currency).map_err(|error| FileError::Terms(error.to_string()))?;
        if self.examples.is_empty() {
            return Err(FileError::NoExample);
        }
        Ok(self.examples.iter().map(|example| example.check(&self.terms, self.currency)).collect())
    }
}

impl Example {
    fn check(&self, terms: &Terms, currency: Currency) -> Checked {
        let told = tell(terms, currency, &self.events);
        let (differences, standing) = match told {
            Err(problem) => (vec![problem.to_string()], String::new()),
            Ok(program) => (self.differences(&program), program.standing()),
        };
        Checked { name: self.name.clone(), differences, standing }
    }

    fn differences(&self, program: &Program) -> Vec<String> {
        let mut differences = Vec::new();
        if self.expect.is_empty() && self.affiliates.is_empty() {
            differences.push("nothing is expected; name at least a balance".to_owned());
        }
        let own = ("", program.books(AffiliateId(1)), &self.expect);
        let others = self.affiliates.iter().map(|(number, expected)| {
            let affiliate = number.parse().ok().map(AffiliateId);
            (number.as_str(), affiliate.and_then(|affiliate| program.books(affiliate)), expected)
        });
        for (number, books, expected) in std::iter::once(own).chain(others) {
            let whose = if number.is_empty() { String::new() } else { format!("affiliate {number}: ") };
            let nothing = Books::default();
            let books = books.unwrap_or(&nothing);
            for (name, amount) in expected {
                let difference = compare(books, name, amount, program.currency());
                differences.extend(difference.map(|difference| whose.clone() + &difference));
            }
        }
        differences
    }
}

/// The difference between an amount and what is expected of it, if there is one.
fn compare(books: &Books, name: &str, expected: &str, currency: Currency) -> Option<String> {
    let Some(found) = books.amount(name) else {
        return Some(format!(
            "{name} is no amount; there are balance, pending, due, in_payout, carried, paid_out, adjustments, lead, \
             acquisition, share, sub_affiliate"
        ));
    };
    let wanted = match parse_decimal(expected) {
        Ok(wanted) => wanted,
        Err(error) => return Some(format!("{name}: {error}")),
    };
    let print = |micros: i128| decimal(micros, currency.exponent());
    (found != i128::from(wanted))
        .then(|| format!("{name} is {}, expected {}", print(found), print(wanted.into())))
}
