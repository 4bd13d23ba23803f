//! The wasmtime engine and its clock.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often guest code is looked at. Also the unit of the CPU budget: shorter stops sooner and wakes the machine more.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// How long the clock of an idle host sleeps before it looks around.
const SLEEP: Duration = Duration::from_secs(1);

/// Core modules in one component of ours: its own and the shims that the linker adds.
const CORE_INSTANCES_PER_COMPONENT: u32 = 8;

/// Memory of an instance that stays mapped for the next one, so that a fresh instance does not fault its pages in again.
const KEEP_RESIDENT: usize = 256 << 10;

/// Instances beyond those that can be at work: workers that wind down or idle.
const SPARE_INSTANCES: u32 = 128;

/// Makes the engine. `instances` is how many may be alive at once, `memory` the largest linear memory in bytes.
pub(crate) fn build(instances: usize, memory: usize) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    let mut pooled = config.clone();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, memory)));
    Engine::new(&pooled).or_else(|error| {
        // Address space may be short (containers, `ulimit -v`); slower instances are better than no start.
        tracing::warn!(error = format!("{error:#}"), "no pool for instances, they are allocated one by one");
        Engine::new(&config)
    })
}

fn pool(instances: usize, memory: usize) -> PoolingAllocationConfig {
    let instances = u32::try_from(instances).unwrap_or(u32::MAX - SPARE_INSTANCES) + SPARE_INSTANCES;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_stacks(instances.saturating_mul(2))
        .max_memory_size(memory)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .max_unused_warm_slots(32);
    pool
}

/// Advances the engine's epoch while there are instances, so that an idle host sleeps.
#[derive(Debug, Default)]
pub(crate) struct EpochClock {
    instances: Mutex<usize>,
    first: Condvar,
}

/// Keeps the clock going for one instance.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<EpochClock>);

impl EpochClock {
    /// Starts the clock's thread. It ends with the engine, or with its next instance.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let clock = Arc::new(Self::default());
        let (engine, watched) = (engine.weak(), Arc::downgrade(&clock));
        std::thread::Builder::new().name("wasm-epochs".to_owned()).spawn(move || {
            while let (Some(engine), Some(clock)) = (engine.upgrade(), watched.upgrade()) {
                clock.wait_for_instances();
                engine.increment_epoch();
                drop((engine, clock));
                std::thread::sleep(TICK);
            }
        })?;
        Ok(clock)
    }

    /// Notes that an instance lives until the returned value is dropped.
    pub(crate) fn tick(self: &Arc<Self>) -> Ticking {
        *self.instances.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.first.notify_one();
        Ticking(Arc::clone(self))
    }

    /// Returns at once if there are instances, else when there is one or after [`SLEEP`], to see whether the engine
    /// is still there.
    fn wait_for_instances(&self) {
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.first.wait_timeout_while(instances, SLEEP, |instances| *instances == 0);
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        *self.0.instances.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}
