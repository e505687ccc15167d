//! A mail as a reader sees it: headers unfolded and decoded, body decoded. Text in UTF-8 only, no attachments.

/// A mail that the server took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Who sent it, as the envelope says.
    pub from: String,
    /// To whom, as the envelope says.
    pub to: Vec<String>,
    /// Everything as it came, without the dots that SMTP adds.
    pub raw: String,
    /// Its headers in order, unfolded and decoded.
    pub headers: Vec<(String, String)>,
    /// Its text, decoded, with `\n` at line ends.
    pub body: String,
}

impl Message {
    /// Parses what came after DATA.
    pub(crate) fn parse(from: String, to: Vec<String>, raw: String) -> Message {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((&raw, ""));
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let headers: Vec<(String, String)> = head
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), decode_words(value.trim())))
            .collect();
        let mut message = Message { from, to, headers, body: String::new(), raw: raw.clone() };
        let bytes = match message.header("Content-Transfer-Encoding").map(str::to_ascii_lowercase).as_deref()
        {
            Some("base64") => base64(body).expect("the body is base64"),
            Some("quoted-printable") => quoted_printable(body, false).expect("the body is quoted-printable"),
            _ => body.as_bytes().to_vec(),
        };
        message.body = String::from_utf8(bytes).expect("the body is UTF-8").replace("\r\n", "\n");
        message
    }

    /// The first header of a name, in whatever case it was written.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Its subject; empty if it has none.
    pub fn subject(&self) -> &str {
        self.header("Subject").unwrap_or_default()
    }
}

/// Decodes the encoded words of a header (RFC 2047); the space between two of them is no space.
fn decode_words(value: &str) -> String {
    let mut text = String::new();
    let mut was_encoded = false;
    for word in value.split(' ') {
        let decoded = decode_word(word);
        let is_joined = was_encoded && decoded.is_some();
        if !text.is_empty() && !is_joined {
            text.push(' ');
        }
        was_encoded = decoded.is_some();
        text.push_str(decoded.as_deref().unwrap_or(word));
    }
    text
}

fn decode_word(word: &str) -> Option<String> {
    let mut parts = word.strip_prefix("=?")?.strip_suffix("?=")?.splitn(3, '?');
    let (charset, encoding, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match encoding {
        "b" | "B" => base64(text)?,
        "q" | "Q" => quoted_printable(text, true)?,
        _ => return None,
    };
    charset.eq_ignore_ascii_case("utf-8").then(|| String::from_utf8(bytes).ok())?
}

/// Decodes quoted-printable (RFC 2045); in a header an underscore is a space.
fn quoted_printable(text: &str, in_header: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.replace("=\r\n", "").into_bytes().into_iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'=' => {
                let (high, low) = (char::from(rest.next()?), char::from(rest.next()?));
                u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()?
            }
            b'_' if in_header => b' ',
            byte => byte,
        });
    }
    Some(bytes)
}

/// Decodes base64 (RFC 4648) with whatever line ends are in it.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_decoded() {
        let raw = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an\r\n =?utf-8?b?w4RubmE=?= =?utf-8?Q?_B?=\r\nX-Y: plain\r\n\
                   Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=84 soft=\r\n line\r\n=3D\r\n";
        let message = Message::parse("a@b".to_owned(), vec!["c@d".to_owned()], raw.to_owned());
        assert_eq!(message.subject(), "Grüße an Änna B");
        assert_eq!(message.header("x-y"), Some("plain"));
        assert_eq!(message.body, "Ä soft line\n=\n");
    }

    #[test]
    fn base64_is_decoded() {
        assert_eq!(base64("AHVzZXIAcGFzcw=="), Some(b"\0user\0pass".to_vec()));
        assert_eq!(base64("w4Ru\r\nbmE="), Some("Änna".as_bytes().to_vec()));
        assert_eq!(base64("?"), None);
    }
}
