//! Random faults everywhere while alerts come in, then the ledger: nothing lost, nothing twice.
//!
//! `SEED=… DURATION=60 make chaos`. Two ingests and two dispatchers, real MariaDB and RabbitMQ of its own, the StackStorm
//! stand-in, several senders that try again as Alertmanager does. Every fault is printed as it happens; the last line is
//! the ledger, and the exit code says whether it balances. `OLD=PATH/poundcake` makes it an upgrade from that version.
#![expect(unreachable_pub, reason = "a test binary exports nothing; pub marks what a module offers")]
#![expect(clippy::expect_used, reason = "a run that cannot go on fails where it is")]

mod drain;
mod faults;
mod guards;
#[expect(dead_code, reason = "shared with tests/it, which use more of it")]
mod harness;
mod ledger;
mod people;
mod senders;
mod settings;
mod upgrade;
mod world;

use senders::{Record, Sender};
use settings::Plan;
use std::{process::ExitCode, sync::Arc, time::Instant};
use tokio::task::JoinSet;
use world::World;

/// Alertmanagers.
const SENDERS: usize = 6;
/// After a drain of more seconds the logs are kept, to find out why.
const SLOW: u64 = 60;
/// Lines of each process's log that a failed run shows.
const LOG_LINES: usize = 100;

fn main() -> ExitCode {
    // `cargo test NAME` calls every test binary with NAME; this one is called `chaos`.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|argument| argument == "--list" || !argument.starts_with('-') && !"chaos".contains(argument))
    {
        return ExitCode::SUCCESS;
    }
    let plan = Plan::from_environment();
    println!("chaos: SEED={} DURATION={}", plan.seed, plan.duration.as_secs());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::select! {
            balanced = run(plan) => if balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE },
            _ = tokio::signal::ctrl_c() => ExitCode::FAILURE,
        }
    })
}

async fn run(plan: Plan) -> bool {
    let world = World::start(&plan).await;
    world.say(&format!("everything runs, with {:?}", world.guards));
    let record = Record::default();
    let until = Instant::now() + plan.duration;
    let give_up = until + drain::PATIENCE;
    let sender = |number| Sender::new(number, plan.seed, world.webhook_urls(), Arc::clone(&record), give_up);
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        senders.spawn(sender(number).run(until));
    }
    senders.spawn(sender(SENDERS).flap(until));
    let orders = people::Book::default();
    let person = |seed| people::Person::new(seed, world.servers(), world.guards.on, Arc::clone(&orders));
    senders.spawn(person(plan.seed).run(until));
    let (faults, ()) = tokio::join!(faults::run(Arc::clone(&world), plan.seed, until), upgrade::run(&world, &plan));
    let ended = world.ended();
    world.heal();
    world.say(&format!("{faults} faults are over; the last webhooks are answered, and everything drains"));
    while let Some(sender) = senders.join_next().await {
        sender.expect("a sender");
    }
    let healed = Instant::now();
    let drained = drain::run(&world, sender(SENDERS + 1), person(plan.seed + 1)).await;
    let drain_s = healed.elapsed().as_secs();
    if !drained || drain_s > SLOW {
        keep_logs(&world);
    }
    let books = ledger::read(&world).await;
    let orders = orders.lock().expect("the orders");
    let mut ledger = ledger::balance(&books, &senders::lock(&record), &world.guards, &orders);
    drop(orders);
    ledger.wrong.extend(ended.iter().map(|name| format!("{name} ended by itself")));
    if !drained {
        ledger.wrong.push("not everything was settled in time".to_owned());
    }
    if !ledger.wrong.is_empty() {
        explain(&world, &ledger.wrong);
    }
    println!("seed {} faults {faults} drained in {drain_s} s; {ledger}", plan.seed);
    ledger.wrong.is_empty()
}

/// The findings and the processes' last lines; their whole logs go to a file.
fn explain(world: &World, wrong: &[String]) {
    for slot in &world.slots {
        let output = slot.output();
        let lines: Vec<&str> = output.lines().collect();
        println!("---- {}:\n{}", slot.name, lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"));
    }
    keep_logs(world);
    for (index, finding) in wrong.iter().enumerate() {
        println!("finding {}: {finding}", index + 1);
    }
}

fn keep_logs(world: &World) {
    for slot in &world.slots {
        let name = format!("chaos-{}-{}.log", std::process::id(), slot.name);
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        match std::fs::write(&path, slot.output()) {
            Ok(()) => println!("---- the whole log: {}", path.display()),
            Err(error) => println!("---- the whole log could not be written: {error}"),
        }
    }
}
