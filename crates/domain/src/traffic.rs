//! The dimensions of a visit that its address carries: sub id, source, campaign, `afp` to `afp9`, `utm_*`.
//!
//! Affiliates put their own ids there, so a value is free text and never a key of a roll-up (engineering.md §4). What must
//! not be here: what a click is besides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The longest value, in characters; what is longer is cut.
pub const LONGEST: usize = 255;

/// The dimensions that have one name only, in links, macros and what is kept.
pub const ALIKE: [&str; 15] = [
    "afp",
    "afp1",
    "afp2",
    "afp3",
    "afp4",
    "afp5",
    "afp6",
    "afp7",
    "afp8",
    "afp9",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
];

/// The names of dimensions, in the order in which they are shown.
fn dimensions() -> impl Iterator<Item = &'static str> {
    ["sub_id", "source", "campaign"].into_iter().chain(ALIKE)
}

/// What the address of a visit said, by dimension; never an empty value.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Traffic(BTreeMap<String, String>);

impl Traffic {
    /// The dimension that a parameter of an address fills; `None` for any other parameter.
    pub fn dimension(parameter: &str) -> Option<&'static str> {
        let name = match parameter {
            "sid" => "sub_id",
            "source_id" => "source",
            "campaign_id" => "campaign",
            name => name,
        };
        dimensions().find(|dimension| *dimension == name)
    }

    /// Reads the query of an address (`a=1&b=2`, percent-encoded); what is no dimension is left out, and of a dimension
    /// that is given twice the first counts.
    pub fn read(query: &str) -> Traffic {
        let mut traffic = Traffic::default();
        for (name, value) in pairs(query) {
            traffic.set(&name, &value);
        }
        traffic
    }

    /// Fills the dimension of a parameter, unless it is filled; other parameters and empty values change nothing.
    pub fn set(&mut self, parameter: &str, value: &str) {
        let Some(dimension) = Traffic::dimension(parameter) else { return };
        let value = clean(value, LONGEST);
        if !value.is_empty() {
            self.0.entry(dimension.to_owned()).or_insert(value);
        }
    }

    /// The value of a dimension.
    pub fn get(&self, dimension: &str) -> Option<&str> {
        self.0.get(dimension).map(String::as_str)
    }

    /// Whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every dimension that is filled.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The pairs of a query, decoded; what is no UTF-8 becomes the replacement character.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// A text without control characters and white space around it, cut to a length in characters.
pub fn clean(text: &str, limit: usize) -> String {
    let text = text.trim();
    // Nearly all are plain ASCII.
    if text.len() <= limit && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars().filter(|letter| !letter.is_control()).take(limit).collect()
}

fn decode(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        match (byte, pair) {
            (b'%', Some((high, low))) => {
                decoded.push((high << 4 | low) as u8);
                at += 3;
                continue;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
