//! A click between the redirect and its row: bytes, because it waits in memory or in a spill segment, and the redirect has
//! no time for more. What can be found out later (bots, repeats, the day) is left to the writer.

use std::net::IpAddr;

use domain::click::ClickId;
use domain::ids::{AffiliateId, DealId, LinkId, ProgramId};
use domain::time::Timestamp;
use domain::traffic::{Traffic, clean};
use store::click::{ClickRow, Grade};
use uuid::Uuid;

/// Of what a visitor's program calls itself, bytes that count.
pub const LONGEST_AGENT: usize = 400;

/// The longest text of a page and a query that is kept, in bytes.
const LONGEST_PAGE: usize = 1_000;
pub(super) const LONGEST_QUERY: usize = 4_000;

/// A click as it happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) program: ProgramId,
    pub(crate) id: ClickId,
    pub(crate) clicked_at: Timestamp,
    pub(crate) affiliate: AffiliateId,
    pub(crate) link: Option<LinkId>,
    pub(crate) deal: DealId,
    pub(crate) grade: Grade,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) address_hash: Option<[u8; 16]>,
    /// Only where the program keeps it.
    pub(crate) address: Option<IpAddr>,
    pub(crate) country: Option<[u8; 2]>,
    pub(crate) brand: &'a str,
    pub(crate) campaign: &'a str,
    pub(crate) agent: &'a [u8],
    pub(crate) referrer: &'a [u8],
    pub(crate) page: &'a [u8],
    pub(crate) query: &'a [u8],
}

/// A click read back, with what its row does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) program: ProgramId,
    pub(crate) row: ClickRow,
    pub(crate) deal: DealId,
    pub(crate) brand: String,
    pub(crate) campaign: String,
}

impl Record<'_> {
    /// Appends the record: its length, then its fields in order.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(&[0; 4]);
        for number in [
            self.program.0,
            self.clicked_at.timestamp_micros(),
            self.affiliate.0,
            self.link.map_or(0, |link| link.0),
            self.deal.0,
        ] {
            to.extend_from_slice(&number.to_le_bytes());
        }
        to.extend_from_slice(self.id.0.as_bytes());
        to.push(self.grade.code() as u8);
        to.extend_from_slice(&self.country.unwrap_or_default());
        bytes(to, self.client_id.as_ref().map_or(&[], |id| id.as_bytes().as_slice()), 16);
        bytes(to, self.address_hash.as_ref().map_or(&[], <[u8; 16]>::as_slice), 16);
        match self.address {
            None => bytes(to, &[], 0),
            Some(IpAddr::V4(address)) => bytes(to, &address.octets(), 4),
            Some(IpAddr::V6(address)) => bytes(to, &address.octets(), 16),
        }
        bytes(to, self.brand.as_bytes(), 400);
        bytes(to, self.campaign.as_bytes(), 400);
        bytes(to, self.agent, LONGEST_AGENT);
        bytes(to, self.referrer, LONGEST_PAGE);
        bytes(to, self.page, LONGEST_PAGE);
        bytes(to, self.query, LONGEST_QUERY);
        let length = (to.len() - start - 4) as u32;
        to[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

fn bytes(to: &mut Vec<u8>, value: &[u8], limit: usize) {
    let value = &value[..value.len().min(limit)];
    to.extend_from_slice(&(value.len() as u16).to_le_bytes());
    to.extend_from_slice(value);
}

/// Reads the records of a frame; what is not whole ends the reading.
pub(crate) fn read_all(mut bytes: &[u8]) -> Vec<Recorded> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let Some((record, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { break };
        records.extend(Reader(record).record());
        bytes = rest;
    }
    records
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_le_bytes(self.take()?);
        let (first, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(first)
    }

    /// A text that the database takes, without NUL and other control characters; nothing where it is empty.
    fn text(&mut self) -> Option<Option<String>> {
        let text = clean(&String::from_utf8_lossy(self.bytes()?), LONGEST_PAGE);
        Some(Some(text).filter(|text| !text.is_empty()))
    }

    fn record(mut self) -> Option<Recorded> {
        let program = ProgramId(self.number()?);
        let clicked_at = chrono::DateTime::from_timestamp_micros(self.number()?)?;
        let affiliate = AffiliateId(self.number()?);
        let link = Some(self.number()?).filter(|link| *link != 0).map(LinkId);
        let deal = DealId(self.number()?);
        let id = ClickId(Uuid::from_bytes(self.take()?));
        let [grade] = self.take()?;
        let grade = Grade::from_code(grade.into())?;
        let country: [u8; 2] = self.take()?;
        let client_id = self.bytes()?.try_into().ok().map(Uuid::from_bytes);
        let address_hash = Some(self.bytes()?).filter(|hash| !hash.is_empty()).map(<[u8]>::to_vec);
        let address = address(self.bytes()?);
        let brand = self.text()?.unwrap_or_default();
        let campaign = self.text()?.unwrap_or_default();
        let (agent, referrer, page) = (self.text()?, self.text()?, self.text()?);
        let traffic = Traffic::read(&String::from_utf8_lossy(self.bytes()?));
        let country =
            std::str::from_utf8(&country).ok().filter(|letters| is_country(letters)).map(str::to_owned);
        let row = ClickRow {
            id,
            clicked_at,
            affiliate,
            link,
            grade,
            flags: 0,
            client_id,
            address_hash,
            address,
            country,
            agent,
            referrer,
            page,
            traffic,
        };
        Some(Recorded { program, row, deal, brand, campaign })
    }
}

fn is_country(letters: &str) -> bool {
    letters.bytes().all(|letter| letter.is_ascii_uppercase())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    four.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record<'static> {
        Record {
            program: ProgramId(1001),
            id: ClickId(Uuid::from_u128(7)),
            clicked_at: "2026-06-01T12:00:00.123456Z".parse().expect("an instant"),
            affiliate: AffiliateId(2),
            link: Some(LinkId(3)),
            deal: DealId(4),
            grade: Grade::Signed,
            client_id: None,
            address_hash: Some([9; 16]),
            address: Some("2001:db8::1".parse().expect("an address")),
            country: Some(*b"DE"),
            brand: "Lucky",
            campaign: "",
            agent: b"Browser\0\xff",
            referrer: b"https://blog.example/",
            page: b"",
            query: b"sid=a%20b&x=1",
        }
    }

    #[test]
    fn a_record_is_read_back_as_its_row() {
        let mut bytes = Vec::new();
        record().write(&mut bytes);
        let second = Record {
            link: None,
            grade: Grade::Declared,
            client_id: Some(Uuid::from_u128(8)),
            country: None,
            ..record()
        };
        second.write(&mut bytes);
        let read = read_all(&bytes);
        assert_eq!(read.len(), 2);
        let Recorded { row, brand, campaign, .. } = &read[0];
        assert_eq!((brand.as_str(), campaign.as_str()), ("Lucky", ""));
        assert_eq!((row.agent.as_deref(), row.page.as_deref()), (Some("Browser\u{fffd}"), None));
        assert_eq!((row.traffic.get("sub_id"), row.country.as_deref()), (Some("a b"), Some("DE")));
        assert_eq!(
            (row.link, row.address, row.clicked_at),
            (Some(LinkId(3)), record().address, record().clicked_at)
        );
        let row = &read[1].row;
        assert_eq!((row.link, row.grade, row.client_id), (None, Grade::Declared, Some(Uuid::from_u128(8))));
    }

    #[test]
    fn what_breaks_off_ends_the_reading_and_nothing_panics() {
        let mut bytes = Vec::new();
        record().write(&mut bytes);
        let whole = bytes.len();
        record().write(&mut bytes);
        for end in 0..=bytes.len() {
            let expected = usize::from(end >= whole) + usize::from(end == bytes.len());
            assert_eq!(read_all(&bytes[..end]).len(), expected, "{end}");
        }
        for place in 0..whole {
            let mut changed = bytes.clone();
            changed[place] ^= 0xff;
            let _ = read_all(&changed);
        }
    }
}
