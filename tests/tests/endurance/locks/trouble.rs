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
        let peace = Duration::from_millis(random.random_range(PEACE));
        if stop.run_until_cancelled(tokio::time::sleep(peace)).await.is_none() {
            return made;
        }
        let kind = random.random_range(0..100);
        let mut pause = async |most: u64| {
            tokio::time::sleep(Duration::from_millis(random.random_range(20..most))).await;
        };
        let name = match kind {
            0..35 => {
                let _away = arena.calm.write().await;
                block_in_place(|| world.product_mut().kill().expect("an end"));
                pause(200).await;
                block_in_place(|| world.product_mut().start_again().expect("a new start"));
                "product killed"
            }
            35..45 => {
                let _away = arena.calm.write().await;
                block_in_place(|| world.product_mut().stop().expect("a clean end"));
                block_in_place(|| world.product_mut().start_again().expect("a new start"));
                "product restarted"
            }
            45..60 => {
                block_in_place(|| world.samba_mut().kill9());
                pause(800).await;
                block_in_place(|| world.samba_mut().restart().expect("a new server"));
                "smbd killed"
            }
            60..82 => {
                proxy.cut();
                pause(1_200).await;
                proxy.restore();
                "network cut"
            }
            82..94 => {
                proxy.hold_up();
                pause(2_000).await;
                proxy.restore();
                "network held up"
            }
            _ => {
                world.samba().freeze();
                pause(1_500).await;
                world.samba().thaw();
                "smbd frozen"
            }
        };
        *made.entry(name).or_default() += 1;
    }
}
