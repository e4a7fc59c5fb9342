//! Proves that the lab is real: its breakers trip and close through calls alone, it tells of it as Alertmanager does,
//! a reset acts once for each key, and the process knows nothing of reclose and never outlives its parent.

mod lab;
mod whole;
