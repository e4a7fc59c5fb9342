//! The webhook listener against real sockets: every row A01–A36 and A50 of the bad-input corpus, and golden payloads.

mod auth;
mod bodies;
mod server;
