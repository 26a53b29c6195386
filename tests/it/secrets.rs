//! No secret is ever shown. Each setting that carries one gets a canary of its own; whatever PoundCake shows of itself is
//! collected, and no canary may be in it.

mod canary;
mod evidence;
mod given;
mod in_use;
mod refused;
mod unusable;
