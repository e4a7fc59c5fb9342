//! One file (or folder) for each outside system: its client, its auth, its words. Never decides.
