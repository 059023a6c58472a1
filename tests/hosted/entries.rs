//! Work at ledgers: each transaction enters its number in two of them, or in one, or nonsense.

use indoubt::Participant;
use indoubt_sim::history::Tx;
use indoubt_sim::parts::Works;
use indoubt_sim::workload::{GaveUp, Job, Workload};

#[derive(Clone)]
pub(crate) struct Entries;

impl<P: Participant<Branch: Works<Op = String>>> Workload<P> for Entries {
    async fn transact(&self, job: &Job<'_, P>) -> Result<(), GaveUp> {
        let (number, odd) = (number(job.tx()).to_string(), job.draw().below(20));
        job.work(0, if odd == 0 { "nonsense".to_owned() } else { number.clone() }).await?;
        if odd != 1 {
            job.work(1, number).await?;
        }
        Ok(())
    }
}

/// A transaction's number, as the ledgers have it.
pub(crate) const fn number(tx: Tx) -> u64 {
    tx.epoch << 32 | tx.sequence
}
