DROP INDEX ix_poundcake_st2_execution_link_guard_target;
ALTER TABLE poundcake_st2_execution_link DROP COLUMN guard_key;
ALTER TABLE poundcake_st2_execution_link ADD COLUMN guard_key TEXT GENERATED ALWAYS AS (
    CASE WHEN started_at IS NOT NULL AND guard_target IS NOT NULL AND ended_at IS NULL THEN 'place/' || route END
) VIRTUAL;
CREATE INDEX ix_poundcake_st2_execution_link_places ON poundcake_st2_execution_link (guard_key);
CREATE INDEX ix_poundcake_st2_execution_link_starts_of_target ON poundcake_st2_execution_link (guard_target, started_at);
DROP INDEX ix_poundcake_alerts_guard_key;
DROP INDEX ix_poundcake_alerts_guard_target;
ALTER TABLE poundcake_alerts DROP COLUMN guard_at;
ALTER TABLE poundcake_alerts DROP COLUMN guard_key;
ALTER TABLE poundcake_alerts ADD COLUMN guard_key TEXT GENERATED ALWAYS AS (
    CASE
        WHEN dispatch_status = 'held' AND dispatch_reason IN ('in_flight', 'rate', 'brake')
            THEN CASE WHEN dispatch_waived LIKE '%"brake"%' THEN 'released/' ELSE 'held/' END || dispatch_route
        WHEN started_at IS NOT NULL AND guard_target IS NOT NULL
            AND dispatch_status IN ('pending', 'queued', 'dispatching', 'awaiting_execution')
            THEN 'place/' || dispatch_route
    END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN started_route TEXT GENERATED ALWAYS AS (
    CASE WHEN started_at IS NOT NULL AND guard_target IS NOT NULL THEN dispatch_route END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN guarded_start TIMESTAMP GENERATED ALWAYS AS (
    CASE WHEN guard_target IS NOT NULL THEN started_at END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN target_queue TEXT GENERATED ALWAYS AS (
    CASE WHEN dispatch_reason = 'target_rate' THEN dispatch_route END
) VIRTUAL;
ALTER TABLE poundcake_alerts ADD COLUMN target_until TIMESTAMP GENERATED ALWAYS AS (
    CASE WHEN dispatch_reason = 'target_rate' THEN next_attempt_at END
) VIRTUAL;
CREATE INDEX ix_poundcake_alerts_line ON poundcake_alerts (guard_key, pending_at);
CREATE INDEX ix_poundcake_alerts_line_targets ON poundcake_alerts (guard_key, guard_target);
CREATE INDEX ix_poundcake_alerts_guarded_starts_of_route ON poundcake_alerts (started_route, guarded_start);
CREATE INDEX ix_poundcake_alerts_guarded_starts_of_target ON poundcake_alerts (guard_target, guarded_start);
CREATE INDEX ix_poundcake_alerts_target_queue ON poundcake_alerts (target_queue, guard_target, target_until);
