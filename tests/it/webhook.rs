//! The webhook listener against real sockets: every row A01–A36 and A50 of the bad-input corpus, and golden payloads.

mod alerts;
mod auth;
mod bodies;
mod console;
mod full;
mod golden;
mod limits;
mod mtls;
mod server;
mod store;
mod wire;
