//! Numbers that look random and are the same in every run: SplitMix64 (Steele, Lea and Flood, "Fast splittable
//! pseudorandom number generators", 2014). For believable data only; what must not be guessed is drawn by `app::random`.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Generator(u64);

impl Generator {
    /// The stream of one thing among many: the same name and index always give the same stream, whatever other
    /// streams are used for.
    pub(super) fn of(name: &str, index: u64) -> Generator {
        let seed =
            name.bytes().fold(0x5eed, |seed: u64, byte| seed.wrapping_mul(257).wrapping_add(byte.into()));
        let mut generator = Generator(seed);
        generator.0 = generator.next() ^ index;
        generator.0 = generator.next();
        generator
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit` - 1.
    pub(super) fn below(&mut self, limit: i64) -> i64 {
        let limit = u128::try_from(limit.max(1)).unwrap_or(1);
        i64::try_from((u128::from(self.next()) * limit) >> 64).unwrap_or(0)
    }

    /// A number from `first` to `last`.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        first + self.below(last - first + 1)
    }

    /// Whether something happens that happens so often in a thousand times.
    pub(super) fn chance(&mut self, per_thousand: i64) -> bool {
        self.below(1000) < per_thousand
    }

    /// One of several.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as i64)).unwrap_or(0)]
    }

    /// One of several, each as often as its weight says. The first when nothing has a weight.
    pub(super) fn pick_weighted(&mut self, weights: &[i64]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if rest < *weight {
                return index;
            }
            rest -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first numbers of SplitMix64 from the seed 1234567, as its reference implementation prints them.
        let mut generator = Generator(1_234_567);
        let numbers = [generator.next(), generator.next(), generator.next()];
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_stream_depends_on_its_name_and_index_only() {
        let draw = |name: &str, index| {
            let mut generator = Generator::of(name, index);
            [generator.below(1_000_000), generator.below(1_000_000)]
        };
        assert_eq!(draw("players", 7), draw("players", 7));
        assert_ne!(draw("players", 7), draw("players", 8));
        assert_ne!(draw("players", 7), draw("customers", 7));
    }

    #[test]
    fn chances_come_out_about_as_often_as_they_say() {
        let mut generator = Generator::of("coins", 0);
        let heads = (0..10_000).filter(|_| generator.chance(250)).count();
        assert!((2300..2700).contains(&heads), "{heads}");
        let mut shares = [0; 3];
        (0..10_000).for_each(|_| shares[generator.pick_weighted(&[1, 0, 3])] += 1);
        assert!(shares[1] == 0 && (2300..2700).contains(&shares[0]), "{shares:?}");
        assert!((0..1000).all(|_| (3..=5).contains(&generator.between(3, 5))));
    }
}
