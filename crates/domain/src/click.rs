//! The click token (engineering.md §4): what a redirect hands to the customer's site, and what a conversion gives back.
//!
//! A token is signed, so that a click counts even if its row was never written, and nobody else can make one. What must
//! not be here: where keys are kept, the time of day, the row of a click.

mod base64;

use std::fmt;

use chrono::{DateTime, TimeDelta};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::ids::{LinkId, ProgramId};
use crate::time::Timestamp;

/// The characters of a token.
pub const TOKEN_LENGTH: usize = 54;

/// The shape of token that this version makes and reads.
const VERSION: u8 = 1;

/// Bytes that are signed, and bytes of the signature.
const SIGNED: usize = 24;
const SIGNATURE: usize = 16;

/// A click may be dated this far ahead, because the clocks of two machines differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// The id of a click within its program: seconds, the link, eight random bytes. It sorts by time and can be told from
/// the token alone, so that evidence names a click whether or not its row is written yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClickId(pub Uuid);

impl ClickId {
    /// The id of a click that no redirect has signed: seconds, and twelve bytes that are drawn at random.
    pub fn declared(at: Timestamp, random: [u8; 12]) -> ClickId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&seconds_of(at).to_be_bytes());
        bytes[4..].copy_from_slice(&random);
        ClickId(Uuid::from_bytes(bytes))
    }

    /// Reads an id as it is shown, `click_` and 32 digits.
    pub fn parse(text: &str) -> Option<ClickId> {
        text.strip_prefix("click_").and_then(|digits| digits.parse().ok()).map(ClickId)
    }

    /// The second in which the click happened.
    pub fn second(self) -> Timestamp {
        let [a, b, c, d, ..] = *self.0.as_bytes();
        DateTime::from_timestamp(i64::from(u32::from_be_bytes([a, b, c, d])), 0).unwrap_or_default()
    }
}

impl fmt::Display for ClickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "click_{}", self.0.simple())
    }
}

impl fmt::Debug for ClickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that signs clicks.
#[derive(Clone)]
pub struct Key {
    id: u16,
    mac: Hmac<Sha256>,
}

impl Key {
    /// A key by its number and its bytes.
    pub fn new(id: u16, bytes: &[u8; 32]) -> Key {
        Key { id, mac: Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length") }
    }

    /// Its number.
    pub fn id(&self) -> u16 {
        self.id
    }
}

impl fmt::Debug for Key {
    /// The bytes are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// The key that signed it.
    pub key: u16,
    /// The program.
    pub program: ProgramId,
    /// The link.
    pub link: LinkId,
    /// When the click happened, in seconds since 1970.
    pub seconds: u32,
    /// What tells two clicks of one second apart.
    pub random: [u8; 8],
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not as long as a token.
    #[error("it has {0} characters; a click id of this server has 54")]
    Length(usize),
    /// A character that no token has, or bits behind its end.
    #[error("it has characters that no click id has; give it as it came in the address of the landing page")]
    Alphabet,
    /// A shape of another version.
    #[error("it has version {0}, which this server does not read")]
    Version(u8),
    /// Its key is not known, or no longer.
    #[error("it names the signing key {0}, which is unknown or has been retired")]
    UnknownKey(u16),
    /// The signature does not fit: it was made up or changed.
    #[error("its signature does not fit; it was changed or was not made by this server")]
    Forged,
    /// It was made for another program.
    #[error("it belongs to another program")]
    OtherProgram,
    /// The click is too long ago.
    #[error("the click of {clicked_at} is outside the window of {window_days} days")]
    Expired {
        /// When the click happened.
        clicked_at: Timestamp,
        /// The program's window.
        window_days: i32,
    },
    /// The click is later than what it is given for.
    #[error("the click of {clicked_at} is later than what it is given for, {at}")]
    InFuture {
        /// When the click happened.
        clicked_at: Timestamp,
        /// When the conversion did.
        at: Timestamp,
    },
}

impl TokenError {
    /// A stable word for programs to read.
    pub fn code(self) -> &'static str {
        match self {
            TokenError::Length(_) | TokenError::Alphabet | TokenError::Version(_) => "malformed",
            TokenError::UnknownKey(_) => "unknown_key",
            TokenError::Forged => "forged",
            TokenError::OtherProgram => "other_program",
            TokenError::Expired { .. } => "expired",
            TokenError::InFuture { .. } => "in_future",
        }
    }
}

/// What a program accepts: its own clicks, so many days long, for something that happened at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The program that is asked.
    pub program: ProgramId,
    /// When the conversion happened.
    pub at: Timestamp,
    /// From click to conversion at most.
    pub days: i32,
}

impl Token {
    /// A token for a click; the numbers of program and link must fit theirs (32 and 40 bits).
    pub fn new(key: &Key, program: ProgramId, link: LinkId, at: Timestamp, random: [u8; 8]) -> Token {
        Token { key: key.id, program, link, seconds: seconds_of(at), random }
    }

    /// The click's id.
    pub fn click(&self) -> ClickId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[4..8].copy_from_slice(&(self.link.0 as u32).to_be_bytes());
        bytes[8..].copy_from_slice(&self.random);
        ClickId(Uuid::from_bytes(bytes))
    }

    /// When the click happened.
    pub fn clicked_at(&self) -> Timestamp {
        DateTime::from_timestamp(i64::from(self.seconds), 0).unwrap_or_default()
    }

    /// The token as text, signed by the key it names.
    pub fn sign(&self, key: &Key) -> Signed {
        let mut bytes = [0; SIGNED + SIGNATURE];
        bytes[..SIGNED].copy_from_slice(&self.bytes());
        let mut mac = key.mac.clone();
        mac.update(&bytes[..SIGNED]);
        bytes[SIGNED..].copy_from_slice(&mac.finalize().into_bytes()[..SIGNATURE]);
        Signed(base64::encode(&bytes))
    }

    /// Reads a token and believes it only if it is whole, signed by a known key, of this program and inside the window.
    pub fn verify<'k>(
        text: &str,
        key: impl FnOnce(u16) -> Option<&'k Key>,
        window: Window,
    ) -> Result<Token, TokenError> {
        let token = Token::authentic(text, key)?;
        token.check(window)?;
        Ok(token)
    }

    /// Reads a token that is whole and signed by a known key, of whatever program and time.
    pub fn authentic<'k>(text: &str, key: impl FnOnce(u16) -> Option<&'k Key>) -> Result<Token, TokenError> {
        if text.len() != TOKEN_LENGTH {
            return Err(TokenError::Length(text.chars().count()));
        }
        let bytes = base64::decode(text.as_bytes()).ok_or(TokenError::Alphabet)?;
        let (signed, signature) = bytes.split_at(SIGNED);
        let token = Token::read(signed)?;
        let key = key(token.key).filter(|known| known.id == token.key);
        let mut mac = key.ok_or(TokenError::UnknownKey(token.key))?.mac.clone();
        mac.update(signed);
        mac.verify_truncated_left(signature).map_err(|_| TokenError::Forged)?;
        Ok(token)
    }

    /// Whether a program accepts the token.
    pub fn check(&self, window: Window) -> Result<(), TokenError> {
        let Window { program, at, days } = window;
        if self.program != program {
            return Err(TokenError::OtherProgram);
        }
        let clicked_at = self.clicked_at();
        if clicked_at > at + CLOCKS_DIFFER {
            return Err(TokenError::InFuture { clicked_at, at });
        }
        if clicked_at + TimeDelta::days(i64::from(days)) < at {
            return Err(TokenError::Expired { clicked_at, window_days: days });
        }
        Ok(())
    }

    fn bytes(&self) -> [u8; SIGNED] {
        let mut bytes = [0; SIGNED];
        bytes[0] = VERSION;
        bytes[1..3].copy_from_slice(&self.key.to_be_bytes());
        bytes[3..7].copy_from_slice(&(self.program.0 as u32).to_be_bytes());
        bytes[7..12].copy_from_slice(&self.link.0.to_be_bytes()[3..]);
        bytes[12..16].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[16..].copy_from_slice(&self.random);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Token, TokenError> {
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        if bytes[0] != VERSION {
            return Err(TokenError::Version(bytes[0]));
        }
        Ok(Token {
            key: number(1..3) as u16,
            program: ProgramId(number(3..7) as i64),
            link: LinkId(number(7..12) as i64),
            seconds: number(12..16) as u32,
            random: number(16..24).to_be_bytes(),
        })
    }
}

/// The click that a token names, whether or not it is to be believed: for what only looks it up.
pub fn named(text: &str) -> Option<ClickId> {
    let bytes = base64::decode(text.as_bytes()).filter(|_| text.len() == TOKEN_LENGTH)?;
    Token::read(&bytes).ok().map(|token| token.click())
}

/// Whole seconds since 1970; what lies outside 32 bits is cut off.
fn seconds_of(at: Timestamp) -> u32 {
    at.timestamp().clamp(0, i64::from(u32::MAX)) as u32
}

/// A token as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signed([u8; TOKEN_LENGTH]);

impl Signed {
    /// The text: letters, digits, '-' and '_', which need no escaping anywhere.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
