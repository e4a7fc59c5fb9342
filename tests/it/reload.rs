//! Rules are read again while incidents run: all or nothing, by whatever way files change; what runs keeps its rule, and
//! what the owners forbid stops at once.

mod running;
mod taken_up;
