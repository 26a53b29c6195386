-- The state `held`, and what guards count: an alert that waits in its route's line, its place while it is started and not
-- settled, its start. Each count has an index of its own, so it depends neither on the backlog nor on history.
ALTER TABLE poundcake_alerts ADD COLUMN dispatch_route TEXT NULL;
ALTER TABLE poundcake_alerts ADD COLUMN guard_target TEXT NULL;
ALTER TABLE poundcake_alerts ADD COLUMN started_at TIMESTAMP NULL;
ALTER TABLE poundcake_alerts ADD COLUMN first_started_at TIMESTAMP NULL;
ALTER TABLE poundcake_alerts ADD COLUMN dispatch_waived TEXT NULL;
ALTER TABLE poundcake_alerts ADD COLUMN guard_key TEXT GENERATED ALWAYS AS (
    CASE
        WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake')
            THEN CASE WHEN dispatch_waived LIKE '%"brake"%' THEN 'released/' ELSE 'held/' END || dispatch_route
        WHEN started_at IS NOT NULL AND guard_target IS NOT NULL
            AND dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution')
            THEN 'place/' || dispatch_route
    END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN started_fingerprint TEXT GENERATED ALWAYS AS (
    CASE WHEN started_at IS NOT NULL THEN fingerprint END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN started_route TEXT GENERATED ALWAYS AS (
    CASE WHEN started_at IS NOT NULL AND guard_target IS NOT NULL THEN dispatch_route END
) VIRTUAL;
CREATE INDEX ix_poundcake_alerts_line ON poundcake_alerts (guard_key, pending_at);
CREATE INDEX ix_poundcake_alerts_line_targets ON poundcake_alerts (guard_key, guard_target);
CREATE INDEX ix_poundcake_alerts_starts_of_fingerprint ON poundcake_alerts (started_fingerprint, started_at);
CREATE INDEX ix_poundcake_alerts_starts_of_route ON poundcake_alerts (started_route, started_at);
CREATE INDEX ix_poundcake_alerts_starts_of_target ON poundcake_alerts (guard_target, started_at);
CREATE INDEX ix_poundcake_alerts_waiting_target ON poundcake_alerts (guard_target, dispatch_reason, next_attempt_at);
-- SQLite cannot alter a CHECK. Its manual describes this way for a change that leaves the stored rows as they are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''pending'', ''queued'', ''dispatching''', '(''pending'', ''queued'', ''held'', ''dispatching''')
WHERE type = 'table' AND name = 'poundcake_alerts';
PRAGMA writable_schema = RESET;
