//! Three commands to try, one for each API, that work as pasted: with a key, a customer and an affiliate of the demo.

use app::balance::Wanted;
use app::{App, Caller};
use domain::affiliate::Status;
use domain::ids::ProgramId;
use domain::referral::State;
use serde_json::json;

use crate::failure::{Failure, Outcome};

/// What the commands name.
pub(super) struct Tries {
    reditus_key: String,
    smartico_key: String,
    customer: String,
    affiliate: String,
    idempotency_key: String,
}

impl Tries {
    /// Finds a customer who pays by subscription, and the casino's affiliate with the highest balance.
    pub(super) async fn find(
        app: &App,
        subscriptions: (ProgramId, &str),
        casino: (ProgramId, &str),
    ) -> Outcome<Tries> {
        let now = app.now();
        Ok(Tries {
            reditus_key: subscriptions.1.to_owned(),
            smartico_key: casino.1.to_owned(),
            customer: paying_customer(app, &Caller::operator(subscriptions.0, now)).await?,
            affiliate: best_affiliate(app, &Caller::operator(casino.0, now)).await?,
            idempotency_key: format!("try-{}", app::random::hex(&app::random::bytes::<6>())),
        })
    }

    /// The commands, for a server at an address such as `http://127.0.0.1:8080`.
    pub(super) fn lines(&self, url: &str) -> [String; 3] {
        let payment = json!({
            "referral_uid": self.customer,
            "amount": 7900,
            "currency": "eur",
            "idempotency_key": self.idempotency_key,
        });
        [
            format!(
                "curl -sS {url}/reditus/api/v1/payments -H 'Authorization: Bearer {}' \
                 -H 'Content-Type: application/json' -d '{payment}'",
                self.reditus_key
            ),
            format!(
                "curl -sS '{url}/smartico/api/af2_balance_op?affiliate_id={}' -H 'Authorization: {}'",
                self.affiliate, self.smartico_key
            ),
            format!("curl -sS '{url}/v1/affiliates?limit=3' -H 'Authorization: Bearer {}'", self.reditus_key),
        ]
    }
}

/// A customer who has paid, so that one more payment earns its affiliate something.
async fn paying_customer(app: &App, caller: &Caller) -> Outcome<String> {
    let program = app::program::show(app, caller).await?;
    let filter = app::referral::Filter { state: Some(State::Paid), ..app::referral::Filter::default() };
    for view in app::referral::list(app, caller, &filter, 0, 100).await? {
        let affiliate = view.referral.affiliate;
        let Some(uid) = view.uid.filter(|_| affiliate != program.default_affiliate) else { continue };
        if app::affiliate::show(app, caller, affiliate).await?.status == Status::Approved {
            return Ok(uid);
        }
    }
    Err(Failure::new("the demo has no paying customer to show; seed it with more of them in a new folder"))
}

async fn best_affiliate(app: &App, caller: &Caller) -> Outcome<String> {
    let mut list = app::balance::list(app, caller, Wanted::default()).await?;
    let best = list.next_page().await?.into_iter().max_by_key(|row| row.account.balances.balance());
    let best = best.ok_or_else(|| Failure::new("the demo has no affiliate to show"))?;
    Ok(best.affiliate.id.to_string())
}
