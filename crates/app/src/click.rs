//! Clicks: their tokens, made and believed. Where redirects come from and what becomes of their rows is in `click/`.

pub(crate) mod keys;

use domain::click::{ClickId, Signed, Token, TokenError, Window};
use domain::ids::{LinkId, ProgramId};
use domain::time::Timestamp;

use crate::error::Result;
use crate::{App, random};

/// What this process keeps of clicks.
#[derive(Default)]
pub(crate) struct Clicks {
    pub(crate) keys: keys::Keys,
}

/// Signs a click on a link at an instant, as a redirect does.
pub fn sign(app: &App, program: ProgramId, link: LinkId, at: Timestamp) -> Option<(ClickId, Signed)> {
    let key = app.0.clicks.keys.signing(at)?;
    let token = Token::new(&key, program, link, at, random::bytes());
    Some((token.click(), token.sign(&key)))
}

/// Reads the token of a click as evidence for something that happened in a program at an instant: signed by this
/// installation, of that program, and at most so many days old. A key that this process does not know yet is looked up.
pub async fn verify(
    app: &App,
    program: ProgramId,
    text: &str,
    at: Timestamp,
    window_days: i32,
) -> Result<std::result::Result<Token, TokenError>> {
    let window = Window { program, at, days: window_days };
    let first = app.0.clicks.keys.verify(text, window);
    match first {
        Err(TokenError::UnknownKey(_)) => {
            keys::read(app).await?;
            Ok(app.0.clicks.keys.verify(text, window))
        }
        decided => Ok(decided),
    }
}
