//! `POST /v1/payments`: a referral paid (contract §2.1). The body's `idempotency_key` is the payment's source id, one
//! name space for all surfaces.

use app::App;
use app::ingest::{Ask, Recorded};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::command::{Command, Operation, Payment};
use domain::currency::Currency;
use domain::money::{AmountError, Money};
use domain::text::Source;
use serde::{Deserialize, Serialize};

use super::caller::Recorder;
use super::failure::{Failure, Result};
use super::identity::{customer, free_text, required};
use super::json::{Object, integer};
use super::resource::{Envelope, Resource};

/// The body; the answer echoes it, without the fields that were not sent.
#[derive(Deserialize, Serialize)]
pub(super) struct PaymentRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    referral_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referral_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referral_id: Option<String>,
    #[serde(default, deserialize_with = "integer", skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    #[serde(default, deserialize_with = "integer", skip_serializing_if = "Option::is_none")]
    interval_count: Option<i64>,
}

pub(super) async fn create(
    State(app): State<App>,
    recorder: Recorder,
    Object(request): Object<PaymentRequest>,
) -> Result<Response> {
    let command = Command::Payment(request.command()?);
    let ask = Ask { key: recorder.key, ..Ask::new(Operation::ReditusPayment, command) };
    let recorded = app::ingest::submit(&app, recorder.caller.program, recorder.caller.now, ask).await?;
    Ok(accepted(&request, &recorded))
}

/// The answer, from nothing but the request and what was stored with the fact, so that a repetition gets it again.
fn accepted(request: &PaymentRequest, recorded: &Recorded) -> Response {
    let data = Resource { id: recorded.fact.0, kind: "payment", attributes: request };
    (StatusCode::ACCEPTED, Json(Envelope { data })).into_response()
}

impl PaymentRequest {
    fn command(&self) -> Result<Payment> {
        let interval = free_text("interval", &self.interval, 50)?;
        let interval_count = self.interval_count()?.or(interval.is_some().then_some(1));
        Ok(Payment {
            base: None,
            attributes: domain::fact::Attributes::default(),
            amount: self.amount()?,
            customer: customer(&self.referral_uid, &self.referral_id, &self.referral_email)?,
            sources: vec![required("idempotency_key", &self.idempotency_key, Source::parse)?],
            subscription_id: free_text("subscription_id", &self.subscription_id, 255)?,
            interval,
            interval_count,
            occurred_at: None,
        })
    }

    /// The amount in the currency's minor units, which are Stripe's.
    fn amount(&self) -> Result<Money> {
        let minor =
            self.amount.ok_or_else(|| Failure::invalid("amount", "it is required and was not sent"))?;
        let code = self.currency.as_deref();
        let code = code.ok_or_else(|| Failure::invalid("currency", "it is required and was not sent"))?;
        let currency: Currency = code.trim().parse().map_err(|error| Failure::invalid("currency", error))?;
        if minor == 0 {
            return Err(Failure::invalid("amount", AmountError::NotPositive("0".to_owned())));
        }
        Money::from_minor(minor, currency.stripe_exponent(), currency)
            .map_err(|error| Failure::invalid("amount", error))
    }

    fn interval_count(&self) -> Result<Option<u32>> {
        let Some(count) = self.interval_count else { return Ok(None) };
        let positive = u32::try_from(count).ok().filter(|count| *count > 0);
        let message = || format!("{count} is not a number of intervals; expected 1 to {}", u32::MAX);
        positive.map(Some).ok_or_else(|| Failure::invalid("interval_count", message()))
    }
}
