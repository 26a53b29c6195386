//! Backups that were taken while alerts came in and restored to an empty server, after later alerts had been received, dispatched
//! and replayed. What StackStorm ran is counted by the stand-in.

mod backups;
mod connected;
mod elsewhere;
mod interrupted;
mod ledger;
mod world;
