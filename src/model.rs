//! The words of the domain as types: what is stored, decided and sent, without any I/O.
//!
//! Everything else imports from here; this module imports nothing of ours.

pub mod alert;
pub mod doubt;
pub mod episode;
pub mod execution_status;
pub mod guards;
pub mod headers;
pub mod identity;
pub mod ids;
pub mod matcher;
pub mod pause;
pub mod plan;
pub mod status;
pub mod target;
pub mod text_enum;
pub mod trace_tag;
pub mod truncate;
pub mod waivers;
