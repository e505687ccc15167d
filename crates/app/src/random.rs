//! The one place where the product draws random numbers and makes ids.

use std::cell::RefCell;

use uuid::Uuid;

/// Fills a buffer with bytes that nobody can guess.
#[allow(clippy::disallowed_methods, reason = "this is the one place where randomness is drawn")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    getrandom::fill(&mut buffer).expect("the system gives random bytes");
    buffer
}

/// Eight bytes that nobody can guess, drawn from the system by the thousand: a redirect needs them many times a second.
pub fn eight() -> [u8; 8] {
    const DRAWN: usize = 4096;
    thread_local! {
        static POOL: RefCell<([u8; DRAWN], usize)> = const { RefCell::new(([0; DRAWN], DRAWN)) };
    }
    POOL.with_borrow_mut(|(pool, used)| {
        if *used + 8 > DRAWN {
            *pool = bytes();
            *used = 0;
        }
        let drawn = pool[*used..].first_chunk::<8>().copied().expect("there is room for eight");
        // What was given out is not kept.
        pool[*used..*used + 8].fill(0);
        *used += 8;
        drawn
    })
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
