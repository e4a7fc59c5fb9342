-- Moments are microseconds since 1970. Bodies are JSON, written and read whole; what is searched stands in columns beside.

CREATE TABLE server (
    the_only      INTEGER PRIMARY KEY CHECK (the_only = 1),
    epoch         TEXT    NOT NULL,
    last_incident INTEGER NOT NULL,
    body          TEXT    NOT NULL
) STRICT;

-- The text of every rule that an incident may have started with.
CREATE TABLE rules (
    revision TEXT PRIMARY KEY,
    body     TEXT NOT NULL
) STRICT;

CREATE TABLE notifications (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    attached_at INTEGER,
    body        TEXT    NOT NULL
) STRICT;
CREATE INDEX notifications_waiting ON notifications (seq) WHERE attached_at IS NULL;

CREATE TABLE incidents (
    id          INTEGER PRIMARY KEY,
    rule        TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    phase       TEXT    NOT NULL,
    open        INTEGER NOT NULL,
    opened_at   INTEGER NOT NULL,
    open_since  INTEGER NOT NULL,
    closed_at   INTEGER,
    due_at      INTEGER,
    revision    INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    lease_until INTEGER,
    body        TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX incidents_one_open ON incidents (rule, target) WHERE open = 1;
CREATE INDEX incidents_closed ON incidents (rule, target, closed_at) WHERE open = 0;
CREATE INDEX incidents_due ON incidents (due_at, id) WHERE open = 1 AND lease_until IS NULL AND due_at IS NOT NULL;
CREATE INDEX incidents_leased ON incidents (lease_until) WHERE open = 1 AND lease_until IS NOT NULL;
CREATE INDEX incidents_open ON incidents (open_since, id, target) WHERE open = 1;

CREATE TABLE intents (
    key        TEXT    PRIMARY KEY,
    incident   INTEGER NOT NULL REFERENCES incidents (id),
    target     TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    started_at INTEGER,
    helped     INTEGER,
    body       TEXT    NOT NULL
) STRICT;
CREATE INDEX intents_unsettled ON intents (state, key) WHERE state IN ('decided', 'started', 'unknown');
CREATE INDEX intents_started ON intents (started_at, key) WHERE started_at IS NOT NULL;

-- An unknown outcome locks its target.
CREATE TABLE locks (
    key      TEXT    PRIMARY KEY REFERENCES intents (key),
    target   TEXT    NOT NULL,
    incident INTEGER NOT NULL,
    since    INTEGER NOT NULL
) STRICT;

CREATE TABLE pauses (
    scope TEXT    PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;

CREATE TABLE deliveries (
    incident       INTEGER NOT NULL REFERENCES incidents (id),
    kind           TEXT    NOT NULL CHECK (kind IN ('root', 'thread', 'page')),
    number         INTEGER NOT NULL,
    planned_at     INTEGER NOT NULL,
    channel        TEXT,
    body           TEXT    NOT NULL,
    body_revision  INTEGER NOT NULL,
    sent_revision  INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    state_since    INTEGER,
    attempts       INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    posted_channel TEXT,
    posted_ts      TEXT,
    PRIMARY KEY (incident, kind, number)
) STRICT;
CREATE INDEX deliveries_pending ON deliveries (incident, kind, number) WHERE sent_revision < body_revision AND state <> 'dead';

CREATE TABLE probes (
    rule  TEXT NOT NULL,
    probe TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (rule, probe)
) STRICT;

-- Append-only: each hash covers the one before it.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    text   TEXT    NOT NULL,
    hash   BLOB    NOT NULL
) STRICT;
CREATE TABLE audit_head (
    the_only INTEGER PRIMARY KEY CHECK (the_only = 1),
    number   INTEGER NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;
INSERT INTO audit_head (the_only, number, hash) VALUES (1, 0, zeroblob(32));
