//! Text that can be stored: without NUL, within its length, normalised. E-mail addresses and slugs are folded here
//! because the database folds nothing.

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// Longer than its place.
    #[error("it has {length} characters; at most {limit} are allowed")]
    TooLong {
        /// Characters that came.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// A NUL or another control character.
    #[error("it contains the control character U+{0:04X}")]
    Control(u32),
    /// Not an e-mail address.
    #[error("{0:?} is not an e-mail address")]
    NotAnEmail(String),
    /// Not a slug.
    #[error("{0:?} is not a slug; letters, digits, '-', '_', '.' and '~' are allowed")]
    NotASlug(String),
    /// Not a coupon's code.
    #[error("{0:?} is not a coupon's code; a code has no white space")]
    NotACode(String),
}

/// Checks free text of at most `limit` characters: control characters other than line breaks and tabs are refused.
pub fn check(text: &str, limit: usize) -> Result<(), TextError> {
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(TextError::Control(control as u32));
    }
    let length = text.chars().count();
    if length > limit { Err(TextError::TooLong { length, limit }) } else { Ok(()) }
}

fn token(text: &str, limit: usize) -> Result<String, TextError> {
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(TextError::Control(control as u32));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(TextError::Empty);
    }
    check(trimmed, limit)?;
    Ok(trimmed.to_owned())
}

/// A text that is only there as what its reading made of it.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $error:ty, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads and normalises the text.
            pub fn parse(text: &str) -> Result<Self, $error> {
                $parse(text).map($name)
            }

            /// The normalised text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}
pub(crate) use text_type;

text_type!(
    /// An e-mail address in lower case, at most 254 characters.
    Email,
    TextError,
    parse_email
);
text_type!(
    /// The customer's own id of a user, at most 255 characters, kept as it came.
    Uid,
    TextError,
    |text| token(text, 255)
);
text_type!(
    /// A source id: what a charge, an invoice, a refund or a payment is called where the money moved. At most 255
    /// characters, kept as it came; one name space for all surfaces (money.md §3).
    Source,
    TextError,
    |text| token(text, 255)
);
text_type!(
    /// An idempotency key, at most 255 characters, kept as it came.
    Key,
    TextError,
    |text| token(text, 255)
);
text_type!(
    /// An affiliate's public word in links, in lower case, at most 100 characters.
    Slug,
    TextError,
    parse_slug
);
text_type!(
    /// A display name, at most 200 characters.
    Name,
    TextError,
    |text| token(text, 200)
);

fn parse_email(text: &str) -> Result<String, TextError> {
    let email = token(text, 254)?.to_lowercase();
    let well_formed = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
    }) && !email.chars().any(char::is_whitespace);
    // Lower-casing may lengthen a text.
    check(&email, 254)?;
    well_formed.then_some(email).ok_or_else(|| TextError::NotAnEmail(text.chars().take(64).collect()))
}

fn parse_slug(text: &str) -> Result<String, TextError> {
    let slug = token(text, 100)?.to_lowercase();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    check(&slug, 100)?;
    slug.chars()
        .all(allowed)
        .then_some(slug)
        .ok_or_else(|| TextError::NotASlug(text.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_slugs_are_normalised() {
        assert_eq!(Email::parse(" John@Example.COM ").expect("an address").as_str(), "john@example.com");
        assert_eq!(Slug::parse("John.Doe").expect("a slug").as_str(), "john.doe");
        for bad in ["", "a", "@", "a@", "@b", "a b@c.de", "a@b@c", "a@.de"] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Uid::parse("a\0b"), Err(TextError::Control(0)));
        assert!(matches!(Uid::parse(&"x".repeat(256)), Err(TextError::TooLong { length: 256, limit: 255 })));
    }
}
