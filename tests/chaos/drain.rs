//! After the faults: waiting until nobody has anything left to do, and saying meanwhile what is left.

use crate::{senders::Sender, world::World};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Beyond the longest wait of the program: `queued` rows whose message was lost are looked at again after 5 minutes.
pub const PATIENCE: Duration = Duration::from_mins(7);
/// How often what is left is printed, and how often a new alert comes.
const PROGRESS: Duration = Duration::from_secs(10);

/// So many looks in a row.
const LEADERLESS: u32 = 3;

/// Waits; false when something is left at the end of all patience.
///
/// Alerts go on coming now and then: without a later execution nobody can tell that StackStorm has forgotten one.
pub async fn run(world: &Arc<World>, mut life: Sender) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut leaderless = 0;
    let mut progress = Instant::now() + PROGRESS;
    loop {
        let left = left(world).await;
        if left.is_empty() {
            world.say("drained");
            return true;
        }
        if Instant::now() > deadline {
            world.say(&format!("not drained: {left}"));
            return false;
        }
        if Instant::now() > progress {
            world.say(&format!("draining: {left}"));
            life.send_one().await;
            leaderless =
                if world.vhost.is_leaderless(poundcake::broker::amqp::QUEUE).await { leaderless + 1 } else { 0 };
            if leaderless == LEADERLESS {
                restart_broker(world).await;
            }
            progress = Instant::now() + PROGRESS;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What RabbitMQ's operator has to do about a queue without a leader; no client can.
async fn restart_broker(world: &Arc<World>) {
    world.say("RabbitMQ's queue has had no leader for 30 s: the broker is restarted, as its operator would");
    let services = Arc::clone(world);
    let restart = move || {
        services.services.signal_rabbitmq("KILL");
        services.services.revive_rabbitmq();
    };
    tokio::task::spawn_blocking(restart).await.expect("the server's script");
}

/// What somebody has to do still; empty when all is done.
async fn left(world: &World) -> String {
    let mut left = world.database.lines(
        "SELECT CONCAT(COUNT(*), ' ', dispatch_status, IF(dispatch_uncertain, ' (uncertain)', ''), ' like alert ', MIN(id)) AS value \
         FROM poundcake_alerts WHERE dispatch_status NOT IN ('dispatched', 'failed', 'skipped') \
         GROUP BY dispatch_status, dispatch_uncertain",
    );
    let executions = world.control().executions();
    let running = executions.iter().filter(|execution| !execution.ended && !execution.orphan).count();
    if running > 0 {
        left.push(format!("{running} executions under way"));
    }
    if let Some(messages) = world.vhost.depth(poundcake::broker::amqp::QUEUE).await.filter(|messages| *messages > 0) {
        left.push(format!("{messages} messages"));
    }
    left.join(", ")
}
