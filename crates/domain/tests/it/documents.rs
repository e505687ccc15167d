//! Executes the examples of docs/DEALS.md: every deal in it with the history under it, and every choice.
//! Its files are checked where the command for them is tested.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::deal::{Candidate, Chosen, Criteria, Evidence, Terms, choose, smartico};
use domain::ids::DealId;

use crate::months::tell;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DEALS.md");
    std::fs::read_to_string(path).expect("docs/DEALS.md")
}

/// The blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    page.split(fence.as_str()).skip(1).map(|rest| rest.split_once("```").expect("a block ends").0).collect()
}

/// Criteria of a deal, or what a registration says: `country DE AT, campaign spring`.
fn criteria(text: &str) -> Criteria {
    let mut criteria = Criteria::default();
    for part in text.split(", ") {
        let (word, values) = part.split_once(' ').expect("a word and values");
        let list = values.split(' ').map(str::to_owned).collect();
        match word {
            "country" => criteria.country = list,
            "campaign" => criteria.campaign = list,
            "coupon" => criteria.coupon = list,
            "active" => {
                let (from, until) = values.split_once(" to ").expect("two dates");
                criteria.active_from = Some(from.parse().expect(from));
                criteria.active_until = Some(until.parse().expect(until));
            }
            _ => panic!("{word} is no criterion of this table"),
        }
    }
    criteria
}

#[test]
fn the_choices_of_the_deals_page_are_what_customers_get() {
    let page = page();
    let [table] = blocks(&page, "choice")[..] else { panic!("one table") };
    let mut deals: Vec<(DealId, Criteria)> = Vec::new();
    let mut default = None;
    let mut choices = 0;
    for line in table.lines().filter(|line| !line.is_empty()) {
        if let Some(deal) = line.strip_prefix("deal ") {
            let (id, text) = deal.split_once(": ").expect(line);
            deals.push((DealId(id.parse().expect(line)), criteria(text)));
            continue;
        }
        if let Some(id) = line.strip_prefix("default ") {
            default = Some(DealId(id.parse().expect(line)));
            continue;
        }
        let (registration, expected) = line.split_once(" -> ").expect(line);
        let (date, said) = registration.split_once(' ').expect(line);
        let (date, said) = (date.parse::<NaiveDate>().expect(line), criteria(said));
        let evidence = Evidence {
            country: said.country.first().cloned(),
            campaign: said.campaign.first().cloned(),
            coupon: said.coupon.first().cloned(),
            ..Evidence::default()
        };
        let of_coupon = deals
            .iter()
            .find(|(_, criteria)| !criteria.coupon.is_empty() && criteria.fit(&evidence, date).is_some());
        let candidates: Vec<Candidate<'_>> =
            deals.iter().map(|(deal, criteria)| Candidate { deal: *deal, criteria }).collect();
        let coupon = of_coupon.map(|(deal, _)| *deal);
        let chosen = match choose(coupon, &candidates, default, &evidence, date) {
            Chosen::ByCoupon(deal) | Chosen::ByCriteria(deal, _) | Chosen::Default(deal) => deal.to_string(),
            Chosen::Nothing => "none".to_owned(),
        };
        assert_eq!(chosen, expected, "{line}");
        choices += 1;
    }
    assert_eq!(choices, 7);
}

#[test]
fn the_examples_of_the_deals_page_are_what_the_engine_books() {
    let page = page();
    let mut examples = 0;
    for example in page.split("```json\n").skip(1) {
        let (deal, rest) = example.split_once("```").expect("the deal ends");
        let history = rest.trim_start().strip_prefix("```text\n").expect("a history follows");
        let (history, _) = history.split_once("```").expect("the history ends");
        assert!(history.contains("shows"), "{history}");
        tell(deal, history);
        examples += 1;
    }
    assert_eq!(examples, 21);
}

#[test]
fn the_deals_of_smartico_on_the_deals_page_map_there_and_back() {
    let page = page();
    let [table] = blocks(&page, "smartico")[..] else { panic!("one table") };
    let mut types = BTreeSet::new();
    let deals = table.split('\n').fold(Vec::<String>::new(), |mut deals, line| {
        match deals.last_mut().filter(|_| line.starts_with(' ')) {
            Some(deal) => deal.push_str(line),
            None => deals.push(line.to_owned()),
        }
        deals
    });
    for line in deals.iter().filter(|line| !line.is_empty()) {
        let (type_id, json) = line.split_once(": ").expect(line);
        let terms: Terms = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
        let deal = smartico::Deal::from_terms(&terms).expect(line);
        assert_eq!((deal.type_id().to_string().as_str(), deal.to_terms()), (type_id, terms), "{line}");
        types.insert(deal.type_id());
    }
    assert_eq!(types, smartico::ALLOWED.into_iter().collect());
}
