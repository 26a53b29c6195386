//! What can happen, and how often.

use crate::{
    guards::Edit,
    settings::{SETTLE, SILENT_SETTLE, TIMEOUT},
    world::{Version, World},
};
use rand::{RngExt, rngs::StdRng};
use st2_stand_in::{Fault, Front};
use std::time::Duration;

/// How a connection is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Reset, and refused.
    Broken,
    /// Nothing passes.
    Frozen,
    /// Requests pass, answers do not.
    AnswersFrozen,
    /// Nothing comes of the connections there any more; new ones work.
    Stranded,
    /// One connection is closed after so many more bytes.
    CutToServer(u64),
    /// The same for answers.
    CutToClient(u64),
}

/// A fault with everything that was drawn for it.
#[derive(Debug, Clone)]
pub enum Kind {
    /// kill -9 of a process, and its start after a while.
    Kill { slot: usize, lasts: Duration, back: Version },
    /// SIGSTOP and SIGCONT.
    Pause { slot: usize, lasts: Duration },
    /// The clock of its host steps, and stays there.
    ClockStep { slot: usize, seconds: i32 },
    /// The routes file is edited.
    EditRoutes(Edit),
    /// The network between two.
    Network { wire: usize, how: Disturbance, lasts: Duration },
    /// kill -9 of RabbitMQ.
    KillBroker { lasts: Duration },
    /// kill -9 of RabbitMQ while the queue is declared again: the declaration may not be on disk yet.
    LoseQueue { after: Duration },
    /// kill -9 of MariaDB.
    KillDatabase { lasts: Duration },
    /// SIGSTOP of MariaDB.
    PauseDatabase { lasts: Duration },
    /// RabbitMQ withholds confirms.
    MemoryAlarm { lasts: Duration },
    /// The queue and what is in it are gone.
    DeleteQueue,
    /// StackStorm in trouble for a while.
    StackStorm { fault: Fault, lasts: Duration },
    /// StackStorm in trouble with the next requests.
    StackStormTimes { fault: Fault, times: u32 },
    /// The same behind nginx or another proxy, which writes pages of its own.
    Front { front: Front, fault: Fault, lasts: Duration },
    /// Requests hang inside StackStorm and go on after `hangs`, longer than the settle time of a call that is over.
    Hang { hangs: Duration, lasts: Duration },
}

impl Kind {
    /// The next one.
    pub fn draw(rng: &mut StdRng, world: &World) -> Self {
        let millis = |rng: &mut StdRng, from: u64, to: u64| Duration::from_millis(rng.random_range(from..to));
        match rng.random_range(0..100) {
            0..10 => {
                let back = if rng.random_bool(0.5) { Version::This } else { Version::Old };
                Self::Kill { slot: rng.random_range(0..world.slots.len()), lasts: millis(rng, 50, 3_000), back }
            }
            10..13 => {
                Self::ClockStep { slot: rng.random_range(0..world.slots.len()), seconds: rng.random_range(-150..150) }
            }
            13..16 => Self::EditRoutes(Edit::draw(rng)),
            16..23 => Self::Pause { slot: rng.random_range(0..world.slots.len()), lasts: millis(rng, 300, 12_000) },
            23..48 => {
                let wire = rng.random_range(0..world.wires.len());
                Self::Network { wire, how: disturbance(rng), lasts: millis(rng, 200, 8_000) }
            }
            48..51 => Self::KillBroker { lasts: millis(rng, 50, 2_000) },
            51 => Self::LoseQueue { after: millis(rng, 50, 700) },
            52..56 => Self::KillDatabase { lasts: millis(rng, 50, 2_000) },
            56..59 => Self::PauseDatabase { lasts: millis(rng, 200, 5_000) },
            59..62 => Self::MemoryAlarm { lasts: millis(rng, 500, 4_000) },
            62..66 => Self::DeleteQueue,
            66..79 => Self::StackStormTimes { fault: once(rng), times: rng.random_range(1..=4) },
            79..84 => Self::Front { front: front(rng), fault: behind(rng), lasts: millis(rng, 300, 5_000) },
            84..87 => Self::Hang { hangs: hang(rng), lasts: millis(rng, 300, 2_000) },
            _ => Self::StackStorm { fault: lasting(rng), lasts: millis(rng, 300, 5_000) },
        }
    }
}

fn disturbance(rng: &mut StdRng) -> Disturbance {
    match rng.random_range(0..6) {
        0 => Disturbance::Broken,
        1 => Disturbance::Frozen,
        2 => Disturbance::AnswersFrozen,
        3 => Disturbance::Stranded,
        4 => Disturbance::CutToServer(rng.random_range(0..3_000)),
        _ => Disturbance::CutToClient(rng.random_range(0..3_000)),
    }
}

/// Faults of single requests: ambiguous answers, late creations, orphans.
fn once(rng: &mut StdRng) -> Fault {
    // A margin for this machine: what StackStorm creates after the settle time is no promise of PoundCake's.
    let late = TIMEOUT + SETTLE.mul_f64(0.6);
    match rng.random_range(0..18) {
        0 => Fault::NeverAnswer,
        1 => Fault::CloseAfterCreate,
        2 => Fault::CloseBeforeCreate,
        3 => Fault::ErrorRunning,
        4 => Fault::LateCreation { millis: rng.random_range(100..u64::try_from(late.as_millis()).expect("seconds")) },
        5 => Fault::KilledMidPost,
        6 => Fault::RabbitDown { millis: rng.random_range(50..3_000) },
        7 => Fault::Proxy { status: 504, reached: true, lookups: false },
        8 => Fault::NginxUnreachable { reached: rng.random_bool(0.5), lookups: false },
        9 => Fault::Proxy { status: page(rng), reached: rng.random_bool(0.5), lookups: false },
        10 => Fault::GunicornError { reached: rng.random_bool(0.5) },
        11 => Fault::WebhookNotRegistered { lists: false },
        12 => Fault::WebhookLost,
        13 => Fault::PublishFailsHalfway,
        14 => Fault::EnforcementFails,
        15 => Fault::EnforcementLost,
        16 => Fault::RulesEngineDies { started: rng.random_bool(0.5) },
        _ => Fault::PoisonedPool,
    }
}

/// A page that proves nothing.
fn page(rng: &mut StdRng) -> u16 {
    [404, 408, 429, 500, 502, 503, 504][rng.random_range(0..7)]
}

/// The proxy in front of StackStorm; it gives up before the client does.
fn front(rng: &mut StdRng) -> Front {
    let patience_millis = 1_000;
    match rng.random_range(0..4) {
        0 => Front::Proxy { status: 404, patience_millis },
        1 => Front::Proxy { status: 502, patience_millis },
        _ => Front::Nginx { patience_millis },
    }
}

/// What a front turns into a page.
fn behind(rng: &mut StdRng) -> Fault {
    match rng.random_range(0..5) {
        0 => Fault::CloseAfterCreate,
        1 => Fault::CloseBeforeCreate,
        2 => Fault::KilledMidPost,
        3 => Fault::NeverAnswer,
        _ => Fault::ApiDown,
    }
}

/// Longer than a call that is over may take to show, with the margin of a silent one.
fn hang(rng: &mut StdRng) -> Duration {
    rng.random_range(TIMEOUT + SETTLE..TIMEOUT + SILENT_SETTLE.mul_f64(0.6))
}

/// Faults of StackStorm as a whole.
fn lasting(rng: &mut StdRng) -> Fault {
    match rng.random_range(0..12) {
        0 => Fault::Delay { millis: rng.random_range(100..3_000) },
        1 => Fault::Unauthorized,
        2 => Fault::Proxy { status: 502, reached: false, lookups: true },
        3 => Fault::Proxy { status: 504, reached: rng.random_bool(0.5), lookups: true },
        4 => Fault::MongoDown { millis: rng.random_range(50..1_000) },
        5 => Fault::RulesEngineStopped,
        6 => Fault::ApiDown,
        7 => Fault::Proxy { status: page(rng), reached: rng.random_bool(0.5), lookups: true },
        8 => Fault::Redirect { status: [301, 302, 307, 308][rng.random_range(0..4)] },
        9 => Fault::WebhookNotRegistered { lists: true },
        10 => Fault::PermissionIsolation,
        _ => Fault::NeverAnswer,
    }
}
