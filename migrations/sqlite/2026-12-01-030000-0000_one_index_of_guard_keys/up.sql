-- A row is one thing to the guards of its route at a time: it stands in the line, waits for its target, takes a place, or was
-- started. So two indexes of `guard_key` replace five, and one replaces two of the links. Each alert is inserted with fewer entries.
DROP INDEX ix_poundcake_alerts_line;
DROP INDEX ix_poundcake_alerts_line_targets;
DROP INDEX ix_poundcake_alerts_guarded_starts_of_route;
DROP INDEX ix_poundcake_alerts_guarded_starts_of_target;
DROP INDEX ix_poundcake_alerts_target_queue;
ALTER TABLE poundcake_alerts DROP COLUMN guard_key;
ALTER TABLE poundcake_alerts DROP COLUMN started_route;
ALTER TABLE poundcake_alerts DROP COLUMN guarded_start;
ALTER TABLE poundcake_alerts DROP COLUMN target_queue;
ALTER TABLE poundcake_alerts DROP COLUMN target_until;
ALTER TABLE poundcake_alerts ADD COLUMN guard_key TEXT GENERATED ALWAYS AS (
    CASE
        WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake')
            THEN CASE WHEN dispatch_waived LIKE '%"brake"%' THEN 'released/' ELSE 'held/' END || dispatch_route
        WHEN dispatch_status = 'held' AND dispatch_reason = 'target_rate' THEN 'target/' || dispatch_route
        WHEN started_at IS NULL OR guard_target IS NULL THEN NULL
        WHEN dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution') THEN 'place/' || dispatch_route
        ELSE 'start/' || dispatch_route
    END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN guard_at TIMESTAMP GENERATED ALWAYS AS (
    CASE
        WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake') THEN pending_at
        WHEN dispatch_status = 'held' AND dispatch_reason = 'target_rate' THEN next_attempt_at
        WHEN guard_target IS NOT NULL THEN started_at
    END
) VIRTUAL;
CREATE INDEX ix_poundcake_alerts_guard_key ON poundcake_alerts (guard_key, guard_at);
CREATE INDEX ix_poundcake_alerts_guard_target ON poundcake_alerts (guard_key, guard_target, guard_at);
DROP INDEX ix_poundcake_st2_execution_link_places;
DROP INDEX ix_poundcake_st2_execution_link_starts_of_target;
ALTER TABLE poundcake_st2_execution_link DROP COLUMN guard_key;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN guard_key TEXT GENERATED ALWAYS AS (
    CASE
        WHEN started_at IS NOT NULL AND guard_target IS NOT NULL
            THEN CASE WHEN ended_at IS NULL THEN 'place/' ELSE 'start/' END || route
    END
) VIRTUAL;
CREATE INDEX ix_poundcake_st2_execution_link_guard_target ON poundcake_st2_execution_link (guard_key, guard_target, started_at);
