//! Attribution (money.md §10): which affiliate a customer is put down to, by what evidence, and why the rest of the
//! evidence did not decide; whether a later call may change it; what about a registration a person should look at.
//!
//! Where evidence comes from (tokens, rows of clicks and coupons) is known to `app`; here it arrives as candidates.

mod coupon;
mod suspicion;

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::ids::AffiliateId;
use crate::time::Timestamp;

pub use coupon::{Code, Validity};
pub use suspicion::{Known, Registered, Suspicion, Watch, suspicions};

/// Which of several valid clicks of the same sort counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// The newest one.
    #[default]
    LastClick,
    /// The oldest one.
    FirstClick,
}

impl Model {
    /// Every model.
    pub const ALL: [Model; 2] = [Model::LastClick, Model::FirstClick];

    /// The word of this model, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Model::LastClick => "last_click",
            Model::FirstClick => "first_click",
        }
    }

    /// The model of a stored word.
    pub fn from_word(word: &str) -> Option<Model> {
        Model::ALL.into_iter().find(|model| model.as_str() == word)
    }
}

/// How a registration is decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Which of several clicks counts.
    pub model: Model,
    /// How many days after it a click still counts.
    pub window_days: u16,
    /// Whether the affiliate that is named decides whatever the other evidence says, which then only tells the click:
    /// Reditus v2.
    pub name_decides: bool,
}

/// How far a piece of evidence can be trusted, from most to least.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// A person of the program decided.
    Staff,
    /// We signed it.
    Signed,
    /// Told by a caller with a key.
    Key,
    /// Told by a browser.
    Browser,
}

impl Grade {
    /// Every grade, the best first.
    pub const ALL: [Grade; 4] = [Grade::Staff, Grade::Signed, Grade::Key, Grade::Browser];

    /// The word of this grade, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Grade::Staff => "staff",
            Grade::Signed => "signed",
            Grade::Key => "key",
            Grade::Browser => "browser",
        }
    }

    /// The grade of a stored word.
    pub fn from_word(word: &str) -> Option<Grade> {
        Grade::ALL.into_iter().find(|grade| grade.as_str() == word)
    }
}

/// What an attribution rests on, in the order in which it decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A coupon that belongs to the affiliate.
    Coupon,
    /// A click that we redirected.
    SignedClick,
    /// A visit that a browser told of.
    DeclaredClick,
    /// The affiliate's name alone: slug, id or partner key.
    Slug,
    /// A person of the program decided.
    Reassignment,
}

impl Basis {
    /// Every basis.
    pub const ALL: [Basis; 5] =
        [Basis::Coupon, Basis::SignedClick, Basis::DeclaredClick, Basis::Slug, Basis::Reassignment];

    /// The word of this basis, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Coupon => "coupon",
            Basis::SignedClick => "signed_click",
            Basis::DeclaredClick => "declared_click",
            Basis::Slug => "slug",
            Basis::Reassignment => "reassignment",
        }
    }

    /// The basis of a stored word.
    pub fn from_word(word: &str) -> Option<Basis> {
        Basis::ALL.into_iter().find(|basis| basis.as_str() == word)
    }

    fn is_click(self) -> bool {
        matches!(self, Basis::SignedClick | Basis::DeclaredClick)
    }
}

/// Why a piece of evidence does not count.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "detail")]
pub enum Flaw {
    /// The click's token is not ours as it stands; the text says what is wrong with it.
    Token(String),
    /// Nothing has this name: no coupon, link, click or affiliate.
    Unknown,
    /// The coupon is not valid yet; from then on it is.
    NotYetValid(Timestamp),
    /// The coupon is not valid any more; it was until then.
    NoLongerValid(Timestamp),
    /// The click came after the registration.
    AfterRegistration,
    /// The click was longer before the registration than so many days.
    OutsideWindow(u16),
    /// It belongs to another affiliate than the one that is named, and the name decides.
    OtherAffiliate,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Flaw::Token(why) => f.write_str(why),
            Flaw::Unknown => f.write_str("nothing has this name"),
            Flaw::NotYetValid(from) => write!(f, "it is valid from {} on", from.to_rfc3339()),
            Flaw::NoLongerValid(until) => write!(f, "it was valid until {}", until.to_rfc3339()),
            Flaw::AfterRegistration => f.write_str("the click came after the registration"),
            Flaw::OutsideWindow(days) => {
                write!(f, "the click came more than {days} days before the registration")
            }
            Flaw::OtherAffiliate => f.write_str("it belongs to another affiliate than the one named"),
        }
    }
}

/// A piece of evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// What it is.
    pub basis: Basis,
    /// How far it can be trusted.
    pub grade: Grade,
    /// What it is called: the coupon's code, the click's id, the affiliate's name. No personal data.
    pub name: String,
    /// The affiliate it speaks for, where it names one.
    pub affiliate: Option<AffiliateId>,
    /// The link that was clicked, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<i64>,
    /// When it was clicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Of a coupon: when it is valid.
    #[serde(default, skip_serializing_if = "Validity::is_open")]
    pub validity: Validity,
    /// Why it does not count whatever the registration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Flaw>,
}

/// A click may be dated so long after the registration, because the clocks of two machines differ.
const CLOCKS_DIFFER: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// What became of a piece of evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// It decided.
    Decided,
    /// It is good, and better evidence decided.
    Outranked,
    /// It does not count.
    Refused(Flaw),
}

/// A piece of evidence with what became of it: a line of the attribution's record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Judged {
    /// The evidence.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The click that a customer came by, of those an affiliate's evidence holds: the one that decided, else the best one
/// that better evidence outranked, such as a coupon.
pub fn click_of(judged: &[Judged], affiliate: AffiliateId) -> Option<&Candidate> {
    let clicks = judged.iter().filter(|it| {
        it.candidate.basis.is_click()
            && it.candidate.affiliate == Some(affiliate)
            && !matches!(it.verdict, Verdict::Refused(_))
    });
    let best = clicks
        .min_by_key(|it| (it.verdict != Verdict::Decided, it.candidate.basis, Reverse(it.candidate.at)));
    best.map(|it| &it.candidate)
}

/// What a registration's evidence comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The affiliate, what decided, and how far that can be trusted; `None` where nothing counts.
    pub chosen: Option<Chosen>,
    /// All evidence in the order in which it came, with what became of it.
    pub judged: Vec<Judged>,
}

/// What decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// What it rests on.
    pub basis: Basis,
    /// How far it can be trusted.
    pub grade: Grade,
    /// The link that was clicked, where it is known.
    pub link: Option<i64>,
    /// The place of the evidence among all.
    pub place: usize,
}

/// Decides a registration: a valid coupon, then a signed click inside the window, then a declared click, then a declared
/// name; of several clicks the model says which.
pub fn decide(policy: Policy, occurred_at: Timestamp, candidates: Vec<Candidate>) -> Decision {
    let named = candidates.iter().find(|it| it.basis == Basis::Slug && it.flaw.is_none());
    let named = named.and_then(|it| it.affiliate);
    let flaw = |candidate: &Candidate| {
        let flaw = flaw(policy, occurred_at, candidate);
        let is_other = policy.name_decides && candidate.affiliate != named;
        flaw.or(is_other.then_some(Flaw::OtherAffiliate))
    };
    let flaws: Vec<Option<Flaw>> = candidates.iter().map(flaw).collect();
    let good = candidates.iter().enumerate().filter(|(place, _)| flaws[*place].is_none());
    let best = good.min_by_key(|(place, it)| (it.basis, order(policy.model, it), *place));
    let chosen = best.and_then(|(place, it)| {
        let affiliate = it.affiliate?;
        Some(Chosen { affiliate, basis: it.basis, grade: it.grade, link: it.link, place })
    });
    let verdict = |place: usize, flaw: Option<Flaw>| match flaw {
        Some(flaw) => Verdict::Refused(flaw),
        None if chosen.is_some_and(|chosen| chosen.place == place) => Verdict::Decided,
        None => Verdict::Outranked,
    };
    let judged = candidates.into_iter().zip(flaws).enumerate();
    let judged = judged.map(|(place, (candidate, flaw))| Judged { candidate, verdict: verdict(place, flaw) });
    Decision { judged: judged.collect(), chosen }
}

/// The order of clicks of one sort; everything else has its place alone.
fn order(model: Model, candidate: &Candidate) -> i64 {
    let at = candidate.at.filter(|_| candidate.basis.is_click()).map_or(0, |at| at.timestamp_micros());
    match model {
        Model::FirstClick => at,
        Model::LastClick => at.checked_neg().unwrap_or(i64::MAX),
    }
}

fn flaw(policy: Policy, occurred_at: Timestamp, candidate: &Candidate) -> Option<Flaw> {
    if candidate.flaw.is_some() {
        return candidate.flaw.clone();
    }
    if candidate.affiliate.is_none() {
        return Some(Flaw::Unknown);
    }
    if candidate.basis == Basis::Coupon {
        return candidate.validity.flaw(occurred_at);
    }
    // A bare name has no time, hence no window.
    let at = candidate.at.filter(|_| candidate.basis.is_click())?;
    if at > occurred_at + CLOCKS_DIFFER {
        return Some(Flaw::AfterRegistration);
    }
    let window = chrono::Duration::days(i64::from(policy.window_days));
    (occurred_at - at > window).then_some(Flaw::OutsideWindow(policy.window_days))
}

impl Decision {
    /// Why nothing was chosen, evidence by evidence.
    pub fn refusals(&self) -> String {
        let told = self.judged.iter().filter_map(|judged| match &judged.verdict {
            Verdict::Refused(flaw) => {
                let shown: String = judged.candidate.name.chars().take(64).collect();
                Some(format!("{} {shown:?}: {flaw}", judged.candidate.basis.as_str()))
            }
            _ => None,
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// Who says that a customer registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// A caller with a key.
    Keyed,
    /// A browser.
    Browser,
}

/// The attribution of a customer who is a referral already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributed {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// Whether only a browser said so.
    pub is_provisional: bool,
    /// Whether the customer has paid.
    pub has_paid: bool,
    /// Whether the staff rejected the referral, which is final.
    pub is_rejected: bool,
}

impl Attributed {
    /// Whether a conversion takes the referral's place: until the first payment a keyed one that names another affiliate
    /// replaces what only a browser said (money.md §10). Everything else is a referral that exists already.
    pub fn is_replaced_by(&self, door: Door, affiliate: AffiliateId) -> bool {
        door == Door::Keyed
            && self.is_provisional
            && !self.has_paid
            && !self.is_rejected
            && affiliate != self.affiliate
    }
}
