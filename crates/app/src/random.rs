//! The one place where the product draws random numbers and makes ids.

use uuid::Uuid;

/// Fills a buffer with bytes that nobody can guess.
#[allow(clippy::disallowed_methods, reason = "this is the one place where randomness is drawn")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    getrandom::fill(&mut buffer).expect("the system gives random bytes");
    buffer
}

/// A new id that sorts by the time it is made (UUID version 7).
#[allow(clippy::disallowed_methods, reason = "this is the one place where ids are made")]
pub fn id() -> Uuid {
    Uuid::now_v7()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number from 0 to `below` - 1, for jitter.
pub fn below(below: u64) -> u64 {
    u64::from_le_bytes(bytes()) % below.max(1)
}
