//! Links: the code in their address, where they may lead, and what is filled in on the way.
//!
//! A destination is checked when it is set, against the program's allowed hosts, so that no redirect leads anywhere
//! else. What must not be here: which links there are, the click itself.

mod destination;
mod host;

use serde::{Deserialize, Serialize};

pub use destination::{Destination, DestinationError, Macro, encode};
pub use host::{Host, HostError, HostPattern, is_allowed};

use crate::text::text_type;

/// The letters of a code that nobody chose: none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Words that are addresses of the server itself, on a host where a code stands alone.
const RESERVED: &[&str] = &[
    "api", "assets", "beacon", "c", "console", "docs", "favicon", "healthz", "hooks", "metrics", "pixel",
    "portal", "readyz", "reditus", "refero", "smartico", "t", "v1", "v2",
];

/// Why a text is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Other characters, or too long or short.
    #[error(
        "{0:?} is no code; 2 to 64 letters, digits, '-' and '_' are allowed, the first a letter or digit"
    )]
    Malformed(String),
    /// An address of the server itself.
    #[error("{0:?} is an address of this server; choose another code")]
    Reserved(String),
}

text_type!(
    /// The code in a link's address: lower-case letters, digits, '-' and '_'; read in any case.
    Code,
    CodeError,
    parse
);

impl Code {
    /// The longest code, in characters.
    pub const LONGEST: usize = 64;

    /// A code of eight letters that nobody chose, from random bytes.
    pub fn drawn(random: [u8; 8]) -> Code {
        Code(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
    }
}

fn parse(text: &str) -> Result<String, CodeError> {
    let code = text.trim().to_ascii_lowercase();
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_code = (2..=Code::LONGEST).contains(&code.len())
        && code.bytes().all(|letter| is_letter(letter) || letter == b'-' || letter == b'_')
        && code.bytes().next().is_some_and(is_letter);
    if !is_code {
        return Err(CodeError::Malformed(text.chars().take(80).collect()));
    }
    if RESERVED.contains(&code.as_str()) {
        return Err(CodeError::Reserved(code));
    }
    Ok(code)
}

/// What a link leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A page where one registers.
    RegistrationPage,
    /// A page made for the campaign.
    LandingPage,
    /// The home page.
    HomePage,
    /// Anything else.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::RegistrationPage, Kind::LandingPage, Kind::HomePage, Kind::Other];

    /// The word of this kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::RegistrationPage => "registration_page",
            Kind::LandingPage => "landing_page",
            Kind::HomePage => "home_page",
            Kind::Other => "other",
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
