//! kill -9 under load, half of the times at `refero` and half of the times at its PostgreSQL: every acknowledged
//! answer comes back byte for byte afterwards, nothing is booked twice, nothing is lost, and the books are right.

mod books;
mod load;
mod server;

use std::sync::Arc;
use std::time::Duration;

use load::{Acknowledged, Load, WRITERS};
use server::Refero;

use crate::binary::Folder;

/// How often each of the two is killed.
const KILLS: usize = 11;

/// How many answers come between a recovery and the next kill, at least and at most.
const ANSWERS: (u64, u64) = (40, 120);

/// How many answers are asked for again after a kill; at the end all are.
const SAMPLE: usize = 40;

/// Chooses what is killed when, and which answers are asked for again. The same in every run.
const SEED: u64 = 20_260_601;

#[test]
fn whatever_is_killed_no_answer_is_lost_and_nothing_is_booked_twice() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = Folder::new("kill");
        let data = folder.data();
        let (program, key) = server::make_program(&data);
        server::recover_quickly(&data);
        let mut refero = Refero::start(&data).await;
        let load = Arc::new(Load::new(refero.address, key));
        load.make_affiliates().await;
        let writers: Vec<_> =
            (0..WRITERS).map(|number| tokio::spawn(Arc::clone(&load).write(number))).collect();

        kill_again_and_again(&mut refero, &load).await;

        load.stop();
        for writer in writers {
            writer.await.expect("a writer goes on until it is told to stop");
        }
        let acknowledged = load.acknowledged();
        load.replay(&acknowledged).await;
        server::verify(&data);
        books::check(&data, program, &acknowledged).await;
        refero.terminate();
    });
}

/// What is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Victim {
    Refero,
    Postgres,
}

async fn kill_again_and_again(refero: &mut Refero, load: &Arc<Load>) {
    let mut dice = Dice(SEED);
    let mut victims = [[Victim::Refero; KILLS], [Victim::Postgres; KILLS]].concat();
    dice.shuffle(&mut victims);
    for victim in victims {
        load.wait_for(dice.between(ANSWERS.0, ANSWERS.1) as usize).await;
        // Answers come when a batch has committed; the kill shall meet any step of the next one.
        tokio::time::sleep(Duration::from_micros(dice.between(0, 40_000))).await;
        match victim {
            Victim::Refero => refero.kill_and_restart(),
            Victim::Postgres => refero.kill_postgres(),
        }
        refero.ready().await;
        let sample: Vec<Acknowledged> = load.sample(SAMPLE, &mut dice);
        load.replay(&sample).await;
    }
}

/// Numbers that look random and are the same in every run (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.between(0, last as u64) as usize);
        }
    }
}
