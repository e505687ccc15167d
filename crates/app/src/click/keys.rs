//! The keys that sign clicks, shared by every process. A new one signs an hour after it was made, so that by then all
//! know it; an old one is believed until nothing that it signed can be inside a window any more.

use std::sync::{Arc, RwLock};

use chrono::TimeDelta;
use domain::click::{Key, Token, TokenError, Window};
use domain::time::Timestamp;

use crate::App;
use crate::error::Result;
use crate::random;

/// A new key waits so long before it signs.
const BEFORE_SIGNING: TimeDelta = TimeDelta::hours(1);

/// A key signs so long before the next one is made.
const SIGNS: TimeDelta = TimeDelta::days(30);

/// What a key signed is believed so long after the next one took over: the longest cookie window and 30 days.
const BELIEVED: TimeDelta = TimeDelta::days(120 + 30);

/// The keys that this process knows.
#[derive(Default)]
pub(crate) struct Keys {
    known: RwLock<Arc<Vec<Dated>>>,
}

#[derive(Clone, Debug)]
struct Dated {
    key: Key,
    signs_from: Timestamp,
}

impl Keys {
    fn known(&self) -> Arc<Vec<Dated>> {
        self.known.read().expect("nothing panics while it holds this").clone()
    }

    /// The key that signs at an instant; `None` before any was read.
    pub(crate) fn signing(&self, now: Timestamp) -> Option<Key> {
        let known = self.known();
        known
            .iter()
            .rev()
            .find(|dated| dated.signs_from <= now)
            .or(known.first())
            .map(|dated| dated.key.clone())
    }

    /// Whether the newest key is so old that the next one should be made.
    fn is_due(&self, now: Timestamp) -> bool {
        self.known().last().is_none_or(|newest| newest.signs_from + SIGNS <= now)
    }

    pub(crate) fn verify(&self, text: &str, window: Window) -> std::result::Result<Token, TokenError> {
        let known = self.known();
        Token::verify(text, |id| known.iter().map(|dated| &dated.key).find(|key| key.id() == id), window)
    }
}

/// Reads the keys again.
pub(crate) async fn read(app: &App) -> Result<()> {
    let rows = store::click_key::list(app.pool()).await?;
    let first = rows.first().map(|row| row.id);
    let known = rows.iter().map(|row| {
        let wait = if Some(row.id) == first { TimeDelta::zero() } else { BEFORE_SIGNING };
        let key = Key::new(row.id, &app.0.secret.click_key(&row.salt));
        Dated { key, signs_from: row.created_at + wait }
    });
    *app.0.clicks.keys.known.write().expect("nothing panics while it holds this") = Arc::new(known.collect());
    Ok(())
}

/// Makes the first key, and the next one when the newest has signed long enough; deletes those that nothing can need any
/// more.
pub(crate) async fn rotate(app: &App, now: Timestamp) -> Result<()> {
    read(app).await?;
    if app.0.clicks.keys.is_due(now) {
        store::click_key::append(app.pool(), &random::bytes(), now, now - SIGNS).await?;
        read(app).await?;
    }
    let known = app.0.clicks.keys.known();
    let outlived =
        known.iter().zip(known.iter().skip(1)).filter(|(_, next)| next.signs_from + BELIEVED < now);
    let outlived: Vec<i32> = outlived.map(|(dated, _)| i32::from(dated.key.id())).collect();
    if !outlived.is_empty() {
        store::click_key::delete(app.pool(), &outlived).await?;
        read(app).await?;
    }
    Ok(())
}
