//! The 40 bytes of a token as 54 characters (RFC 4648 §5, without padding). One text a token: bits behind the end are
//! refused, so that no second text names the same click.

use super::TOKEN_LENGTH;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The place of a character in the alphabet; 64 for none.
const PLACES: [u8; 256] = {
    let mut places = [64; 256];
    let mut place = 0;
    while place < 64 {
        places[ALPHABET[place] as usize] = place as u8;
        place += 1;
    }
    places
};

pub(super) fn encode(bytes: &[u8; 40]) -> [u8; TOKEN_LENGTH] {
    let mut text = [0; TOKEN_LENGTH];
    for (three, four) in bytes.chunks(3).zip(text.chunks_mut(4)) {
        let byte = |at: usize| three.get(at).map_or(0, |byte| u32::from(*byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, letter) in four.iter_mut().enumerate() {
            *letter = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
        }
    }
    text
}

pub(super) fn decode(text: &[u8]) -> Option<[u8; 40]> {
    let mut bytes = [0; 40];
    for (four, three) in text.chunks(4).zip(bytes.chunks_mut(3)) {
        let mut bits = 0;
        for at in 0..4 {
            let place = four.get(at).map_or(0, |letter| PLACES[*letter as usize]);
            if place == 64 {
                return None;
            }
            bits = bits << 6 | u32::from(place);
        }
        let [_, whole @ ..] = bits.to_be_bytes();
        three.copy_from_slice(&whole[..three.len()]);
        if whole[three.len()..].iter().any(|rest| *rest != 0) {
            return None;
        }
    }
    Some(bytes)
}
