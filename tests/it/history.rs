//! History over HTTP and in the terminal: what is found, page by page, on both databases, with and without StackStorm's
//! tables.

mod commands;
mod described;
mod figures;
mod indexes;
mod lists;
mod refused;
pub mod rows;
mod stories;
