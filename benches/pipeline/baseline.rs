//! Dispatch of unguarded alerts by this version and by another one, in turns: `BASELINE=PATH/poundcake ONLY=baseline make bench`.
//! Each version has a database with its own schema.

use super::{
    child::{Child, Program},
    dispatch, ingest,
    plan::Plan,
    point::{Place, Points},
    world::{Database, World},
};
use std::path::Path;

/// StackStorm's answers take so many milliseconds.
pub const LATENCIES: [usize; 2] = [0, 5];
/// The other version's points.
pub const BASELINE: &str = "baseline dispatcher";

/// The other version, and its database.
#[derive(Debug)]
pub struct Baseline<'a> {
    program: Program<'a>,
    database: Database,
}

impl<'a> Baseline<'a> {
    /// Migrates a database with the program at this path.
    pub fn new(world: &World, program: &'a Path) -> anyhow::Result<Self> {
        let program = Program::At(program);
        let database = world.empty_database("baseline")?;
        let status =
            program.command().args(["migrate", "up"]).env_clear().env("DATABASE_URL", &database.url).status()?;
        anyhow::ensure!(status.success(), "the baseline's migrate: {status}");
        Ok(Self { program, database })
    }

    /// One round; odd rounds begin with the baseline, because the second one finds warmer caches.
    pub fn round(
        &self,
        world: &World,
        plan: &Plan,
        number: usize,
        own: &Database,
        points: &mut Points,
    ) -> anyhow::Result<()> {
        let mut sides = [("dispatcher", Program::Built, own), (BASELINE, self.program, &self.database)];
        if number % 2 == 1 {
            sides.reverse();
        }
        for latency in LATENCIES {
            let stackstorm = Child::role("stackstorm", &[latency.to_string()], &world.path(""))?;
            for concurrency in dispatch::CONCURRENCIES {
                for (name, program, database) in sides {
                    ingest::reset(world, database)?;
                    dispatch::fill(world, database, plan.backlog)?;
                    let child = dispatch::dispatcher(program, world, database, &stackstorm, concurrency)?;
                    let figures = dispatch::watch(world, database, &child, &stackstorm, plan.backlog)?;
                    points.add(Place::new(&dispatch::system(name, latency), 1, concurrency), figures);
                }
            }
        }
        Ok(())
    }
}
