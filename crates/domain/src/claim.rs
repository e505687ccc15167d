//! Which due lines a payout settles (money.md §8): negative lines first, as far as positive ones cover them, then the
//! oldest, the last one possibly in part.

/// A due line with what no payout has claimed of it yet, signed, in micros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<Id> {
    /// The transfer that touched `due`.
    pub id: Id,
    /// What is left of it.
    pub unclaimed_micros: i64,
}

/// What a payout claims, and what it pays beyond that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocation<Id> {
    /// Signed parts of lines.
    pub claims: Vec<(Id, i64)>,
    /// The excess, in micros: an advance.
    pub advance_micros: i64,
}

/// Allocates `amount_micros` (above zero) to lines, which are given oldest first.
pub fn allocate<Id: Copy>(lines: &[Line<Id>], amount_micros: i64) -> Allocation<Id> {
    let positive: i128 = lines.iter().map(|line| i128::from(line.unclaimed_micros.max(0))).sum();
    let mut claims = Vec::new();
    // Negative lines, oldest first, as far as positive ones cover them.
    let mut cover = positive;
    for line in lines.iter().filter(|line| line.unclaimed_micros < 0) {
        let part = i128::from(line.unclaimed_micros).max(-cover);
        if part == 0 {
            break;
        }
        cover += part;
        claims.push((line.id, part as i64));
    }
    let mut wanted = i128::from(amount_micros) + (positive - cover);
    for line in lines.iter().filter(|line| line.unclaimed_micros > 0) {
        let part = i128::from(line.unclaimed_micros).min(wanted);
        if part == 0 {
            break;
        }
        wanted -= part;
        claims.push((line.id, part as i64));
    }
    Allocation { claims, advance_micros: wanted as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(lines: &[i64], amount: i64, claims: &[(usize, i64)], advance: i64) {
        let lines: Vec<_> =
            lines.iter().enumerate().map(|(id, &unclaimed_micros)| Line { id, unclaimed_micros }).collect();
        let expected = Allocation { claims: claims.to_vec(), advance_micros: advance };
        assert_eq!(allocate(&lines, amount), expected);
    }

    #[test]
    fn negative_lines_first_then_the_oldest_the_last_in_part() {
        check(&[20], 5, &[(0, 5)], 0);
        check(&[20, -6], 14, &[(1, -6), (0, 20)], 0);
        check(&[5, -6, 10], 4, &[(1, -6), (0, 5), (2, 5)], 0);
        check(&[5], 8, &[(0, 5)], 3);
        check(&[-4, -4, 5], 2, &[(0, -4), (1, -1), (2, 5)], 2);
        check(&[-4], 2, &[], 2);
        check(&[], 1, &[], 1);
    }

    proptest! {
        #[test]
        fn claims_and_advance_sum_to_the_payout(
            lines in prop::collection::vec(-1000_i64..1000, 0..20), amount in 1_i64..5000
        ) {
            let lines: Vec<_> = lines.into_iter().enumerate()
                .map(|(id, unclaimed_micros)| Line { id, unclaimed_micros }).collect();
            let allocation = allocate(&lines, amount);
            let claimed: i64 = allocation.claims.iter().map(|(_, part)| part).sum();
            prop_assert_eq!(claimed + allocation.advance_micros, amount);
            prop_assert!(allocation.advance_micros >= 0 && claimed >= 0);
            for (id, part) in &allocation.claims {
                let whole = lines[*id].unclaimed_micros;
                prop_assert!(part.signum() == whole.signum() && part.abs() <= whole.abs());
            }
            // An advance is paid only when nothing positive is left.
            let due: i64 = lines.iter().map(|line| line.unclaimed_micros).sum();
            prop_assert_eq!(allocation.advance_micros, (amount - due.max(0)).max(0));
        }
    }
}
