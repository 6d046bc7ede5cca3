//! The part of a client that is about concurrency limits.

use async_trait::async_trait;

use super::ClientError;
use crate::model::{ConcurrencyLimit, Occupancy, ProcessId, SlotAnswer, SlotAsk};
use crate::orchestration::{LimitUpdate, NewLimit, Orchestrator, Probe, SlotsBack};

/// Makes, changes and reads concurrency limits, and takes their slots.
///
/// Programs usually take slots by [`concurrency`](crate::concurrency), which waits for them and gives them back.
#[async_trait]
pub trait LimitClient: Send + Sync + 'static {
    /// Makes a limit.
    async fn create_limit(&self, new: NewLimit) -> Result<ConcurrencyLimit, ClientError>;

    /// Changes a limit. What is taken of it stays taken.
    async fn update_limit(&self, name: &str, update: LimitUpdate) -> Result<ConcurrencyLimit, ClientError>;

    /// Deletes a limit, and tells how it stood. Who has slots of it goes on, and who waits for it gets on.
    async fn delete_limit(&self, name: &str) -> Result<Occupancy, ClientError>;

    /// Lists limits, by name.
    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, ClientError>;

    /// Tells how the limits of these names stand. What has expired may be among it.
    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, ClientError>;

    /// Asks for slots: each ask is granted, waits in the queues, or is refused, in this order.
    async fn ask_for_slots(&self, asks: Vec<SlotAsk>) -> Result<Vec<SlotAnswer>, ClientError>;

    /// Takes requests out of the queues, and gives back what they were granted. Once more changes nothing.
    async fn give_slots_back(&self, back: Vec<SlotsBack>) -> Result<(), ClientError>;

    /// Takes slots and places in queues away from those of these processes that have died; tells how many that were.
    async fn free_slots_of_dead(&self, processes: &[ProcessId], probe: &dyn Probe) -> Result<u64, ClientError>;
}

#[async_trait]
impl LimitClient for Orchestrator {
    async fn create_limit(&self, new: NewLimit) -> Result<ConcurrencyLimit, ClientError> {
        Ok(Orchestrator::create_limit(self, new).await??)
    }

    async fn update_limit(&self, name: &str, update: LimitUpdate) -> Result<ConcurrencyLimit, ClientError> {
        Ok(Orchestrator::update_limit(self, name, update).await??)
    }

    async fn delete_limit(&self, name: &str) -> Result<Occupancy, ClientError> {
        Ok(Orchestrator::delete_limit(self, name).await??)
    }

    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, ClientError> {
        Ok(self.store().limits().await?)
    }

    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, ClientError> {
        Ok(self.store().occupancy(names).await?)
    }

    async fn ask_for_slots(&self, asks: Vec<SlotAsk>) -> Result<Vec<SlotAnswer>, ClientError> {
        Ok(Orchestrator::ask_for_slots(self, asks).await?)
    }

    async fn give_slots_back(&self, back: Vec<SlotsBack>) -> Result<(), ClientError> {
        Ok(Orchestrator::give_slots_back(self, back).await?)
    }

    async fn free_slots_of_dead(&self, processes: &[ProcessId], probe: &dyn Probe) -> Result<u64, ClientError> {
        Ok(Orchestrator::free_slots_of_dead(self, processes, probe).await?)
    }
}
