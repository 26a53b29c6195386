//! How a fault begins and ends. Its object is held from the one to the other.

use super::kind::{Disturbance, Kind};
use crate::{
    harness::Direction,
    world::{Wire, World, take},
};
use st2_stand_in::{Fault, Front};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::OwnedMutexGuard,
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

type Held = Vec<OwnedMutexGuard<()>>;

/// Begins a fault and sees to its end in the background. False when its object has one already.
pub fn begin(world: &Arc<World>, kind: Kind, under_way: &mut JoinSet<()>) -> bool {
    let held = match &kind {
        Kind::Kill { slot, .. } | Kind::Pause { slot, .. } | Kind::ClockStep { slot, .. } => {
            one(world.slots[*slot].take())
        }
        Kind::Network { wire, .. } => one(world.wires[*wire].take()),
        Kind::KillBroker { .. } | Kind::LoseQueue { .. } | Kind::MemoryAlarm { .. } | Kind::DeleteQueue => {
            one(take(&world.broker))
        }
        Kind::KillDatabase { .. } | Kind::PauseDatabase { .. } => one(take(&world.maria)),
        Kind::StackStorm { .. } | Kind::StackStormTimes { .. } | Kind::Front { .. } => one(take(&world.stackstorm)),
        Kind::EditRoutes(_) => Some(Vec::new()),
        // A connection that breaks meanwhile would say that the call is over, while it hangs: no client can tell.
        Kind::Hang { .. } => {
            let wires = world.wires.iter().filter(|wire| wire.to_stackstorm);
            wires.map(Wire::take).chain([take(&world.stackstorm)]).collect()
        }
    };
    let Some(held) = held else { return false };
    under_way.spawn(strike(Arc::clone(world), kind, held));
    true
}

fn one(held: Option<OwnedMutexGuard<()>>) -> Option<Held> {
    held.map(|held| vec![held])
}

async fn strike(world: Arc<World>, kind: Kind, held: Held) {
    match kind {
        Kind::Kill { slot, lasts, back } => {
            world.say(&format!("kill -9 {} for {lasts:.1?}", world.slots[slot].name));
            world.slots[slot].kill();
            sleep(lasts).await;
            world.slots[slot].revive(world.possible(back));
        }
        Kind::ClockStep { slot, seconds } => {
            world.say(&format!("the clock of {} steps to {seconds:+} s", world.slots[slot].name));
            world.slots[slot].step_clock(seconds);
        }
        Kind::EditRoutes(edit) => {
            world.say(&format!("the routes are edited: {edit:?}"));
            world.edit_routes(&edit);
        }
        Kind::Pause { slot, lasts } => {
            world.say(&format!("SIGSTOP {} for {lasts:.1?}", world.slots[slot].name));
            world.slots[slot].pause(true);
            sleep(lasts).await;
            world.slots[slot].pause(false);
            world.say(&format!("SIGCONT {}", world.slots[slot].name));
        }
        Kind::Network { wire, how, lasts } => {
            world.say(&format!("{how:?} {} for {lasts:.1?}", world.wires[wire].name));
            network(&world.wires[wire], how, lasts).await;
        }
        Kind::KillBroker { lasts } => kill_broker(&world, lasts).await,
        Kind::LoseQueue { after } => {
            delete_queue(&world).await;
            sleep(after).await;
            kill_broker(&world, Duration::ZERO).await;
        }
        Kind::KillDatabase { lasts } => {
            world.say(&format!("kill -9 MariaDB for {lasts:.1?} and its start"));
            server(
                &world,
                lasts,
                |world| world.services.signal_database("KILL"),
                |world| world.services.revive_database(),
            )
            .await;
            world.say("MariaDB is back");
        }
        Kind::PauseDatabase { lasts } => {
            world.say(&format!("SIGSTOP MariaDB for {lasts:.1?}"));
            server(
                &world,
                lasts,
                |world| world.services.signal_database("STOP"),
                |world| world.services.signal_database("CONT"),
            )
            .await;
        }
        Kind::MemoryAlarm { lasts } => {
            world.say(&format!("memory alarm of RabbitMQ for {lasts:.1?}"));
            server(&world, lasts, |world| watermark(world, "0.0001"), |world| watermark(world, "0.4")).await;
        }
        Kind::DeleteQueue => delete_queue(&world).await,
        other => stackstorm(&world, other).await,
    }
    drop(held);
}

/// StackStorm in trouble, or the proxy in front of it.
async fn stackstorm(world: &World, kind: Kind) {
    match kind {
        Kind::StackStorm { fault, lasts } => {
            world.say(&format!("StackStorm: {fault:?} for {lasts:.1?}"));
            world.control().set_fault(fault);
            sleep(lasts).await;
            world.control().clear_faults();
        }
        Kind::StackStormTimes { fault, times } => {
            world.say(&format!("StackStorm: {fault:?} {times} times"));
            world.control().set_fault_times(fault, times);
        }
        Kind::Front { front, fault, lasts } => {
            world.say(&format!("StackStorm: {fault:?} behind {front:?} for {lasts:.1?}"));
            world.control().set_front(front);
            world.control().set_fault(fault);
            sleep(lasts).await;
            world.control().clear_faults();
            world.control().set_front(Front::Nothing);
        }
        Kind::Hang { hangs, lasts } => {
            world.say(&format!("StackStorm: requests of the next {lasts:.1?} hang for {hangs:.1?}"));
            let millis = u64::try_from(hangs.as_millis()).expect("seconds");
            world.control().set_fault(Fault::HangThenAct { millis });
            sleep(lasts).await;
            world.control().clear_faults();
            sleep(hangs).await;
        }
        other => unreachable!("{other:?} has an object of its own"),
    }
}

async fn kill_broker(world: &Arc<World>, lasts: Duration) {
    world.say(&format!("kill -9 RabbitMQ for {lasts:.1?} and its start"));
    let kill = |world: &World| world.services.signal_rabbitmq("KILL");
    let revive = |world: &World| world.services.revive_rabbitmq();
    server(world, lasts, kill, revive).await;
    world.say("RabbitMQ is back");
}

/// Does something to a server, waits, and undoes it; both block.
async fn server(world: &Arc<World>, lasts: Duration, begin: fn(&World), end: fn(&World)) {
    for (step, wait) in [(begin, lasts), (end, Duration::ZERO)] {
        let world = Arc::clone(world);
        spawn_blocking(move || step(&world)).await.expect("the server's script");
        sleep(wait).await;
    }
}

fn watermark(world: &World, value: &str) {
    world.services.rabbitmqctl(&["set_vm_memory_high_watermark", value]);
}

/// What is held back by a frozen network passes when it thaws. On the way to StackStorm that would be a creation after any
/// settle time, which no client can guard against: there it is lost.
async fn network(wire: &Wire, how: Disturbance, lasts: Duration) {
    match how {
        Disturbance::Broken => wire.proxy.break_networking(),
        Disturbance::Frozen => wire.proxy.freeze(),
        Disturbance::AnswersFrozen => wire.proxy.freeze_answers(),
        Disturbance::Stranded => wire.proxy.strand(),
        Disturbance::CutToServer(bytes) => wire.proxy.cut_after(Direction::ToServer, bytes),
        Disturbance::CutToClient(bytes) => wire.proxy.cut_after(Direction::ToClient, bytes),
    }
    sleep(lasts).await;
    if how == Disturbance::Frozen && wire.to_stackstorm {
        wire.proxy.break_networking();
    }
    wire.proxy.restore_networking();
}

async fn delete_queue(world: &World) {
    let properties = lapin::ConnectionProperties::default();
    let deleted = async {
        let connection = lapin::Connection::connect(&world.vhost.url(), properties).await?;
        let channel = connection.create_channel().await?;
        let messages = channel
            .queue_delete(poundcake::broker::amqp::QUEUE.into(), lapin::options::QueueDeleteOptions::default())
            .await?;
        connection.close(200, "done".into()).await?;
        Ok::<_, lapin::Error>(messages)
    };
    match tokio::time::timeout(Duration::from_secs(5), deleted).await {
        Ok(Ok(messages)) => world.say(&format!("the queue was deleted with {messages} messages")),
        other => world.say(&format!("the queue could not be deleted: {other:?}")),
    }
}
