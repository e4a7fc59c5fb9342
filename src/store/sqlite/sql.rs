//! Every statement, as text. `$1` and plain SQL, so that another database can follow.

pub(super) const MAKE_SERVER: &str = "INSERT INTO server (the_only, epoch, last_incident, body)
    VALUES (1, lower(hex(randomblob(8))), 0, $1) ON CONFLICT (the_only) DO NOTHING";
pub(super) const EPOCH: &str = "SELECT epoch FROM server";
pub(super) const SERVER: &str = "SELECT body FROM server";
pub(super) const PUT_SERVER: &str = "UPDATE server SET body = $1";
pub(super) const NEXT_INCIDENT: &str =
    "UPDATE server SET last_incident = last_incident + 1 RETURNING last_incident";
pub(super) const LATEST: &str = "SELECT max(at) FROM (
    SELECT at FROM (SELECT at FROM audit ORDER BY number DESC LIMIT 1)
    UNION ALL SELECT at FROM (SELECT received_at AS at FROM notifications ORDER BY seq DESC LIMIT 1))";

pub(super) const RULE: &str = "SELECT body FROM rules WHERE revision = $1";
pub(super) const PUT_RULE: &str =
    "INSERT INTO rules (revision, body) VALUES ($1, $2) ON CONFLICT (revision) DO NOTHING";

/// `$1`: a JSON list of `[moment, body]`. One statement for a batch of any size.
pub(super) const ADD_NOTIFICATIONS: &str = "INSERT INTO notifications (received_at, body)
    SELECT value ->> 0, value -> 1 FROM json_each($1) WHERE true ORDER BY key";
pub(super) const WAITING: &str = "SELECT seq, received_at, body FROM notifications
    WHERE attached_at IS NULL ORDER BY seq LIMIT $1";
pub(super) const ATTACH: &str =
    "UPDATE notifications SET attached_at = $1 WHERE attached_at IS NULL AND seq <= $2";
pub(super) const FORGET_NOTIFICATIONS: &str = "DELETE FROM notifications WHERE attached_at < $1
    AND seq IN (SELECT seq FROM notifications ORDER BY seq LIMIT $2)";

pub(super) const ROW: &str = "SELECT body, due_at, fence, lease_until FROM incidents WHERE id = $1";
pub(super) const HEAD: &str = "SELECT revision, fence FROM incidents WHERE id = $1";
pub(super) const OPEN_OF: &str = "SELECT body, due_at, fence, lease_until FROM incidents
    WHERE rule = $1 AND target = $2 AND open = 1";
pub(super) const CLOSED_OF: &str = "SELECT body, due_at, fence, lease_until FROM incidents
    WHERE rule = $1 AND target = $2 AND open = 0 AND closed_at >= $3 AND phase <> 'unreadable'
    ORDER BY closed_at DESC, id DESC LIMIT 1";
pub(super) const PUT_ROW: &str = "INSERT INTO incidents (id, rule, target, phase, open, opened_at,
        open_since, closed_at, due_at, revision, fence, lease_until, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, open = excluded.open,
        open_since = excluded.open_since, closed_at = excluded.closed_at, due_at = excluded.due_at,
        revision = excluded.revision, fence = excluded.fence, lease_until = excluded.lease_until,
        body = excluded.body";
pub(super) const DUE: &str = "SELECT body, due_at, fence, lease_until FROM incidents WHERE id = (
    SELECT id FROM (
        SELECT id, due_at FROM (SELECT id, due_at FROM incidents
            WHERE open = 1 AND lease_until IS NULL AND due_at <= $1 ORDER BY due_at, id LIMIT 1)
        UNION ALL
        SELECT id, due_at FROM (SELECT id, due_at FROM incidents
            WHERE open = 1 AND lease_until <= $1 AND due_at <= $1 ORDER BY due_at, id LIMIT 1)
    ) ORDER BY due_at, id LIMIT 1)";
pub(super) const NEXT_DUE: &str = "SELECT min(due) FROM (
    SELECT min(due_at) AS due FROM incidents
        WHERE open = 1 AND lease_until IS NULL AND due_at IS NOT NULL
    UNION ALL
    SELECT min(max(due_at, lease_until)) AS due FROM incidents
        WHERE open = 1 AND lease_until IS NOT NULL AND due_at IS NOT NULL)";
/// What this version cannot decode stays as it is, but closed under a phase of its own.
pub(super) const OPEN_BODIES: &str =
    "SELECT body, id, rule, target FROM incidents WHERE open = 1 ORDER BY id";
pub(super) const SET_ASIDE: &str = "UPDATE incidents SET phase = 'unreadable', open = 0,
        closed_at = $2, due_at = NULL, lease_until = NULL WHERE id = $1";
pub(super) const SET_LEASE: &str =
    "UPDATE incidents SET fence = $2, lease_until = $3 WHERE id = $1";
pub(super) const CLEAR_LEASES: &str =
    "UPDATE incidents SET lease_until = NULL WHERE open = 1 AND lease_until IS NOT NULL";
pub(super) const OPEN_COUNT: &str = "SELECT count(*) FROM incidents WHERE open = 1";
pub(super) const OPEN_ROWS: &str = "SELECT id, target, open_since FROM incidents
    WHERE open = 1 ORDER BY open_since DESC, id DESC LIMIT $1";
pub(super) const ALL_OPEN: &str = "SELECT body FROM incidents WHERE open = 1 ORDER BY id";
pub(super) const NEWEST: &str = "SELECT body FROM incidents
    WHERE phase <> 'unreadable' ORDER BY id DESC LIMIT $1";

pub(super) const INTENT: &str =
    "SELECT body, state, started_at, helped FROM intents WHERE key = $1";
pub(super) const PUT_INTENT: &str =
    "INSERT INTO intents (key, incident, target, state, started_at, helped, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
        helped = excluded.helped";
pub(super) const SET_HELPED: &str =
    "UPDATE intents SET helped = $2 WHERE key = $1 AND helped IS NOT $2";
pub(super) const UNFINISHED: &str = "SELECT body FROM intents WHERE state = 'started'
    ORDER BY started_at, key";
pub(super) const STARTS: &str = "SELECT body, state, started_at, helped FROM intents
    WHERE started_at >= $1 ORDER BY started_at DESC, key DESC LIMIT $2";
pub(super) const IN_FLIGHT: &str = "SELECT body FROM intents
    WHERE state IN ('decided', 'started', 'unknown') AND (state = 'started'
        OR (EXISTS (SELECT 1 FROM incidents WHERE id = intents.incident AND open = 1)
            AND (state = 'decided' OR EXISTS (SELECT 1 FROM locks WHERE locks.key = intents.key))))
    ORDER BY key";

pub(super) const PUT_LOCK: &str = "INSERT INTO locks (key, target, incident, since)
    VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING";
pub(super) const REMOVE_LOCK: &str = "DELETE FROM locks WHERE key = $1";
pub(super) const REMOVE_LOCKS_OF: &str = "DELETE FROM locks WHERE target = $1";
pub(super) const LOCKS: &str = "SELECT target, incident, since FROM locks ORDER BY key";
pub(super) const PAUSES: &str = "SELECT scope, until FROM pauses";
pub(super) const PUT_PAUSE: &str = "INSERT INTO pauses (scope, until) VALUES ($1, $2)
    ON CONFLICT (scope) DO UPDATE SET until = excluded.until";
pub(super) const REMOVE_PAUSE: &str = "DELETE FROM pauses WHERE scope = $1";

pub(super) const DELIVERY: &str = "SELECT * FROM deliveries
    WHERE incident = $1 AND kind = $2 AND number = $3";
pub(super) const PUT_DELIVERY: &str = "INSERT INTO deliveries (incident, kind, number, planned_at,
        channel, body, body_revision, sent_revision, state, state_since, attempts, due_at,
        posted_channel, posted_ts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (incident, kind, number) DO UPDATE SET channel = excluded.channel,
        body = excluded.body, body_revision = excluded.body_revision,
        sent_revision = excluded.sent_revision, state = excluded.state,
        state_since = excluded.state_since, attempts = excluded.attempts, due_at = excluded.due_at,
        posted_channel = excluded.posted_channel, posted_ts = excluded.posted_ts";
pub(super) const NEXT_LINE: &str = "SELECT coalesce(max(number), 0) + 1 FROM deliveries
    WHERE incident = $1 AND kind = 'thread'";
/// `$1`: now. `$2`: what was sent then or before has had no answer for too long. `$3`: pages planned then or before wait
/// no longer for their root.
pub(super) const DUE_DELIVERIES: &str = "SELECT * FROM deliveries AS d
    WHERE sent_revision < body_revision AND state <> 'dead' AND due_at <= $1
      AND (state <> 'sending' OR state_since <= $2)
      AND (kind IN ('root', 'notice')
        OR EXISTS (SELECT 1 FROM deliveries AS root WHERE root.incident = d.incident
            AND root.kind = 'root' AND root.number = 0 AND (root.posted_ts IS NOT NULL
                OR (d.kind = 'page' AND root.state = 'dead')))
        OR (kind = 'page' AND planned_at <= $3))
      AND (kind <> 'thread' OR NOT EXISTS (SELECT 1 FROM deliveries AS earlier
            WHERE earlier.incident = d.incident AND earlier.kind = 'thread'
              AND earlier.number < d.number AND earlier.sent_revision < earlier.body_revision
              AND earlier.state <> 'dead'))
    ORDER BY kind <> 'page', kind NOT IN ('root', 'notice') OR posted_ts IS NOT NULL, incident, kind, number LIMIT $4";
pub(super) const UNSAID: &str = "SELECT count(*), min(planned_at) FROM deliveries
    WHERE sent_revision < body_revision AND state <> 'dead' AND posted_ts IS NULL";
pub(super) const DOUBT_DELIVERIES: &str = "UPDATE deliveries SET state = 'ambiguous', due_at = $1
    WHERE sent_revision < body_revision AND state <> 'dead' AND state = 'sending'";

pub(super) const PROBES: &str = "SELECT body FROM probes ORDER BY rule, probe";
pub(super) const PUT_PROBE: &str = "INSERT INTO probes (rule, probe, body) VALUES ($1, $2, $3)
    ON CONFLICT (rule, probe) DO UPDATE SET body = excluded.body";

pub(super) const AUDIT_HEAD: &str = "SELECT number, hash FROM audit_head";
pub(super) const PUT_AUDIT_HEAD: &str = "UPDATE audit_head SET number = $1, hash = $2";
/// `$1`: a JSON list of `[number, moment, text, hash in hexadecimal digits]`.
pub(super) const APPEND_AUDIT: &str = "INSERT INTO audit (number, at, text, hash)
    SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) FROM json_each($1) WHERE true";
pub(super) const LINKS: &str =
    "SELECT number, at, CAST(text AS BLOB) AS text, hash FROM audit WHERE number > $1
    ORDER BY number LIMIT $2";
pub(super) const LAST_LINK: &str =
    "SELECT number, at, CAST(text AS BLOB) AS text, hash FROM audit ORDER BY number DESC LIMIT 1";
