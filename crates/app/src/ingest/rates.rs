//! The exchange rates that a batch may need, read by one statement, and what amounts are worth by them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::currency::Currency;
use domain::exchange::{Exchange, ExchangeError, PublishedRate, rate_day};
use domain::money::Money;
use domain::time::Timestamp;
use store::fact::FactRow;
use store::{Connection, Result};

/// Rates of a euro by currency and day.
pub(crate) struct Rates {
    /// The program's currency.
    currency: Currency,
    known: BTreeMap<(Currency, NaiveDate), PublishedRate>,
}

impl Rates {
    /// No rates: what is in the program's currency needs none.
    pub(crate) fn none(currency: Currency) -> Rates {
        Rates { currency, known: BTreeMap::new() }
    }

    /// Reads every rate that amounts of these currencies at these instants may need, at once. `None` stands for an
    /// amount whose currency is that of another one. In the program's own currency nothing is asked.
    pub(crate) async fn load(
        connection: &mut Connection,
        currency: Currency,
        amounts: impl IntoIterator<Item = (Option<Currency>, Timestamp)>,
    ) -> Result<Rates> {
        let (mut currencies, mut days) = (BTreeSet::new(), BTreeSet::new());
        for (of, at) in amounts.into_iter().filter(|(of, _)| *of != Some(currency)) {
            currencies.extend(of);
            days.insert(rate_day(at));
        }
        let mut rates = Rates::none(currency);
        if currencies.is_empty() {
            return Ok(rates);
        }
        currencies.insert(currency);
        currencies.remove(&Currency::EUR);
        let (currencies, days) = (Vec::from_iter(currencies), Vec::from_iter(days));
        rates.known = store::exchange_rate::by_day(connection, &currencies, &days).await?;
        Ok(rates)
    }

    /// Says what a fact is worth, as far as its rates are known.
    pub(crate) fn set_value(&self, fact: &mut FactRow) -> std::result::Result<(), ExchangeError> {
        let Some(amount) = fact.amount else { return Ok(()) };
        if amount.currency() == self.currency || amount.micros() == 0 {
            fact.value_micros = Some(amount.micros());
        } else if let Some(exchange) = self.exchange(amount, rate_day(fact.occurred_at)) {
            fact.value_micros = Some(exchange.value(amount, self.currency)?.micros());
            fact.exchange = Some(exchange);
        }
        Ok(())
    }

    fn exchange(&self, amount: Money, day: NaiveDate) -> Option<Exchange> {
        Some(Exchange { day, from: self.rate(amount.currency(), day)?, to: self.rate(self.currency, day)? })
    }

    fn rate(&self, currency: Currency, day: NaiveDate) -> Option<PublishedRate> {
        if currency == Currency::EUR {
            Some(PublishedRate::ONE)
        } else {
            self.known.get(&(currency, day)).copied()
        }
    }
}
