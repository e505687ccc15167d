//! What a call names a click by: the token of a redirect, or the cookie `_gr_id` of the script: eleven fields joined by `:`
//! and URI-encoded, nine in the script's old copy (contract §4.3). Of the eleven, the third is dead in Reditus' script; ours
//! keeps the token of the redirect there. Anything else is the bare client id in it.

use domain::command::ClickName;
use uuid::Uuid;

/// The fields of the cookie that name a click or an affiliate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// The affiliate's word in its links.
    pub(crate) slug: Option<String>,
    /// The word that another tool's parameter carried.
    pub(crate) foreign_slug: Option<String>,
    /// The partner key.
    pub(crate) partner_key: Option<String>,
    /// The click.
    pub(crate) click: Option<ClickName>,
}

impl Cookie {
    /// Reads the cookie, whether or not it is still URI-encoded; or a click token, or a client id by itself. A colon within a
    /// field is encoded in the cookie's own text, so a decoded cookie still shows where its fields end.
    pub(crate) fn parse(text: &str) -> Cookie {
        let whole = if text.contains(':') { text.to_owned() } else { decode(text) };
        let fields: Vec<String> = whole.split(':').map(decode).collect();
        if !matches!(fields.len(), 9 | 11) {
            return Cookie { click: click(&decode(text)), ..Cookie::default() };
        }
        let field = |place: usize| fields.get(place).cloned();
        let token = field(2).filter(|_| fields.len() == 11).and_then(|text| token(&text));
        let click = token.or_else(|| click(&fields[1]));
        Cookie { partner_key: field(3), slug: field(6), foreign_slug: field(7), click }
    }
}

/// A click by what it is called: the id of a browser, else a token as it came.
fn click(text: &str) -> Option<ClickName> {
    let text = text.trim();
    match Uuid::try_parse(text) {
        Ok(id) => Some(ClickName::Client(id)),
        Err(_) => token(text),
    }
}

fn token(text: &str) -> Option<ClickName> {
    (text.len() == domain::click::TOKEN_LENGTH).then(|| ClickName::Token(text.to_owned()))
}

/// Undoes URI-encoding; what is no escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let hex = escape.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = hex.and_then(|digits| std::str::from_utf8(digits).ok());
        match value.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_cookie_is_read_encoded_and_decoded() {
        let plain = ":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2::pk1:::john:jane:via:sub:affiliate";
        let cookie = Cookie::parse(plain);
        assert_eq!(cookie.slug.as_deref(), Some("john"));
        assert_eq!(cookie.foreign_slug.as_deref(), Some("jane"));
        assert_eq!(cookie.partner_key.as_deref(), Some("pk1"));
        assert_eq!(Cookie::parse(&plain.replace(':', "%3A")), cookie);
        // A sub id with a colon, as the browser keeps it and as a framework decodes the cookie.
        let kept = ":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2::pk1:::john:jane:via:s%253A1:affiliate";
        let decoded = plain.replace(":sub:", ":s%3A1:");
        assert_eq!(Cookie::parse(&kept.replace(':', "%3A")), cookie);
        assert_eq!(Cookie::parse(&decoded), cookie);
    }

    #[test]
    fn a_bare_click_names_a_click_and_nobody() {
        for text in ["", "%", "%4", "a:b:c", "6fb05e12"] {
            assert_eq!(Cookie::parse(text), Cookie::default(), "{text}");
        }
        let id = "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2";
        let client = ClickName::Client(Uuid::try_parse(id).expect("an id"));
        assert_eq!(Cookie::parse(id), Cookie { click: Some(client.clone()), ..Cookie::default() });
        let whole = Cookie::parse(&format!(":{id}:::::john:::sub:affiliate"));
        assert_eq!((whole.slug.as_deref(), whole.click), (Some("john"), Some(client)));
        let token = "x".repeat(54);
        assert_eq!(Cookie::parse(&token).click, Some(ClickName::Token(token.clone())));
        let whole = Cookie::parse(&format!(":{id}:{token}:::::::sub:affiliate"));
        assert_eq!(whole.click, Some(ClickName::Token(token)));
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,80}") {
            Cookie::parse(&text);
        }
    }
}
