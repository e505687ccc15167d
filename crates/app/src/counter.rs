//! Integer ids, handed out from blocks that the store reserves in transactions of their own. Gaps are allowed.

use std::collections::HashMap;
use std::ops::Range;

use domain::ids::ProgramId;
use store::{Pool, Result};
use tokio::sync::Mutex;

/// The block size; imports reserve as many as they need.
const BLOCK: i64 = 100;

/// Blocks that this process has reserved, by program and kind.
#[derive(Default)]
pub(crate) struct Counters {
    blocks: Mutex<HashMap<(ProgramId, &'static str), Range<i64>>>,
}

impl Counters {
    /// The next integer of a kind.
    pub(crate) async fn next(&self, pool: &Pool, program: ProgramId, kind: &'static str) -> Result<i64> {
        Ok(self.take(pool, program, kind, 1).await?[0])
    }

    /// The next `count` integers of a kind.
    pub(crate) async fn take(
        &self,
        pool: &Pool,
        program: ProgramId,
        kind: &'static str,
        count: usize,
    ) -> Result<Vec<i64>> {
        let mut blocks = self.blocks.lock().await;
        let block = blocks.entry((program, kind)).or_insert(0..0);
        let mut taken: Vec<i64> = block.take(count).collect();
        let missing = (count - taken.len()) as i64;
        if missing > 0 {
            let size = missing.max(BLOCK);
            let first = store::counter::reserve(pool, program, kind, size).await?;
            *block = first..first + size;
            taken.extend(block.take(missing as usize));
        }
        Ok(taken)
    }
}
