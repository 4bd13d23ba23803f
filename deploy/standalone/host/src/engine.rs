//! The wasmtime engine and its clock.

use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often guest code is looked at. Also the unit of the CPU budget: shorter stops sooner and wakes the machine more.
pub(crate) const TICK: Duration = Duration::from_millis(10);

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

/// Advances the engine's epoch until the engine is gone.
pub(crate) fn start_ticking(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("wasm-epochs".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(())
}
