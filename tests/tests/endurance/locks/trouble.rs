//! Everything that happens to servers, networks and processes.

use std::collections::BTreeMap;
use std::time::Duration;

use causeway_tests::{Proxy, World};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use crate::arena::Arena;

/// Time in which nothing happens.
const PEACE: std::ops::Range<u64> = 800..2_500;

/// The same, now and then: only what was undisturbed for some time was certainly held on the server.
const LONG_PEACE: std::ops::Range<u64> = 3_000..6_000;

/// How often.
const LONG_PEACES: f64 = 0.2;

/// Looks for a rename that is held up, some 20 ms apart.
const CAUGHT_WITHIN: u32 = 60;

/// Makes trouble until told to stop, and mends everything. Says how often each kind was made.
pub(super) async fn make(
    world: &mut World,
    proxy: &Proxy,
    arena: &Arena,
    seed: u64,
    stop: &CancellationToken,
) -> BTreeMap<&'static str, u32> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut made = BTreeMap::new();
    loop {
        let peace = if random.random_bool(LONG_PEACES) { LONG_PEACE } else { PEACE };
        let peace = Duration::from_millis(random.random_range(peace));
        if stop.run_until_cancelled(tokio::time::sleep(peace)).await.is_none() {
            return made;
        }
        let kind = random.random_range(0..100);
        let began = arena.recorder.now();
        let mut pause = async |most: u64| {
            tokio::time::sleep(Duration::from_millis(random.random_range(20..most))).await;
        };
        let name = match kind {
            0..25 => {
                let _away = arena.calm.write().await;
                block_in_place(|| world.product_mut().kill().expect("an end"));
                pause(200).await;
                block_in_place(|| world.product_mut().start_again().expect("a new start"));
                "product killed"
            }
            25..33 => {
                let _away = arena.calm.write().await;
                block_in_place(|| world.product_mut().stop().expect("a clean end"));
                block_in_place(|| world.product_mut().start_again().expect("a new start"));
                "product restarted"
            }
            33..47 => {
                block_in_place(|| world.samba_mut().kill9());
                pause(800).await;
                block_in_place(|| world.samba_mut().restart().expect("a new server"));
                "smbd killed"
            }
            47..65 => {
                proxy.cut();
                pause(1_200).await;
                proxy.restore();
                "network cut"
            }
            65..75 => {
                proxy.hold_up();
                pause(2_000).await;
                proxy.restore();
                "network held up"
            }
            75..80 => {
                world.samba().freeze();
                pause(1_500).await;
                world.samba().thaw();
                "smbd frozen"
            }
            80..92 => {
                proxy.catch_a_rename();
                for _ in 0..CAUGHT_WITHIN {
                    if proxy.has_caught() {
                        break;
                    }
                    pause(40).await;
                }
                let name = if proxy.has_caught() {
                    "product killed while the server had its rename"
                } else {
                    "product killed before its rename"
                };
                restart(world, arena).await;
                pause(1_500).await;
                proxy.restore();
                name
            }
            _ => {
                world.samba().freeze();
                pause(300).await;
                restart(world, arena).await;
                pause(1_500).await;
                world.samba().thaw();
                "product killed while smbd was frozen"
            }
        };
        arena.record_trouble(name, began);
        *made.entry(name).or_default() += 1;
    }
}

/// Kills the product and starts it again.
async fn restart(world: &mut World, arena: &Arena) {
    let _away = arena.calm.write().await;
    block_in_place(|| world.product_mut().kill().expect("an end"));
    block_in_place(|| world.product_mut().start_again().expect("a new start"));
}
