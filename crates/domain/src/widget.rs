//! The token by which a program's server says who looks at its referral widget (Reditus contract §6): a JWT signed with
//! HS512 by the product's secret. What must not be here: where secrets are kept, the time of day.

use chrono::{DateTime, TimeDelta};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha512;
use uuid::Uuid;

use crate::text::Uid;
use crate::time::Timestamp;

/// How old a token may be. Reditus' script kept it as long as this.
const MAX_AGE: TimeDelta = TimeDelta::days(30);

/// A token may be dated this far ahead, because the clocks of two machines differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// A token is never longer, in characters.
const MAX_LENGTH: usize = 4096;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with a JSON object in each of the first two.
    #[error("it is no JWT: {0}")]
    Malformed(&'static str),
    /// Signed by another method, or by none.
    #[error("its header says alg {0:?}; only HS512 is accepted")]
    Algorithm(String),
    /// Not signed by this product's secret.
    #[error("its signature does not fit; sign with the secret of this product, taken as UTF-8 text")]
    Signature,
    /// Another product's.
    #[error("its ProductId is {0:?}, which is another product")]
    Product(String),
    /// No usable user.
    #[error("its UserId {0}")]
    User(String),
    /// No usable time.
    #[error("it has no iat, or one that is no number of seconds since 1970")]
    NoTime,
    /// Dated ahead.
    #[error("its iat is in the future: {0}")]
    InFuture(Timestamp),
    /// Older than 30 days, or behind its own end.
    #[error("it has expired; make one for every session")]
    Expired,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Claims {
    #[serde(default)]
    product_id: Value,
    #[serde(default)]
    user_id: Value,
    #[serde(rename = "iat", default)]
    issued_at: Value,
    #[serde(rename = "exp")]
    expires_at: Option<Value>,
}

/// The user that a token names, if it is signed by the secret of a product and not too old.
pub fn verify(text: &str, product: Uuid, secret: &str, now: Timestamp) -> Result<Uid, TokenError> {
    if text.len() > MAX_LENGTH {
        return Err(TokenError::Malformed("it is too long"));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let &[header, claims, signature] = parts.as_slice() else {
        return Err(TokenError::Malformed("expected three parts joined by dots"));
    };
    let decoded = |part| decode(part).ok_or(TokenError::Malformed("a part is not base64url"));
    let Header { alg } = serde_json::from_slice(&decoded(header)?)
        .map_err(|_| TokenError::Malformed("its header is no JSON object with alg"))?;
    if alg != "HS512" {
        return Err(TokenError::Algorithm(alg.chars().take(64).collect()));
    }
    let signed = &text[..header.len() + 1 + claims.len()];
    mac(secret, signed).verify_slice(&decoded(signature)?).map_err(|_| TokenError::Signature)?;
    let claims: Claims = serde_json::from_slice(&decoded(claims)?)
        .map_err(|_| TokenError::Malformed("its claims are no JSON object"))?;
    check(&claims, product, now)?;
    user(&claims.user_id)
}

fn check(claims: &Claims, product: Uuid, now: Timestamp) -> Result<(), TokenError> {
    let named = claims.product_id.as_str().unwrap_or_default();
    if named.parse::<Uuid>() != Ok(product) {
        return Err(TokenError::Product(named.chars().take(64).collect()));
    }
    let issued_at = instant(&claims.issued_at).ok_or(TokenError::NoTime)?;
    if issued_at > now + CLOCKS_DIFFER {
        return Err(TokenError::InFuture(issued_at));
    }
    let expires_at = match &claims.expires_at {
        None | Some(Value::Null) => issued_at + MAX_AGE,
        Some(end) => instant(end).ok_or(TokenError::NoTime)?.min(issued_at + MAX_AGE),
    };
    if now > expires_at { Err(TokenError::Expired) } else { Ok(()) }
}

/// An instant of whole seconds, as far away as the books go.
fn instant(claim: &Value) -> Option<Timestamp> {
    let seconds = claim.as_i64().filter(|seconds| (0..=i64::from(u32::MAX)).contains(seconds))?;
    DateTime::from_timestamp(seconds, 0)
}

/// Ids of users are texts or whole numbers, as servers have them.
fn user(claim: &Value) -> Result<Uid, TokenError> {
    let text = match claim {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return Err(TokenError::User("is missing, or neither text nor a whole number".to_owned())),
    };
    Uid::parse(&text).map_err(|error| TokenError::User(format!("is not acceptable: {error}")))
}

/// A token for a user, as the program's own server makes it.
pub fn sign(user: &str, product: Uuid, secret: &str, now: Timestamp) -> String {
    let claims = json!({ "ProductId": product, "UserId": user, "iat": now.timestamp() });
    let header = json!({ "alg": "HS512", "typ": "JWT" });
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(&mac(secret, &signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

fn mac(secret: &str, signed: &str) -> Hmac<Sha512> {
    let mut mac = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    mac
}

/// Base64url without padding (RFC 4648 §5).
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| three.get(at).map_or(0, |byte| u32::from(*byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=three.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

/// Base64url without padding; padding that libraries add is accepted.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for four in text.chunks(4) {
        let mut bits = 0;
        for place in 0..4 {
            let letter = four.get(place).map(|letter| ALPHABET.iter().position(|known| known == letter));
            bits = bits << 6 | u32::try_from(letter.unwrap_or(Some(0))?).ok()?;
        }
        let [_, whole @ ..] = bits.to_be_bytes();
        match four.len() {
            4 => bytes.extend(whole),
            length @ (2 | 3) => bytes.extend(&whole[..length - 1]),
            _ => return None,
        }
    }
    Some(bytes)
}
