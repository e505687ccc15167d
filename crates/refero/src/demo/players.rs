//! Customers of the casino program: players who register, make a first deposit or none, and deposit on for days, weeks
//! or the whole year; some deposits are charged back.

use domain::fact::Play;
use domain::money::MICROS;
use domain::text::TextError;

use super::cast::{PROMOTERS, home_address};
use super::customer::{Identity, Life};
use super::year::{Event, Year};

const IDENTITY: Identity =
    Identity { stream: "players", uid: "player-", address: home_address, partners: &PROMOTERS, organic: 90 };

/// Where they play.
pub(super) const BRAND: &str = "Palmyra";

/// A way to play.
struct Habit {
    /// Of a hundred depositors, how many play so.
    weight: i64,
    /// What a deposit is, in euros.
    deposits: &'static [i64],
    /// Days between two deposits.
    gap: (i64, i64),
    /// For how many days it lasts.
    lasts: (i64, i64),
}

const HABITS: [Habit; 3] = [
    Habit { weight: 72, deposits: &[10, 10, 20, 20, 25, 50], gap: (1, 12), lasts: (1, 25) },
    Habit { weight: 23, deposits: &[20, 25, 50, 50, 100], gap: (5, 16), lasts: (30, 200) },
    Habit { weight: 5, deposits: &[100, 150, 200, 250, 500, 1000], gap: (4, 11), lasts: (90, 365) },
];

/// Everything that happens to `count` players in a year.
pub(super) fn events(year: &Year, count: usize) -> Result<Vec<Event>, TextError> {
    let weights: Vec<i64> = HABITS.iter().map(|habit| habit.weight).collect();
    let mut events = Vec::new();
    for index in 0..count {
        let mut life = Life::begin(&IDENTITY, year, index)?;
        if life.generator.chance(520) {
            let habit = &HABITS[life.generator.pick_weighted(&weights)];
            play(&mut life, habit)?;
        }
        events.extend(life.end());
    }
    Ok(events)
}

fn play(life: &mut Life, habit: &Habit) -> Result<(), TextError> {
    let registered_at = life.registered_at;
    let mut at = life.later(registered_at, 0, 4);
    let last = life.later(at, habit.lasts.0, habit.lasts.1);
    while at < last && life.is_told(at) {
        let cents = life.generator.pick(habit.deposits) * 100;
        let deposit = life.pay(at, cents, None)?;
        let (play, rounds) = bet(life, cents / 100);
        life.play(at, BRAND, play, rounds);
        if life.generator.chance(9) {
            let returned_at = life.later(at, 2, 14);
            let part = life.generator.chance(250).then_some(cents / 2);
            life.refund(returned_at, &deposit, part)?;
            if part.is_none() && life.generator.chance(500) {
                // Who charges a deposit back does not play on.
                return Ok(());
            }
        }
        at = life.later(at, habit.gap.0, habit.gap.1);
    }
    Ok(())
}

/// What comes of a deposit of some euros on its day. The house keeps a little of what is wagered, on average; now and then
/// a player wins more than was ever lost.
fn bet(life: &mut Life, euros: i64) -> (Play, u32) {
    let volume = euros * life.generator.between(3, 20);
    let pnl = match life.generator.below(100) {
        0..=1 => -euros * life.generator.between(5, 15),
        2..=24 => -euros * life.generator.between(10, 150) / 100,
        _ => euros * life.generator.between(20, 100) / 100,
    };
    let bonuses = if life.generator.chance(150) { euros / 10 } else { 0 };
    let play = Play {
        pnl: pnl * MICROS,
        bonuses: bonuses * MICROS,
        deductions: pnl.max(0) * MICROS / 20,
        volume: volume * MICROS,
    };
    (play, u32::try_from(life.generator.between(10, 400)).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use domain::fact::Kind;
    use domain::time::Zone;

    use super::*;

    #[test]
    fn about_half_of_the_players_deposit_and_a_few_deposits_come_back() {
        let year = Year::before("2026-06-10T08:00:00Z".parse().expect("a time"), Zone::UTC);
        let events = events(&year, 1000).expect("texts are well formed");
        let count = |kind| events.iter().filter(|event| event.command.kind() == kind).count();
        assert_eq!(count(Kind::Registration), 1000);
        assert!(count(Kind::Payment) > 1500, "{}", count(Kind::Payment));
        assert!(count(Kind::Activity) > 1500, "{}", count(Kind::Activity));
        assert!(count(Kind::Refund) > 5, "{}", count(Kind::Refund));
    }
}
