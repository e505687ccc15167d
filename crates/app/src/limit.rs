//! How many requests one caller may make, so that nobody crowds out the write path: a bucket that fills at a rate, per API
//! key for conversions and per network address for what browsers tell. In memory, each process for itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;

use domain::time::Timestamp;

use crate::config::{self, Rate};
use crate::error::{Error, Result};
use crate::secret::key_hash;

/// Callers that are remembered at once; beyond that those with full buckets are forgotten, then all.
const REMEMBERED: usize = 100_000;

/// One request, in the unit that buckets count.
const REQUEST: i128 = 1_000_000;

/// The limits of a process.
pub struct Limits {
    keys: Buckets<[u8; 32]>,
    addresses: Buckets<IpAddr>,
}

impl Limits {
    pub(crate) fn new(limits: config::Limits) -> Limits {
        Limits { keys: Buckets::new(limits.key), addresses: Buckets::new(limits.address) }
    }

    /// Takes a conversion that comes with an API key into account; refused once there are too many.
    pub fn of_key(&self, key: &str, now: Timestamp) -> Result<()> {
        self.keys.take(key_hash(key), now)
    }

    /// Takes a request of a network address into account; refused once there are too many. Addresses of one household's
    /// network of IPv6 count as one.
    pub fn of_address(&self, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        let Some(address) = address else { return Ok(()) };
        let network = match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::from(std::net::Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address => address,
        };
        self.addresses.take(network, now)
    }
}

/// What is left of a caller's bucket, and when that was.
#[derive(Clone, Copy)]
struct Bucket {
    left: i128,
    at: Timestamp,
}

struct Buckets<K> {
    rate: Rate,
    known: Mutex<HashMap<K, Bucket>>,
}

impl<K: Eq + Hash> Buckets<K> {
    fn new(rate: Rate) -> Buckets<K> {
        Buckets { rate, known: Mutex::default() }
    }

    fn full(&self) -> i128 {
        i128::from(self.rate.burst) * REQUEST
    }

    /// What is in a bucket now: a microsecond adds as many millionths of a request as requests a second are allowed.
    fn left(&self, bucket: &Bucket, now: Timestamp) -> i128 {
        let micros = (now - bucket.at).num_microseconds().unwrap_or(i64::MAX).max(0);
        (bucket.left + i128::from(micros) * i128::from(self.rate.per_second)).min(self.full())
    }

    fn take(&self, caller: K, now: Timestamp) -> Result<()> {
        let mut known = self.known.lock().expect("nothing panics while it holds this");
        if known.len() >= REMEMBERED && !known.contains_key(&caller) {
            known.retain(|_, bucket| self.left(bucket, now) < self.full());
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        let bucket = known.entry(caller).or_insert(Bucket { left: self.full(), at: now });
        let left = self.left(bucket, now);
        if left < REQUEST {
            return Err(Error::Limited);
        }
        *bucket = Bucket { left: left - REQUEST, at: now.max(bucket.at) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_timestamp(second, 0).expect("a time")
    }

    #[test]
    fn a_caller_may_make_a_burst_and_then_so_many_a_second() {
        let limits = Limits::new(config::Limits {
            key: Rate { per_second: 2, burst: 3 },
            address: Rate { per_second: 1, burst: 1 },
        });
        let allowed =
            |at, times: usize| (0..times).filter(|_| limits.of_key("one", second(at)).is_ok()).count();
        assert_eq!(allowed(0, 10), 3, "the burst");
        assert_eq!(allowed(1, 10), 2, "two a second");
        assert_eq!(allowed(1, 10), 0);
        assert_eq!(allowed(100, 10), 3, "no more than the burst after a long rest");
        assert_eq!(limits.of_key("two", second(1)), Ok(()), "each has its own");
        let address = |text: &str| text.parse().ok();
        assert_eq!(limits.of_address(address("192.0.2.1"), second(0)), Ok(()));
        assert_eq!(limits.of_address(address("192.0.2.1"), second(0)), Err(Error::Limited));
        assert_eq!(limits.of_address(address("::ffff:192.0.2.1"), second(0)), Err(Error::Limited));
        assert_eq!(limits.of_address(address("192.0.2.2"), second(0)), Ok(()));
        assert_eq!(limits.of_address(address("2001:db8::1"), second(0)), Ok(()));
        assert_eq!(
            limits.of_address(address("2001:db8::2"), second(0)),
            Err(Error::Limited),
            "one household"
        );
        assert_eq!(limits.of_address(None, second(0)), Ok(()));
    }
}
