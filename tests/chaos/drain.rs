//! After the faults: waits until no work is left, and prints what is left.

use crate::{people::Person, senders::Sender, world::World};
use std::time::{Duration, Instant};

/// Beyond the longest wait of the program: `queued` rows whose message was lost are looked at again after 5 minutes.
pub const PATIENCE: Duration = Duration::from_mins(7);
/// How often what is left is printed, and how often a new alert comes.
const PROGRESS: Duration = Duration::from_secs(10);

/// Waits; false when something is left at the end of all patience.
///
/// Alerts still arrive from time to time: only a later execution shows that StackStorm has forgotten one.
pub async fn run(world: &World, mut life: Sender, mut person: Person) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut progress = Instant::now() + PROGRESS;
    person.see_to_everything().await;
    let mut operator = Operator { told: world.told_to_delete_the_queue(), has_acted: false };
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
            age_forgotten(world);
            operator.look(world).await;
            person.see_to_everything().await;
            progress = Instant::now() + PROGRESS;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// An execution counts as forgotten after ten minutes, which no setting shortens: here they pass in the rows. No call that was
/// sent 20 s ago is still under way, so these calls are over and not silent: after a silent one the ten minutes would also
/// count from the execution's own start.
fn age_forgotten(world: &World) {
    let forgotten = "dispatch_uncertain AND dispatch_status IN ('pending', 'queued') \
         AND attempted_at BETWEEN NOW(6) - INTERVAL 10 MINUTE AND NOW(6) - INTERVAL 20 SECOND";
    // One row at a time: the program locks several in the order of their ids, and this would lock them in another.
    let ids = format!("SELECT CAST(id AS CHAR) AS value FROM poundcake_alerts WHERE {forgotten}");
    for id in world.database.lines(&ids) {
        world.database.execute(&format!(
            "UPDATE poundcake_alerts SET attempted_at = attempted_at - INTERVAL 11 MINUTE, dispatch_silent = 0 \
             WHERE id = {id} AND {forgotten}"
        ));
    }
}

/// A person, who does once what the dispatchers' logs say, if they go on saying it although all faults are over: RabbitMQ
/// waits for the first election of a queue for ever when it is killed right after the declare.
struct Operator {
    told: usize,
    has_acted: bool,
}

impl Operator {
    /// Told so often it is no leftover of a fault.
    const OFTEN: usize = 4;

    async fn look(&mut self, world: &World) {
        if !self.has_acted && world.told_to_delete_the_queue() >= self.told + Self::OFTEN {
            self.has_acted = true;
            world.say("the operator deletes the queue, as the dispatchers' logs say");
            world.vhost.delete_queue(poundcake::broker::amqp::QUEUE).await;
        }
    }
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
    match world.vhost.ask_depth(poundcake::broker::amqp::QUEUE).await {
        Ok(None | Some(0)) => {}
        Ok(Some(messages)) => left.push(format!("{messages} messages")),
        Err(error) => left.push(format!("RabbitMQ, which does not answer ({error})")),
    }
    left.join(", ")
}
