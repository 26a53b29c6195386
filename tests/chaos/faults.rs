//! One fault at random every 0.5 to 2 s, everything about it drawn from the seed; several are in force at once, but each
//! object has one at a time.

mod kind;
mod strike;

use crate::{settings::LEASE, world::World};
use kind::Kind;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Draws until a fault finds its object free; a few times, then the next tick.
const DRAWS: usize = 5;

/// Lets faults happen until then, and returns how many when the last one has ended.
pub async fn run(world: Arc<World>, seed: u64, until: Instant) -> usize {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut under_way = JoinSet::new();
    let mut count = 0;
    // Once in every run: a dispatcher that sleeps through its leases.
    let long = Kind::Pause { slot: 2 + usize::from(rng.random_bool(0.5)), lasts: LEASE + Duration::from_secs(3) };
    let mut first = Some(long);
    while Instant::now() < until {
        let pause = Duration::from_millis(rng.random_range(500..2_000));
        tokio::time::sleep(pause).await;
        for _ in 0..DRAWS {
            let kind = first.take().unwrap_or_else(|| Kind::draw(&mut rng, &world));
            if strike::begin(&world, kind, &mut under_way) {
                count += 1;
                break;
            }
        }
    }
    while under_way.join_next().await.is_some() {}
    count
}
