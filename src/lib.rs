//! Brings tripped circuit breakers back, safely: core decides, engine does, systems touch, store remembers.

pub mod core;
pub mod engine;
pub mod store;
pub mod systems;

pub mod alerts;
pub mod bundle;
pub mod rules;

pub mod config;
pub mod telemetry;
pub mod web;

pub mod trial;

pub mod serve;

pub mod cli;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "test-hooks")]
pub mod hooks;
