//! A link as a redirect needs it: everything that a click reads in two pieces of memory, because of a hundred thousand
//! links nearly each is far from the processor.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::ids::{AffiliateId, DealId, LinkId, ProgramId};
use domain::link::Destination;
use store::link::Route;

use super::programs::Settings;

/// A link under the settings of its program.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) program: ProgramId,
    pub(crate) id: LinkId,
    pub(crate) affiliate: AffiliateId,
    pub(crate) deal: Option<DealId>,
    pub(crate) leads: Leads,
    is_enabled: bool,
    /// Whether it was asked for since links that nobody asks for were last removed.
    is_used: AtomicBool,
    texts: Texts,
}

/// Where a link leads under the settings of its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To its destination.
    ToDestination,
    /// To the program's fallback page, with a click.
    ToFallback,
    /// To its own fallback page, without a click: it is disabled.
    Disabled,
}

/// The texts of a link, one behind the other; one that is not there is empty.
#[derive(Clone, Debug)]
struct Texts {
    all: Box<str>,
    ends: [u32; 6],
}

/// Places among the texts.
const CODE: usize = 0;
const DESTINATION: usize = 1;
const SLUG: usize = 2;
const BRAND: usize = 3;
const CAMPAIGN: usize = 4;
const FALLBACK: usize = 5;

impl Texts {
    fn new(texts: [&str; 6]) -> Texts {
        let mut end = 0;
        let ends = texts.map(|text| {
            end += text.len() as u32;
            end
        });
        Texts { all: texts.concat().into_boxed_str(), ends }
    }

    fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start as usize..self.ends[place] as usize]
    }
}

impl Link {
    pub(crate) fn new(route: &Route, settings: &Settings) -> Link {
        fn or_empty(text: &Option<String>) -> &str {
            text.as_deref().unwrap_or_default()
        }
        let mut link = Link {
            program: route.program,
            id: route.id,
            affiliate: route.affiliate,
            deal: route.deal,
            leads: Leads::Disabled,
            is_enabled: route.is_enabled,
            is_used: AtomicBool::new(true),
            texts: Texts::new([
                &route.code,
                or_empty(&route.destination_url),
                &route.slug,
                or_empty(&route.brand),
                or_empty(&route.campaign),
                or_empty(&route.fallback_url),
            ]),
        };
        link.leads = link.leads_under(settings);
        link
    }

    /// The same link under other settings.
    pub(crate) fn under(&self, settings: &Settings) -> Link {
        Link {
            leads: self.leads_under(settings),
            is_used: AtomicBool::new(self.is_used.load(Ordering::Relaxed)),
            texts: self.texts.clone(),
            ..*self
        }
    }

    /// A host that the program no longer allows is as good as a disabled link.
    fn leads_under(&self, settings: &Settings) -> Leads {
        match self.texts.get(DESTINATION) {
            _ if !self.is_enabled => Leads::Disabled,
            "" => Leads::ToFallback,
            url if is_allowed(url, settings) => Leads::ToDestination,
            _ => Leads::Disabled,
        }
    }

    /// The address it leads to; `None` where there is none, which is a page that says so.
    pub(crate) fn address<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        let fallback = settings.fallback_url.as_deref();
        match self.leads {
            Leads::ToDestination => Some(self.texts.get(DESTINATION)),
            Leads::ToFallback => fallback,
            Leads::Disabled => {
                Some(self.texts.get(FALLBACK)).filter(|url| is_allowed(url, settings)).or(fallback)
            }
        }
    }

    pub(crate) fn code(&self) -> &str {
        self.texts.get(CODE)
    }

    /// The affiliate's name in addresses.
    pub(crate) fn slug(&self) -> &str {
        self.texts.get(SLUG)
    }

    /// Its brand, or nothing.
    pub(crate) fn brand(&self) -> &str {
        self.texts.get(BRAND)
    }

    /// Its campaign, or nothing.
    pub(crate) fn campaign(&self) -> &str {
        self.texts.get(CAMPAIGN)
    }

    /// Notes that it was asked for.
    pub(crate) fn mark_used(&self) {
        // A plain look first: writing would take the line from other threads each time.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was asked for since this was last asked.
    pub(crate) fn take_used(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }
}

fn is_allowed(url: &str, settings: &Settings) -> bool {
    Destination::parse_allowed(url, &settings.allowed_hosts).is_ok()
}
