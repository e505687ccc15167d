//! Mail over SMTP: one connection a mail, one recipient a mail, plain text.
//!
//! What must not be here: what a mail says and when it is sent; that is a job's.

use std::time::{Duration, SystemTime};

use domain::time::Timestamp;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::response::Category;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use uuid::Uuid;

use crate::config;
use crate::error::{Error, Result};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a mail may take from the first byte to the last. The SMTP client bounds the opening of a connection only,
/// and a server that falls silent afterwards must not hold a job for ever.
const WHOLE: Duration = Duration::from_secs(30);

/// A mail to one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// The id of the job that sends it. It becomes the Message-ID, so that a mail sent twice is known as one.
    pub id: Uuid,
    /// The recipient's address.
    pub to: String,
    /// Its subject; control characters become spaces.
    pub subject: String,
    /// Its text, with `\n` at line ends.
    pub body: String,
    /// The time it carries.
    pub sent_at: Timestamp,
}

/// Why a mail did not go out. The text names no recipient, because it is kept where personal data must not be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailError {
    /// It will never go out as it is: the address is none, or the server said so (5xx).
    #[error("{0}")]
    Permanent(String),
    /// It may go out later: the server is away, busy, or does not let us in.
    #[error("{0}")]
    Transient(String),
}

/// Sends mails through one server. Nothing is kept between two mails: no connection is pooled.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// A mailer as configured. No connection is opened yet.
    pub fn new(config: &config::Mail) -> Result<Mailer> {
        let from: Mailbox = config.from.parse().map_err(|error| {
            let message = format!("{:?}: {error}; write it as Name <name@example.com>", config.from);
            Error::invalid("mail.from", message)
        })?;
        if !from.email.domain().is_ascii() {
            let message = format!("{:?}: write the domain in its ASCII form, xn--…", config.from);
            return Err(Error::invalid("mail.from", message));
        }
        // The address is not repeated in the message, because it may contain a password.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.url)
            .map_err(|error| {
                let right = "smtps://user:password@host or smtp://host:port?tls=required";
                Error::invalid("mail.url", format!("{error}; write it as {right}"))
            })?
            .timeout(Some(CONNECT))
            .build();
        Ok(Mailer { transport, from })
    }

    /// Hands a mail to the server. An error that is not permanent may hide a mail that went out nevertheless, which
    /// its Message-ID then tells.
    pub async fn send(&self, mail: &Mail) -> std::result::Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(classify(&error, &mail.to)),
            Err(_) => {
                let seconds = WHOLE.as_secs();
                Err(MailError::Transient(format!("the mail server did not finish within {seconds} seconds")))
            }
        }
    }

    fn message(&self, mail: &Mail) -> std::result::Result<Message, MailError> {
        let to: Address =
            mail.to.parse().map_err(|error| MailError::Permanent(format!("not an address: {error}")))?;
        // The SMTP client ends the last line itself.
        let body = mail.body.strip_suffix('\n').unwrap_or(&mail.body).to_owned();
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.replace(char::is_control, " "))
            .date(SystemTime::from(mail.sent_at))
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            // So that holiday replies stay away (RFC 3834).
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| MailError::Permanent(format!("not a mail: {error}")))
    }
}

fn classify(error: &lettre::transport::smtp::Error, to: &str) -> MailError {
    let text = without_recipient(&error.to_string(), to);
    // 53x is about our own name and password (RFC 4954): the settings are at fault, not the mail.
    let is_login = error.status().is_some_and(|code| code.category == Category::Unspecified3);
    // Servers that know no SMTPUTF8 cannot be given such an address at all.
    let is_unspeakable = error.is_client() && !to.is_ascii();
    if (error.is_permanent() && !is_login) || is_unspeakable {
        MailError::Permanent(text)
    } else {
        MailError::Transient(text)
    }
}

/// A server's words without the recipient, whom it likes to repeat.
fn without_recipient(text: &str, to: &str) -> String {
    let name = to.rsplit_once('@').map_or(to, |(name, _)| name);
    let without_address = replace_ignoring_case(text, to);
    // A shorter name would be found inside of other words.
    if name.len() < 3 { without_address } else { replace_ignoring_case(&without_address, name) }
}

fn replace_ignoring_case(text: &str, word: &str) -> String {
    if word.is_empty() {
        return text.to_owned();
    }
    let (lower, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let mut kept = String::with_capacity(text.len());
    let mut end = 0;
    for (start, found) in lower.match_indices(&word) {
        kept.push_str(&text[end..start]);
        kept.push_str("(recipient)");
        end = start + found.len();
    }
    kept.push_str(&text[end..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_lose_the_recipient() {
        let check = |text, to, expected| assert_eq!(without_recipient(text, to), expected);
        check("550 <Ana@Example.com>: unknown", "ana@example.com", "550 <(recipient)>: unknown");
        check("550 no user ANA here", "ana@example.com", "550 no user (recipient) here");
        check("550 too many mails", "ma@example.com", "550 too many mails");
        check("550 ä unknown", "ana@example.com", "550 ä unknown");
        check("550 unknown", "", "550 unknown");
    }
}
