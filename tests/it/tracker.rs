//! The tracker: StackStorm's tables in SQL, filled from its stream and its API.

mod tables;
