//! The master secret of an installation and the keys derived from it. Several processes on one database share it.

use std::net::IpAddr;

use domain::ids::{AffiliateId, ProgramId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use store::Pool;
use store::name::{Hash, Kind};

use crate::error::{Error, Result};

/// The master secret: 32 bytes that never leave the process.
#[derive(Clone)]
pub struct Secret {
    names: Hmac<Sha256>,
    inputs: Hmac<Sha256>,
    clicks: Hmac<Sha256>,
    addresses: Hmac<Sha256>,
    widgets: Hmac<Sha256>,
    fingerprint: [u8; 32],
}

impl Secret {
    /// A secret from its bytes.
    pub fn new(master: &[u8; 32]) -> Secret {
        let derive = |purpose: &str| -> [u8; 32] { mac(master, purpose.as_bytes()) };
        Secret {
            names: keyed(&derive("names")),
            inputs: keyed(&derive("inputs")),
            clicks: keyed(&derive("clicks")),
            addresses: keyed(&derive("addresses")),
            widgets: keyed(&derive("widgets")),
            fingerprint: derive("fingerprint"),
        }
    }

    /// Compares the secret with the one the database was first used with.
    pub async fn check(&self, pool: &Pool) -> Result<()> {
        let known = store::node::secret_fingerprint(pool, &self.fingerprint).await?;
        if known == self.fingerprint {
            return Ok(());
        }
        Err(Error::Invalid {
            field: "secret".to_owned(),
            message: "this database was set up with another master secret; give this process the same one (the file \
                      secret.key of the data folder, or REFERO_SECRET)"
                .to_owned(),
        })
    }

    /// The keyed hash of a name of a kind: what `store::name` keeps instead of the name.
    pub fn name(&self, kind: Kind, name: &[&str]) -> Hash {
        let mut mac = self.names.clone();
        mac.update(&kind.code().to_le_bytes());
        for part in name {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("16 is less than 32")
    }

    /// The keyed hash of a network address, as its hash in the program, with what a browser calls itself.
    pub fn browser(&self, address_hash: &[u8], agent: &str) -> Hash {
        let mut mac = self.names.clone();
        mac.update(b"browser");
        mac.update(address_hash);
        mac.update(agent.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("16 is less than 32")
    }

    /// The keyed hash of a parsed command, to tell a repeated request from another one under the same key.
    pub fn input<T: serde::Serialize>(&self, input: &T) -> Vec<u8> {
        let mut mac = self.inputs.clone();
        mac.update(&serde_json::to_vec(input).expect("a command is plain data"));
        mac.finalize().into_bytes().first_chunk::<16>().expect("16 is less than 32").to_vec()
    }

    /// The key that signs clicks, from the salt that its row keeps: who reads the database alone cannot sign.
    pub fn click_key(&self, salt: &[u8; 32]) -> [u8; 32] {
        let mut mac = self.clicks.clone();
        mac.update(salt);
        mac.finalize().into_bytes().into()
    }

    /// The secret by which a program signs its users' tokens for the referral widget, from the salt that its row keeps: who
    /// reads the database alone cannot sign.
    pub fn widget_secret(&self, program: ProgramId, salt: &[u8; 32]) -> String {
        let mut mac = self.widgets.clone();
        mac.update(&program.0.to_le_bytes());
        mac.update(salt);
        crate::random::hex(&mac.finalize().into_bytes())
    }

    /// The keyed hash of a visitor's address in a program: what is kept instead of the address.
    pub fn address(&self, program: ProgramId, address: IpAddr) -> [u8; 16] {
        let mut mac = self.addresses.clone();
        mac.update(&program.0.to_le_bytes());
        match address.to_canonical() {
            IpAddr::V4(address) => mac.update(&address.octets()),
            IpAddr::V6(address) => mac.update(&address.octets()),
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("16 is less than 32")
    }

    /// Names a visitor of an affiliate's links, by the hash of the address and by what its program calls itself.
    pub fn visitor(&self, affiliate: AffiliateId, address_hash: &[u8], agent: &str) -> [u8; 12] {
        let mut mac = self.addresses.clone();
        mac.update(&affiliate.0.to_le_bytes());
        mac.update(address_hash);
        mac.update(agent.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        *whole.first_chunk().expect("12 is less than 32")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The hash under which an API key is kept. Keys are random, so a plain hash is enough.
pub fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
