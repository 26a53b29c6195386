//! PoundCake's speed, measured against the machine it runs on: `make bench`.
//!
//! One program, everything on this machine: MariaDB with default durability, RabbitMQ with a quorum queue and confirms, the
//! release binary. One run measures in several rounds: the limit (the same rows and messages without HTTP
//! and without PoundCake), the plain way (one transaction per request), PoundCake, and `standalone` on SQLite; then the
//! dispatcher and bare loops, admissions of held alerts, and everything again on top of a large history. The last line is the ratios.
#![expect(unreachable_pub, reason = "a program exports nothing; pub marks what a module offers")]

mod admission;
mod bare;
mod baseline;
mod child;
mod dispatch;
mod history;
mod ingest;
mod limit;
mod load;
mod memory;
mod plain;
mod plan;
mod plot;
mod point;
mod ratios;
mod report;
mod rows;
mod stackstorm;
mod statements;
mod stats;
mod usage;
mod webhook;
mod world;

use plan::Plan;
use point::Points;
use world::World;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let role = arguments.next();
    // reqwest and lapin need one default provider of TLS.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_other| anyhow::anyhow!("a provider of TLS is installed already"))?;
    let rest: Vec<String> = arguments.collect();
    match role.as_deref() {
        Some("role=plain") => plain::serve(&rest),
        Some("role=bare") => bare::serve(&rest),
        Some("role=stackstorm") => stackstorm::serve(&rest),
        Some(other) => anyhow::bail!("no arguments are taken, not {other}; QUICK=1 and ROUNDS=n are variables"),
        None => run(&Plan::from_environment()),
    }
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let world = World::start()?;
    let mut points = Points::default();
    let database = world.database("bench")?;
    ingest::declare_queue(&world, &database)?;
    for round in 1..=plan.rounds {
        eprintln!("ingest, round {round} of {}", plan.rounds);
        ingest::round(&world, plan, &database, &mut points)?;
        if plan.wants("memory") {
            memory::measure(&world, &database, &mut points)?;
        }
    }
    if plan.wants("dispatch") {
        for round in 1..=plan.dispatch_rounds {
            eprintln!("dispatch, round {round} of {}", plan.dispatch_rounds);
            dispatch::round(&world, plan, &database, &mut points)?;
        }
    }
    if plan.wants("statements") {
        for _ in 1..=plan.rounds {
            statements::round(&world, plan, &database, &mut points)?;
        }
    }
    if let Some(program) = &plan.baseline {
        let baseline = baseline::Baseline::new(&world, program)?;
        for round in 1..=plan.rounds {
            eprintln!("baseline, round {round} of {}", plan.rounds);
            baseline.round(&world, plan, round, &database, &mut points)?;
        }
    }
    if plan.wants("admission") {
        for round in 1..=plan.dispatch_rounds {
            eprintln!("admission, round {round} of {}", plan.dispatch_rounds);
            admission::round(&world, plan, &database, &mut points)?;
        }
    }
    if plan.wants("history") {
        eprintln!("history of {} rows", plan.history);
        let full = history::fill(&world, plan.history)?;
        for round in 1..=plan.rounds {
            eprintln!("history, round {round} of {}", plan.rounds);
            history::round(&world, plan, (&database, &full), round, &mut points)?;
        }
    }
    let ratios = ratios::all(&points);
    let directory = report::write(plan, &points, &ratios)?;
    println!("written to {}", directory.display());
    let ratios: Vec<String> = ratios.iter().map(ToString::to_string).collect();
    println!("{}", ratios.join("; "));
    Ok(())
}
