//! The harness itself, on the real parts: a test that leans on it may trust it.

mod isolation;
mod network;
mod processes;
