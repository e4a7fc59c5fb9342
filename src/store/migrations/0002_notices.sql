-- What the server itself has to say belongs to no incident: it stands under incident 0, kind 'notice'. A table's checks cannot
-- be changed in place; incidents are never deleted, so their reference is no loss.
CREATE TABLE deliveries_with_notices (
    incident       INTEGER NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('root', 'thread', 'page', 'notice')),
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
    PRIMARY KEY (incident, kind, number),
    CHECK ((incident = 0) = (kind = 'notice'))
) STRICT;
INSERT INTO deliveries_with_notices SELECT * FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_with_notices RENAME TO deliveries;
CREATE INDEX deliveries_pending ON deliveries (incident, kind, number) WHERE sent_revision < body_revision AND state <> 'dead';
