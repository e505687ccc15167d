//! Which country an address is in, by a file of MaxMind's format that the operator gives. Without one nobody knows.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{PathElement, Reader};

use crate::error::{Error, Result};

/// The file, in memory.
#[derive(Default)]
pub(crate) struct Countries(Option<Reader<Vec<u8>>>);

impl Countries {
    /// Reads the file, if there is one.
    pub(crate) fn open(path: Option<&Path>) -> Result<Countries> {
        let Some(path) = path else { return Ok(Countries(None)) };
        let refuse = |error| {
            let message = format!("{} is no file of MaxMind's format: {error}", path.display());
            Error::invalid("country_file", message)
        };
        Ok(Countries(Some(Reader::open_readfile(path).map_err(refuse)?)))
    }

    /// The two letters of the country, or of the one that registered the address.
    pub(crate) fn of(&self, address: IpAddr) -> Option<[u8; 2]> {
        let found = self.0.as_ref()?.lookup(address.to_canonical()).ok()?;
        let read = |place: &'static str| {
            let path = [PathElement::Key(place), PathElement::Key("iso_code")];
            found
                .decode_path::<&str>(&path)
                .ok()
                .flatten()
                .and_then(|code| <[u8; 2]>::try_from(code.as_bytes()).ok())
        };
        read("country").or_else(|| read("registered_country"))
    }
}
