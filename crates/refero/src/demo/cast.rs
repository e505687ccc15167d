//! Who plays in the demo: forty affiliates of two programs, and names for their customers. Nobody here exists; every
//! address ends in `.example`.

use domain::affiliate::Status;

use super::generator::Generator;

/// An affiliate as the demo makes it.
pub(super) struct Partner {
    /// Display name.
    pub(super) name: &'static str,
    /// The word in its links, and the name of its domain.
    pub(super) slug: &'static str,
    /// Of a thousand or so referrals of its program, how many are its own.
    pub(super) weight: i64,
    /// In which month of the year it joins, from 0.
    pub(super) joins: usize,
    /// What becomes of it.
    pub(super) fate: Fate,
    /// The slug of who brought it.
    pub(super) brought_by: Option<&'static str>,
}

/// What becomes of an affiliate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It works with the program on the default deal.
    Plain,
    /// It works with the program on the deal that the program keeps for its best.
    Favoured,
    /// It has a status other than approved from the start.
    Is(Status),
    /// It is approved, and gets another status at the end of a month.
    Becomes(Status, usize),
}

const fn partner(name: &'static str, slug: &'static str, weight: i64, joins: usize) -> Partner {
    Partner { name, slug, weight, joins, fate: Fate::Plain, brought_by: None }
}

const fn brought(partner: Partner, by: &'static str) -> Partner {
    Partner { brought_by: Some(by), ..partner }
}

const fn fated(partner: Partner, fate: Fate) -> Partner {
    Partner { fate, ..partner }
}

/// Who recommends the subscription program.
pub(super) const RECOMMENDERS: [Partner; 24] = [
    fated(partner("Marta Lindqvist", "nordic-growth", 150, 0), Fate::Favoured),
    fated(partner("Tobias Renner", "helpdesk-vergleich", 120, 0), Fate::Favoured),
    brought(partner("Support Weekly", "support-weekly", 95, 0), "nordic-growth"),
    partner("Priya Raman", "priya-raman", 80, 0),
    partner("Ops Kitchen", "ops-kitchen", 70, 0),
    partner("Jean-Luc Fabre", "outils-saas", 60, 0),
    partner("The Ticket Desk", "the-ticket-desk", 55, 1),
    partner("Hanna Koskinen", "hanna-koskinen", 45, 0),
    fated(partner("Remote Stack", "remote-stack", 45, 0), Fate::Becomes(Status::Suspended, 9)),
    partner("Diego Herrera", "diego-herrera", 40, 2),
    brought(partner("Small Team Tools", "small-team-tools", 38, 1), "nordic-growth"),
    brought(partner("Aiko Nakamura", "aiko-nakamura", 34, 3), "helpdesk-vergleich"),
    partner("Founders at Lunch", "founders-at-lunch", 30, 2),
    fated(partner("Deal Cascade", "deal-cascade", 60, 0), Fate::Becomes(Status::Blocked, 6)),
    partner("Oksana Petrenko", "oksana-petrenko", 26, 4),
    partner("Bootstrapped Radio", "bootstrapped-radio", 24, 3),
    partner("Liam O'Connell", "liam-oconnell", 20, 5),
    partner("CX Notebook", "cx-notebook", 18, 4),
    partner("Beatriz Almeida", "beatriz-almeida", 15, 6),
    partner("Inbox Theory", "inbox-theory", 12, 7),
    partner("Samuel Adeyemi", "samuel-adeyemi", 10, 8),
    partner("Late Adopters", "late-adopters", 6, 10),
    fated(partner("Erik Sandvik", "erik-sandvik", 0, 11), Fate::Is(Status::Pending)),
    fated(partner("Coupon Torrent", "coupon-torrent", 0, 5), Fate::Is(Status::Declined)),
];

/// Who brings players to the casino.
pub(super) const PROMOTERS: [Partner; 16] = [
    fated(partner("Lucky Compass", "lucky-compass", 190, 0), Fate::Favoured),
    fated(partner("SpinAtlas Media", "spinatlas", 150, 0), Fate::Favoured),
    brought(partner("Nordic Reels", "nordic-reels", 110, 0), "lucky-compass"),
    partner("Casino Kompass", "casino-kompass", 95, 0),
    partner("Matteo Bianchi", "matteo-bianchi", 80, 0),
    partner("Jackpot Journal", "jackpot-journal", 70, 0),
    partner("Bonus Harbour", "bonus-harbour", 60, 1),
    brought(partner("Slots by Sofia", "slots-by-sofia", 50, 1), "lucky-compass"),
    partner("Card Room Daily", "card-room-daily", 42, 2),
    brought(partner("Ivan Horvat", "ivan-horvat", 36, 2), "spinatlas"),
    fated(partner("Traffic Foundry", "traffic-foundry", 60, 0), Fate::Becomes(Status::Blocked, 7)),
    partner("High Tide Streams", "high-tide-streams", 28, 4),
    partner("Elena Dimitrova", "elena-dimitrova", 22, 5),
    partner("Parlay Partners", "parlay-partners", 16, 6),
    partner("Roulette Almanac", "roulette-almanac", 10, 9),
    fated(partner("Wager Wise", "wager-wise", 0, 11), Fate::Is(Status::Pending)),
];

const FIRST_NAMES: [&str; 48] = [
    "Adam", "Alice", "Amir", "Anna", "Antonio", "Astrid", "Ben", "Camille", "Carlos", "Chloe", "Clara",
    "Daniel", "Elif", "Emil", "Emma", "Fatima", "Felix", "Freya", "Giulia", "Hugo", "Ida", "Ines", "Jakub",
    "Jan", "Joao", "Julia", "Karim", "Katarina", "Lars", "Laura", "Leo", "Lina", "Lucas", "Magda", "Marco",
    "Maya", "Mila", "Nadia", "Noah", "Olga", "Oscar", "Pavel", "Petra", "Rosa", "Sam", "Simon", "Vera",
    "Zoe",
];

const LAST_NAMES: [&str; 48] = [
    "Abbott", "Andersen", "Bauer", "Bennett", "Bergman", "Blanc", "Brandt", "Carter", "Costa", "Dahl",
    "Dubois", "Eriksen", "Farkas", "Fischer", "Fontana", "Garcia", "Gruber", "Hansen", "Horak", "Ivanova",
    "Jansen", "Keller", "Kovacs", "Larsen", "Leclerc", "Lopez", "Maier", "Marino", "Meyer", "Moreau",
    "Moretti", "Murphy", "Nagy", "Novak", "Nowak", "Olsen", "Ortega", "Peeters", "Popov", "Ricci", "Rossi",
    "Santos", "Schmid", "Silva", "Vogel", "Walsh", "Weber", "Yilmaz",
];

const COMPANY_WORDS: [&str; 24] = [
    "amber", "anchor", "beacon", "birch", "copper", "cobalt", "delta", "ember", "fjord", "granite", "harbor",
    "indigo", "juniper", "kestrel", "lumen", "maple", "nimbus", "orchard", "pebble", "quarry", "ridge",
    "saffron", "timber", "willow",
];

const COMPANY_KINDS: [&str; 12] = [
    "analytics",
    "books",
    "clinic",
    "cycles",
    "foods",
    "labs",
    "legal",
    "logistics",
    "media",
    "studio",
    "systems",
    "travel",
];

/// The address of somebody at work, at a company of their own.
pub(super) fn work_address(generator: &mut Generator, index: usize) -> String {
    let (person, company) = (person(generator), generator.pick(&COMPANY_WORDS));
    format!("{person}@{company}-{}-{index}.example", generator.pick(&COMPANY_KINDS))
}

/// The address of somebody at home.
pub(super) fn home_address(generator: &mut Generator, index: usize) -> String {
    format!("{}.{index}@mail.example", person(generator))
}

fn person(generator: &mut Generator) -> String {
    format!("{}.{}", generator.pick(&FIRST_NAMES), generator.pick(&LAST_NAMES)).to_lowercase()
}

/// Who refers a customer in a month: one of those who have joined by then, by weight. `None` for nobody.
pub(super) fn referrer(generator: &mut Generator, partners: &[Partner], month: usize) -> Option<usize> {
    let weight = |partner: &Partner| if partner.joins <= month { partner.weight } else { 0 };
    let weights: Vec<i64> = partners.iter().map(weight).collect();
    let index = generator.pick_weighted(&weights);
    (weights[index] > 0).then_some(index)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_forty_affiliates_with_slugs_of_their_own() {
        let all: Vec<&Partner> = RECOMMENDERS.iter().chain(&PROMOTERS).collect();
        assert_eq!(all.len(), 40);
        assert_eq!(all.iter().map(|partner| partner.slug).collect::<BTreeSet<_>>().len(), 40);
        for partner in all {
            assert!(domain::text::Slug::parse(partner.slug).is_ok(), "{}", partner.slug);
            assert!(partner.weight == 0 || partner.fate.is_approved(), "{}", partner.slug);
        }
    }

    #[test]
    fn nobody_refers_before_joining() {
        let mut generator = Generator::of("referrers", 0);
        for month in 0..13 {
            let found = (0..200).filter_map(|_| referrer(&mut generator, &PROMOTERS, month));
            assert!(found.map(|index| PROMOTERS[index].joins).all(|joins| joins <= month));
        }
    }

    impl Fate {
        fn is_approved(self) -> bool {
            !matches!(self, Fate::Is(_))
        }
    }
}
